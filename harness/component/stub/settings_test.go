package stub_test

import (
	"bytes"
	"context"
	"io"
	"maps"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/calico-tls/conformance/harness/component/stub"
	"github.com/calico-tls/conformance/harness/evidence"
	"github.com/calico-tls/conformance/harness/handshake"
	"github.com/calico-tls/conformance/harness/launch"
	"github.com/calico-tls/conformance/harness/link"
	"github.com/calico-tls/conformance/harness/link/felixtypha"
	"github.com/calico-tls/conformance/pki"
)

// program is one of the stubs.
type program struct {
	name   string
	role   pki.Role
	run    func(context.Context, map[string]string, io.Writer) int
	reader *evidence.Reader
	// parameters are those of TLS: the trust bundle, the certificate, the key, the Common Name and the URI SAN.
	parameters [5]string
}

var programs = []program{
	{"typha", pki.Server, stub.RunTypha, stub.Typha().Reader, [5]string{"TYPHA_CAFILE", "TYPHA_SERVERCERTFILE", "TYPHA_SERVERKEYFILE", "TYPHA_CLIENTCN", "TYPHA_CLIENTURISAN"}},
	{"felix", pki.Client, stub.RunFelix, stub.Felix().Reader, [5]string{"FELIX_TYPHACAFILE", "FELIX_TYPHACERTFILE", "FELIX_TYPHAKEYFILE", "FELIX_TYPHACN", "FELIX_TYPHAURISAN"}},
}

// settings are those of the program with its good credential and both names. A stub Felix dials an address on which
// nobody listens.
func (p program) settings(t *testing.T) map[string]string {
	s := settings(t, p.role, asks(pki.TouchesBoth, identity(p.role.Other())))
	if p.role == pki.Client {
		s["FELIX_TYPHAADDR"] = net.JoinHostPort("127.0.0.1", freePort(t))
	}
	return s
}

// TestTLSIsSetAsAWhole poses every subset of the parameters.
func TestTLSIsSetAsAWhole(t *testing.T) {
	t.Parallel()
	for _, p := range programs {
		t.Run(p.name, func(t *testing.T) {
			whole := p.settings(t)
			secure, plain, refused := 0, 0, 0
			for subset := range 1 << len(p.parameters) {
				for _, unset := range []string{"", "none", "NONE"} {
					s := maps.Clone(whole)
					for i, parameter := range p.parameters {
						if subset&(1<<i) == 0 {
							s[parameter] = unset
						}
					}
					files, named := subset&7, subset>>3 > 0
					want := "exit code 1"
					switch {
					case subset == 0:
						want = "it starts: tls=false"
						plain++
					case files == 7 && named:
						want = "it starts: tls=true"
						secure++
					default:
						refused++
					}
					if got := starts(t, p.run, p.reader, s); got != want {
						t.Errorf("with %05b of %v, and %q otherwise: wanted %q, found %q", subset, p.parameters, unset, want, got)
					}
				}
			}
			if secure != 9 || plain != 3 || refused != 84 {
				t.Errorf("wanted 3 subsets with TLS, 1 without and 28 that are refused, found %d, %d and %d thirds", secure, plain, refused)
			}
		})
	}
}

func TestSettingsThatAreRefused(t *testing.T) {
	t.Parallel()
	type change func(t *testing.T, p program, s map[string]string)
	write := func(parameter int, content string) change {
		return func(t *testing.T, p program, s map[string]string) {
			if err := os.WriteFile(s[p.parameters[parameter]], []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	set := func(name, value string) change {
		return func(_ *testing.T, _ program, s map[string]string) { s[name] = value }
	}
	missing := func(parameters ...int) change {
		return func(_ *testing.T, p program, s map[string]string) {
			for _, i := range parameters {
				s[p.parameters[i]] += ".missing"
			}
		}
	}
	for name, c := range map[string]struct {
		change change
		// says is a part of what the program says.
		says string
		only string
	}{
		"bundle missing":         {missing(0), "no such file", ""},
		"certificate missing":    {missing(1), "no such file", ""},
		"key missing":            {missing(2), "no such file", ""},
		"all files missing":      {missing(0, 1, 2), "no such file", ""},
		"bundle empty":           {write(0, ""), "wanted a certificate in PEM, found none", ""},
		"bundle junk":            {write(0, "junk"), "wanted a certificate in PEM, found none", ""},
		"bundle with a bad part": {write(0, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), "parsing certificate 1", ""},
		"certificate junk":       {write(1, "junk"), "failed to find any PEM data", ""},
		"key junk":               {write(2, "junk"), "failed to find any PEM data", ""},
		"key of another": {func(t *testing.T, p program, s map[string]string) {
			other, err := issued(t, p.role, "key-p384").KeyPEM(pki.PKCS8)
			if err != nil {
				t.Fatal(err)
			}
			write(2, string(other))(t, p, s)
		}, "private key does not match public key", ""},
		"bundle unreadable":       {func(_ *testing.T, p program, s map[string]string) { s[p.parameters[0]] = "/proc/self/mem" }, "input/output error", ""},
		"bundle a folder":         {func(t *testing.T, p program, s map[string]string) { s[p.parameters[0]] = t.TempDir() }, "is a directory", ""},
		"unknown fault":           {set(stub.FaultSetting, "none-such"), `found \"none-such\"`, ""},
		"fault of the client":     {set(stub.FaultSetting, "offers-weak-suites"), "wanted a fault of the server", "typha"},
		"fault of the server":     {set(stub.FaultSetting, "speaks-first"), "wanted a fault of the client", "felix"},
		"port":                    {set("TYPHA_SERVERPORT", "many"), `TYPHA_SERVERPORT: wanted a number that is not negative, found \"many\"`, "typha"},
		"negative port":           {set("TYPHA_SERVERPORT", "-1"), "TYPHA_SERVERPORT", "typha"},
		"handshake timeout":       {set("TYPHA_SERVERHANDSHAKETIMEOUTSECS", "0"), "TYPHA_SERVERHANDSHAKETIMEOUTSECS", "typha"},
		"ping interval":           {set("TYPHA_SERVERPINGINTERVALSECS", "x"), "TYPHA_SERVERPINGINTERVALSECS", "typha"},
		"metrics":                 {set("TYPHA_PROMETHEUSMETRICSENABLED", "maybe"), "wanted true or false", "typha"},
		"no address":              {set("FELIX_TYPHAADDR", ""), "FELIX_TYPHAADDR", "felix"},
		"an address without port": {set("FELIX_TYPHAADDR", "127.0.0.1"), "FELIX_TYPHAADDR", "felix"},
		"a host name":             {set("FELIX_TYPHAADDR", "localhost:5473"), `wanted an IPv4 address with a port, found \"localhost:5473\"`, "felix"},
		"an IPv6 address":         {set("FELIX_TYPHAADDR", "[::1]:5473"), "FELIX_TYPHAADDR", "felix"},
		"no address at all":       {set("FELIX_TYPHAADDR", "typha"), "FELIX_TYPHAADDR", "felix"},
		"an address with port 0":  {set("FELIX_TYPHAADDR", "127.0.0.1:0"), "FELIX_TYPHAADDR", "felix"},
		"a port and more":         {set("FELIX_TYPHAADDR", "127.0.0.1:5473 "), "FELIX_TYPHAADDR", "felix"},
		"a service without kubeconfig": {func(_ *testing.T, _ program, s map[string]string) {
			s["FELIX_TYPHAADDR"], s["FELIX_TYPHAK8SSERVICENAME"] = "", felixtypha.ServiceName
		}, "looking for the endpoints of calico-typha", "felix"},
		"a service of another name":   {discovering("none-such", felixtypha.ServiceNamespace, "127.0.0.1:1"), "wanted one, found none", "felix"},
		"a service elsewhere":         {discovering(felixtypha.ServiceName, "", "127.0.0.1:1"), "wanted one, found none", "felix"},
		"a service without endpoints": {discovering(felixtypha.ServiceName, felixtypha.ServiceNamespace, "nobody"), "wanted one, found none", "felix"},
		"read timeout":                {set("FELIX_TYPHAREADTIMEOUT", "-3"), "FELIX_TYPHAREADTIMEOUT", "felix"},
	} {
		for _, p := range programs {
			if c.only != "" && c.only != p.name {
				continue
			}
			t.Run(p.name+"/"+name, func(t *testing.T) {
				s := p.settings(t)
				c.change(t, p, s)
				var log bytes.Buffer
				if code := p.run(t.Context(), s, &log); code != 1 {
					t.Errorf("wanted exit code 1, found %d", code)
				}
				words, refused := "", false
				for line := range strings.Lines(log.String()) {
					if w, ok := p.reader.Refuses(line); ok {
						words, refused = w, true
					}
					if p.reader.Ready(line) {
						t.Errorf("wanted it not to start, found %q", line)
					}
				}
				if !refused || !strings.Contains(words, c.says) {
					t.Errorf("wanted it to say %q, found %q", c.says, log.String())
				}
			})
		}
	}
}

// TestAPortThatIsTaken: it is no setting that is wrong, but it ends all the same.
func TestAPortThatIsTaken(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	for _, parameter := range []string{"TYPHA_SERVERPORT", "TYPHA_PROMETHEUSMETRICSPORT"} {
		s := map[string]string{"TYPHA_SERVERHOST": "127.0.0.1", "TYPHA_PROMETHEUSMETRICSHOST": "127.0.0.1", "TYPHA_PROMETHEUSMETRICSENABLED": "true", "TYPHA_PROMETHEUSMETRICSPORT": freePort(t)}
		s[parameter] = port
		var log bytes.Buffer
		if code := stub.RunTypha(t.Context(), s, &log); code != 1 || !strings.Contains(log.String(), "address already in use") {
			t.Errorf("wanted exit code 1 for %s, found %d and %q", parameter, code, log.String())
		}
	}
}

// TestTrustBundles poses each authority to a bundle in each style.
func TestTrustBundles(t *testing.T) {
	t.Parallel()
	five := []pki.AuthorityName{pki.Fifth, pki.Third, pki.Trusted, pki.Second, pki.Fourth}
	for _, style := range []pki.BundleStyle{pki.BundlePlain, pki.BundleCommented, pki.BundleRevoking} {
		t.Run("style "+string(style), func(t *testing.T) {
			s := programs[0].settings(t)
			bundle, err := authorities.BundleIn(style, five, pki.Credential{})
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(s["TYPHA_CAFILE"], bundle, 0o600); err != nil {
				t.Fatal(err)
			}
			r := typha(t, s)
			for variant, breaks := range map[string]pki.Check{
				"good": "", "authority-second": "", "authority-third": "", "authority-fourth": "", "authority-fifth": "", "revoked": "",
				"other-authority": pki.CheckChain, "same-name-authority": pki.CheckChain,
			} {
				client, server := r.probe(t, attempt(t, pki.Client, variant, link.TLS13))
				compare(t, outcome(handshake.Server, breaks, serverAlerts), client, server)
			}
		})
	}
}

func TestKeyFormats(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		variant string
		format  pki.KeyFormat
	}{{"good", pki.PKCS8}, {"good", pki.SEC1}, {"key-rsa-2048", pki.PKCS1}, {"key-rsa-2048", pki.PKCS8}, {"key-ed25519", pki.PKCS8}} {
		t.Run(c.variant+"/"+string(c.format), func(t *testing.T) {
			s := programs[0].settings(t)
			files, err := issued(t, pki.Server, c.variant).WriteFiles(t.TempDir(), "own", c.format)
			if err != nil {
				t.Fatal(err)
			}
			s["TYPHA_SERVERCERTFILE"], s["TYPHA_SERVERKEYFILE"] = files.Certificate, files.Key
			client, server := typha(t, s).probe(t, attempt(t, pki.Client, "good", link.TLS12))
			compare(t, wanted{}, client, server)
		})
	}
}

// TestNoKeyInTheLog looks for any part of a private key in what both stubs write.
func TestNoKeyInTheLog(t *testing.T) {
	t.Parallel()
	for _, fault := range []string{"", "skip-eku"} { // a fault that takes secrets from crypto/tls
		s := programs[0].settings(t)
		s[stub.FaultSetting] = fault
		r := typha(t, s)
		f := settings(t, pki.Client, asks(pki.TouchesBoth, identity(pki.Server)))
		f["FELIX_TYPHAADDR"] = r.address
		client := start(t, stub.RunFelix, stub.Felix().Reader, f)
		ctx, cancel := context.WithTimeout(t.Context(), deadline)
		defer cancel()
		if _, err := client.log.Wait(ctx, func(line string) bool { return strings.Contains(line, "Successfully connected") }); err != nil {
			t.Fatal(err)
		}
		r.probe(t, attempt(t, pki.Client, "other-authority", link.TLS13))
		for _, file := range []string{s["TYPHA_SERVERKEYFILE"], f["FELIX_TYPHAKEYFILE"]} {
			key, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			body := strings.Split(string(key), "\n")[1]
			for _, log := range []*launch.Log{r.log, client.log} {
				for _, line := range log.Tail(1000) {
					if strings.Contains(line, body[:16]) || strings.Contains(line, "PRIVATE") || strings.Contains(line, "SECRET") {
						t.Errorf("wanted no key in the log, found %q", line)
					}
				}
			}
		}
	}
}

// TestFelixReadsItsFilesAnew changes them while a connection is open, so that the next one must see it.
func TestFelixReadsItsFilesAnew(t *testing.T) {
	t.Parallel()
	s := settings(t, pki.Client, asks(pki.TouchesBoth, identity(pki.Server)))
	r, l := felix(t, s)
	bundle, err := authorities.Bundle([]pki.AuthorityName{pki.Untrusted}, pki.Credential{})
	if err != nil {
		t.Fatal(err)
	}
	good, other := attempt(t, pki.Server, "good", link.TLS13), attempt(t, pki.Server, "other-authority", link.TLS13)
	good.Accepted = func() {
		if err := os.WriteFile(s["FELIX_TYPHACAFILE"], bundle, 0o600); err != nil {
			t.Error(err)
		}
	}
	client, server := r.serve(t, l, good)
	compare(t, wanted{}, client, server)
	client, server = r.serve(t, l, good)
	compare(t, outcome(handshake.Client, pki.CheckChain, clientAlerts), client, server)
	other.Accepted = func() {
		if err := os.Remove(s["FELIX_TYPHAKEYFILE"]); err != nil {
			t.Error(err)
		}
	}
	client, server = r.serve(t, l, other)
	compare(t, wanted{}, client, server)

	ctx, cancel := context.WithTimeout(t.Context(), deadline)
	defer cancel()
	line, err := r.log.Wait(ctx, func(line string) bool { return strings.Contains(line, "FELIX_TYPHAKEYFILE") })
	if err != nil || !strings.Contains(line, "no such file") {
		t.Errorf("wanted it to say that its key is gone, found %q and %v", line, err)
	}
	brief, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if account, from := l.Serve(brief, other); from != "" {
		t.Errorf("wanted nobody to dial without a key, found %+v", account)
	}
	other.Accepted = nil
	if _, err := issued(t, pki.Client, "good").WriteFiles(filepath.Dir(s["FELIX_TYPHAKEYFILE"]), "own", pki.SEC1); err != nil {
		t.Fatal(err)
	}
	client, server = r.serve(t, l, other)
	compare(t, wanted{}, client, server)
}

// TestFelixWaitsWhereNobodyListens counts what it says.
func TestFelixWaitsWhereNobodyListens(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	s := programs[1].settings(t)
	var log bytes.Buffer
	if code := stub.RunFelix(ctx, s, &log); code != 0 {
		t.Errorf("wanted exit code 0, found %d", code)
	}
	if n := strings.Count(log.String(), "connection refused"); n < 1 || n > 16 {
		t.Errorf("wanted a dial every 20 ms at most, found %d in 300 ms", n)
	}
}

// TestFelixIsRefused: what the server says is in its log, and it waits before it dials again.
func TestFelixIsRefused(t *testing.T) {
	t.Parallel()
	for _, version := range []link.Version{link.TLS12, link.TLS13} {
		v := asks(pki.TouchesBoth, identity(pki.Server))
		r, l := felix(t, settings(t, pki.Client, v))
		a := attempt(t, pki.Server, "good", version)
		a.Require = link.Verifier{Trust: trusted, CN: "somebody else"}
		begun := time.Now()
		for range 3 {
			client, server := r.serve(t, l, a)
			compare(t, wanted{handshake.Server, pki.CheckIdentity, []handshake.Alert{handshake.BadCertificate}}, client, server)
			if !strings.HasPrefix(client.Error, "remote error: tls: ") {
				t.Errorf("wanted the alert of the server, found %q", client.Error)
			}
		}
		if took := time.Since(begun); took < 40*time.Millisecond {
			t.Errorf("wanted it to wait 20 ms after a refusal, found that 3 took %s", took)
		}
	}
}

// TestPlaintext: where nothing is set, both speak plaintext, and only that.
func TestPlaintext(t *testing.T) {
	t.Parallel()
	r := typha(t, settings(t, pki.Server, link.Verifier{}))
	client, server := r.probe(t, link.Attempt{Version: link.Clear})
	compare(t, wanted{}, client, server)
	client, server = r.probe(t, attempt(t, pki.Client, "good", link.TLS13))
	if client.Claim != handshake.WasRefused || server.Claim != handshake.Refused {
		t.Errorf("wanted a TLS client to be refused, found %+v and %+v", client, server)
	}
	f, l := felix(t, settings(t, pki.Client, link.Verifier{}))
	client, server = f.serve(t, l, link.Attempt{Version: link.Clear})
	compare(t, wanted{}, client, server)
	client, server = f.serve(t, l, attempt(t, pki.Server, "good", link.TLS13))
	if server.Claim != handshake.Refused || !slices.Equal(server.Checks, []pki.Check{pki.CheckProtocol}) || client.Claim != handshake.WasRefused {
		t.Errorf("wanted a plaintext client to be refused, found %+v and %+v", client, server)
	}
}

// TestStubsMeet lets the stubs meet each other, in each mode.
func TestStubsMeet(t *testing.T) {
	t.Parallel()
	for _, m := range felixtypha.Link.Modes {
		t.Run(m.Name, func(t *testing.T) {
			r := typha(t, settings(t, pki.Server, m.Server))
			s := settings(t, pki.Client, m.Client)
			s["FELIX_TYPHAADDR"] = r.address
			f := start(t, stub.RunFelix, stub.Felix().Reader, s)
			ctx, cancel := context.WithTimeout(t.Context(), deadline)
			defer cancel()
			client, server := f.journal.Account(ctx, ""), r.journal.Account(ctx, "")
			compare(t, wanted{}, client, server)
		})
	}
}

// discovering tells a stub Felix of a service that it is to look for, where endpoints are listed for that of Typha.
func discovering(service, namespace string, endpoints ...string) func(*testing.T, program, map[string]string) {
	return func(t *testing.T, _ program, s map[string]string) {
		t.Helper()
		directory := httptest.NewServer(felixtypha.Directory())
		t.Cleanup(directory.Close)
		s["KUBECONFIG"] = filepath.Join(t.TempDir(), "kubeconfig")
		config := `{"clusters": [{"name": "x", "cluster": {"server": "` + directory.URL + felixtypha.ListedAt(endpoints) + `"}}], ` +
			`"contexts": [{"name": "x", "context": {"cluster": "x"}}], "current-context": "x"}`
		if err := os.WriteFile(s["KUBECONFIG"], []byte(config), 0o600); err != nil {
			t.Fatal(err)
		}
		s["FELIX_TYPHAADDR"], s["FELIX_TYPHAK8SSERVICENAME"], s["FELIX_TYPHAK8SNAMESPACE"] = "", service, namespace
	}
}
