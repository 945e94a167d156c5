package migration_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/calico-tls/conformance/harness/migration"
)

// naturally connects if each end's certificate holds a name that the other's setting requires.
func naturally(s migration.State) bool {
	share := func(a, b migration.Stage) bool { return a == b || a == migration.Both || b == migration.Both }
	return share(s.TyphaSetting, s.FelixCertificate) && share(s.FelixSetting, s.TyphaCertificate)
}

// worlds are ways in which states may connect. The random ones are dense enough that some orders keep the connection.
func worlds() map[string]func(migration.State) bool {
	all := map[string]func(migration.State) bool{
		"natural": naturally,
		"nothing": func(migration.State) bool { return false },
		"everything": func(migration.State) bool {
			return true
		},
		"no start":         func(s migration.State) bool { return s != migration.Start },
		"no goal":          func(s migration.State) bool { return s != migration.Goal },
		"felix trusts all": func(s migration.State) bool { return s.TyphaSetting == s.FelixCertificate || s.TyphaSetting == "both" },
	}
	for i, density := range []float64{0.5, 0.7, 0.8, 0.85, 0.9, 0.9, 0.95, 0.97} {
		random := rand.New(rand.NewPCG(14, uint64(i)))
		up := map[migration.State]bool{migration.Start: true, migration.Goal: true}
		for _, s := range migration.States() {
			up[s] = up[s] || random.Float64() < density
		}
		all[fmt.Sprintf("random %d", i)] = func(s migration.State) bool { return up[s] }
	}
	return all
}

func TestStates(t *testing.T) {
	t.Parallel()
	all := migration.States()
	seen := map[migration.State]bool{}
	for _, s := range all {
		seen[s] = true
		for _, p := range migration.Pieces {
			if !slices.Contains(migration.Stages, s.At(p)) {
				t.Errorf("%s: found %s at %q", s, p, s.At(p))
			}
		}
	}
	if len(all) != 81 || len(seen) != 81 || all[0] != migration.Start || all[80] != migration.Goal {
		t.Errorf("wanted 81 states from the start to the goal, found %d, %d of them different", len(all), len(seen))
	}
	s := migration.State{TyphaSetting: "cn", FelixSetting: "both", TyphaCertificate: "uri", FelixCertificate: "cn"}
	if want := "typhaSetting=cn felixSetting=both typhaCertificate=uri felixCertificate=cn"; s.String() != want || all[15] != s {
		t.Errorf("wanted %s as the 16th state, found %s, and %s there", want, s, all[15])
	}
	if at := s.At("typha"); at != "" {
		t.Errorf("wanted no stage of what is no piece, found %q", at)
	}
}

// TestAgainstBruteForce compares the plan with one that is made by trying each order.
func TestAgainstBruteForce(t *testing.T) {
	t.Parallel()
	kept := 0
	for name, connects := range worlds() {
		t.Run(name, func(t *testing.T) {
			p := migration.Walk(connects)
			forced := force(connects)
			if diff := cmp.Diff(forced.complete, tallyOf(p.Complete)); diff != "" {
				t.Errorf("the complete orders differ (-tried +derived):\n%s", diff)
			}
			if diff := cmp.Diff(forced.short, tallyOf(p.Short)); diff != "" {
				t.Errorf("the short orders differ (-tried +derived):\n%s", diff)
			}
			examples(t, p.Complete, connects)
			examples(t, p.Short, connects)
			checkBefore(t, p, forced)
			checkRecommended(t, p, connects)
		})
		if n := migration.Walk(connects).Complete.Kept; n > 0 && n < 2520 {
			kept++
		}
	}
	if kept < 5 {
		t.Errorf("wanted some orders, and not all, to keep the connection in at least 5 worlds, found %d: the rest proves little", kept)
	}
}

// TestPlaces compares what can be reached with what a search in depth finds.
func TestPlaces(t *testing.T) {
	t.Parallel()
	for name, connects := range worlds() {
		p := migration.Walk(connects)
		if len(p.Places) != 81 {
			t.Fatalf("%s: wanted 81 places, found %d", name, len(p.Places))
		}
		reachable := map[migration.State]bool{}
		dive(migration.Start, connects, reachable)
		for i, place := range p.Places {
			onward := map[migration.State]bool{}
			dive(place.State, connects, onward)
			want := migration.Place{
				State: migration.States()[i], Connects: connects(place.State),
				Reachable: reachable[place.State], GoalReachable: onward[migration.Goal],
			}
			if place != want {
				t.Errorf("%s: wanted %+v, found %+v", name, want, place)
			}
		}
	}
}

func dive(s migration.State, connects func(migration.State) bool, seen map[migration.State]bool) {
	if seen[s] || !connects(s) {
		return
	}
	seen[s] = true
	for _, p := range migration.Pieces {
		for _, stage := range []migration.Stage{"both", "uri"} {
			if further(stage, s.At(p)) {
				dive(moved(s, p, stage), connects, seen)
			}
		}
	}
}

// TestNatural says what a person who migrates has to know.
func TestNatural(t *testing.T) {
	t.Parallel()
	p := migration.Walk(naturally)
	connecting, safe := 0, 0
	for _, place := range p.Places {
		if place.Connects {
			connecting++
		}
		if place.Reachable && place.GoalReachable {
			safe++
		}
	}
	if connecting != 49 || safe != 49 {
		t.Errorf("wanted 49 states that connect, all on a way, found %d and %d", connecting, safe)
	}
	if c := p.Complete; c.Kept != 1120 || c.Lost != 1400 || len(c.Breaks) != 28 {
		t.Errorf("wanted 1120 of 2520 orders kept and 1400 lost in 28 states, found %d, %d and %d", c.Kept, c.Lost, len(c.Breaks))
	}
	if c := p.Short; c.Kept != 0 || c.Lost != 24 || len(c.Breaks) != 4 {
		t.Errorf("wanted each of 24 short orders lost in one of 4 states, found %d, %d and %d", c.Kept, c.Lost, len(c.Breaks))
	}
	want := []string{
		"typhaCertificate cn→both before felixSetting both→uri",
		"felixCertificate cn→both before typhaSetting both→uri",
		"typhaSetting cn→both before felixCertificate both→uri",
		"felixSetting cn→both before typhaCertificate both→uri",
	}
	var found []string
	for _, b := range p.Before {
		found = append(found, fmt.Sprintf("%s before %s", b.First, b.Then))
	}
	if diff := cmp.Diff(want, found); diff != "" || !p.Suffices {
		t.Errorf("what must come before what differs (-want +got), or does not suffice (%t):\n%s", p.Suffices, diff)
	}
	var phases [][]string
	for _, phase := range p.Recommended {
		var steps []string
		for _, step := range phase.Steps {
			steps = append(steps, step.String())
		}
		phases = append(phases, steps)
	}
	if diff := cmp.Diff([][]string{
		{"typhaCertificate cn→both", "felixCertificate cn→both", "typhaSetting cn→both", "felixSetting cn→both"},
		{"typhaSetting both→uri", "felixSetting both→uri", "typhaCertificate both→uri", "felixCertificate both→uri"},
	}, phases); diff != "" {
		t.Errorf("the recommended order differs (-want +got):\n%s", diff)
	}
}

func TestWalkIsDeterministic(t *testing.T) {
	t.Parallel()
	for name, connects := range worlds() {
		if diff := cmp.Diff(migration.Walk(connects), migration.Walk(connects)); diff != "" {
			t.Errorf("%s: two plans differ:\n%s", name, diff)
		}
	}
}

func TestWalkAsksOnceForEachState(t *testing.T) {
	t.Parallel()
	var asked []migration.State
	migration.Walk(func(s migration.State) bool {
		asked = append(asked, s)
		return naturally(s)
	})
	if diff := cmp.Diff(migration.States(), asked); diff != "" {
		t.Errorf("the states asked for differ (-want +got):\n%s", diff)
	}
}

func ExampleWalk() {
	plan := migration.Walk(func(s migration.State) bool {
		share := func(a, b migration.Stage) bool { return a == b || a == migration.Both || b == migration.Both }
		return share(s.TyphaSetting, s.FelixCertificate) && share(s.FelixSetting, s.TyphaCertificate)
	})
	fmt.Println(plan.Complete.Kept, "orders keep the connection,", plan.Complete.Lost, "lose it")
	for i, phase := range plan.Recommended {
		fmt.Println("phase", i+1, phase.Steps)
	}
	// Output:
	// 1120 orders keep the connection, 1400 lose it
	// phase 1 [typhaCertificate cn→both felixCertificate cn→both typhaSetting cn→both felixSetting cn→both]
	// phase 2 [typhaSetting both→uri felixSetting both→uri typhaCertificate both→uri felixCertificate both→uri]
}
