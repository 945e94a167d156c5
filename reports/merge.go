package reports

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// What one can do about reports that can't be merged.
const (
	hintShards = "merge the reports of all shards of one run, each once: 1/3, 2/3 and 3/3 of three"
	hintAlike  = "run all shards with the same tlsconform, target, profile, strategy and launch"
)

// Named is a report with the name by which errors speak of it, such as its path.
type Named struct {
	*Report

	Name string
}

// Merge puts the reports of the shards of one run together: the results of all, the sum of durations and starts, and
// the largest peak of memory. due are the IDs of all cases that were due, of which each must have its result in one of
// the reports and no more. The merged report lacks coverage and migration, and is not concluded. The error is an
// [*InvalidError].
func Merge(shards []Named, due []string) (*Report, error) {
	if len(shards) == 0 {
		return nil, unmerged(hintShards, errors.New("wanted reports, found none"))
	}
	first := shards[0]
	merged := *first.tidy()
	for _, next := range shards[1:] {
		if err := alike(first, next); err != nil {
			return nil, unmerged(hintAlike, err)
		}
		components, err := allComponents(&merged, next)
		if err != nil {
			return nil, unmerged(hintAlike, err)
		}
		merged.Target.Components = components
		merged.Results = append(merged.Results, next.Results...)
		merged.StaleDeviations = append(merged.StaleDeviations, next.StaleDeviations...)
		merged.DurationMillis += next.DurationMillis
		merged.Starts += next.Starts
		merged.PeakMemory = max(merged.PeakMemory, next.PeakMemory)
	}
	if err := onceEach(shards, due); err != nil {
		return nil, unmerged(hintShards, err)
	}
	merged.Coverage, merged.Migration = nil, nil
	// One entry may have begun to conform in several shards: one of them is enough, as in one run.
	merged = *merged.tidy()
	merged.StaleDeviations = slices.CompactFunc(merged.StaleDeviations, func(a, b StaleDeviation) bool { return a.Cases == b.Cases })
	return &merged, nil
}

func unmerged(hint string, err error) error {
	return &InvalidError{Doing: "merging reports", Err: err, hint: hint}
}

// alike asks whether two reports are of one suite, target, profile, strategy and launch.
func alike(a, b Named) error {
	for _, field := range []struct{ name, a, b string }{
		{"suite.version", a.Suite.Version, b.Suite.Version},
		{"profile", a.Profile, b.Profile},
		{"strategy", a.Strategy, b.Strategy},
		{"target.name", a.Target.Name, b.Target.Name},
		{"suite.caseSetDigest", a.Suite.CaseSetDigest, b.Suite.CaseSetDigest},
		{"target.launch", a.Target.Launch, b.Target.Launch},
	} {
		if field.a != field.b {
			return fmt.Errorf("%s: found %q in %s and %q in %s", field.name, field.a, a.Name, field.b, b.Name)
		}
	}
	if !slices.Equal(a.Inapplicable, b.Inapplicable) {
		return fmt.Errorf("inapplicable: found different cases in %s and %s", a.Name, b.Name)
	}
	return nil
}

// allComponents joins the components of a shard to those before; a role must be played by the same program in all.
func allComponents(merged *Report, next Named) ([]Component, error) {
	all := merged.Target.Components
	for _, c := range next.Target.Components {
		i := slices.IndexFunc(all, func(x Component) bool { return x.Role == c.Role })
		switch {
		case i < 0:
			all = append(all, c)
		case all[i] != c:
			return nil, fmt.Errorf("target.components: found another %s in %s than in those before it (%s, and %s)",
				c.Role, next.Name, c.words(), all[i].words())
		}
	}
	return all, nil
}

// words says which program plays a role.
func (p Component) words() string {
	return fmt.Sprintf("%s by %s with the digest %s", strings.TrimSpace(p.Implementation+" "+p.Version), p.Way, cmp.Or(p.Digest, "none"))
}

// onceEach asks whether each case due has one result in all reports together.
func onceEach(shards []Named, due []string) error {
	wanted := make(map[string]bool, len(due))
	for _, id := range due {
		wanted[id] = true
	}
	in := make(map[string]string, len(due))
	for _, s := range shards {
		if s.Stopped != "" {
			return fmt.Errorf("%s: was stopped early (%s)", s.Name, s.Stopped)
		}
		for _, r := range s.Results {
			if other, twice := in[r.ID]; twice {
				return fmt.Errorf("%s: found a second result for %s, which %s has as well", s.Name, r.ID, other)
			}
			if !wanted[r.ID] {
				return fmt.Errorf("%s: found a result for %s, which is not due", s.Name, r.ID)
			}
			in[r.ID] = s.Name
		}
	}
	missing := slices.DeleteFunc(slices.Sorted(slices.Values(due)), func(id string) bool { return in[id] != "" })
	if len(missing) > 0 {
		return fmt.Errorf("%s of %d that are due have no result in any of them, the first is %s", count(len(missing), "case"), len(due), missing[0])
	}
	return nil
}
