package reports

import (
	"encoding/json"
	"errors"
	"io"
	"slices"
	"testing"

	results "github.com/in-toto/attestation/go/predicates/test_result/v0"
	attestation "github.com/in-toto/attestation/go/v1"
	"google.golang.org/protobuf/encoding/protojson"
)

// TestInTotoStatementsAreValid reads statements with the framework's own types, which know every field and refuse others.
func TestInTotoStatementsAreValid(t *testing.T) {
	deviating := clean()
	i := slices.IndexFunc(deviating.Results, func(x Result) bool { return x.Expected.Outcome == "refuse" })
	x := &deviating.Results[i]
	x.Outcome, x.Level, x.Observed = Deviates, Should, Behaviour{Outcome: "accept"}
	deviating.Conclude(deviating.IDs())
	for _, c := range []struct {
		name                   string
		r                      *Report
		o                      Options
		result                 string
		passed, warned, failed int
	}{
		{"sample", sample(), Options{}, "FAILED", 5, 4, 5},
		{"clean", clean(), Options{}, "PASSED", len(clean().Results), 0, 0},
		{"a SHOULD deviates", deviating, Options{}, "WARNED", len(clean().Results) - 1, 1, 0},
		{"a SHOULD deviates, strictly", deviating, Options{Strict: true}, "FAILED", len(clean().Results) - 1, 0, 1},
		{"empty", empty(), Options{}, "FAILED", 0, 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			var s attestation.Statement
			if err := protojson.Unmarshal(rendered(t, "in-toto", c.r, c.o), &s); err != nil {
				t.Fatal(err)
			}
			if err := s.Validate(); err != nil {
				t.Error(err)
			}
			predicate, err := json.Marshal(s.GetPredicate())
			if err != nil {
				t.Fatal(err)
			}
			var p results.TestResult
			if err := protojson.Unmarshal(predicate, &p); err != nil {
				t.Fatal(err)
			}
			if s.GetPredicateType() != inTotoTestResult || len(p.GetConfiguration()) == 0 || p.GetConfiguration()[0].Validate() != nil {
				t.Errorf("found the predicate type %s and the configuration %v", s.GetPredicateType(), p.GetConfiguration())
			}
			passed, warned, failed := len(p.GetPassedTests()), len(p.GetWarnedTests()), len(p.GetFailedTests())
			if p.GetResult() != c.result || passed != c.passed || warned != c.warned || failed != c.failed {
				t.Errorf("found %s with %d passed, %d warned and %d failed, wanted %s with %d, %d and %d",
					p.GetResult(), passed, warned, failed, c.result, c.passed, c.warned, c.failed)
			}
		})
	}
}

func TestEachClaimHasAnInTotoResult(t *testing.T) {
	for _, claim := range claims {
		if inTotoResults[claim] == "" {
			t.Errorf("%s has none", claim)
		}
	}
}

func TestInTotoStatementNeedsADigest(t *testing.T) {
	r := clean()
	for i := range r.Target.Components {
		r.Target.Components[i].Digest = ""
	}
	err := renderInToto(io.Discard, r, Options{})
	if invalid, ok := errors.AsType[*InvalidError](err); !ok || invalid.Hint() != hintNoDigest {
		t.Errorf("found the error %v, wanted one that says that there is no digest", err)
	}
}
