package stub_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/calico-tls/conformance/harness/component/stub"
	"github.com/calico-tls/conformance/harness/handshake"
	"github.com/calico-tls/conformance/harness/link"
	"github.com/calico-tls/conformance/harness/link/felixtypha"
	"github.com/calico-tls/conformance/pki"
)

// seen are, for each fault, what of a survey ends otherwise than with the reference: all of it, and nothing else.
var seen = map[string][]string{}

func TestFaultsAreSeen(t *testing.T) {
	t.Parallel()
	for _, side := range []handshake.Side{handshake.Server, handshake.Client} {
		t.Run(string(side), func(t *testing.T) {
			t.Parallel()
			reference := survey(t, side, "")
			for _, f := range stub.Faults {
				if !slices.Contains(f.Sides, side) {
					continue
				}
				t.Run(f.Name, func(t *testing.T) {
					faulty := survey(t, side, f.Name)
					var differ []string
					for what, outcome := range faulty {
						if reference[what] != outcome {
							differ = append(differ, what)
							t.Logf("%s: %s instead of %s", what, outcome, reference[what])
						}
					}
					slices.Sort(differ)
					if d := cmp.Diff(seen[string(side)+" "+f.Name], differ); d != "" {
						t.Errorf("wanted the fault to change -, found +:\n%s", d)
					}
				})
			}
		})
	}
}

// modes are the verifiers of a survey: a variant is posed to those that ask for what it is about.
var modes = map[string]pki.Touched{"cn": pki.TouchesCN, "uri": pki.TouchesURI, "either": pki.TouchesBoth}

// survey returns what becomes of each variant, and of what is no TLS or an old one, with a stub that has a fault.
func survey(t *testing.T, side handshake.Side, fault string) map[string]string {
	t.Helper()
	outcomes := map[string]string{}
	for mode, touched := range modes {
		if side == handshake.Server {
			maps.Copy(outcomes, surveyTypha(t, mode, touched, fault))
		} else {
			maps.Copy(outcomes, surveyFelix(t, mode, touched, fault))
		}
	}
	return outcomes
}

func surveyTypha(t *testing.T, mode string, touched pki.Touched, fault string) map[string]string {
	t.Helper()
	s := settings(t, pki.Server, asks(touched, identity(pki.Client)))
	s[stub.FaultSetting] = fault
	s["TYPHA_SERVERHANDSHAKETIMEOUTSECS"] = "1"
	r := typha(t, s)
	outcomes := map[string]string{}
	for _, v := range posed(touched, pki.Client) {
		for _, version := range versions(v) {
			client, server := r.probe(t, attempt(t, pki.Client, v.Name, version))
			outcomes[strings.Join([]string{mode, v.Name, string(version)}, "/")] = sum(client, server)
		}
	}
	if mode != "cn" {
		return outcomes
	}
	for _, version := range []link.Version{link.TLS11, link.Clear} {
		client, server := r.probe(t, attempt(t, pki.Client, "good", version))
		outcomes[string(version)] = sum(client, server)
	}
	for conduct, variant := range map[string]string{"offer-all": "good", "withhold": "other-authority", "idle-first": "good"} {
		a := attempt(t, pki.Client, variant, link.TLS13)
		a.Conduct = conduct
		client, server := r.probe(t, a)
		outcomes[conduct] = sum(client, server) + " " + client.Version
	}
	return outcomes
}

func surveyFelix(t *testing.T, mode string, touched pki.Touched, fault string) map[string]string {
	t.Helper()
	s := settings(t, pki.Client, asks(touched, identity(pki.Server)))
	s[stub.FaultSetting] = fault
	r, l := felix(t, s)
	outcomes := map[string]string{}
	for _, v := range posed(touched, pki.Server) {
		for _, version := range versions(v) {
			client, server := r.serve(t, l, attempt(t, pki.Server, v.Name, version))
			outcomes[strings.Join([]string{mode, v.Name, string(version)}, "/")] = sum(client, server)
		}
	}
	if mode != "cn" {
		return outcomes
	}
	// Who falls back to plaintext dials again to do so.
	for _, version := range []link.Version{link.TLS11, link.Clear, link.Clear} {
		client, server := r.serve(t, l, attempt(t, pki.Server, "good", version))
		outcomes[string(version)] = sum(client, server)
	}
	return outcomes
}

// posed are the variants of a survey: not those of keys, which are slow and with which no fault has to do, and for the
// names those that are about the names asked.
func posed(touched pki.Touched, role pki.Role) []pki.Variant {
	return slices.DeleteFunc(slices.Clone(pki.Variants), func(v pki.Variant) bool {
		if strings.HasPrefix(v.Name, "key-") || strings.HasPrefix(v.Name, "issuer-") && v.Name != "issuer-not-ca" && v.Name != "issuer-identity" {
			return true
		}
		if v.Touches == pki.TouchesNone {
			return touched != pki.TouchesBoth || v.Name == "none" && role == pki.Server
		}
		return v.Touches != touched && touched != pki.TouchesBoth
	})
}

// sum says in short what became of a connection.
func sum(client, server handshake.Account) string {
	return fmt.Sprintf("client %s %v %s %d, server %s %v %s %d %s",
		client.Claim, client.Checks, client.AlertReceived, min(client.Octets, 1),
		server.Claim, server.Checks, server.AlertReceived, min(server.Octets, 1), server.Identity+client.Identity)
}

var _ = context.Background
var _ = time.Now
var _ = felixtypha.Link
