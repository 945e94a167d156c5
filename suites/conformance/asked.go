package conformance

import (
	"fmt"
	"maps"
	"slices"

	"golang.org/x/mod/semver"

	"github.com/calico-tls/conformance/fixtures"
	"github.com/calico-tls/conformance/harness"
	"github.com/calico-tls/conformance/harness/matrix"
	"github.com/calico-tls/conformance/harness/target"
	"github.com/calico-tls/conformance/reports"
)

// AskedOf returns what this suite asks of the target of a report, by the report's profile and strategy. Which subjects
// the target has, and to which version cases could be put, is found by the report's case-set digest; where no choice of
// them has that digest, Due is nil.
func AskedOf(r *reports.Report) (reports.Asked, error) { return AskedBeside(r, nil) }

// AskedBeside is [AskedOf] with deviations on record beside those that the suite knows. These are taken to be of the
// report's implementation and version, which a report does not name in all cases.
func AskedBeside(r *reports.Report, own []fixtures.Deviation) (reports.Asked, error) {
	asked := reports.Asked{Version: Version()}
	cases, err := enumerated(r.Profile, r.Strategy)
	if err != nil {
		return asked, err
	}
	if asked.Cases, err = Predicted(cases); err != nil {
		return asked, err
	}
	known, err := fixtures.Deviations()
	if err != nil {
		return asked, err
	}
	asked.Known = func(id, reason string) bool {
		if slices.ContainsFunc(own, func(d fixtures.Deviation) bool { return d.Reason == reason && matches(d, id) }) {
			return true
		}
		return slices.ContainsFunc(known, func(d fixtures.Deviation) bool {
			return d.Reason == reason && slices.ContainsFunc(r.Target.Components, func(c reports.Component) bool {
				return d.Matches(id, d.Implementation, c.Version)
			})
		})
	}
	without := leftOut(cases, r)
	for _, roles := range choices(cases, r) {
		for _, version := range sinces(cases) {
			due, inapplicable := dueTo(cases, owed{roles, without, version})
			if reports.Digest(ids(due)) == r.Suite.CaseSetDigest {
				asked.Due, asked.Inapplicable = ids(due), ids(inapplicable)
				asked.Coverage = coverage(judged(due, r.Results))
				return asked, nil
			}
		}
	}
	return asked, nil
}

// enumerated returns the cases of a profile by a strategy, sorted by ID.
func enumerated(profile, strategy string) ([]matrix.Case, error) {
	s, ok := matrix.StrategyNamed(strategy)
	if !ok {
		return nil, &UsageError{fmt.Sprintf("choosing a strategy: there is none named %q", strategy), ""}
	}
	p, ok := ProfileNamed(profile)
	if !ok {
		return nil, &UsageError{fmt.Sprintf("choosing a profile: there is none named %q", profile), "the profiles are " + ProfileUsage()}
	}
	var sets [][]matrix.Case
	for _, l := range harness.Links {
		sets = append(sets, p.Cases(l.Link, s))
	}
	return sorted(sets...), nil
}

// choices returns the sets of roles that the target of a report may have: those that it has results of, and any of the
// others.
func choices(cases []matrix.Case, r *reports.Report) []map[string]bool {
	has := map[string]bool{}
	for _, result := range r.Results {
		for _, role := range roles(result.Subject) {
			has[role] = true
		}
	}
	all := []map[string]bool{has}
	others := map[string]bool{}
	for _, c := range cases {
		for _, role := range roles(c.Subject) {
			others[role] = !has[role]
		}
	}
	for _, role := range slices.Sorted(maps.Keys(others)) {
		if !others[role] {
			continue
		}
		for _, choice := range all {
			wider := maps.Clone(choice)
			wider[role] = true
			all = append(all, wider)
		}
	}
	return all
}

// sinces returns the versions at which cases became applicable, the oldest first; "" stands for a version to which all
// can be put.
func sinces(cases []matrix.Case) []string {
	found := map[string]bool{}
	for _, c := range cases {
		l, _ := harness.LinkNamed(c.Link)
		if since := matrix.Since(l.Link, c); since != "" {
			found[since] = true
		}
	}
	return append([]string{""}, slices.SortedFunc(maps.Keys(found), semver.Compare)...)
}

// subjectOf is a subject on a link.
type subjectOf struct{ link, name string }

// leftOut returns the subjects that a report leaves out for want of what has to stand behind them, and what that is. The report
// is believed only if that has to stand there where the subject is no stub.
func leftOut(cases []matrix.Case, r *reports.Report) map[subjectOf]target.Role {
	reasons := map[string]string{}
	for _, x := range r.Inapplicable {
		reasons[x.ID] = x.Reason
	}
	without := map[subjectOf]target.Role{}
	for _, c := range cases {
		if reason, is := reasons[c.ID()]; is {
			for _, lacks := range neededBy(c.Link, c.Subject) {
				if reason == lackingReason(lacks, c.Link, c.Subject) {
					without[subjectOf{c.Link, c.Subject}] = lacks
				}
			}
		}
	}
	return without
}

// neededBy returns all that has to stand behind a subject on a link which is built.
func neededBy(link, subject string) []target.Role {
	var all []target.Role
	for _, role := range roles(subject) {
		for _, behind := range needs(link, target.Component{Role: target.Role(role), Ways: []target.Source{{Way: target.Build}}}) {
			all = append(append(all, target.Role(behind)), neededBy("", behind)...)
		}
	}
	return all
}

// owed says what a target may be: which roles it has, which subjects are left out for want of what, and than which version it
// is older; "" for none.
type owed struct {
	has     map[string]bool
	without map[subjectOf]target.Role
	older   string
}

// dueTo returns the cases that are due to a target, and those that cannot be put to it.
func dueTo(cases []matrix.Case, to owed) (due, inapplicable []matrix.Case) {
	for _, c := range cases {
		if slices.ContainsFunc(roles(c.Subject), func(role string) bool { return !to.has[role] }) {
			continue
		}
		l, _ := harness.LinkNamed(c.Link)
		since := matrix.Since(l.Link, c)
		lacks, without := to.without[subjectOf{c.Link, c.Subject}]
		switch {
		case without && !to.has[string(lacks)], to.older != "" && since != "" && semver.Compare(since, to.older) >= 0:
			inapplicable = append(inapplicable, c)
		default:
			due = append(due, c)
		}
	}
	return due, inapplicable
}
