package conformance

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/calico-tls/conformance/fixtures"
	"github.com/calico-tls/conformance/harness/matrix"
	"github.com/calico-tls/conformance/reports"
)

// Outdated returns the known deviations that do not hold any more, with the reason: they have expired, match no case of
// any profile, or cover a case that conforms in a report, which may be nil. known are the suite's own, which are held
// against a report of their implementation and version alone; own are taken to be of whatever the report is about.
func Outdated(known, own []fixtures.Deviation, report *reports.Report) ([]reports.StaleDeviation, error) {
	cases, err := enumerated("all", matrix.Strategies[0].Name)
	if err != nil {
		return nil, err
	}
	var all []reports.StaleDeviation
	for i, d := range slices.Concat(known, own) {
		covers := func(x reports.Result) bool { return i >= len(known) && matches(d, x.ID) || isOf(d, x, report) }
		switch conforming := conformsNow(report, covers); {
		case d.Expired(time.Now()):
			all = append(all, reports.StaleDeviation{Cases: d.Case, Reason: "it was agreed upon until " + d.Expires})
		case !slices.ContainsFunc(cases, func(c matrix.Case) bool { return matches(d, c.ID()) }):
			all = append(all, reports.StaleDeviation{Cases: d.Case, Reason: "it covers no case"})
		case conforming != "":
			all = append(all, reports.StaleDeviation{Cases: d.Case, Reason: fmt.Sprintf("%s conforms now", conforming)})
		}
	}
	return all, nil
}

// matches reports whether a deviation's glob matches a case, whatever the implementation.
func matches(d fixtures.Deviation, id string) bool { return globMatches(d.Case, id) }

// globMatches reports whether a glob matches a whole case ID: "*" within one part, "**" across parts.
func globMatches(glob, id string) bool { return doublestar.MatchUnvalidated(glob, id) }

// isOf reports whether a deviation covers a result of the implementations that a report names, with their version
// behind, as in "calico-v3.31.0".
func isOf(d fixtures.Deviation, x reports.Result, report *reports.Report) bool {
	return slices.ContainsFunc(report.Target.Components, func(c reports.Component) bool {
		return slices.Contains(roles(x.Subject), c.Role) && strings.HasPrefix(strings.ToLower(c.Implementation), d.Implementation) &&
			d.Matches(x.ID, d.Implementation, c.Version)
	})
}

// conformsNow returns the first case of a report that is covered and conforms; "" if there is none.
func conformsNow(report *reports.Report, covers func(reports.Result) bool) string {
	if report == nil {
		return ""
	}
	for _, x := range report.Results {
		if x.Outcome == reports.Conforms && covers(x) {
			return x.ID
		}
	}
	return ""
}
