package reports

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
)

// Asked is what a suite asks of a target: what [Verify] holds a report against.
type Asked struct {
	// Version is the suite's version.
	Version string
	// Cases are all cases of the report's profile and strategy, with their rules, levels and expectations.
	Cases []Result
	// Due are the IDs of those that the target is due, and Inapplicable of those that can't be put to its version; Due is
	// nil if the report's digest is that of no such list.
	Due, Inapplicable []string
	// Coverage is what the judged cases cover.
	Coverage map[string]Coverage
	// Known reports whether a deviation of a case is on record for that reason.
	Known func(id, reason string) bool
}

// What one can do about a report that does not verify.
const (
	hintAnother = "verify it with the tlsconform that wrote it"
	hintForged  = "ask for the report as `tlsconform run` wrote it, or run again"
)

// Verify reads a report and says whether it is one that the suite could have written: whole, counted right, claiming
// what follows from its results, about cases of this suite with this suite's rules, levels and expectations, told alike
// by verdict and accounts, and without a private key. asked is called with the report, once it is known to be one. It
// can't tell who wrote a report, or that a run took place. The error is an [*InvalidError], or what asked returns.
func Verify(from io.Reader, asked func(*Report) (Asked, error)) (*Report, error) {
	r, err := Read(from)
	if err != nil {
		return nil, err
	}
	a, err := asked(r)
	if err != nil {
		return nil, err
	}
	if r.Suite.Version != a.Version {
		return nil, unverified(hintAnother, fmt.Errorf("suite.version: found %q, and this is %q", r.Suite.Version, a.Version))
	}
	if err := a.verify(r); err != nil {
		return nil, unverified(hintForged, err)
	}
	return r, nil
}

func unverified(hint string, err error) error {
	return &InvalidError{Doing: "verifying a report", Err: err, hint: hint}
}

func (a Asked) verify(r *Report) error {
	if encoded, err := encode(r); err != nil || bytes.Contains(encoded, []byte(keyMark)) {
		return errors.Join(err, errors.New("report: holds a private key"))
	}
	cases := make(map[string]Result, len(a.Cases))
	for _, c := range a.Cases {
		cases[c.ID] = c
	}
	for i, result := range r.Results {
		at := fmt.Sprintf("results[%d] (%s)", i, result.ID)
		asked, ok := cases[result.ID]
		if !ok {
			return fmt.Errorf("%s: the suite has no such case in profile %s by strategy %s", at, r.Profile, r.Strategy)
		}
		if err := result.asAsked(at, asked); err != nil {
			return err
		}
		if err := result.story(at); err != nil {
			return err
		}
		if result.KnownDeviation != "" && !a.Known(result.ID, result.KnownDeviation) {
			return fmt.Errorf("%s.knownDeviation: found %q, which is not on record for this case and version", at, result.KnownDeviation)
		}
	}
	return a.verifySet(r)
}

// verifySet asks whether the report is about the cases that are due, no more and no fewer.
func (a Asked) verifySet(r *Report) error {
	if a.Due == nil {
		return fmt.Errorf("suite.caseSetDigest: found %s, which is that of no case set of profile %s by strategy %s",
			r.Suite.CaseSetDigest, r.Profile, r.Strategy)
	}
	if found, wanted := r.Suite.Cases, len(a.Due); found != wanted {
		return fmt.Errorf("suite.cases: found %d, wanted %d, as the case-set digest stands for", found, wanted)
	}
	due := make(map[string]bool, len(a.Due))
	for _, id := range a.Due {
		due[id] = true
	}
	for i, result := range r.Results {
		if !due[result.ID] {
			return fmt.Errorf("results[%d] (%s): found a case that is not due", i, result.ID)
		}
	}
	var inapplicable []string
	for _, x := range r.Inapplicable {
		inapplicable = append(inapplicable, x.ID)
	}
	if !slices.Equal(inapplicable, a.Inapplicable) {
		return fmt.Errorf("inapplicable: found %s, wanted %d, as the case-set digest stands for", count(len(inapplicable), "case"), len(a.Inapplicable))
	}
	wanted := (&Report{Coverage: a.Coverage}).tidy().Coverage
	if !reflect.DeepEqual(r.Coverage, wanted) {
		return errors.New("coverage: found another than the results cover")
	}
	return nil
}

// asAsked asks whether a result states rules, level and expectation as the suite does.
func (r Result) asAsked(at string, asked Result) error {
	switch {
	case r.Expected != asked.Expected:
		return fmt.Errorf("%s.expected: found that it must be %s, wanted %s", at, r.Expected.words(), asked.Expected.words())
	case r.Level != asked.Level:
		return fmt.Errorf("%s.level: found %s, wanted %s", at, r.Level, asked.Level)
	case !slices.Equal(r.Rules, asked.Rules):
		return fmt.Errorf("%s.rules: found %v, wanted %v", at, r.Rules, asked.Rules)
	}
	return nil
}

// story asks whether what was seen is what the accounts tell, and the verdict what follows from that.
func (r Result) story(at string) error {
	if !r.judged() {
		return nil
	}
	if r.Outcome == Conforms && (r.Observed.Check != r.Expected.Check || r.Observed.Identity != "" && r.Observed.Identity != r.Expected.Identity) {
		return fmt.Errorf("%s.outcome: found %q, though what was seen is that it was %s, and it must be %s", at, r.Outcome, r.Observed.words(), r.Expected.words())
	}
	if !r.told() {
		return fmt.Errorf("%s.observed: found that it was %s, though the accounts tell otherwise (client %s; server %s)",
			at, r.Observed.words(), r.Client.words(), r.Server.words())
	}
	return nil
}

// told reports whether the accounts tell what is said to have been seen. Of two sides of which one refuses the other, the
// refused one may call it a failure, or the refusing one say that it was left.
func (r Result) told() bool {
	client, server := r.Client.Claim, r.Server.Claim
	refused := map[string]string{"client": server, "server": client}[r.Observed.By]
	switch r.Observed.Outcome {
	case "accept", "plaintext":
		return client == "accepted" && server == "accepted"
	case "refuse":
		return client != "accepted" && server != "accepted" && client+server != "" && refused != "refused"
	case "not-started":
		return client != "accepted" && server != "accepted"
	}
	return false
}
