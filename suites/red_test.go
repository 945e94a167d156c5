package suites_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/calico-tls/conformance/harness/link/felixtypha"
	"github.com/calico-tls/conformance/harness/matrix"
	"github.com/calico-tls/conformance/reports"
	"github.com/calico-tls/conformance/suites/conformance"
)

// TestRedWhenBroken plants wrong settings into real Typha and real Felix, and wants exactly those cases to turn red
// whose prediction differs between the setting declared and the one planted: of the component as the subject, and where
// the two meet.
func TestRedWhenBroken(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it builds and starts real Typha and real Felix")
	}
	for _, p := range plants(t) {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			subject := felixtypha.Link.End(p.side).Component
			report := judge(t, conformance.Options{
				Target: p.target(t), Launch: conformance.LaunchProcess, Select: "felix-typha/*/{" + subject + "," + felixtypha.Link.Both() + "}/**",
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
				if (c.Subject == subject || c.Subject == felixtypha.Link.Both()) && p.reddens(t, c) {
					want = append(want, c.ID())
				}
			}
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
