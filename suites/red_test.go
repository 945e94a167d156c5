package suites_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/calico-tls/conformance/harness/handshake"
	"github.com/calico-tls/conformance/harness/link"
	"github.com/calico-tls/conformance/harness/link/felixtypha"
	"github.com/calico-tls/conformance/harness/matrix"
	"github.com/calico-tls/conformance/harness/oracle"
	"github.com/calico-tls/conformance/pki"
	"github.com/calico-tls/conformance/reports"
	"github.com/calico-tls/conformance/suites/conformance"
)

// planted is a wrong setting that a target file puts into real Typha.
type planted struct {
	name string
	env  map[string]string
	// change makes what Typha then requires from what its mode and setting say; false if it must not start at all.
	change func(link.Verifier) (link.Verifier, bool)
}

// other stands for an authority that is none of ours.
const other pki.AuthorityName = "planted"

func plants(t *testing.T) []planted {
	t.Helper()
	foreign := foreignBundle(t)
	return []planted{
		{
			"another Common Name is required",
			map[string]string{"TYPHA_CLIENTCN": "someone-else"},
			func(v link.Verifier) (link.Verifier, bool) {
				v.CN = "someone-else"
				return v, !v.Plaintext()
			},
		},
		{
			"another authority is trusted",
			map[string]string{"TYPHA_CAFILE": foreign},
			func(v link.Verifier) (link.Verifier, bool) {
				started := !v.Plaintext()
				v.Trust = []pki.AuthorityName{other}
				return v, started
			},
		},
		{
			"nothing is set: plaintext",
			map[string]string{"TYPHA_CAFILE": "", "TYPHA_SERVERCERTFILE": "", "TYPHA_SERVERKEYFILE": "", "TYPHA_CLIENTCN": "", "TYPHA_CLIENTURISAN": ""},
			func(link.Verifier) (link.Verifier, bool) { return link.Verifier{}, true },
		},
	}
}

// TestRedWhenBroken plants wrong settings into real Typha and wants exactly those cases to turn red whose prediction
// differs between the setting declared and the one planted.
func TestRedWhenBroken(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds and starts real Typha")
	}
	for _, p := range plants(t) {
		t.Run(p.name, func(t *testing.T) {
			report := judge(t, conformance.Options{Target: targetFile(t, p.env), Launch: conformance.LaunchProcess})
			var red []string
			for _, r := range report.Results {
				switch r.Outcome {
				case reports.Deviates:
					red = append(red, r.ID)
				case reports.Conforms:
				case reports.Unproven, reports.Skipped, reports.Broken:
					t.Errorf("%s is %s: %s", r.ID, r.Outcome, r.Why)
				}
			}
			want := differing(t, p)
			if len(want) == 0 {
				t.Fatal("no prediction differs: the plant proves nothing")
			}
			if diff := cmp.Diff(want, red); diff != "" {
				t.Errorf("cases that deviate (-want +got):\n%s", diff)
			}
			gate := reports.Gate{Selected: report.IDs()}
			if code := gate.ExitCode(report); code != reports.ExitFailed {
				t.Errorf("wanted exit code %d, found %d", reports.ExitFailed, code)
			}
			t.Logf("%d of %d cases are red", len(red), len(report.Results))
		})
	}
}

// judge runs a target without Ginkgo, which can be run once in a process.
func judge(t *testing.T, o conformance.Options) *reports.Report {
	t.Helper()
	r := prepared(t, o)
	for _, c := range r.Cases {
		r.Judge(t.Context(), c)
	}
	return r.Report("")
}

// targetFile writes a target like calico-v3.31.0 with an environment planted. Its project has no known deviations.
func targetFile(t *testing.T, env map[string]string) string {
	t.Helper()
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(env)) {
		lines = append(lines, fmt.Sprintf("      %s: %q", name, env[name]))
	}
	text := fmt.Sprintf("name: planted\nimplementation: {project: Planted, version: v3.31.0}\ncomponents:\n"+
		"  typha:\n    build: calico-typha@v3.31.0\n    env:\n%s\n  etcd: {build: etcd@v3.7.3}\n", strings.Join(lines, "\n"))
	name := filepath.Join(t.TempDir(), "planted.yaml")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// foreignBundle writes a trust bundle with an authority of another run.
func foreignBundle(t *testing.T) string {
	t.Helper()
	bundle, err := pki.NewAuthorities().Bundle([]pki.AuthorityName{pki.Second}, pki.Credential{})
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "foreign.pem")
	if err := os.WriteFile(name, bundle, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// differing returns the cases whose prediction under the plant is another one, and those that real Typha fails anyway.
func differing(t *testing.T, p planted) []string {
	t.Helper()
	var ids []string
	for _, c := range matrix.Core(felixtypha.Link) {
		if c.Subject != "typha" {
			continue
		}
		declared, err := oracle.Predict(felixtypha.Link, c)
		if err != nil {
			t.Fatal(err)
		}
		_, required, err := oracle.Verifiers(felixtypha.Link, c)
		if err != nil {
			t.Fatal(err)
		}
		changed, starts := p.change(required)
		if !starts {
			ids = append(ids, c.ID())
			continue
		}
		under, err := oracle.Predict(replaced(felixtypha.Link, c, changed), c)
		if err != nil {
			t.Fatal(err)
		}
		if !alike(c, declared, under) || standing(c, changed) {
			ids = append(ids, c.ID())
		}
	}
	return ids
}

// replaced returns the link with what the server of a case requires replaced.
func replaced(l link.Link, c matrix.Case, v link.Verifier) link.Link {
	to := func(link.Verifier) link.Verifier { return v }
	l.Modes, l.Settings = slices.Clone(l.Modes), slices.Clone(l.Settings)
	for i, m := range l.Modes {
		if m.Name == c.Mode {
			l.Modes[i].Server = v
		}
	}
	for i, s := range l.Settings {
		if s.Name == c.Setting {
			l.Settings[i].Change = to
		}
	}
	return l
}

// alike reports whether two predictions look the same from outside, alerts included.
func alike(c matrix.Case, a, b oracle.Expectation) bool {
	alertsOf := func(e oracle.Expectation) []handshake.Alert {
		alerts, _ := oracle.Alerts(e, c.Version, "go1.24.9")
		return alerts
	}
	return a.Outcome == b.Outcome && a.By == b.By && a.Check == b.Check && slices.Equal(alertsOf(a), alertsOf(b))
}

// standing reports whether a case deviates on real Typha whatever is planted: it is a known deviation, whose leaf is
// still asked for its name.
func standing(c matrix.Case, v link.Verifier) bool {
	return c.Client == "uri-fragment-empty" && v.URISAN != "" && v.Trusts(pki.Trusted)
}
