package reports

import (
	"fmt"
	"maps"
	"slices"
)

// neighbours returns the states one step away, further on (by 1) or back (by -1), by one stage or by two.
func neighbours(s MigrationStages, by int) []MigrationStages {
	var all []MigrationStages
	for _, piece := range pieces {
		for i := rank(*s.field(piece)) + by; i >= 0 && i < len(stages); i += by {
			next := s
			*next.field(piece) = stages[i]
			all = append(all, next)
		}
	}
	return all
}

// reach asks whether what can be reached follows from which states connect.
func (h charter) reach() {
	reached, leads := map[MigrationStages]bool{}, map[MigrationStages]bool{}
	follow := func(s MigrationStages, from map[MigrationStages]bool, end MigrationStages, by int) {
		from[s] = h.up[s] && (s == end || slices.ContainsFunc(neighbours(s, by), func(n MigrationStages) bool { return from[n] }))
	}
	for _, s := range h.m.States { // sorted, so that what comes before has been followed
		follow(s.Stages, reached, startStage, -1)
	}
	for _, s := range slices.Backward(h.m.States) {
		follow(s.Stages, leads, goalStage, 1)
	}
	for i, s := range h.m.States {
		at := fmt.Sprintf("migration.states[%d]", i)
		if wanted := reached[s.Stages]; s.Reachable != wanted {
			h.fail(at+".reachable", "found %t, wanted %t, as the states say", s.Reachable, wanted)
		}
		if wanted := leads[s.Stages]; s.GoalReachable != wanted {
			h.fail(at+".goalReachable", "found %t, wanted %t, as the states say", s.GoalReachable, wanted)
		}
	}
}

// route is one kind of orders: how many there are, and how many stages a step moves a piece.
type route struct {
	at           string
	all, strides int
}

// orders asks whether the counts add up, and each example is lost where it is said to be.
func (h charter) orders(k route, o MigrationOrders) {
	at, lost := k.at, 0
	for i, b := range o.Breaks {
		at := fmt.Sprintf("%s.breaks[%d]", at, i)
		lost += b.Orders
		if i > 0 && o.Breaks[i-1].Stages.compare(b.Stages) >= 0 {
			h.fail(at+".stages", "found out of order, or a second time")
		}
		if h.up[b.Stages] {
			h.fail(at+".stages", "found a state that connects")
		}
		s := startStage
		for j, step := range b.Example {
			at := fmt.Sprintf("%s.example[%d]", at, j)
			if !h.up[s] {
				h.fail(at, "found a step from a state that does not connect")
			}
			s = h.make(at, s, step, k.strides)
		}
		if s != b.Stages {
			h.fail(at+".example", "found steps to %q, wanted %q", s.all(), b.Stages.all())
		}
	}
	h.number(at+".kept", int64(o.Kept))
	if o.Lost != lost {
		h.fail(at+".lost", "found %d, wanted %d, as the breaks add up to", o.Lost, lost)
	}
	if o.Kept+o.Lost != k.all {
		h.fail(at, "found %d orders kept and %d lost, wanted %d in all", o.Kept, o.Lost, k.all)
	}
}

// make returns the state after a step that begins where the piece is, and moves it by so many stages.
func (h charter) make(at string, s MigrationStages, step MigrationStep, strides int) MigrationStages {
	if found := rank(step.To) - rank(step.From); found != strides {
		h.fail(at, "found a step by %s, wanted one by %d", count(found, "stage"), strides)
	}
	if field := s.field(step.Piece); *field != step.From {
		h.fail(at+".from", "found %q, wanted %q, where the piece is by then", step.From, *field)
	} else {
		*field = step.To
	}
	return s
}

// before asks whether what must come before what is held to by the order recommended, and suffices if it is said to.
func (h charter) before() {
	steps := h.order()
	for i, b := range h.m.Before {
		if first, then := slices.Index(steps, b.First), slices.Index(steps, b.Then); first < 0 || first >= then {
			h.fail(fmt.Sprintf("migration.before[%d]", i), "found what the recommended order does not hold to")
		}
	}
	astray := func(s MigrationStages) bool {
		breaks := func(b MigrationBefore) bool { return s.has(b.Then) && !s.has(b.First) }
		return !h.up[s] && !slices.ContainsFunc(h.m.Before, breaks)
	}
	wanted := len(steps) > 0
	for s := range maps.Keys(h.up) {
		wanted = wanted && !astray(s)
	}
	if h.m.BeforeSuffices != wanted {
		h.fail("migration.beforeSuffices", "found %t, wanted %t, as the states say", h.m.BeforeSuffices, wanted)
	}
}

// order returns the steps recommended.
func (h charter) order() []MigrationStep {
	var steps []MigrationStep
	for _, p := range h.m.Recommended {
		steps = append(steps, p.Steps...)
	}
	return steps
}

// recommended asks whether the phases lead to the goal, and keep the connection in whatever order their steps are made.
func (h charter) recommended() {
	const at = "migration.recommended"
	if found, wanted := len(h.m.Recommended) > 0, h.m.Orders.Complete.Kept > 0; found != wanted {
		h.fail(at, "found an order %t, wanted one %t, as %d orders keep the connection", found, wanted, h.m.Orders.Complete.Kept)
	}
	if len(h.m.Recommended) == 0 {
		return
	}
	s := startStage
	for i, p := range h.m.Recommended {
		from := s
		for j, step := range p.Steps {
			s = h.make(fmt.Sprintf("%s[%d].steps[%d]", at, i, j), s, step, 1)
		}
		for _, t := range h.m.States {
			if t.Stages.between(from, s) && !h.up[t.Stages] {
				h.fail(fmt.Sprintf("%s[%d]", at, i), "found a phase that may pass %q, which does not connect", t.Stages.all())
			}
		}
	}
	if s != goalStage {
		h.fail(at, "found steps to %q, wanted %q", s.all(), goalStage.all())
	}
}
