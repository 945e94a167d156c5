package conformance

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/calico-tls/conformance/harness/migration"
	"github.com/calico-tls/conformance/reports"
)

func naturally(s migration.State) bool {
	share := func(a, b migration.Stage) bool { return a == b || a == migration.Both || b == migration.Both }
	return share(s.TyphaSetting, s.FelixCertificate) && share(s.FelixSetting, s.TyphaCertificate)
}

// pose makes a case and a result of each state.
func pose(connects func(migration.State) bool) (map[migration.State]posedState, []reports.Result) {
	posed, results := map[migration.State]posedState{}, []reports.Result(nil)
	for _, s := range migration.States() {
		b := reports.Behaviour{Outcome: "accept"}
		if !connects(s) {
			b = reports.Behaviour{Outcome: "refuse", By: "server", Check: "identity"}
		}
		id := fmt.Sprintf("felix-typha/cn-or-uri-san/typha+felix/client=%s/server=%s/tls1.3/setting=%s+%s",
			s.FelixCertificate, s.TyphaCertificate, s.TyphaSetting, s.FelixSetting)
		posed[s] = posedState{ID: id, Expected: b, Observed: b, Verdict: reports.Conforms}
		results = append(results, reports.Result{
			ID: id, Link: "felix-typha", Mode: "cn-or-uri-san", Subject: "typha+felix", Rules: []string{"CONF-14"},
			Level: reports.Must, Expected: b, Observed: b, Evidence: "both", Outcome: reports.Conforms, Why: "as wanted",
		})
	}
	return posed, results
}

// published makes a report of a migration, writes it and reads it back.
func published(t *testing.T, m *reports.Migration, results []reports.Result) *reports.Migration {
	t.Helper()
	r := &reports.Report{
		Suite: reports.Suite{Version: "1"}, Profile: "core", Strategy: "core",
		Target: reports.Target{Name: "reference", Launch: "in-process"}, Results: results, Migration: m,
	}
	r.Conclude(r.IDs())
	var b bytes.Buffer
	if err := r.Write(&b); err != nil {
		t.Fatal(err)
	}
	back, err := reports.Read(&b)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(r.Migration, back.Migration); diff != "" {
		t.Errorf("what was read differs (-written +read):\n%s", diff)
	}
	return back.Migration
}

// TestMigrationIsPublished: whatever connects, the report that says what follows from it is one that may be written.
func TestMigrationIsPublished(t *testing.T) {
	t.Parallel()
	worlds := map[string]func(migration.State) bool{
		"natural":    naturally,
		"nothing":    func(migration.State) bool { return false },
		"everything": func(migration.State) bool { return true },
	}
	for i := range 20 {
		random := rand.New(rand.NewPCG(14, uint64(i)))
		up := map[migration.State]bool{}
		for _, s := range migration.States() {
			up[s] = random.Float64() < 0.7+0.015*float64(i)
		}
		worlds[fmt.Sprintf("random %d", i)] = func(s migration.State) bool { return up[s] }
	}
	for name, connects := range worlds {
		t.Run(name, func(t *testing.T) {
			posed, results := pose(connects)
			by, basis := connecting(posed)
			p := migration.Walk(by)
			m := published(t, migrationOf(p, posed), results)
			if basis != "observed" || m.Basis != basis {
				t.Errorf("wanted the basis observed, found %s, and %s in the report", basis, m.Basis)
			}
			for i, place := range p.Places {
				if found := m.States[i]; found.ID != posed[place.State].ID || found.Reachable != place.Reachable || found.GoalReachable != place.GoalReachable {
					t.Errorf("wanted %+v of case %s, found %+v", place, posed[place.State].ID, found)
				}
			}
			sameFields(t, "orders", []migration.Orders{p.Complete, p.Short}, []reports.MigrationOrders{m.Orders.Complete, m.Orders.Short})
			sameFields(t, "before", p.Before, m.Before)
			sameFields(t, "recommended", p.Recommended, m.Recommended)
			if m.BeforeSuffices != p.Suffices {
				t.Errorf("wanted that what must come before suffices %t, found %t", p.Suffices, m.BeforeSuffices)
			}
		})
	}
}

// sameFields compares what a plan says with what a report says of it: the same values, but for the names of fields and
// for what the report leaves out.
func sameFields(t *testing.T, what string, plan, report any) {
	t.Helper()
	plain := func(v any) string {
		data, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		text := strings.NewReplacer(`"State"`, `"stages"`, "null", "[]").Replace(string(data))
		var read any
		if err := json.Unmarshal([]byte(strings.ToLower(text)), &read); err != nil {
			t.Fatal(err)
		}
		if phases, ok := read.([]any); ok {
			for _, phase := range phases {
				if phase, ok := phase.(map[string]any); ok {
					delete(phase, "after")
				}
			}
		} else {
			read = []any{}
		}
		return fmt.Sprint(read)
	}
	if diff := cmp.Diff(plain(plan), plain(report)); diff != "" {
		t.Errorf("%s differ (-plan +report):\n%s", what, diff)
	}
}

// TestMigrationRestsOnWhatIsExpected, and says so, if one state was not observed.
func TestMigrationRestsOnWhatIsExpected(t *testing.T) {
	t.Parallel()
	for outcome, verdict := range map[string]reports.Verdict{
		"": reports.Broken, "plaintext": reports.Deviates, "not-started": reports.Deviates, "accept": reports.Unproven, "refuse": reports.Broken,
	} {
		posed, results := pose(naturally)
		last := posed[migration.Goal]
		last.Observed.Outcome, last.Verdict = outcome, verdict
		posed[migration.Goal] = last
		results[80].Observed.Outcome, results[80].Outcome = outcome, verdict
		first := posed[migration.Start] // an observation that is not what was expected
		first.Observed, first.Verdict = reports.Behaviour{Outcome: "refuse", By: "server"}, reports.Deviates
		posed[migration.Start] = first
		results[0].Observed, results[0].Outcome = first.Observed, reports.Deviates
		by, basis := connecting(posed)
		if basis != "expected" || !by(migration.Start) || !by(migration.Goal) {
			t.Errorf("%q: wanted to go by what is expected, found %s", outcome, basis)
		}
		m := published(t, migrationOf(migration.Walk(by), posed), results)
		if m.Basis != "expected" || m.Orders.Complete.Kept != 1120 || m.States[0].Observed != "refuse" {
			t.Errorf("%q: wanted 1120 orders as expected, found %d as %s", outcome, m.Orders.Complete.Kept, m.Basis)
		}
	}
}

// TestMigrationNeedsEachState: with a state that no case poses nothing is said.
func TestMigrationNeedsEachState(t *testing.T) {
	t.Parallel()
	posed, _ := pose(naturally)
	delete(posed, migration.State{TyphaSetting: "both", FelixSetting: "both", TyphaCertificate: "both", FelixCertificate: "both"})
	by, _ := connecting(posed)
	if m := migrationOf(migration.Walk(by), posed); m != nil {
		t.Errorf("found a migration of %d states, wanted none", len(m.States))
	}
}

// TestMigrationByAnotherPlan: a plan that is not that of the states is found out.
func TestMigrationByAnotherPlan(t *testing.T) {
	t.Parallel()
	posed, results := pose(naturally)
	r := &reports.Report{
		Suite: reports.Suite{Version: "1"}, Profile: "core", Strategy: "core",
		Target: reports.Target{Name: "reference", Launch: "in-process"}, Results: results,
		Migration: migrationOf(migration.Walk(func(migration.State) bool { return true }), posed),
	}
	r.Conclude(r.IDs())
	if err := r.Write(new(bytes.Buffer)); err == nil || !strings.Contains(err.Error(), "migration") {
		t.Errorf("wanted an error that names the migration, found %v", err)
	}
}
