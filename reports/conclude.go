package reports

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
)

// The exit codes that follow from a report. 3 stands for usage and settings, where there is no report.
const (
	// ExitExpected: everything selected was judged, and nothing fails.
	ExitExpected = 0
	// ExitFailed: a verdict failed, or a known deviation is stale.
	ExitFailed = 1
	// ExitUnjudged: something selected could not be judged.
	ExitUnjudged = 2
	// ExitPartial: the run was stopped early.
	ExitPartial = 4
)

// Gate says what a run is held to.
type Gate struct {
	// Selected are the IDs of the cases that were to run.
	Selected []string
	// Strict makes a SHOULD that deviates fail.
	Strict bool
}

// Digest returns "sha256:…" over the IDs, sorted, each followed by a line feed. A repeated ID counts twice, so that a
// list in which one case stands for another doesn't pass for the whole.
func Digest(ids []string) string {
	hash := sha256.New()
	for _, id := range slices.Sorted(slices.Values(ids)) {
		_, _ = io.WriteString(hash, id+"\n") // a hash never fails to take what is written
	}
	return "sha256:" + hex.EncodeToString(hash.Sum(nil))
}

// Summarise counts the results.
func Summarise(results []Result) Summary {
	var s Summary
	for _, r := range results {
		s.add(r)
	}
	return s
}

func (s *Summary) add(r Result) {
	switch r.Outcome {
	case Conforms:
		s.Conforms++
	case Deviates:
		if r.KnownDeviation != "" {
			s.KnownDeviations++
		} else {
			s.Deviates++
		}
	case Unproven:
		s.Unproven++
	case Skipped:
		s.Skipped++
	case Broken:
		s.Broken++
	}
}

// Conclude takes the IDs of all cases that were due, whatever was selected of them, sorts what the report lists, and
// fills in what follows from it: schema version, case-set digest, counts and claim. It comes last, before the report is
// written or rendered.
func (r *Report) Conclude(due []string) {
	*r = *r.tidy()
	r.SchemaVersion = SchemaVersion
	r.Suite.CaseSetDigest, r.Suite.Cases = Digest(due), len(due)
	r.Summary = Summarise(r.Results)
	r.Claim = r.DeriveClaim()
}

// IDs returns the IDs of the results, in their order.
func (r *Report) IDs() []string {
	ids := make([]string, len(r.Results))
	for i, result := range r.Results {
		ids[i] = result.ID
	}
	return ids
}

// DeriveClaim returns the claim that follows from the results and the case-set digest; it reads neither Claim nor
// Summary. A MUST that deviates unknown settles it, however little ran. Short of that, a run that left out, repeated or
// could not judge a case is incomplete, whatever the case's level. Any known deviation, and a SHOULD that deviates,
// qualifies the claim; a MAY or OBS that changed doesn't.
func (r *Report) DeriveClaim() Claim {
	if slices.ContainsFunc(r.Results, func(x Result) bool { return x.fails(Gate{}) }) {
		return Nonconformant
	}
	if len(r.shortfall()) > 0 {
		return Incomplete
	}
	if slices.ContainsFunc(r.Results, Result.qualifies) {
		return ConformantWithDeviations
	}
	return Conformant
}

// fails reports whether the verdict fails a run. A level that isn't known binds as MUST does.
func (r Result) fails(g Gate) bool {
	if r.Outcome != Deviates || r.KnownDeviation != "" {
		return false
	}
	switch r.Level {
	case May, Obs:
		return false
	case Should:
		return g.Strict
	case Must:
		return true
	}
	return true
}

// qualifies reports whether the result turns a claim into one with deviations.
func (r Result) qualifies() bool {
	return r.Outcome == Deviates && (r.KnownDeviation != "" || r.Level == Should)
}

// judged reports whether the case has a verdict that rests on evidence.
func (r Result) judged() bool { return r.Outcome == Conforms || r.Outcome == Deviates }

// shortfall says, in a few words each, what is missing to a complete run.
func (r *Report) shortfall() []string {
	var missing []string
	if r.Stopped != "" {
		missing = append(missing, "stopped early: "+string(r.Stopped))
	}
	if ran := len(r.Results); ran == 0 {
		missing = append(missing, "no case ran")
	} else if Digest(r.IDs()) != r.Suite.CaseSetDigest {
		missing = append(missing, fmt.Sprintf("the %s run are not the %d due", count(ran, "case"), r.Suite.Cases))
	}
	var unjudged int
	for _, result := range r.Results {
		if !result.judged() {
			unjudged++
		}
	}
	if unjudged > 0 {
		missing = append(missing, count(unjudged, "case")+" not judged")
	}
	return missing
}

// ExitCode returns the exit code of a run. Where several apply:
//
//   - ExitFailed wins over all: a verdict rests on its own evidence, which nothing that broke elsewhere undoes, and who
//     lets unjudged runs pass must not let this one.
//   - An interrupt comes next, as it breaks the cases that it cuts.
//   - ExitUnjudged wins over a spent budget, which breaks nothing: unproven and broken cases, and those selected that
//     have no result, or more than one. A run in which nothing was judged is unjudged too, so that an empty run and one
//     of skipped cases alone don't look like success.
//   - ExitPartial stands for a budget that was spent.
//
// Skipped cases, and a selection smaller than the case set, leave the code alone; the claim tells of them.
func (g Gate) ExitCode(r *Report) int {
	failed := slices.ContainsFunc(r.Results, func(x Result) bool { return x.fails(g) })
	switch {
	case failed || len(r.StaleDeviations) > 0:
		return ExitFailed
	case r.Stopped == Interrupted:
		return ExitPartial
	case g.unjudged(r):
		return ExitUnjudged
	case r.Stopped != "":
		return ExitPartial
	}
	return ExitExpected
}

func (g Gate) unjudged(r *Report) bool {
	var judged bool
	for _, result := range r.Results {
		if !result.judged() && result.Outcome != Skipped {
			return true
		}
		judged = judged || result.judged()
	}
	if !g.accounts(r) {
		return true
	}
	return !judged && r.Stopped == ""
}

// accounts reports whether there is one result for each case selected; after an early stop, at most one.
func (g Gate) accounts(r *Report) bool {
	ids := r.IDs()
	if r.Stopped == "" {
		return Digest(ids) == Digest(g.Selected)
	}
	left := make(map[string]int, len(g.Selected))
	for _, id := range g.Selected {
		left[id]++
	}
	for _, id := range ids {
		if left[id]--; left[id] < 0 {
			return false
		}
	}
	return true
}

func count(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return fmt.Sprintf("%d %s", n, noun)
}
