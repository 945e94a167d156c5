package reports

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// The types of an in-toto statement (in-toto Attestation Framework, v1) and of its predicate about tests.
const (
	inTotoStatement  = "https://in-toto.io/Statement/v1"
	inTotoTestResult = "https://in-toto.io/attestation/test-result/v0.1"
)

// hintNoDigest is what to do about a report of which no statement can be made.
const hintNoDigest = "judge images or binaries: an endpoint has no digest"

// The parts of a statement that a report needs. The framework's own types are made for protobuf, and much larger; a test
// holds these against them.
type (
	statement struct {
		Type          string       `json:"_type"`
		Subject       []descriptor `json:"subject"`
		PredicateType string       `json:"predicateType"`
		Predicate     testResult   `json:"predicate"`
	}
	descriptor struct {
		Name        string            `json:"name"`
		Digest      map[string]string `json:"digest"`
		Annotations map[string]any    `json:"annotations,omitempty"`
	}
	testResult struct {
		Result        string       `json:"result"`
		Configuration []descriptor `json:"configuration"`
		Passed        []string     `json:"passedTests"`
		Warned        []string     `json:"warnedTests"`
		Failed        []string     `json:"failedTests"`
	}
)

// inTotoResults say what a claim comes to. A run that did not judge every case due has not shown what a pass stands for.
var inTotoResults = map[Claim]string{
	Conformant: "PASSED", ConformantWithDeviations: "WARNED", Incomplete: "FAILED", Nonconformant: "FAILED",
}

// renderInToto writes a test-result statement about the components that have a digest. A case that conforms has passed;
// one that deviates and fails no run has warned; one that fails a run, or could not be judged, has failed; one that was
// skipped is in no list. It returns an [*InvalidError] for a report of which no component has a digest.
func renderInToto(w io.Writer, r *Report, o Options) error {
	r, err := r.ready()
	if err != nil {
		return err
	}
	s := statement{
		Type: inTotoStatement, PredicateType: inTotoTestResult, Predicate: testResult{
			Result:        inTotoResults[r.Claim],
			Configuration: []descriptor{caseSet(r)},
			Passed:        []string{}, Warned: []string{}, Failed: []string{},
		},
	}
	for _, c := range r.Target.Components {
		if c.Digest != "" {
			s.Subject = append(s.Subject, descriptor{
				Name: c.Role, Digest: digestOf(c.Digest),
				Annotations: map[string]any{"implementation": c.Implementation, "version": c.Version, "way": c.Way},
			})
		}
	}
	if len(s.Subject) == 0 {
		return &InvalidError{
			Doing: "writing an in-toto statement", hint: hintNoDigest,
			Err: errors.New("wanted a component with a digest for it to be about, found none"),
		}
	}
	p := &s.Predicate
	for _, x := range r.Results {
		switch {
		case x.Outcome == Skipped:
		case x.Outcome == Conforms:
			p.Passed = append(p.Passed, x.ID)
		case x.judged() && !x.fails(Gate{Strict: o.Strict}):
			p.Warned = append(p.Warned, x.ID)
		default:
			p.Failed = append(p.Failed, x.ID)
		}
	}
	if o.Strict && len(p.Failed) > 0 {
		p.Result = inTotoResults[Nonconformant]
	}
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(s); err != nil {
		return fmt.Errorf("writing an in-toto statement: %w", err)
	}
	return nil
}

// caseSet describes which cases were due: what the tests were run with.
func caseSet(r *Report) descriptor {
	return descriptor{
		Name: "cases", Digest: digestOf(r.Suite.CaseSetDigest),
		Annotations: map[string]any{
			"suite": r.Suite.Version, "profile": r.Profile, "strategy": r.Strategy, "launch": r.Target.Launch,
			"claim": string(r.Claim), "due": r.Suite.Cases,
		},
	}
}

// digestOf splits "sha256:…".
func digestOf(digest string) map[string]string {
	algorithm, value, _ := strings.Cut(digest, ":")
	return map[string]string{algorithm: value}
}
