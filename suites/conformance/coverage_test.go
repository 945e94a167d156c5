package conformance_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/calico-tls/conformance/harness/link/felixtypha"
	"github.com/calico-tls/conformance/harness/matrix"
	"github.com/calico-tls/conformance/reports"
	"github.com/calico-tls/conformance/suites/conformance"
)

// TestCoverageOfWhatWasJudged: what a run was to judge covers nothing before there is a verdict.
func TestCoverageOfWhatWasJudged(t *testing.T) {
	t.Parallel()
	r, err := conformance.Load(conformance.Options{
		Target: "reference", Launch: conformance.LaunchInProcess, Select: "felix-typha/cn/typha/client={expired,good}/server=good/tls1.3",
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer r.Close(t.Context())
	covers := func(stopped reports.Stop, cases []matrix.Case) {
		t.Helper()
		want := reports.Coverage{
			TwoWay: matrix.Coverage(felixtypha.Link, cases, 2), ThreeWay: matrix.Coverage(felixtypha.Link, cases, 3),
			Constraints: matrix.Constraints,
		}
		if diff := cmp.Diff(want, r.Report(stopped).Coverage["felix-typha"]); diff != "" {
			t.Errorf("%d of %d cases judged (-want +got):\n%s", len(cases), len(r.Cases), diff)
		}
	}
	covers(reports.Interrupted, nil)
	for i, c := range r.Cases {
		if found := r.Judge(t.Context(), c); found.Outcome != reports.Conforms {
			t.Errorf("wanted %s to conform, found %s: %s", c.ID(), found.Outcome, found.Why)
		}
		covers("", r.Cases[:i+1])
	}
}
