package migration_test

import (
	"slices"
	"testing"

	"github.com/calico-tls/conformance/harness/migration"
)

// tally counts orders by their first state that does not connect.
type tally struct {
	Kept, Lost int
	Breaks     map[string]int
}

// forced is what trying each order finds.
type forced struct {
	complete, short tally
	// kept and lost are the complete orders.
	kept, lost [][]migration.Step
}

func tallyOf(o migration.Orders) tally {
	t := tally{o.Kept, o.Lost, map[string]int{}}
	for _, b := range o.Breaks {
		t.Breaks[b.State.String()] = b.Orders
	}
	return t
}

func further(a, b migration.Stage) bool {
	rank := map[migration.Stage]int{"cn": 0, "both": 1, "uri": 2}
	return rank[a] > rank[b]
}

func moved(s migration.State, p migration.Piece, to migration.Stage) migration.State {
	switch p {
	case migration.TyphaSetting:
		s.TyphaSetting = to
	case migration.FelixSetting:
		s.FelixSetting = to
	case migration.TyphaCertificate:
		s.TyphaCertificate = to
	case migration.FelixCertificate:
		s.FelixCertificate = to
	}
	return s
}

// permutations calls back with each order of the steps in which no step comes before the piece is where it begins.
func permutations(from migration.State, left, done []migration.Step, each func([]migration.Step)) {
	if len(left) == 0 {
		each(slices.Clone(done))
		return
	}
	for i, step := range left {
		if from.At(step.Piece) == step.From {
			rest := slices.Delete(slices.Clone(left), i, i+1)
			permutations(moved(from, step.Piece, step.To), rest, append(slices.Clone(done), step), each)
		}
	}
}

func allSteps() (complete, short []migration.Step) {
	for _, p := range []migration.Piece{"typhaSetting", "felixSetting", "typhaCertificate", "felixCertificate"} {
		complete = append(complete, migration.Step{Piece: p, From: "cn", To: "both"}, migration.Step{Piece: p, From: "both", To: "uri"})
		short = append(short, migration.Step{Piece: p, From: "cn", To: "uri"})
	}
	return complete, short
}

// firstBreak follows an order and returns the first state that does not connect.
func firstBreak(s migration.State, order []migration.Step, connects func(migration.State) bool) (at migration.State, breaks bool) {
	if !connects(s) {
		return s, true
	}
	for _, step := range order {
		s = moved(s, step.Piece, step.To)
		if !connects(s) {
			return s, true
		}
	}
	return s, false
}

// force tries each order.
func force(connects func(migration.State) bool) forced {
	f := forced{complete: tally{Breaks: map[string]int{}}, short: tally{Breaks: map[string]int{}}}
	complete, short := allSteps()
	permutations(migration.Start, complete, nil, func(order []migration.Step) {
		if at, breaks := firstBreak(migration.Start, order, connects); breaks {
			f.complete.Lost++
			f.complete.Breaks[at.String()]++
			f.lost = append(f.lost, order)
			return
		}
		f.complete.Kept++
		f.kept = append(f.kept, order)
	})
	permutations(migration.Start, short, nil, func(order []migration.Step) {
		if at, breaks := firstBreak(migration.Start, order, connects); breaks {
			f.short.Lost++
			f.short.Breaks[at.String()]++
			return
		}
		f.short.Kept++
	})
	return f
}

func examples(t *testing.T, o migration.Orders, connects func(migration.State) bool) {
	t.Helper()
	for _, b := range o.Breaks {
		s := migration.Start
		for _, step := range b.Example {
			if !connects(s) || s.At(step.Piece) != step.From {
				t.Errorf("%s: the example %v is lost before, or stumbles at %s", b.State, b.Example, step)
			}
			s = moved(s, step.Piece, step.To)
		}
		if s != b.State || connects(s) {
			t.Errorf("%s: wanted an example that is lost just there, found %v", b.State, b.Example)
		}
	}
}

// checkBefore asks of the list that, with what follows from it, it says what the orders say, and no more than once.
func checkBefore(t *testing.T, p migration.Plan, f forced) {
	t.Helper()
	if len(f.kept) == 0 {
		if len(p.Before) > 0 || p.Suffices {
			t.Errorf("wanted nothing where no order keeps the connection, found %v, which suffices: %t", p.Before, p.Suffices)
		}
		return
	}
	steps, _ := allSteps()
	want := map[migration.Before]bool{}
	for _, a := range steps {
		for _, b := range steps {
			pair := migration.Before{First: a, Then: b}
			want[pair] = a != b && !slices.ContainsFunc(f.kept, func(order []migration.Step) bool { return !holds(order, pair) })
		}
	}
	whole := closure(p.Before)
	for pair, wanted := range want {
		if whole[pair] != wanted {
			t.Errorf("%s before %s: wanted %t as the orders say, found %t", pair.First, pair.Then, wanted, whole[pair])
		}
	}
	for i, pair := range p.Before {
		if closure(slices.Delete(slices.Clone(p.Before), i, i+1))[pair] {
			t.Errorf("%s before %s follows from the others", pair.First, pair.Then)
		}
	}
	suffices := !slices.ContainsFunc(f.lost, func(order []migration.Step) bool {
		return !slices.ContainsFunc(p.Before, func(b migration.Before) bool { return !holds(order, b) })
	})
	if p.Suffices != suffices {
		t.Errorf("suffices: wanted %t as the lost orders say, found %t", suffices, p.Suffices)
	}
}

func holds(order []migration.Step, b migration.Before) bool {
	return slices.Index(order, b.First) < slices.Index(order, b.Then)
}

// closure returns all that follows from pairs, and from a piece's passing both before uri.
func closure(pairs []migration.Before) map[migration.Before]bool {
	steps, _ := allSteps()
	all := map[migration.Before]bool{}
	for i := 0; i < len(steps); i += 2 {
		all[migration.Before{First: steps[i], Then: steps[i+1]}] = true
	}
	for _, pair := range pairs {
		all[pair] = true
	}
	for _, middle := range steps {
		for _, a := range steps {
			for _, b := range steps {
				if all[migration.Before{First: a, Then: middle}] && all[migration.Before{First: middle, Then: b}] {
					all[migration.Before{First: a, Then: b}] = true
				}
			}
		}
	}
	return all
}

// checkRecommended asks of the phases that they lead to the goal, that within one any order will do, and that none could
// be spared.
func checkRecommended(t *testing.T, p migration.Plan, connects func(migration.State) bool) {
	t.Helper()
	if (len(p.Recommended) > 0) != (p.Complete.Kept > 0) {
		t.Errorf("found %d phases recommended where %d orders keep the connection", len(p.Recommended), p.Complete.Kept)
	}
	if len(p.Recommended) == 0 {
		return
	}
	s := migration.Start
	for _, phase := range p.Recommended {
		permutations(s, phase.Steps, nil, func(order []migration.Step) {
			if at, breaks := firstBreak(s, order, connects); breaks {
				t.Errorf("the phase %v loses the connection at %s if made as %v", phase.Steps, at, order)
			}
		})
		if len(phase.After) != len(phase.Steps) {
			t.Fatalf("wanted a state for each of %d steps, found %d", len(phase.Steps), len(phase.After))
		}
		for i, step := range phase.Steps {
			if s.At(step.Piece) != step.From {
				t.Errorf("the step %s begins in %s", step, s)
			}
			if s = moved(s, step.Piece, step.To); s != phase.After[i] {
				t.Errorf("after %s: wanted %s, found %s", step, s, phase.After[i])
			}
		}
	}
	if s != migration.Goal {
		t.Errorf("wanted the phases to lead to the goal, found %s", s)
	}
	if found, least := len(p.Recommended), fewest(connects); found != least {
		t.Errorf("wanted %d phases, found %d", least, found)
	}
}

// fewest returns the least number of phases, by widening what can be reached a phase at a time.
func fewest(connects func(migration.State) bool) int {
	within := func(s, low, high migration.State) bool {
		for _, p := range migration.Pieces {
			if further(low.At(p), s.At(p)) || further(s.At(p), high.At(p)) {
				return false
			}
		}
		return true
	}
	reached := map[migration.State]bool{migration.Start: true}
	for n := range 9 {
		if reached[migration.Goal] {
			return n
		}
		next := map[migration.State]bool{}
		for low := range reached {
			for _, high := range migration.States() {
				next[high] = next[high] || within(low, migration.Start, high) && !slices.ContainsFunc(migration.States(), func(s migration.State) bool {
					return within(s, low, high) && !connects(s)
				})
			}
		}
		for s, is := range next {
			if is {
				reached[s] = true
			}
		}
	}
	return -1
}
