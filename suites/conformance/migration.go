package conformance

import (
	"github.com/calico-tls/conformance/harness/migration"
	"github.com/calico-tls/conformance/reports"
)

// posedState is a state of a migration as a case poses it.
type posedState struct {
	// ID is the case's ID.
	ID string
	// Expected is what must become of the case.
	Expected reports.Behaviour
	// Observed and Verdict are what the case's result says; the zero values if it has none.
	Observed reports.Behaviour
	Verdict  reports.Verdict
}

// seen reports whether it was proven that the state accepts, or that it refuses.
func (s posedState) seen() bool {
	judged := s.Verdict == reports.Conforms || s.Verdict == reports.Deviates
	return judged && (s.Observed.Outcome == accepts || s.Observed.Outcome == refuses)
}

// The bases of a migration in a report.
const (
	basisObserved = "observed"
	basisExpected = "expected"
)

// connecting says which states connect: by what was observed, if of each of them it was proven whether it accepts or
// refuses, else by what is expected.
func connecting(posed map[migration.State]posedState) (connects func(migration.State) bool, basis string) {
	for _, s := range migration.States() {
		if !posed[s].seen() {
			return func(s migration.State) bool { return posed[s].Expected.Outcome == accepts }, basisExpected
		}
	}
	return func(s migration.State) bool { return posed[s].Observed.Outcome == accepts }, basisObserved
}

// The outcomes that say whether a state connects.
const (
	accepts = "accept"
	refuses = "refuse"
)

// migrationOf returns what a report says of a migration; nil unless each state is posed. The plan must be that of
// [connecting], or the report will not be written.
func migrationOf(p migration.Plan, posed map[migration.State]posedState) *reports.Migration {
	_, basis := connecting(posed)
	m := &reports.Migration{
		Basis:          basis,
		Orders:         reports.MigrationRoutes{Complete: ordersOf(p.Complete), Short: ordersOf(p.Short)},
		BeforeSuffices: p.Suffices,
	}
	for _, place := range p.Places {
		state, ok := posed[place.State]
		if !ok {
			return nil
		}
		m.States = append(m.States, reports.MigrationState{
			Stages: stagesOf(place.State), ID: state.ID,
			Expected: state.Expected.Outcome, ExpectedBy: state.Expected.By,
			Observed: state.Observed.Outcome, ObservedBy: state.Observed.By,
			Reachable: place.Reachable, GoalReachable: place.GoalReachable,
		})
	}
	for _, b := range p.Before {
		m.Before = append(m.Before, reports.MigrationBefore{First: stepOf(b.First), Then: stepOf(b.Then)})
	}
	for _, phase := range p.Recommended {
		m.Recommended = append(m.Recommended, reports.MigrationPhase{Steps: stepsOf(phase.Steps)})
	}
	return m
}

func ordersOf(o migration.Orders) reports.MigrationOrders {
	of := reports.MigrationOrders{Kept: o.Kept, Lost: o.Lost}
	for _, b := range o.Breaks {
		of.Breaks = append(of.Breaks, reports.MigrationBreak{Stages: stagesOf(b.State), Orders: b.Orders, Example: stepsOf(b.Example)})
	}
	return of
}

func stagesOf(s migration.State) reports.MigrationStages {
	return reports.MigrationStages{
		TyphaSetting: string(s.TyphaSetting), FelixSetting: string(s.FelixSetting),
		TyphaCertificate: string(s.TyphaCertificate), FelixCertificate: string(s.FelixCertificate),
	}
}

func stepOf(s migration.Step) reports.MigrationStep {
	return reports.MigrationStep{Piece: string(s.Piece), From: string(s.From), To: string(s.To)}
}

func stepsOf(all []migration.Step) []reports.MigrationStep {
	steps := make([]reports.MigrationStep, len(all))
	for i, s := range all {
		steps[i] = stepOf(s)
	}
	return steps
}
