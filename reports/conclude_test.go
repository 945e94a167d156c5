package reports

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// kindsOfResult names every kind of result that bears on claim and exit code.
var kindsOfResult = map[string]func(id string) Result{
	"conforms":     accepted,
	"conforms-obs": func(id string) Result { return with(accepted(id), Conforms, Obs, "As today.") },
	"must":         deviating,
	"should":       func(id string) Result { return with(deviating(id), Deviates, Should, "No.") },
	"may":          func(id string) Result { return with(deviating(id), Deviates, May, "No.") },
	"obs":          func(id string) Result { return with(deviating(id), Deviates, Obs, "No.") },
	"known-must":   func(id string) Result { return known(deviating(id)) },
	"known-should": func(id string) Result { return known(with(deviating(id), Deviates, Should, "No.")) },
	"known-obs":    func(id string) Result { return known(with(deviating(id), Deviates, Obs, "No.")) },
	"unproven":     func(id string) Result { return with(deviating(id), Unproven, Must, "No.") },
	"unproven-obs": func(id string) Result { return with(deviating(id), Unproven, Obs, "No.") },
	"skipped":      func(id string) Result { return with(deviating(id), Skipped, Must, "No.") },
	"skipped-obs":  func(id string) Result { return with(deviating(id), Skipped, Obs, "No.") },
	"broken":       func(id string) Result { return with(deviating(id), Broken, Must, "No.") },
	"broken-obs":   func(id string) Result { return with(deviating(id), Broken, Obs, "No.") },
	"odd-level":    func(id string) Result { return with(deviating(id), Deviates, "must", "No.") },
	"odd-verdict":  func(id string) Result { return with(deviating(id), "passed", Must, "No.") },
}

func known(r Result) Result {
	r.KnownDeviation = "so it is"
	return r
}

// made returns a concluded report with a result of each kind, and the IDs of them.
func made(kinds ...string) (*Report, []string) {
	r := clean()
	r.Results = nil
	for i, kind := range kinds {
		id := fmt.Sprintf("felix-typha/cn/typha/client=v%02d/server=good/tls1.3", i)
		r.Results = append(r.Results, kindsOfResult[kind](id))
	}
	ids := r.IDs()
	r.Conclude(ids)
	return r, ids
}

func TestClaimAndExitCode(t *testing.T) {
	for _, c := range []struct {
		name         string
		kinds        []string
		claim        Claim
		code, strict int
	}{
		{"all conform", []string{"conforms", "conforms", "conforms-obs"}, Conformant, 0, 0},
		{"a MUST deviates", []string{"conforms", "must"}, Nonconformant, 1, 1},
		{"a SHOULD deviates", []string{"conforms", "should"}, ConformantWithDeviations, 0, 1},
		{"a MAY changed", []string{"conforms", "may"}, Conformant, 0, 0},
		{"an OBS changed", []string{"conforms", "obs"}, Conformant, 0, 0},
		{"nothing but an OBS that changed", []string{"obs"}, Conformant, 0, 0},
		{"a MUST deviates as known", []string{"conforms", "known-must"}, ConformantWithDeviations, 0, 0},
		{"a SHOULD deviates as known", []string{"conforms", "known-should"}, ConformantWithDeviations, 0, 0},
		{"an OBS deviates as known", []string{"conforms", "known-obs"}, ConformantWithDeviations, 0, 0},
		{"unproven", []string{"conforms", "unproven"}, Incomplete, 2, 2},
		{"unproven OBS", []string{"conforms", "unproven-obs"}, Incomplete, 2, 2},
		{"broken", []string{"conforms", "broken"}, Incomplete, 2, 2},
		{"broken OBS", []string{"conforms", "broken-obs"}, Incomplete, 2, 2},
		{"skipped", []string{"conforms", "skipped"}, Incomplete, 0, 0},
		{"skipped OBS", []string{"conforms", "skipped-obs"}, Incomplete, 0, 0},
		{"nothing but skipped", []string{"skipped", "skipped"}, Incomplete, 2, 2},
		{"a MUST deviates and another is broken", []string{"must", "broken"}, Nonconformant, 1, 1},
		{"a MUST deviates and another is unproven", []string{"must", "unproven"}, Nonconformant, 1, 1},
		{"a MUST deviates and another is skipped", []string{"must", "skipped"}, Nonconformant, 1, 1},
		{"a MUST deviates, another as known", []string{"must", "known-must"}, Nonconformant, 1, 1},
		{"a SHOULD deviates and another is broken", []string{"should", "broken"}, Incomplete, 2, 1},
		{"a known deviation and a broken case", []string{"known-must", "broken"}, Incomplete, 2, 2},
		{"a known deviation and a skipped case", []string{"known-must", "skipped"}, Incomplete, 0, 0},
		{"a level that is unknown", []string{"conforms", "odd-level"}, Nonconformant, 1, 1},
		{"a verdict that is unknown", []string{"conforms", "odd-verdict"}, Incomplete, 2, 2},
		{"nothing was due", nil, Incomplete, 2, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, ids := made(c.kinds...)
			if r.Claim != c.claim {
				t.Errorf("claim: found %s, wanted %s", r.Claim, c.claim)
			}
			if found := (Gate{Selected: ids}).ExitCode(r); found != c.code {
				t.Errorf("exit code: found %d, wanted %d", found, c.code)
			}
			if found := (Gate{Selected: ids, Strict: true}).ExitCode(r); found != c.strict {
				t.Errorf("exit code with strict: found %d, wanted %d", found, c.strict)
			}
		})
	}
}

// What ran may be less, more or other than what was due and what was selected.
func TestClaimAndExitCodeOfWhatRan(t *testing.T) {
	other := "felix-typha/cn/typha/client=other/server=good/tls1.3"
	for _, c := range []struct {
		name  string
		kinds []string
		// change makes the run; due and selected start as the IDs of the kinds.
		change func(r *Report, due, selected *[]string)
		claim  Claim
		code   int
	}{
		{
			"a selection smaller than the case set",
			[]string{"conforms"},
			func(_ *Report, due, _ *[]string) { *due = append(*due, other) }, Incomplete, 0,
		},
		{
			"a selected case was lost",
			[]string{"conforms"},
			func(_ *Report, due, selected *[]string) {
				*due, *selected = append(*due, other), append(*selected, other)
			}, Incomplete, 2,
		},
		{
			"a selected case was lost, and a MUST deviates",
			[]string{"must"},
			func(_ *Report, due, selected *[]string) {
				*due, *selected = append(*due, other), append(*selected, other)
			}, Nonconformant, 1,
		},
		{
			"a case has two results in the place of another's",
			[]string{"conforms", "conforms"},
			func(r *Report, _, _ *[]string) { r.Results[1].ID = r.Results[0].ID }, Incomplete, 2,
		},
		{
			"a case ran that was not selected",
			[]string{"conforms", "conforms"},
			func(_ *Report, _, selected *[]string) { *selected = (*selected)[:1] }, Conformant, 2,
		},
		{
			"a case ran that was not due",
			[]string{"conforms", "conforms"},
			func(_ *Report, due, _ *[]string) { *due = (*due)[:1] }, Incomplete, 0,
		},
		{
			"another case of the same number",
			[]string{"conforms"},
			func(_ *Report, due, _ *[]string) { *due = []string{other} }, Incomplete, 0,
		},
		{
			"nothing ran of what was due", nil,
			func(_ *Report, due, selected *[]string) { *due, *selected = []string{other}, []string{other} }, Incomplete, 2,
		},
		{
			"nothing was selected", nil,
			func(_ *Report, due, _ *[]string) { *due = []string{other} }, Incomplete, 2,
		},
		{"interrupted at once", nil, func(r *Report, due, selected *[]string) {
			*due, *selected, r.Stopped = []string{other}, []string{other}, Interrupted
		}, Incomplete, 4},
		{
			"interrupted after the last case",
			[]string{"conforms"},
			func(r *Report, _, _ *[]string) { r.Stopped = Interrupted }, Incomplete, 4,
		},
		{
			"interrupted, with the cases cut",
			[]string{"conforms", "broken"},
			func(r *Report, _, _ *[]string) { r.Stopped = Interrupted }, Incomplete, 4,
		},
		{
			"interrupted, and a MUST deviates",
			[]string{"must", "broken"},
			func(r *Report, _, _ *[]string) { r.Stopped = Interrupted }, Nonconformant, 1,
		},
		{"budget spent", []string{"conforms"}, func(r *Report, due, selected *[]string) {
			*due, *selected, r.Stopped = append(*due, other), append(*selected, other), BudgetSpent
		}, Incomplete, 4},
		{"budget spent before anything was judged", nil, func(r *Report, due, selected *[]string) {
			*due, *selected, r.Stopped = []string{other}, []string{other}, BudgetSpent
		}, Incomplete, 4},
		{
			"budget spent, and a case is broken",
			[]string{"conforms", "broken"},
			func(r *Report, _, _ *[]string) { r.Stopped = BudgetSpent }, Incomplete, 2,
		},
		{
			"budget spent, and a case not selected ran",
			[]string{"conforms", "conforms"},
			func(r *Report, _, selected *[]string) { *selected, r.Stopped = (*selected)[:1], BudgetSpent }, Incomplete, 2,
		},
		{
			"budget spent, and a MUST deviates",
			[]string{"must"},
			func(r *Report, _, _ *[]string) { r.Stopped = BudgetSpent }, Nonconformant, 1,
		},
		{
			"a stale deviation",
			[]string{"conforms"},
			func(r *Report, _, _ *[]string) { r.StaleDeviations = []StaleDeviation{{Cases: "**", Reason: "no"}} }, Conformant, 1,
		},
		{
			"a stale deviation and a broken case",
			[]string{"conforms", "broken"},
			func(r *Report, _, _ *[]string) { r.StaleDeviations = []StaleDeviation{{Cases: "**", Reason: "no"}} }, Incomplete, 1,
		},
		{
			"inapplicable cases aren't due",
			[]string{"conforms"},
			func(r *Report, _, _ *[]string) { r.Inapplicable = []Inapplicable{{ID: other, Reason: "no"}} }, Conformant, 0,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, ids := made(c.kinds...)
			due, selected := slices.Clone(ids), slices.Clone(ids)
			c.change(r, &due, &selected)
			r.Conclude(due)
			if r.Claim != c.claim {
				t.Errorf("claim: found %s, wanted %s", r.Claim, c.claim)
			}
			if found := (Gate{Selected: selected}).ExitCode(r); found != c.code {
				t.Errorf("exit code: found %d, wanted %d", found, c.code)
			}
		})
	}
}

func TestDigest(t *testing.T) {
	const two = "sha256:911169ddaaf146aff539f58c26c489af3b892dff0fe283c1c264c65ae5aa59a2" // printf 'a\nb\n' | sha256sum
	ids := []string{"b", "a"}
	if found := Digest(ids); found != two {
		t.Errorf("found %s, wanted %s", found, two)
	}
	if diff := cmp.Diff([]string{"b", "a"}, ids); diff != "" {
		t.Errorf("the IDs given were changed (-want +got):\n%s", diff)
	}
	seen := map[string][]string{}
	for _, other := range [][]string{nil, {""}, {"a"}, {"a", "a"}, {"a", "b"}, {"a", "b", "b"}, {"a", "a", "b"}, {"ab"}, {"a", "c"}} {
		digest := Digest(other)
		if before, ok := seen[digest]; ok {
			t.Errorf("found the same digest for %q and %q", before, other)
		}
		seen[digest] = other
	}
}

func TestSummarise(t *testing.T) {
	r := sample()
	want := Summary{Conforms: 5, Deviates: 6, Unproven: 1, Skipped: 1, Broken: 1, KnownDeviations: 1}
	if diff := cmp.Diff(want, Summarise(r.Results)); diff != "" {
		t.Errorf("the counts differ (-want +got):\n%s", diff)
	}
	s := r.Summary
	if sum := s.Conforms + s.Deviates + s.Unproven + s.Skipped + s.Broken + s.KnownDeviations; sum != len(r.Results) {
		t.Errorf("the counts add up to %d, wanted %d", sum, len(r.Results))
	}
}
