package audit_test

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/calico-tls/conformance/fixtures"
	"github.com/calico-tls/conformance/harness"
	"github.com/calico-tls/conformance/harness/handshake"
	"github.com/calico-tls/conformance/harness/matrix"
	"github.com/calico-tls/conformance/harness/oracle"
	"github.com/calico-tls/conformance/pki"
	"github.com/calico-tls/conformance/suites/conformance"
)

// What rules are about that no case poses yet.
const (
	overTime  = "it is about what happens over time: floods, resumption, rotation, expiry"
	elsewhere = "it is about another port or program than those of the link"
)

// unposed are the rules of the links that exist that no case poses yet, each with the reason.
var unposed = map[string]string{
	"TYPHA-13": overTime, "TYPHA-14": overTime, "TYPHA-16": overTime, "TYPHA-20": overTime, "TYPHA-21": overTime,
	"TYPHA-22": overTime, "TYPHA-23": overTime, "TYPHA-24": overTime, "TYPHA-25": overTime, "TYPHA-27": overTime, "TYPHA-28": overTime,
	"TYPHA-29": overTime, "TYPHA-33": overTime, "TYPHA-34": elsewhere, "TYPHA-35": elsewhere, "TYPHA-36": elsewhere,
	"FELIX-15": overTime, "FELIX-16": overTime,
	"FELIX-22": elsewhere, "FELIX-23": elsewhere,
}

// posed are the groups of rules of which each has a case, but for those that are unposed.
var posed = []string{"IDENT", "TYPHA", "FELIX", "CONF", "KAPI", "ETCD"}

// predictions are the expectations of each case of every profile.
func predictions(t *testing.T) map[matrix.Case]oracle.Expectation {
	t.Helper()
	all, err := predicted()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

var predicted = sync.OnceValues(func() (map[matrix.Case]oracle.Expectation, error) {
	everyProfile, ok := conformance.ProfileNamed("all")
	if !ok {
		return nil, errors.New("wanted a profile of all cases, found none")
	}
	all := map[matrix.Case]oracle.Expectation{}
	for _, l := range harness.Links {
		for _, c := range everyProfile.Cases(l.Link, matrix.Strategies[0]) {
			e, err := oracle.Predict(l.Link, c)
			if err != nil {
				return nil, err
			}
			all[c] = e
		}
	}
	return all, nil
})

func TestRulesHaveCases(t *testing.T) {
	t.Parallel()
	cases := map[string]int{}
	for _, e := range predictions(t) {
		for _, id := range e.Rules {
			cases[id]++
			if _, err := fixtures.RuleNamed(id); err != nil {
				t.Error(err)
			}
		}
	}
	rules, err := fixtures.Rules()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rules {
		reason, excused := unposed[r.ID]
		switch due := slices.Contains(posed, r.Group()); {
		case excused && cases[r.ID] > 0:
			t.Errorf("%s has %d cases, though it is said to have none: %s", r.ID, cases[r.ID], reason)
		case due && !excused && cases[r.ID] == 0:
			t.Errorf("%s has no case: %s", r.ID, r.Text)
		}
	}
}

// TestRulesHaveCasesInEachDirection: where a rule says what must become of its cases, there is a case of each.
func TestRulesHaveCasesInEachDirection(t *testing.T) {
	t.Parallel()
	found := map[string][]string{}
	for _, e := range predictions(t) {
		for _, id := range e.Rules {
			found[id] = append(found[id], string(e.Outcome))
		}
	}
	rules, err := fixtures.Rules()
	if err != nil {
		t.Fatal(err)
	}
	directed := 0
	for _, r := range rules {
		for _, outcome := range r.Outcomes {
			directed++
			if !slices.Contains(found[r.ID], outcome) {
				t.Errorf("%s has no case with the outcome %s: %s", r.ID, outcome, r.Text)
			}
		}
	}
	if directed == 0 {
		t.Error("wanted rules that say what must become of their cases, found none")
	}
}

// TestRefusalsAreControlled: whoever must refuse is seen to accept, by the same start; where nobody can be accepted by
// it, the twin of each refusal is accepted by another start that differs in the setting alone.
func TestRefusalsAreControlled(t *testing.T) {
	t.Parallel()
	expected := predictions(t)
	cases := slices.SortedFunc(maps.Keys(expected), func(a, b matrix.Case) int { return strings.Compare(a.ID(), b.ID()) })
	for _, b := range harness.Plan(cases) {
		accepts := func(c matrix.Case) bool {
			o := expected[c].Outcome
			return o == handshake.Accept || o == handshake.Plaintext
		}
		if slices.ContainsFunc(b.Cases, accepts) {
			continue
		}
		for _, c := range b.Cases {
			e := expected[c]
			if e.Outcome != handshake.Refuse {
				continue
			}
			if e.Twin == nil || !accepts(*e.Twin) {
				t.Errorf("%s is refused by a start that accepts nobody, and no accepted twin shows that it could", c.ID())
			}
		}
	}
}

func TestVariantsHaveCases(t *testing.T) {
	t.Parallel()
	shown := map[string]map[handshake.Outcome]int{}
	for c, e := range predictions(t) {
		for _, name := range []string{c.Client, c.Server} {
			if shown[name] == nil {
				shown[name] = map[handshake.Outcome]int{}
			}
			shown[name][e.Outcome]++
		}
	}
	for _, v := range pki.Variants {
		if len(shown[v.Name]) == 0 {
			t.Errorf("the variant %s is in no case", v.Name)
		}
		if v.Breaks != "" && !v.Setting && shown[v.Name][handshake.Refuse] == 0 {
			t.Errorf("the variant %s breaks %s, and no case is refused for it", v.Name, v.Breaks)
		}
		for _, id := range v.Rules {
			if _, err := fixtures.RuleNamed(id); err != nil {
				t.Errorf("the variant %s: %v", v.Name, err)
			}
		}
	}
}

// TestChecksHaveBothAnswers: each check has cases that fail it, on each side that can be asked.
func TestChecksHaveBothAnswers(t *testing.T) {
	t.Parallel()
	type question struct {
		check pki.Check
		by    handshake.Side
	}
	asked := map[question]int{}
	for _, e := range predictions(t) {
		asked[question{e.Check, e.By}]++
	}
	for _, check := range pki.Checks {
		for _, by := range []handshake.Side{handshake.Server, handshake.Client} {
			// A server always shows a certificate, and no client heeds a revocation list.
			silent := by == handshake.Client && (check == pki.CheckPresence || check == pki.CheckRevocation)
			if got := asked[question{check, by}]; (got == 0) != silent {
				t.Errorf("%s by the %s: found %d cases", check, by, got)
			}
		}
	}
}

func TestDeviationsCoverCases(t *testing.T) {
	t.Parallel()
	known, err := fixtures.Deviations()
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range known {
		covered := false
		for c := range predictions(t) {
			covered = covered || d.Matches(c.ID(), d.Implementation, "v3.31.0")
		}
		if !covered {
			t.Errorf("the deviation of %s covers no case", d.Case)
		}
	}
}
