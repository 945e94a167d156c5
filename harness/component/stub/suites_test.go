package stub_test

import (
	"crypto/tls"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/calico-tls/conformance/harness/component/stub"
	"github.com/calico-tls/conformance/harness/handshake"
	"github.com/calico-tls/conformance/harness/link"
	"github.com/calico-tls/conformance/harness/link/felixtypha"
	"github.com/calico-tls/conformance/pki"
)

// showing returns the settings of a stub Typha that shows a variant.
func showing(t *testing.T, variant string) map[string]string {
	t.Helper()
	s := settings(t, pki.Server, asks(pki.TouchesBoth, identity(pki.Client)))
	files, err := issued(t, pki.Server, variant).WriteFiles(t.TempDir(), "own", pki.PKCS8)
	if err != nil {
		t.Fatal(err)
	}
	s["TYPHA_SERVERCERTFILE"], s["TYPHA_SERVERKEYFILE"] = files.Certificate, files.Key
	return s
}

// TestSuites offers each suite to a stub Typha: the reference agrees to what is listed, and one with the fault to
// whatever crypto/tls can speak with.
func TestSuites(t *testing.T) {
	t.Parallel()
	spoken := map[uint16]bool{}
	for _, s := range slices.Concat(tls.CipherSuites(), tls.InsecureCipherSuites()) {
		spoken[s.ID] = slices.Contains(s.SupportedVersions, tls.VersionTLS12)
	}
	for fault, agreed := range map[string]func(link.Suite) bool{
		"":            func(s link.Suite) bool { return s.Standing == link.Listed },
		"weak-suites": func(s link.Suite) bool { return spoken[s.ID] },
	} {
		stubs := map[string]*running{}
		for _, variant := range []string{"good", "key-rsa-2048"} {
			s := showing(t, variant)
			s[stub.FaultSetting] = fault
			stubs[variant] = typha(t, s)
		}
		found := 0
		for _, d := range felixtypha.Link.Conducts {
			s, ok := felixtypha.Link.Suite(d.Suite)
			if !ok {
				continue
			}
			r := stubs["good"]
			if d.Own != "" {
				r = stubs[d.Own]
			}
			for _, version := range d.Versions {
				a := attempt(t, pki.Client, "good", version)
				a.Conduct = d.Name
				client, server := r.probe(t, a)
				if agreed(s) {
					found++
					compare(t, outcome(handshake.Server, "", serverAlerts), client, server)
					continue
				}
				if client.Claim != handshake.WasRefused || client.AlertReceived != handshake.HandshakeFailure || client.Octets != 0 {
					t.Errorf("%s: %s: wanted handshake_failure, found %+v", fault, d.Name, client)
				}
				if server.Claim != handshake.Refused || !slices.Equal(server.Checks, []pki.Check{pki.CheckProtocol}) {
					t.Errorf("%s: %s: wanted the server to refuse for the protocol, found %+v", fault, d.Name, server)
				}
			}
		}
		if found < 9 {
			t.Errorf("%s: wanted nine suites at least to be agreed to, found %d", fault, found)
		}
	}
}

// TestVariablesOfTLS sets what every component of Calico reads.
func TestVariablesOfTLS(t *testing.T) {
	t.Parallel()
	const one, another = "suite-ecdhe-ecdsa-with-aes-256-gcm-sha384", "suite-ecdhe-ecdsa-with-aes-128-gcm-sha256"
	for name, c := range map[string]struct {
		set map[string]string
		// accepted holds what ends in acceptance, of each version and conduct.
		accepted string
	}{
		"nothing":                {nil, "tls1.2 tls1.3 one another"},
		"one suite":              {map[string]string{"TLS_CIPHER_SUITES": " TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"}, "tls1.2 tls1.3 one"},
		"suites of TLS 1.3":      {map[string]string{"TLS_CIPHER_SUITES": "TLS_AES_128_GCM_SHA256,TLS_AES_256_GCM_SHA384"}, "tls1.3"},
		"a floor":                {map[string]string{"TLS_MIN_VERSION": "1.3"}, "tls1.3"},
		"the floor of old":       {map[string]string{"TLS_MIN_VERSION": "1.2"}, "tls1.2 tls1.3 one another"},
		"a floor that is no one": {map[string]string{"TLS_MIN_VERSION": "1.1"}, "tls1.2 tls1.3 one another"},
	} {
		t.Run(name, func(t *testing.T) {
			s := showing(t, "good")
			maps.Copy(s, c.set)
			r := typha(t, s)
			var accepted []string
			for _, try := range []struct {
				name, conduct string
				version       link.Version
			}{{"tls1.1", "", link.TLS11}, {"tls1.2", "", link.TLS12}, {"tls1.3", "", link.TLS13}, {"one", one, link.TLS12}, {"another", another, link.TLS12}} {
				a := attempt(t, pki.Client, "good", try.version)
				a.Conduct = try.conduct
				if client, _ := r.probe(t, a); client.Claim == handshake.Accepted {
					accepted = append(accepted, try.name)
				}
			}
			if got := strings.Join(accepted, " "); got != c.accepted {
				t.Errorf("wanted %q to be accepted, found %q", c.accepted, got)
			}
		})
	}
	for _, unknown := range []string{"TLS_NONE_SUCH", "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,", "TLS_RSA_WITH_3DES_EDE_CBC_SHA", "tls_aes_128_gcm_sha256"} {
		s := showing(t, "good")
		s["TLS_CIPHER_SUITES"] = unknown
		if got := starts(t, stub.RunTypha, stub.Typha().Reader, s); got != "exit code 1" {
			t.Errorf("wanted %q to end in exit code 1, found: %s", unknown, got)
		}
		s = settings(t, pki.Client, asks(pki.TouchesBoth, identity(pki.Server)))
		s["TLS_CIPHER_SUITES"], s["FELIX_TYPHAADDR"] = unknown, "127.0.0.1:1"
		if got := starts(t, stub.RunFelix, stub.Felix().Reader, s); got != "exit code 1" {
			t.Errorf("wanted %q to end in exit code 1, found: %s", unknown, got)
		}
	}
}
