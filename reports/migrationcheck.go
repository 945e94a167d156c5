package reports

import (
	"cmp"
	"fmt"
	"slices"
)

var (
	bases      = []string{"observed", "expected"}
	stages     = []string{"cn", "both", "uri"}
	pieces     = []string{"typhaSetting", "felixSetting", "typhaCertificate", "felixCertificate"}
	startStage = MigrationStages{"cn", "cn", "cn", "cn"}
	goalStage  = MigrationStages{"uri", "uri", "uri", "uri"}

	completeRoute = route{"migration.orders.complete", 2520, 1} // 8!/(2!·2!·2!·2!)
	shortRoute    = route{"migration.orders.short", 24, 2}      // 4!
)

func rank(stage string) int { return slices.Index(stages, stage) }

// all returns the stages in the order of [pieces].
func (s MigrationStages) all() [4]string {
	return [4]string{s.TyphaSetting, s.FelixSetting, s.TyphaCertificate, s.FelixCertificate}
}

func (s MigrationStages) compare(other MigrationStages) int {
	a, b := s.all(), other.all()
	return cmp.Or(cmp.Compare(rank(a[0]), rank(b[0])), cmp.Compare(rank(a[1]), rank(b[1])),
		cmp.Compare(rank(a[2]), rank(b[2])), cmp.Compare(rank(a[3]), rank(b[3])))
}

// field returns the stage of a piece that is known.
func (s *MigrationStages) field(piece string) *string {
	return []*string{&s.TyphaSetting, &s.FelixSetting, &s.TyphaCertificate, &s.FelixCertificate}[slices.Index(pieces, piece)]
}

// has reports whether a step has been made.
func (s MigrationStages) has(step MigrationStep) bool {
	return rank(*s.field(step.Piece)) >= rank(step.To)
}

// between reports whether each stage lies between those of two others.
func (s MigrationStages) between(from, to MigrationStages) bool {
	for i, stage := range s.all() {
		if rank(stage) < rank(from.all()[i]) || rank(stage) > rank(to.all()[i]) {
			return false
		}
	}
	return true
}

// charter asks of a migration whether it follows from its own states. It counts no orders anew, but asks for everything
// else: that steps lead where they are said to, and that the counts add up.
type charter struct {
	*checker
	m *Migration
	// up says which states connect.
	up map[MigrationStages]bool
}

// check asks, beside the fields, for what the results of the same report say of the states.
func (m *Migration) check(c *checker, results []Result) {
	oneOf(c, "migration.basis", m.Basis, bases)
	if m.States == nil || m.Before == nil || m.Recommended == nil || m.Orders.Complete.Breaks == nil || m.Orders.Short.Breaks == nil {
		c.fail("migration", "found null in the place of a list")
	}
	m.checkSteps(c)
	m.checkStates(c, results)
	if c.problem != nil {
		return // what follows looks up stages and pieces
	}
	h := charter{c, m, map[MigrationStages]bool{}}
	for _, s := range m.States {
		h.up[s.Stages] = m.connects(s)
	}
	h.reach()
	h.orders(completeRoute, m.Orders.Complete)
	h.orders(shortRoute, m.Orders.Short)
	h.before()
	h.recommended()
}

func (m *Migration) connects(s MigrationState) bool {
	if m.Basis == "observed" {
		return s.Observed == "accept"
	}
	return s.Expected == "accept"
}

func (s MigrationStages) check(c *checker, at string) {
	for i, stage := range s.all() {
		oneOf(c, at+"."+pieces[i], stage, stages)
	}
}

func (m *Migration) checkSteps(c *checker) {
	check := func(at string, steps ...MigrationStep) {
		for i, s := range steps {
			at := fmt.Sprintf("%s[%d]", at, i)
			oneOf(c, at+".piece", s.Piece, pieces)
			oneOf(c, at+".from", s.From, stages)
			oneOf(c, at+".to", s.To, stages)
			if rank(s.From) >= rank(s.To) {
				c.fail(at, "found a step from %q to %q, wanted one forward", s.From, s.To)
			}
		}
	}
	for i, b := range m.Before {
		check(fmt.Sprintf("migration.before[%d]", i), b.First, b.Then)
	}
	for i, p := range m.Recommended {
		at := fmt.Sprintf("migration.recommended[%d].steps", i)
		check(at, p.Steps...)
		if len(p.Steps) == 0 {
			c.fail(at, "found none, wanted a step")
		}
	}
	for k, orders := range []MigrationOrders{m.Orders.Complete, m.Orders.Short} {
		for i, b := range orders.Breaks {
			at := fmt.Sprintf("%s.breaks[%d]", []route{completeRoute, shortRoute}[k].at, i)
			b.Stages.check(c, at+".stages")
			check(at+".example", b.Example...)
			if b.Example == nil {
				c.fail(at+".example", "found null, wanted a list")
			}
			if b.Orders < 1 {
				c.fail(at+".orders", "found %d, wanted 1 or more", b.Orders)
			}
		}
	}
}

func (m *Migration) checkStates(c *checker, results []Result) {
	if found, wanted := len(m.States), len(stages)*len(stages)*len(stages)*len(stages); found != wanted {
		c.fail("migration.states", "found %d, wanted all %d", found, wanted)
	}
	posed := map[string]bool{}
	for i, s := range m.States {
		at := fmt.Sprintf("migration.states[%d]", i)
		s.Stages.check(c, at+".stages")
		if i > 0 && m.States[i-1].Stages.compare(s.Stages) >= 0 {
			c.fail(at+".stages", "found out of order, or a second time")
		}
		c.form(at+".id", s.ID, idForm)
		if posed[s.ID] {
			c.fail(at+".id", "found a second state of %s", s.ID)
		}
		posed[s.ID] = true
		oneOf(c, at+".expected", s.Expected, outcomes)
		optionalOneOf(c, at+".expectedBy", s.ExpectedBy, sides)
		optionalOneOf(c, at+".observed", s.Observed, outcomes)
		optionalOneOf(c, at+".observedBy", s.ObservedBy, sides)
		if m.Basis == "observed" && s.Observed != "accept" && s.Observed != "refuse" {
			c.fail(at+".observed", "found %q, wanted accept or refuse where the basis is what was observed", s.Observed)
		}
		m.checkResult(c, at, s, results)
	}
}

// checkResult asks whether a state says what the result of its case says, and whether it was proven where it has to be.
func (m *Migration) checkResult(c *checker, at string, s MigrationState, results []Result) {
	i := slices.IndexFunc(results, func(r Result) bool { return r.ID == s.ID })
	if i < 0 {
		if s.Observed+s.ObservedBy != "" {
			c.fail(at+".observed", "found %q, wanted nothing, as the report has no result for %s", s.Observed, s.ID)
		}
		return
	}
	r := results[i]
	wanted := [4]string{r.Expected.Outcome, r.Expected.By, r.Observed.Outcome, r.Observed.By}
	if found := [4]string{s.Expected, s.ExpectedBy, s.Observed, s.ObservedBy}; found != wanted {
		c.fail(at, "found expected and observed %q, wanted %q, as the result of %s says", found, wanted, s.ID)
	}
	if m.Basis == "observed" && !r.judged() {
		c.fail(at, "found %s to be %s, wanted it proven where the basis is what was observed", s.ID, r.Outcome)
	}
}
