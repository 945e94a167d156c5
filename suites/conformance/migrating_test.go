package conformance

import (
	"testing"

	"github.com/calico-tls/conformance/harness/link/felixtypha"
	"github.com/calico-tls/conformance/harness/matrix"
	"github.com/calico-tls/conformance/harness/migration"
	"github.com/calico-tls/conformance/harness/oracle"
	"github.com/calico-tls/conformance/reports"
)

// TestEachStateIsACase: each of the 81 states of a migration is a case of core, and no two are the same.
func TestEachStateIsACase(t *testing.T) {
	t.Parallel()
	have := map[string]bool{}
	for _, c := range matrix.Core(felixtypha.Link) {
		have[c.ID()] = true
	}
	posed := map[string]migration.State{}
	for _, s := range migration.States() {
		id := caseOf(s).ID()
		if !have[id] {
			t.Errorf("%s: wanted %s among the cases of core, found it missing", s, id)
		}
		if other, taken := posed[id]; taken {
			t.Errorf("%s and %s are the same case %s", s, other, id)
		}
		posed[id] = s
	}
}

// TestMigrated: the results of all states make a migration, and those of all but one make none.
func TestMigrated(t *testing.T) {
	t.Parallel()
	var results []reports.Result
	for _, s := range migration.States() {
		c := caseOf(s)
		e, err := oracle.Predict(felixtypha.Link, c)
		if err != nil {
			t.Fatal(err)
		}
		is := reports.Behaviour{Outcome: string(e.Outcome), By: string(e.By)}
		results = append(results, reports.Result{ID: c.ID(), Expected: is, Observed: is, Outcome: reports.Conforms})
	}
	m := migrated(results)
	if m == nil || m.Basis != "observed" || m.Orders.Complete.Kept != 1120 || m.Orders.Complete.Lost != 1400 || len(m.Recommended) != 2 {
		t.Errorf("wanted 1120 of 2520 orders to keep the connection, in two phases, found %+v", m)
	}
	if m := migrated(results[1:]); m != nil {
		t.Errorf("wanted nothing to be said where a state was not observed, found %+v", m)
	}
	results[40].Outcome = reports.Broken
	if m := migrated(results); m != nil {
		t.Errorf("wanted nothing to be said where a state was not judged, found %+v", m)
	}
}
