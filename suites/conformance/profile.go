package conformance

import (
	"slices"
	"strings"

	"github.com/calico-tls/conformance/fixtures"
	"github.com/calico-tls/conformance/harness/link"
	"github.com/calico-tls/conformance/harness/link/felixtypha"
	"github.com/calico-tls/conformance/harness/matrix"
	"github.com/calico-tls/conformance/harness/oracle"
)

// Profile is a choice of what a target is held to.
type Profile struct {
	// Name is the profile's name in flags and reports, Text says what it chooses.
	Name, Text string
	// cases enumerates its cases of a link.
	cases func(link.Link, matrix.Strategy) []matrix.Case
}

// Profiles lists the profiles, the default first.
var Profiles = []Profile{
	{"core", "the page and what everybody relies on besides, of what is soon known", core},
	{"documented", "the page's own promises alone", documented},
	{"slow", "what takes most of a minute by nature", slow},
	{"spiffe-strict", "core, and what X509-SVIDs ask that Calico does not enforce", strict},
	{"all", "all of these", all},
}

// ProfileNamed returns the profile of that name.
func ProfileNamed(name string) (Profile, bool) {
	i := slices.IndexFunc(Profiles, func(p Profile) bool { return p.Name == name })
	if i < 0 {
		return Profile{}, false
	}
	return Profiles[i], true
}

// Cases enumerates the profile's cases of a link by a strategy, sorted by ID.
func (p Profile) Cases(l link.Link, s matrix.Strategy) []matrix.Case { return p.cases(l, s) }

// ProfileUsage says in a sentence which profiles there are.
func ProfileUsage() string {
	var names []string
	for _, p := range Profiles {
		names = append(names, p.Name+" ("+p.Text+")")
	}
	return strings.Join(names, "; ")
}

func core(l link.Link, s matrix.Strategy) []matrix.Case { return matrix.InProfile(l, s, "") }

func slow(l link.Link, s matrix.Strategy) []matrix.Case { return matrix.InProfile(l, s, matrix.Slow) }

func strict(l link.Link, s matrix.Strategy) []matrix.Case {
	return sorted(core(l, s), matrix.InProfile(l, s, felixtypha.SPIFFEStrict))
}

func all(l link.Link, s matrix.Strategy) []matrix.Case { return sorted(strict(l, s), slow(l, s)) }

func sorted(sets ...[]matrix.Case) []matrix.Case {
	cases := slices.Concat(sets...)
	matrix.Sort(cases)
	return cases
}

// documented are the cases of core whose first rule, which is the one that decides, is on the page.
func documented(l link.Link, s matrix.Strategy) []matrix.Case {
	return slices.DeleteFunc(core(l, s), func(c matrix.Case) bool {
		e, err := oracle.Predict(l, c)
		if err != nil || len(e.Rules) == 0 {
			return true
		}
		r, err := fixtures.RuleNamed(e.Rules[0])
		return err != nil || len(r.Items()) == 0
	})
}
