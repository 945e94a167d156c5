package conformance

import (
	"fmt"
	"strings"

	"github.com/onsi/gomega/types"

	"github.com/calico-tls/conformance/fixtures"
	"github.com/calico-tls/conformance/reports"
)

// Conform returns a Gomega matcher of a [reports.Result]: it holds if the subject conforms, deviates as it is known to,
// or deviates at a level that does not bind in a run of this strictness. Its failure message shows what was wanted and
// the accounts of both sides beside each other.
func Conform(s Strictness) types.GomegaMatcher { return &conform{s} }

// Strictness says which levels bind.
type Strictness string

// The strictnesses.
const (
	// Musts: a MUST that deviates fails.
	Musts Strictness = "must"
	// Shoulds: a SHOULD that deviates fails as well.
	Shoulds Strictness = "should"
)

type conform struct{ strictness Strictness }

// Match takes a reports.Result.
func (m *conform) Match(actual any) (bool, error) {
	r, ok := actual.(reports.Result)
	if !ok {
		return false, fmt.Errorf("Conform wants a reports.Result, found %T", actual)
	}
	switch r.Outcome {
	case reports.Conforms, reports.Skipped:
		return true, nil
	case reports.Deviates:
		binds := r.Level == reports.Must || r.Level == reports.Should && m.strictness == Shoulds
		return r.KnownDeviation != "" || !binds, nil
	case reports.Unproven, reports.Broken:
		return false, nil
	}
	return false, nil
}

// FailureMessage shows the result.
func (m *conform) FailureMessage(actual any) string {
	r, ok := actual.(reports.Result)
	if !ok {
		return fmt.Sprintf("Conform wants a reports.Result, found %T", actual)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s\n%s\n", r.ID, r.Outcome, r.Why)
	for _, id := range r.Rules {
		if rule, err := fixtures.RuleNamed(id); err == nil {
			fmt.Fprintf(&b, "%s (%s): %s\n", id, rule.Level, strings.TrimSpace(rule.Text))
		}
	}
	fmt.Fprintf(&b, "wanted  %s\nfound   %s\n\n", behaviour(r.Expected), behaviour(r.Observed))
	beside(&b, []string{"client", "server"}, lines(r.Client), lines(r.Server))
	return b.String()
}

// NegatedFailureMessage shows the result.
func (m *conform) NegatedFailureMessage(actual any) string {
	return "wanted a result that does not conform:\n" + m.FailureMessage(actual)
}

func behaviour(b reports.Behaviour) string {
	text := b.Outcome
	if b.By != "" {
		text += fmt.Sprintf(", by the %s, for %s", b.By, b.Check)
	}
	if b.Identity != "" {
		text += fmt.Sprintf(", as %q", b.Identity)
	}
	if text == "" {
		return "nothing that could be told"
	}
	return text
}

func lines(a reports.Account) []string {
	var all []string
	for _, part := range []struct{ name, value string }{
		{"claim", a.Claim}, {"phase", a.Phase}, {"check", a.Failed}, {"alert", a.AlertReceived}, {"error", a.Error},
	} {
		if part.value != "" {
			all = append(all, fmt.Sprintf("%-6s %s", part.name, part.value))
		}
	}
	if len(all) == 0 {
		all = []string{"(said nothing)"}
	}
	return all
}

// column is the width of a side's account.
const column = 58

func beside(b *strings.Builder, heads []string, left, right []string) {
	row := func(l, r string) { fmt.Fprintf(b, "  %-*.*s  %s\n", column, column, l, r) }
	row(heads[0], heads[1])
	for i := range max(len(left), len(right)) {
		row(at(left, i), at(right, i))
	}
}

func at(all []string, i int) string {
	if i < len(all) {
		return all[i]
	}
	return ""
}
