package audit_test

import (
	"slices"
	"testing"

	"github.com/calico-tls/conformance/fixtures"
	"github.com/calico-tls/conformance/harness"
	"github.com/calico-tls/conformance/harness/handshake"
	"github.com/calico-tls/conformance/harness/matrix"
	"github.com/calico-tls/conformance/harness/oracle"
	"github.com/calico-tls/conformance/pki"
)

// unposed are the rules about identity that no case of a server or a client poses yet, each with the reason.
var unposed = map[string]string{}

// posed are the further rules that have cases.
var posed = []string{
	"TYPHA-01", "TYPHA-02", "TYPHA-03", "TYPHA-04", "TYPHA-05", "TYPHA-11", "TYPHA-15", "TYPHA-17", "TYPHA-18", "TYPHA-19", "TYPHA-26", "TYPHA-37",
	"FELIX-05",
	"CONF-01", "CONF-12", "CONF-13", "CONF-15", "CONF-16", "CONF-17",
}

// predictions are the expectations of each case of core.
func predictions(t *testing.T) map[matrix.Case]oracle.Expectation {
	t.Helper()
	all := map[matrix.Case]oracle.Expectation{}
	for _, l := range harness.Links {
		for _, c := range matrix.Core(l.Link) {
			e, err := oracle.Predict(l.Link, c)
			if err != nil {
				t.Fatal(err)
			}
			all[c] = e
		}
	}
	return all
}

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
		switch due := r.Group() == "IDENT" || slices.Contains(posed, r.ID); {
		case excused && cases[r.ID] > 0:
			t.Errorf("%s has %d cases, though it is said to have none: %s", r.ID, cases[r.ID], reason)
		case due && !excused && cases[r.ID] == 0:
			t.Errorf("%s has no case: %s", r.ID, r.Text)
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
			silent := by == handshake.Client && check == pki.CheckPresence
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
