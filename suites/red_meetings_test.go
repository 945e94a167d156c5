package suites_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/calico-tls/conformance/harness/handshake"
	"github.com/calico-tls/conformance/harness/link"
	"github.com/calico-tls/conformance/harness/link/felixtypha"
	"github.com/calico-tls/conformance/harness/matrix"
	"github.com/calico-tls/conformance/harness/oracle"
	"github.com/calico-tls/conformance/reports"
	"github.com/calico-tls/conformance/suites/conformance"
)

// TestRedWherePlantedFelixMeetsTypha plants another Common Name into every real Felix that meets a real Typha, and wants
// exactly those cases red whose prediction differs.
func TestRedWherePlantedFelixMeetsTypha(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds and starts real Typha and real Felix")
	}
	const other = "someone-else"
	report := judge(t, conformance.Options{
		Target: plantedFelix(t, map[string]string{"FELIX_TYPHACN": other}),
		Launch: conformance.LaunchProcess, Select: "felix-typha/*/typha+felix/**",
	})
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
	var want []string
	for _, c := range matrix.Core(felixtypha.Link) {
		if c.Subject == felixtypha.Link.Both() && redUnder(t, c, other) {
			want = append(want, c.ID())
		}
	}
	if diff := cmp.Diff(want, red); diff != "" || len(want) == 0 {
		t.Errorf("cases that deviate (-want +got):\n%s", diff)
	}
	t.Logf("%d of %d cases are red", len(red), len(report.Results))
}

// redUnder reports whether a Felix that requires another Common Name turns a case red. One that speaks plaintext does
// not start with a name and nothing else.
func redUnder(t *testing.T, c matrix.Case, cn string) bool {
	t.Helper()
	declared, err := oracle.Predict(felixtypha.Link, c)
	if err != nil {
		t.Fatal(err)
	}
	required, _, err := oracle.Verifiers(felixtypha.Link, c)
	if err != nil {
		t.Fatal(err)
	}
	if required.Plaintext() {
		return true
	}
	required.CN = cn
	l := felixtypha.Link
	l.Modes, l.Settings = slices.Clone(l.Modes), slices.Clone(l.Settings)
	for i := range l.Modes {
		if l.Modes[i].Name == c.Mode {
			l.Modes[i].Client = required
		}
	}
	for i := range l.Settings {
		if l.Settings[i].Name == c.Setting && l.Settings[i].Side == handshake.Client {
			l.Settings[i].Change = func(link.Verifier) link.Verifier { return required }
		}
	}
	under, err := oracle.Predict(l, c)
	if err != nil {
		t.Fatal(err)
	}
	return !alike(c, declared, under)
}

// plantedFelix writes a target like calico-v3.31.0 whose Felix has an environment planted.
func plantedFelix(t *testing.T, env map[string]string) string {
	t.Helper()
	text := "name: planted\nimplementation: {project: Planted, version: v3.31.0}\ncomponents:\n" +
		"  typha: {build: calico-typha@v3.31.0}\n  etcd: {build: etcd@v3.7.3}\n  felix:\n    build: calico-felix@v3.31.0\n    env:\n"
	for name, value := range env {
		text += fmt.Sprintf("      %s: %q\n", name, value)
	}
	name := filepath.Join(t.TempDir(), "planted.yaml")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}
