package conformance

import (
	"fmt"
	"slices"
	"strings"

	"golang.org/x/mod/semver"

	"github.com/calico-tls/conformance/harness"
	"github.com/calico-tls/conformance/harness/component/kubeapiserver"
	"github.com/calico-tls/conformance/harness/link"
	"github.com/calico-tls/conformance/harness/matrix"
	"github.com/calico-tls/conformance/harness/target"
	"github.com/calico-tls/conformance/reports"
)

// calico is the project by whose versions cases are inapplicable.
const calico = "calico"

// dueOf returns the cases of a link that a target is due: those whose subjects it has, with what has to stand behind them, and
// that can be put to the version that it names; and those that cannot.
func dueOf(l link.Link, s matrix.Strategy, p Profile, t target.Target) (due []matrix.Case, inapplicable []reports.Inapplicable) {
	missing := map[string]target.Role{} // by subject, of which there are few and of cases thousands
	for _, c := range p.Cases(l, s) {
		lacks, known := missing[c.Subject]
		if !known {
			lacks = lacking(t, l.Name, c.Subject)
			missing[c.Subject] = lacks
		}
		reason := ""
		switch {
		case !has(t, c.Subject):
			continue
		case lacks != "":
			reason = lackingReason(lacks, l.Name, c.Subject)
		case !Applies(l, c, t.Implementation.Project, t.Implementation.Version):
			reason = fmt.Sprintf("what it sets came with %s, and this is %s", matrix.Since(l, c), t.Implementation.Version)
		default:
			due = append(due, c)
			continue
		}
		inapplicable = append(inapplicable, reports.Inapplicable{ID: c.ID(), Reason: reason})
	}
	return due, inapplicable
}

// ever returns the cases of every profile that the target is due.
func (r *Run) ever() (cases []matrix.Case) {
	for _, l := range harness.Links {
		due, _ := dueOf(l.Link, r.strategy, Profile{cases: all}, r.target)
		cases = append(cases, due...)
	}
	return cases
}

// lacking returns the first role that has to stand behind a subject on a link and that the target does not have; "" if it has all.
func lacking(t target.Target, link, subject string) target.Role {
	for _, role := range roles(subject) {
		c, _ := t.Component(target.Role(role))
		for _, behind := range needs(link, c) {
			if !has(t, behind) {
				return target.Role(behind)
			}
			if more := lacking(t, "", behind); more != "" {
				return more
			}
		}
	}
	return ""
}

func lackingReason(lacks target.Role, link, subject string) string {
	return fmt.Sprintf("%s has to stand behind %s on the link %s, and the target has none", lacks, subject, link)
}

// needs returns what has to stand behind a component that plays an end of a link, or on the link "" stands behind one. What
// runs already has it.
func needs(link string, c target.Component) []string {
	described, ok := components[play{link, c.Role}]
	started := func(s target.Source) bool { return s.Way != target.Reference && s.Way != target.Endpoint }
	switch {
	case link == "" && c.Role == target.KubeAPIServer:
		return kubeapiserver.Behind(nil).Behind
	case !ok:
		return nil
	case slices.ContainsFunc(c.Ways, started):
		return described.real(nil).Behind
	case slices.ContainsFunc(c.Ways, func(s target.Source) bool { return s.Way == target.Reference }):
		return described.stub(nil).Behind
	}
	return nil
}

// has reports whether the target has each component of a subject, which are two where they meet.
func has(t target.Target, subject string) bool {
	for _, role := range roles(subject) {
		if _, ok := t.Component(target.Role(role)); !ok {
			return false
		}
	}
	return true
}

// roles are the components of a subject.
func roles(subject string) []string { return strings.Split(subject, "+") }

// Applies reports whether a case can be put to a version of an implementation. A case that needs a version of Calico
// can be put to every other project, whose versions say nothing of it.
func Applies(l link.Link, c matrix.Case, project, version string) bool {
	since := matrix.Since(l, c)
	return since == "" || !strings.EqualFold(project, calico) || !semver.IsValid(version) || semver.Compare(version, since) >= 0
}
