package conformance

import (
	"fmt"
	"strings"

	"golang.org/x/mod/semver"

	"github.com/calico-tls/conformance/harness/link"
	"github.com/calico-tls/conformance/harness/matrix"
	"github.com/calico-tls/conformance/harness/target"
	"github.com/calico-tls/conformance/reports"
)

// calico is the project by whose versions cases are inapplicable.
const calico = "calico"

// dueOf returns the cases of a link that a target is due: those whose subjects it has, and that can be put to the
// version that it names; and those that cannot.
func dueOf(l link.Link, s matrix.Strategy, p Profile, t target.Target) (due []matrix.Case, inapplicable []reports.Inapplicable) {
	for _, c := range p.Cases(l, s) {
		switch {
		case !has(t, c.Subject):
		case Applies(l, c, t.Implementation.Project, t.Implementation.Version):
			due = append(due, c)
		default:
			inapplicable = append(inapplicable, reports.Inapplicable{
				ID: c.ID(), Reason: fmt.Sprintf("what it sets came with %s, and this is %s", matrix.Since(l, c), t.Implementation.Version),
			})
		}
	}
	return due, inapplicable
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
