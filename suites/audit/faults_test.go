package audit_test

import (
	"slices"
	"testing"

	"github.com/calico-tls/conformance/fixtures"
	"github.com/calico-tls/conformance/harness/component/stub"
)

// leastFaults is how many faults there are at least.
const leastFaults = 45

func TestFaultsTellWhatTheyBreak(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, f := range stub.Faults {
		if seen[f.Name] {
			t.Errorf("there are two faults %s", f.Name)
		}
		seen[f.Name] = true
		if f.Text == "" || len(f.Breaks) == 0 {
			t.Errorf("%s does not tell what it does wrong, or which rule that breaks", f.Name)
		}
		for _, rule := range f.Breaks {
			if _, err := fixtures.RuleNamed(rule); err != nil {
				t.Errorf("%s: %v", f.Name, err)
			}
		}
	}
	if len(seen) < leastFaults {
		t.Errorf("wanted %d faults or more, found %d", leastFaults, len(seen))
	}
	for _, c := range choices {
		if !slices.ContainsFunc(stub.Faults, func(f stub.Fault) bool { return f.Name == c.fault }) {
			t.Errorf("cases are chosen for %s, which is no fault", c.fault)
		}
	}
}
