package conformance

import (
	"fmt"
	"slices"

	"github.com/calico-tls/conformance/harness/matrix"
	"github.com/calico-tls/conformance/reports"
)

// again returns those of the run's cases that failed in a report, or could not be judged there, and their twins. A case
// that deviates as it is known to has not failed.
func (r *Run) again(report *reports.Report) ([]matrix.Case, error) {
	if report.Suite.Version != Version() || report.Suite.CaseSetDigest != reports.Digest(r.Due()) {
		return nil, &UsageError{
			fmt.Sprintf("choosing what failed: the report is of the suite %s, profile %s, strategy %s and %d cases that were due, and this run of %s, %s, %s and %d others",
				report.Suite.Version, report.Profile, report.Strategy, report.Suite.Cases, Version(), r.options.Profile, r.options.Strategy, len(r.due)),
			"name the same target, profile and strategy, and take the tlsconform that wrote the report",
		}
	}
	failed := map[string]bool{}
	for _, x := range report.Results {
		switch x.Outcome {
		case reports.Deviates:
			failed[x.ID] = x.KnownDeviation == ""
		case reports.Unproven, reports.Broken:
			failed[x.ID] = true
		case reports.Conforms, reports.Skipped:
		}
	}
	cases := slices.DeleteFunc(slices.Clone(r.Cases), func(c matrix.Case) bool { return !failed[c.ID()] })
	if len(cases) == 0 {
		return nil, &UsageError{"choosing what failed: the report has no case that did, or it is not among those selected", "run without --rerun-failed"}
	}
	chosen := map[string]bool{}
	for _, c := range Companions(cases) {
		chosen[c.ID()] = true
	}
	return slices.DeleteFunc(slices.Clone(r.due), func(c matrix.Case) bool { return !chosen[c.ID()] }), nil
}
