package conformance

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/calico-tls/conformance/harness"
	"github.com/calico-tls/conformance/harness/matrix"
	"github.com/calico-tls/conformance/harness/oracle"
	"github.com/calico-tls/conformance/reports"
)

// candidate is a case that may be chosen, with what it tells.
type candidate struct {
	matrix.Case

	id, start string
	// tells are what no other case need tell after it: a rule, a check, a mode, each of a subject on a link.
	tells []string
	// twin is the case that must be chosen with it; nil for none.
	twin *candidate
}

// telling chooses the most telling cases that fit into a budget by estimate, and returns them in the order in which they
// were chosen: first those that tell most in the time that they take, until nothing is untold, then those of starts that
// there are anyway, then the others. Equal lists and budgets give equal choices, and a refused case comes with its twin.
func telling(cases []matrix.Case, budget time.Duration, pace Pace) []matrix.Case {
	ch := choice{pace: pace, budget: budget, chosen: map[string]bool{}, started: map[string]bool{}, told: map[string]bool{}, of: map[[2]string]int{}}
	rest := candidates(cases)
	for {
		best, most := -1, 0.0
		for i, c := range rest {
			if worth := ch.worth(c); worth > most {
				best, most = i, worth
			}
		}
		if best < 0 {
			break
		}
		ch.take(rest[best])
		rest = slices.Delete(rest, best, best+1)
	}
	for _, anyway := range []bool{true, false} {
		for _, c := range rest {
			if ch.started[c.start] || !anyway {
				ch.take(c)
			}
		}
	}
	listed := map[string]bool{}
	for _, c := range cases {
		listed[c.ID()] = true
	}
	return slices.DeleteFunc(ch.cases, func(c matrix.Case) bool { return !listed[c.ID()] }) // a twin may run and not be judged
}

// candidates looks at cases, and at their twins, which need not be among them.
func candidates(cases []matrix.Case) []*candidate {
	byID := map[string]*candidate{}
	for _, b := range harness.Plan(Companions(cases)) {
		anew := startsAnew(b)
		for _, c := range b.Cases {
			start := b.Name()
			if anew {
				start = c.ID()
			}
			byID[c.ID()] = &candidate{Case: c, id: c.ID(), start: start, tells: tells(c)}
		}
	}
	all := make([]*candidate, len(cases))
	for i, c := range cases {
		all[i] = byID[c.ID()]
		if twin := twinOf(c); twin != nil {
			all[i].twin = byID[twin.ID()]
		}
	}
	return all
}

func tells(c matrix.Case) []string {
	l, _ := harness.LinkNamed(c.Link)
	e, err := oracle.Predict(l.Link, c)
	if err != nil {
		return nil
	}
	of := c.Link + " " + c.Subject + " "
	all := []string{of + "check " + string(e.Check) + " " + string(e.Outcome), of + "mode " + c.Mode + " " + string(e.Outcome)}
	for _, rule := range e.Rules {
		all = append(all, of+"rule "+rule)
	}
	return all
}

// choice is what has been chosen so far.
type choice struct {
	pace                  Pace
	budget                time.Duration
	cases                 []matrix.Case
	chosen, started, told map[string]bool
	// of counts the cases of each subject on a link.
	of map[[2]string]int
}

// adds returns what has to be chosen with a case, the twin first, and how many starts that takes more.
func (ch *choice) adds(c *candidate) (more []*candidate, starts int) {
	for _, x := range []*candidate{c.twin, c} {
		if x == nil || ch.chosen[x.id] {
			continue
		}
		if !ch.started[x.start] && !slices.ContainsFunc(more, func(y *candidate) bool { return y.start == x.start }) {
			starts++
		}
		more = append(more, x)
	}
	return more, starts
}

// worth returns how much more a case tells for each second that it takes, less for each case that its subject has already,
// so that none waits for the others should the estimate be wrong; 0 for one that tells nothing new or does not fit.
func (ch *choice) worth(c *candidate) float64 {
	more, starts := ch.adds(c)
	takes := ch.pace.of(len(more), starts)
	if len(more) == 0 || ch.pace.of(len(ch.cases)+len(more), len(ch.started)+starts) > ch.budget {
		return 0
	}
	news := map[string]bool{}
	for _, x := range more {
		for _, what := range x.tells {
			if !ch.told[what] {
				news[what] = true
			}
		}
	}
	return float64(len(news)) / takes.Seconds() / float64(1+ch.of[[2]string{c.Link, c.Subject}])
}

// take chooses a case and its twin, if they fit.
func (ch *choice) take(c *candidate) {
	more, starts := ch.adds(c)
	if ch.pace.of(len(ch.cases)+len(more), len(ch.started)+starts) > ch.budget {
		return
	}
	for _, x := range more {
		ch.cases = append(ch.cases, x.Case)
		ch.of[[2]string{x.Link, x.Subject}]++
		ch.chosen[x.id], ch.started[x.start] = true, true
		for _, what := range x.tells {
			ch.told[what] = true
		}
	}
}

// LeftOut says in lines what a run that stopped early has left out: how many cases of each subject, and which rules have
// no result at all. There are none if it left nothing out.
func (r *Run) LeftOut(report *reports.Report) []string {
	if report.Stopped == "" {
		return nil
	}
	judged, posed := map[string]bool{}, map[string]bool{}
	for _, x := range report.Results {
		judged[x.ID] = true
		for _, rule := range x.Rules {
			posed[rule] = true
		}
	}
	type subject struct{ link, name string }
	var subjects []subject
	var unposed []string
	left, of := map[subject]int{}, map[subject]int{}
	for _, c := range r.selected {
		s := subject{c.Link, c.Subject}
		if of[s]++; of[s] == 1 {
			subjects = append(subjects, s)
		}
		if judged[c.ID()] {
			continue
		}
		left[s]++
		l, _ := harness.LinkNamed(c.Link)
		if e, err := oracle.Predict(l.Link, c); err == nil {
			unposed = append(unposed, slices.DeleteFunc(slices.Clone(e.Rules), func(rule string) bool { return posed[rule] })...)
		}
	}
	lines := []string{"", "left out:"}
	for _, s := range subjects {
		lines = append(lines, fmt.Sprintf("  %d of %d cases of %s on %s", left[s], of[s], s.name, s.link))
	}
	slices.Sort(unposed)
	if unposed = slices.Compact(unposed); len(unposed) > 0 {
		lines = append(lines, "  all cases of "+strings.Join(unposed, ", "))
	}
	return lines
}
