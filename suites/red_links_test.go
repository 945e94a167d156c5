package suites_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/calico-tls/conformance/harness"
	"github.com/calico-tls/conformance/harness/handshake"
	"github.com/calico-tls/conformance/harness/link"
	"github.com/calico-tls/conformance/harness/matrix"
	"github.com/calico-tls/conformance/harness/oracle"
	"github.com/calico-tls/conformance/pki"
	"github.com/calico-tls/conformance/reports"
	"github.com/calico-tls/conformance/suites/conformance"
)

// misset is a wrong setting of a real component on a link on which each end has settings of its own.
type misset struct {
	name string
	// cases is the glob of the cases that are judged, role the component that a target file sets wrongly.
	cases, role string
	// args are further flags, and env further variables, of the component.
	args []string
	env  map[string]string
	// under makes of a case what it comes to with the wrong setting.
	under func(link.Link, matrix.Case) (link.Link, matrix.Case)
}

// missettings are the wrong settings.
func missettings(t *testing.T) []misset {
	t.Helper()
	const plain = "{none,tls1.2,tls1.3,plaintext}"
	strangers := strangersKey(t)
	return []misset{
		{
			name: "etcd asks for no certificate", role: "etcd", cases: "etcd/mutual-tls/etcd/client=*/server=*/" + plain,
			env: map[string]string{"ETCD_CLIENT_CERT_AUTH": "false", "ETCD_TRUSTED_CA_FILE": ""},
			under: requiring(handshake.Server, func(v link.Verifier) link.Verifier {
				v.Asking = link.Ignores
				return v
			}),
		},
		{
			name: "kube-apiserver knows nobody by a certificate", role: "kube-apiserver", cases: "kube-apiserver/x509/kube-apiserver/client=*/server=*/" + plain + "{,/token=*}",
			args: []string{"--client-ca-file="},
			under: func(l link.Link, c matrix.Case) (link.Link, matrix.Case) {
				c.Client = "none"
				return l, c
			},
		},
		{
			name: "kube-apiserver has the keys of another issuer", role: "kube-apiserver", cases: "kube-apiserver/jwt/kube-apiserver/client=*/server=*/" + plain + "{,/token=*}",
			args: []string{"--service-account-key-file=" + strangers},
			under: requiring(handshake.Server, func(v link.Verifier) link.Verifier {
				v.Bearer.Keys = nil
				return v
			}),
		},
		{
			name: "kube-apiserver knows anonymous clients where it must not", role: "kube-apiserver", cases: "kube-apiserver/**/setting=anonymous-auth",
			args: []string{"--anonymous-auth=true"},
			under: func(l link.Link, c matrix.Case) (link.Link, matrix.Case) {
				c.Setting = ""
				return l, c
			},
		},
		{
			name: "typha trusts another authority of etcd", role: "typha", cases: "etcd/*/typha/client=*/server=*/" + plain,
			env: map[string]string{"TYPHA_ETCDCAFILE": foreignBundle(t)},
			under: requiring(handshake.Client, func(v link.Verifier) link.Verifier {
				v.Trust = []pki.AuthorityName{foreign}
				return v
			}),
		},
		{
			name: "calicoctl trusts whom its kubeconfig says", role: "calicoctl", cases: "kube-apiserver/x509/calicoctl/**/setting=variables-over-kubeconfig",
			env: map[string]string{"K8S_CA_FILE": ""},
			under: requiring(handshake.Client, func(v link.Verifier) link.Verifier {
				v.Trust = []pki.AuthorityName{foreign}
				return v
			}),
		},
		{
			name: "calicoctl verifies no kube-apiserver", role: "calicoctl", cases: "kube-apiserver/x509/calicoctl/client=*/server=*/" + plain,
			env: map[string]string{"K8S_INSECURE_SKIP_TLS_VERIFY": "true"},
			under: requiring(handshake.Client, func(v link.Verifier) link.Verifier {
				v.Asking, v.Host = link.Blindly, ""
				return v
			}),
		},
	}
}

// requiring changes what an end requires under TLS.
func requiring(side handshake.Side, change func(link.Verifier) link.Verifier) func(link.Link, matrix.Case) (link.Link, matrix.Case) {
	return func(l link.Link, c matrix.Case) (link.Link, matrix.Case) {
		m, _ := l.Mode(c.Mode)
		if asked := m.Asked(side); !asked.Plaintext() {
			l = replaced(l, c, side, change(asked))
		}
		return l, c
	}
}

// strangersKey writes the public key of an issuer of another run.
func strangersKey(t *testing.T) string {
	t.Helper()
	key, err := pki.NewAuthorities().TokenKeysPEM(pki.AccountKey)
	if err != nil {
		t.Fatal(err)
	}
	return written(t, "stranger.pub", key)
}

// target writes a target whose components are real, and of which one is set wrongly. Its project has no known deviations.
func (m misset) target(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	b.WriteString("name: misset\nimplementation: {project: Misset, version: v3.31.0}\ncomponents:\n")
	for _, role := range []struct{ name, build string }{
		{"typha", "calico-typha@v3.31.0"}, {"calicoctl", "calicoctl@v3.31.0"}, {"etcd", "etcd@v3.7.3"}, {"kube-apiserver", "kube-apiserver@v1.37.2"},
	} {
		fmt.Fprintf(&b, "  %s:\n    build: %s\n", role.name, role.build)
		if role.name != m.role {
			continue
		}
		fmt.Fprintf(&b, "    args: [%s]\n    env:\n", strings.Join(m.args, ", "))
		for _, name := range slices.Sorted(maps.Keys(m.env)) {
			fmt.Fprintf(&b, "      %s: %q\n", name, m.env[name])
		}
	}
	return written(t, "misset.yaml", []byte(b.String()))
}

// reddens reports whether a case comes to something else with the wrong setting.
func (m misset) reddens(t *testing.T, l link.Link, c matrix.Case) bool {
	t.Helper()
	must, err := oracle.Predict(l, c)
	if err != nil {
		t.Fatal(err)
	}
	does, err := oracle.Predict(m.under(l, c))
	if err != nil {
		t.Fatal(err)
	}
	return must.Outcome != does.Outcome || must.By != does.By || must.Check != does.Check || must.Identity != does.Identity
}

// TestOtherLinksRedWhenBroken sets real etcd, kube-apiserver, Typha and calicoctl wrongly, and wants exactly those cases to
// turn red whose prediction differs.
func TestOtherLinksRedWhenBroken(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it builds and starts real components")
	}
	for _, m := range missettings(t) {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			report := judge(t, conformance.Options{Target: m.target(t), Launch: conformance.LaunchProcess, Select: m.cases})
			var want, red []string
			for _, r := range report.Results {
				c, err := matrix.Parse(r.ID)
				if err != nil {
					t.Fatal(err)
				}
				if l, _ := harness.LinkNamed(c.Link); m.reddens(t, l.Link, c) {
					want = append(want, r.ID)
				}
				switch r.Outcome {
				case reports.Deviates:
					red = append(red, r.ID)
				case reports.Conforms, reports.Unproven: // where a twin is red, or a certificate was never asked for
				case reports.Skipped, reports.Broken:
					t.Errorf("%s is %s: %s", r.ID, r.Outcome, r.Why)
				}
			}
			if len(want) == 0 {
				t.Fatal("no prediction differs: the wrong setting proves nothing")
			}
			if diff := cmp.Diff(want, red); diff != "" {
				t.Errorf("cases that deviate (-want +got):\n%s", diff)
			}
			t.Logf("%d of %d cases are red", len(red), len(report.Results))
		})
	}
}
