package reports

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// halfway is a migration in which Typha's certificate must not lose its Common Name while Felix's setting requires just
// that, and everything else connects: a lost order is one that makes those two steps the wrong way about. The state in
// which they alone have gone wrong is posed by the case given; no other was observed.
func halfway(posed string) *Migration {
	m := &Migration{Basis: "expected", BeforeSuffices: true}
	for _, stages := range allStages() {
		s := MigrationStages{stages[0], stages[1], stages[2], stages[3]}
		state := MigrationState{
			Stages: s, Expected: "accept", Reachable: true, GoalReachable: true,
			ID: "felix-typha/migration/typha+felix/client=" + stages[3] + "/server=" + stages[2] + "/tls1.3/setting=" + stages[0] + "+" + stages[1],
		}
		if s.FelixSetting == "cn" && s.TyphaCertificate == "uri" {
			state.Expected, state.ExpectedBy, state.Reachable, state.GoalReachable = "refuse", "client", false, false
			m.breaks(s)
		}
		if s == (MigrationStages{"cn", "cn", "uri", "cn"}) {
			state.ID, state.ExpectedBy, state.Observed, state.ObservedBy = posed, "server", "refuse", "server"
		}
		m.States = append(m.States, state)
	}
	m.Orders.Complete.Kept, m.Orders.Complete.Lost = 2100, 420
	m.Orders.Short.Kept, m.Orders.Short.Lost = 12, 12
	first, then := MigrationStep{"felixSetting", "cn", "both"}, MigrationStep{"typhaCertificate", "both", "uri"}
	m.Before = []MigrationBefore{{first, then}}
	rest := MigrationPhase{Steps: []MigrationStep{{"felixSetting", "both", "uri"}, {"typhaCertificate", "cn", "both"}, then}}
	for _, piece := range []string{"typhaSetting", "felixCertificate"} {
		rest.Steps = append(rest.Steps, MigrationStep{piece, "cn", "both"}, MigrationStep{piece, "both", "uri"})
	}
	m.Recommended = []MigrationPhase{{Steps: []MigrationStep{first}}, rest}
	return m
}

// allStages spells out each state.
func allStages() [][]string {
	all := [][]string{{}}
	for range 4 {
		var longer [][]string
		for _, stages := range all {
			for _, stage := range []string{"cn", "both", "uri"} {
				longer = append(longer, append(slices.Clone(stages), stage))
			}
		}
		all = longer
	}
	return all
}

// breaks adds a state that loses the orders in which Typha's certificate is the last to get there: as many as there are
// ways to the state before, times ways from there.
func (m *Migration) breaks(s MigrationStages) {
	factorial := []int{1, 1, 2, 6, 24, 120, 720}
	i, j := slices.Index(stages, s.TyphaSetting), slices.Index(stages, s.FelixCertificate)
	to := factorial[i+1+j] / factorial[i] / factorial[j]
	from := factorial[6-i-j] / factorial[2-i] / factorial[2-j] / 2
	var example []MigrationStep
	for _, piece := range []string{"typhaSetting", "felixCertificate", "typhaCertificate"} {
		at := *s.field(piece)
		if at != "cn" {
			example = append(example, MigrationStep{piece, "cn", "both"})
		}
		if at == "uri" {
			example = append(example, MigrationStep{piece, "both", "uri"})
		}
	}
	m.Orders.Complete.Breaks = append(m.Orders.Complete.Breaks, MigrationBreak{s, to * from, example})
	if i == 1 || j == 1 {
		return
	}
	var short []MigrationStep
	for _, piece := range []string{"typhaSetting", "felixCertificate", "typhaCertificate"} {
		if *s.field(piece) == "uri" {
			short = append(short, MigrationStep{piece, "cn", "uri"})
		}
	}
	n := (i + j) / 2
	m.Orders.Short.Breaks = append(m.Orders.Short.Breaks, MigrationBreak{s, factorial[n] * factorial[3-n], short})
}

// observeAll makes the sample's migration one that was observed: a result for each state.
func observeAll(r *Report) {
	m := r.Migration
	m.Basis = "observed"
	for i := range m.States {
		s := &m.States[i]
		if s.Observed != "" {
			continue
		}
		result := accepted(s.ID)
		if s.Expected == "refuse" {
			result = refused(s.ID, "identity")
			result.Expected.By, result.Observed.By = s.ExpectedBy, s.ExpectedBy
		}
		s.Observed, s.ObservedBy = s.Expected, s.ExpectedBy
		r.Results = append(r.Results, result)
	}
}

func observed() *Report {
	r := sample()
	observeAll(r)
	r.Conclude(r.IDs())
	return r
}

// Each edit makes the migration say what does not follow from its own states, or from the results.
func TestMigrationIsHeldToItsOwnStates(t *testing.T) {
	step := MigrationStep{"typhaSetting", "cn", "both"}
	for _, c := range []struct {
		name, text string
		edit       func(m *Migration)
	}{
		{"81 states, one twice", "states[1].stages: found out of order", func(m *Migration) { m.States[1] = m.States[0] }},
		{"a state too few", "states: found 80, wanted all 81", func(m *Migration) { m.States = m.States[1:] }},
		{"two states by one case", "found a second state of", func(m *Migration) { m.States[1].ID = m.States[0].ID }},
		{"another expectation than the result's", "as the result of", func(m *Migration) { m.States[6].ExpectedBy = "client" }},
		{"another observation than the result's", "as the result of", func(m *Migration) { m.States[6].Observed = "accept" }},
		{"an observation without a result", "as the report has no result", func(m *Migration) { m.States[0].Observed = "accept" }},
		{"an observed basis that was not observed", "states[0].observed: found \"\"", func(m *Migration) { m.Basis = "observed" }},
		{"reachable from nowhere", "states[7].reachable: found true", func(m *Migration) { m.States[7].Reachable = true }},
		{"not reachable, where it is", "states[80].reachable: found false", func(m *Migration) { m.States[80].Reachable = false }},
		{"no way to the goal, where there is", "states[0].goalReachable: found false", func(m *Migration) { m.States[0].GoalReachable = false }},
		{"another state that is refused", "states[0].reachable: found true", func(m *Migration) { m.States[0].Expected = "refuse" }},
		{"orders that do not add up", "complete: found 2101 orders kept", func(m *Migration) { m.Orders.Complete.Kept++ }},
		{"breaks that do not add up", "complete.lost: found 421, wanted 420", func(m *Migration) { m.Orders.Complete.Kept--; m.Orders.Complete.Lost++ }},
		{"short orders that do not add up", "short: found 13 orders", func(m *Migration) { m.Orders.Short.Kept++ }},
		{"a count below 0", "complete.kept: found -1", func(m *Migration) { m.Orders.Complete.Kept = -1 }},
		{"a break left out", "complete.lost: found 420", func(m *Migration) { m.Orders.Complete.Breaks = m.Orders.Complete.Breaks[1:] }},
		{"breaks out of order", "breaks[1].stages: found out of order", func(m *Migration) { b := m.Orders.Complete.Breaks; b[0], b[1] = b[1], b[0] }},
		{"a break of no orders", "orders: found 0", func(m *Migration) { m.Orders.Complete.Breaks[0].Orders = 0 }},
		{"a break in a state that connects", "found a state that connects", func(m *Migration) {
			m.Orders.Short.Breaks[3].Stages, m.Orders.Short.Breaks[3].Example = goalStage, nil
		}},
		{"an example that leads elsewhere", "example: found steps to", func(m *Migration) {
			b := &m.Orders.Complete.Breaks[0]
			b.Example = b.Example[:1]
		}},
		{"an example that is lost before", "from a state that does not connect", func(m *Migration) { slices.Reverse(m.Orders.Short.Breaks[2].Example) }},
		{"an example that begins elsewhere", "where the piece is by then", func(m *Migration) { slices.Reverse(m.Orders.Complete.Breaks[0].Example) }},
		{"an example by other strides", "found a step by 2 stages", func(m *Migration) {
			m.Orders.Complete.Breaks[0].Example = m.Orders.Short.Breaks[0].Example
		}},
		{"a step back", "wanted one forward", func(m *Migration) { m.Before[0].First.To = "cn" }},
		{"a pair that the order does not hold to", "before[0]: found what the recommended order", func(m *Migration) {
			b := &m.Before[0]
			b.First, b.Then = b.Then, b.First
		}},
		{"a pair of no step of the order", "before[0]: found what the recommended order", func(m *Migration) { m.Before[0].First = MigrationStep{"felixSetting", "cn", "uri"} }},
		{"no pair, and yet enough", "beforeSuffices: found true", func(m *Migration) { m.Before = nil }},
		{"not enough, and yet it is", "beforeSuffices: found false", func(m *Migration) { m.BeforeSuffices = false }},
		{"no order, where there are some", "found an order false, wanted one true", func(m *Migration) { m.Recommended, m.Before, m.BeforeSuffices = nil, nil, false }},
		{"an order that stops", "recommended: found steps to", func(m *Migration) { r := &m.Recommended[1]; r.Steps = r.Steps[:len(r.Steps)-1] }},
		{"an order with a step twice", "where the piece is by then", func(m *Migration) { r := &m.Recommended[1]; r.Steps = append(r.Steps, step) }},
		{"an order by other strides", "found a step by 2 stages", func(m *Migration) {
			m.Recommended[1].Steps[0], m.Recommended[0].Steps = MigrationStep{"typhaSetting", "cn", "uri"}, m.Recommended[0].Steps[:1]
		}},
		{"one phase, where order matters", "found a phase that may pass", func(m *Migration) {
			m.Recommended = []MigrationPhase{{slices.Concat(m.Recommended[0].Steps, m.Recommended[1].Steps)}}
		}},
		{"a phase of nothing", "found none, wanted a step", func(m *Migration) { m.Recommended = append(m.Recommended, MigrationPhase{}) }},
		{"another piece", "piece: found \"typha\"", func(m *Migration) { m.Before[0].First.Piece = "typha" }},
		{"another stage", "felixSetting: found \"\"", func(m *Migration) { m.States[3].Stages.FelixSetting = "" }},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := sample()
			c.edit(r.Migration)
			err := r.Write(new(bytes.Buffer))
			if err == nil || !strings.Contains(err.Error(), "migration") || !strings.Contains(err.Error(), c.text) {
				t.Errorf("found %v, wanted it to tell of %q", err, c.text)
			}
			data, err := encode(r.tidy())
			if err != nil {
				t.Fatal(err)
			}
			if _, err := Read(bytes.NewReader(data)); err == nil {
				t.Error("Read takes it")
			}
		})
	}
}

// What was observed decides only where it was proven.
func TestMigrationObservedIsProven(t *testing.T) {
	r := observed()
	i := slices.IndexFunc(r.Results, func(x Result) bool { return x.ID == r.Migration.States[0].ID })
	r.Results[i].Outcome = Unproven
	r.Conclude(r.IDs())
	if err := r.Write(new(bytes.Buffer)); err == nil || !strings.Contains(err.Error(), "migration.states[0]: found "+r.Results[i].ID+" to be unproven") {
		t.Errorf("found %v, wanted it to tell of the result that is unproven", err)
	}
}

// A copy that is made tidy shares no list with the report, and has none that is null.
func TestMigrationIsCopied(t *testing.T) {
	r := sample()
	before := fmt.Sprintf("%+v", *r.Migration)
	m := r.tidy().Migration
	m.States[0].ID, m.Before[0].First.To, m.Recommended[0].Steps[0].To = "", "", ""
	m.Orders.Complete.Breaks[0].Example[0].To, m.Orders.Short.Breaks[0].Example[0].To = "", ""
	if after := fmt.Sprintf("%+v", *r.Migration); after != before {
		t.Error("an edit of the copy changes the report")
	}
	m = (&Migration{Recommended: []MigrationPhase{{}}, Orders: MigrationRoutes{Short: MigrationOrders{Breaks: []MigrationBreak{{}}}}}).tidy()
	if m.States == nil || m.Before == nil || m.Recommended[0].Steps == nil || m.Orders.Complete.Breaks == nil || m.Orders.Short.Breaks[0].Example == nil {
		t.Errorf("found null in %+v", m)
	}
}

// The section is short, whatever the migration holds.
func TestTextOfMigrationIsShort(t *testing.T) {
	p := &page{}
	m := halfway("a")
	m.BeforeSuffices = false
	for range 7 {
		m.Before = append(m.Before, m.Before[0])
		m.Recommended = append(m.Recommended, m.Recommended[1])
	}
	p.migration(m)
	if lines := strings.Count(p.String(), "\n"); lines > 15 || !strings.Contains(p.String(), "… and 5 phases more") || !strings.Contains(p.String(), "… and 4 pairs more") {
		t.Errorf("found %d lines, wanted a short section that says what it leaves out:\n%s", lines, p.String())
	}
}
