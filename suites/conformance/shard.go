package conformance

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/calico-tls/conformance/harness"
	"github.com/calico-tls/conformance/harness/matrix"
)

// Shard is one of several parts of a list of cases: the Index-th, counted from 1, of Of. The zero Shard is the whole.
type Shard struct{ Index, Of int }

// maxShards is into how many shards a list can be dealt: there are not many more starts to deal.
const maxShards = 500

// ParseShard reads a shard as in "2/3"; "" is the whole. The error is one of usage.
func ParseShard(text string) (Shard, error) {
	if text == "" {
		return Shard{}, nil
	}
	index, of, found := strings.Cut(text, "/")
	i, wrongIndex := strconv.Atoi(index)
	n, wrongOf := strconv.Atoi(of)
	if !found || wrongIndex != nil || wrongOf != nil || i < 1 || i > n || n > maxShards {
		return Shard{}, &UsageError{
			fmt.Sprintf("reading a shard: wanted one such as 1/3 or 3/3, of at most %d, found %q", maxShards, text),
			"the first shard of three is 1/3; tlsconform report merge puts their reports together",
		}
	}
	return Shard{i, n}, nil
}

func (s Shard) String() string { return fmt.Sprintf("%d/%d", s.Index, s.Of) }

// Cases returns the shard's share of the cases, in their order. No start of a subject is in two shards, and a refused case
// is in that of its twin; apart from that the shards take about the same time. Equal lists are dealt equally.
func (s Shard) Cases(cases []matrix.Case) []matrix.Case {
	if s.Of == 0 {
		return cases
	}
	return deal(cases, s.Of)[s.Index-1]
}

// deal deals cases: the group that takes longest first, each to the shard that has least to do.
func deal(cases []matrix.Case, shards int) [][]matrix.Case {
	pace := paceOf(LaunchProcess) // whatever the launch, as all shards must be dealt alike
	groups := together(cases)
	takes := make(map[string]time.Duration, len(groups)) // by the first case of a group
	for _, g := range groups {
		takes[g[0].ID()] = pace.Estimate(g)
	}
	slices.SortStableFunc(groups, func(a, b []matrix.Case) int { return cmp.Compare(takes[b[0].ID()], takes[a[0].ID()]) })
	dealt, busy := make([][]matrix.Case, shards), make([]time.Duration, shards)
	for _, g := range groups {
		least := slices.Index(busy, slices.Min(busy))
		dealt[least] = append(dealt[least], g...)
		busy[least] += takes[g[0].ID()]
	}
	for _, d := range dealt {
		matrix.Sort(d)
	}
	return dealt
}

// together groups cases that share a start, or of which one is the other's twin.
func together(cases []matrix.Case) [][]matrix.Case {
	of := map[string]string{} // from the name of a start to that of another with which it stays
	var root func(string) string
	root = func(name string) string {
		if next, ok := of[name]; ok {
			return root(next)
		}
		return name
	}
	start := map[string]string{}
	for _, b := range harness.Plan(Companions(cases)) {
		for _, c := range b.Cases {
			start[c.ID()] = b.Name()
		}
	}
	for _, c := range cases {
		twin := twinOf(c)
		if twin == nil {
			continue
		}
		if a, b := root(start[c.ID()]), root(start[twin.ID()]); a != b {
			of[a] = b
		}
	}
	var groups [][]matrix.Case
	place := map[string]int{}
	for _, c := range cases {
		name := root(start[c.ID()])
		if _, ok := place[name]; !ok {
			place[name] = len(groups)
			groups = append(groups, nil)
		}
		groups[place[name]] = append(groups[place[name]], c)
	}
	return groups
}
