package reports

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
)

// finding is a set of unexpected results that are unexpected in the same way and have something in common.
type finding struct {
	cluster

	kind  kind
	first Result
}

// findings sorts the unexpected results by what they have in common and no case that conforms has: the gravest first,
// then the largest sets.
func findings(r *Report, o Options) []finding {
	var (
		conforming []string
		ways       []string
		byWay      = map[string][]string{}
		results    = map[string]Result{}
	)
	for _, x := range r.Results {
		if x.Outcome == Conforms {
			conforming = append(conforming, x.ID)
		}
	}
	for _, x := range unexpected(r, o) {
		way := x.way(o)
		results[x.ID] = x
		if byWay[way] == nil {
			ways = append(ways, way)
		}
		byWay[way] = append(byWay[way], x.ID)
	}
	var all []finding
	for _, way := range ways {
		for _, c := range clusters(byWay[way], conforming) {
			first := results[c.ids[0]]
			k, _ := kindOf(first, o)
			all = append(all, finding{c, k, first})
		}
	}
	sortBySize(all, func(x finding) cluster { return x.cluster })
	slices.SortStableFunc(all, func(a, b finding) int { return cmp.Compare(a.kind, b.kind) })
	return all
}

// incidental is what differs between explanations of one thing: numbers and what is quoted.
var incidental = regexp.MustCompile(`"[^"]*"|[0-9]+`)

// way is the same for results of one link and subject that are unexpected in the same way. The explanation counts where
// what was seen doesn't tell.
func (r Result) way(o Options) string {
	expected, observed := r.Expected, r.Observed
	if expected.Outcome != observed.Outcome {
		expected.Identity, observed.Identity = "", ""
	}
	parts := []string{place(r.ID), r.verdict(o), expected.words(), observed.words()}
	if !r.judged() || expected == observed {
		parts = append(parts, incidental.ReplaceAllString(r.Why, ""))
	}
	return strings.Join(parts, "\n")
}

// facts are what there is to say of the results, each with its name: the rule, what was wanted against what was got, why,
// what separates them from those that conform, and the command that repeats them.
func (x finding) facts(r *Report, o Options) [][2]string {
	facts := [][2]string{
		{"rule", x.first.ruling(o)},
		{"wanted", x.first.comparison()},
		{"why", oneLine(x.first.Why)},
	}
	var conforming []string
	for _, other := range r.Results {
		if other.Outcome == Conforms {
			conforming = append(conforming, other.ID)
		}
	}
	if near, differs, ok := nearest(x.ids[0], conforming); ok {
		facts = append(facts, [2]string{"unlike", unlike(near, differs) + ", which conforms"})
	}
	return append(facts, [2]string{"repeat", r.command(x.glob(), o)})
}
