package conformance

import (
	"github.com/calico-tls/conformance/harness/link"
	"github.com/calico-tls/conformance/harness/link/felixtypha"
	"github.com/calico-tls/conformance/harness/matrix"
	"github.com/calico-tls/conformance/harness/migration"
	"github.com/calico-tls/conformance/reports"
)

// migrated returns what results say of a migration from Common Names to SPIFFE IDs; nil unless each of its states was
// observed.
func migrated(results []reports.Result) *reports.Migration {
	posed := posedStates(results)
	connects, basis := connecting(posed)
	if basis != basisObserved {
		return nil
	}
	return migrationOf(migration.Walk(connects), posed)
}

// posedStates finds the results of the cases that pose the states of a migration.
func posedStates(results []reports.Result) map[migration.State]posedState {
	byID := map[string]reports.Result{}
	for _, r := range results {
		byID[r.ID] = r
	}
	posed := map[migration.State]posedState{}
	for _, s := range migration.States() {
		if r, ok := byID[caseOf(s).ID()]; ok {
			posed[s] = posedState{ID: r.ID, Expected: r.Expected, Observed: r.Observed, Verdict: r.Outcome}
		}
	}
	return posed
}

// caseOf returns the case that poses a state of a migration.
func caseOf(s migration.State) matrix.Case {
	l := felixtypha.Link
	m, _ := felixtypha.Migration{
		TyphaSetting: felixtypha.Stage(s.TyphaSetting), FelixSetting: felixtypha.Stage(s.FelixSetting),
		TyphaCertificate: felixtypha.Stage(s.TyphaCertificate), FelixCertificate: felixtypha.Stage(s.FelixCertificate),
	}.Meeting()
	return matrix.Case{
		Link: l.Name, Mode: m.Mode, Subject: l.Both(), Client: m.Client, Server: m.Server, Version: link.TLS13, Setting: m.Setting,
	}
}
