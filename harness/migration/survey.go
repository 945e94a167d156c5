package migration

import "slices"

// survey counts the ways through the states by given steps.
type survey struct {
	// arriving counts the ways from the start to a state on which every state connects, this one as well; breaking those
	// to a state that does not connect, on which every other does.
	arriving, breaking map[State]int
	// leading counts the ways from a state to the goal on which every state connects, all those on which any state does
	// or does not.
	leading, all map[State]int
	// by is the last step of one of the ways to a state.
	by map[State]Step
}

func newSurvey(up map[State]bool, steps []Step) survey {
	v := survey{map[State]int{}, map[State]int{}, map[State]int{}, map[State]int{}, map[State]Step{}}
	arrive := func(s State, ways int) {
		if up[s] {
			v.arriving[s] += ways
		} else {
			v.breaking[s] += ways
		}
	}
	arrive(Start, 1)
	states := States()
	for _, s := range states {
		for _, step := range steps {
			next, ok := s.after(step)
			if !ok || v.arriving[s] == 0 {
				continue
			}
			arrive(next, v.arriving[s])
			if _, known := v.by[next]; !known {
				v.by[next] = step
			}
		}
	}
	v.all[Goal] = 1
	if up[Goal] {
		v.leading[Goal] = 1
	}
	for _, s := range slices.Backward(states) {
		for _, step := range steps {
			next, ok := s.after(step)
			if !ok {
				continue
			}
			v.all[s] += v.all[next]
			if up[s] {
				v.leading[s] += v.leading[next]
			}
		}
	}
	return v
}

// orders counts the orders of a survey whose steps, all taken, lead from the start to the goal.
func (v survey) orders() Orders {
	o := Orders{Kept: v.arriving[Goal]}
	o.Lost = v.all[Start] - o.Kept
	for _, s := range States() {
		if n := v.breaking[s] * v.all[s]; n > 0 {
			o.Breaks = append(o.Breaks, Break{s, n, v.way(s)})
		}
	}
	return o
}

// way returns the steps of one way from the start to a state.
func (v survey) way(s State) []Step {
	var steps []Step
	for s != Start {
		step := v.by[s]
		steps = append(steps, step)
		*s.field(step.Piece) = step.From
	}
	slices.Reverse(steps)
	return steps
}

// before returns what must come before what in every order that keeps the connection: one step comes before another if
// no state that lies on such an order has the other without the one.
func before(v survey) []Before {
	holds := func(b Before) bool {
		return b.First != b.Then && !slices.ContainsFunc(States(), func(s State) bool {
			return v.arriving[s] > 0 && v.leading[s] > 0 && s.has(b.Then) && !s.has(b.First)
		})
	}
	var all []Before
	for _, first := range complete {
		for _, then := range complete {
			follows := func(step Step) bool { return holds(Before{first, step}) && holds(Before{step, then}) }
			if first.Piece != then.Piece && holds(Before{first, then}) && !slices.ContainsFunc(complete, follows) {
				all = append(all, Before{first, then})
			}
		}
	}
	return all
}

// suffice reports whether every order that holds to what must come before what keeps the connection. Such orders pass
// through just those states that have nothing without what must come before it.
func suffice(all []Before, up map[State]bool) bool {
	return !slices.ContainsFunc(States(), func(s State) bool {
		breaks := func(b Before) bool { return s.has(b.Then) && !s.has(b.First) }
		return !up[s] && !slices.ContainsFunc(all, breaks)
	})
}

// recommend returns the fewest phases from the start to the goal; where several are as few, the last phase begins in the
// first state that will do, in the order of [States], and so on backwards. It wants an order that keeps the connection.
func recommend(up map[State]bool) []Phase {
	fewest, from := map[State]int{Start: 0}, map[State]State{}
	for _, s := range States() {
		so, reached := fewest[s]
		if !reached {
			continue
		}
		for _, t := range States() {
			if known, is := fewest[t]; s != t && (!is || so+1 < known) && harmless(s, t, up) {
				fewest[t], from[t] = so+1, s
			}
		}
	}
	var phases []Phase
	for s := Goal; s != Start; s = from[s] {
		phases = append(phases, phase(from[s], s))
	}
	slices.Reverse(phases)
	return phases
}

// harmless reports whether pieces can be moved from one state to another, further on, in whatever order.
func harmless(from, to State, up map[State]bool) bool {
	return to.between(from, Goal) && !slices.ContainsFunc(States(), func(s State) bool {
		return s.between(from, to) && !up[s]
	})
}

func phase(from, to State) Phase {
	var p Phase
	for _, step := range complete {
		if from.has(step) || !to.has(step) {
			continue
		}
		from, _ = from.after(step)
		p.Steps, p.After = append(p.Steps, step), append(p.After, from)
	}
	return p
}
