package conformance

import (
	"slices"
	"testing"
	"time"

	"github.com/calico-tls/conformance/harness"
	"github.com/calico-tls/conformance/harness/matrix"
)

func TestShardsAreDealt(t *testing.T) {
	t.Parallel()
	for _, profile := range []string{"core", "all"} {
		cases, err := enumerated(profile, "core")
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range []int{1, 2, 3, 5} {
			checkDealt(t, cases, n)
		}
	}
}

// checkDealt wants each case in one shard, each start and each twin in that of its cases, and none with much more to do.
func checkDealt(t *testing.T, cases []matrix.Case, n int) {
	t.Helper()
	var all []matrix.Case
	starts, in := map[string]int{}, map[string]int{}
	var longest time.Duration
	for i := 1; i <= n; i++ {
		dealt := Shard{i, n}.Cases(cases)
		all = append(all, dealt...)
		longest = max(longest, paceOf(LaunchProcess).Estimate(dealt))
		for _, b := range harness.Plan(dealt) {
			if other, twice := starts[b.Name()]; twice {
				t.Errorf("%s is started in the shards %d and %d of %d", b.Name(), other, i, n)
			}
			starts[b.Name()] = i
		}
		for _, c := range dealt {
			in[c.ID()] = i
		}
	}
	for _, c := range cases {
		if twin := twinOf(c); twin != nil && in[twin.ID()] != 0 && in[twin.ID()] != in[c.ID()] {
			t.Errorf("%s is in shard %d of %d, and its twin in %d", c.ID(), in[c.ID()], n, in[twin.ID()])
		}
	}
	matrix.Sort(all)
	if !slices.Equal(all, cases) {
		t.Errorf("dealt into %d: wanted each of %d cases once, found %d", n, len(cases), len(all))
	}
	if whole := paceOf(LaunchProcess).Estimate(cases); longest > whole/time.Duration(n)*11/10 {
		t.Errorf("dealt into %d: the longest is estimated at %s of %s", n, longest, whole)
	}
}

func TestShardsAreRead(t *testing.T) {
	t.Parallel()
	for text, wanted := range map[string]Shard{"": {}, "1/1": {1, 1}, "2/3": {2, 3}} {
		if found, err := ParseShard(text); err != nil || found != wanted {
			t.Errorf("reading %q: wanted %v, found %v, %v", text, wanted, found, err)
		}
	}
	for _, text := range []string{"0/3", "4/3", "1", "1/", "/3", "one/3", "1/2/3", "-1/3", "1/501"} {
		if found, err := ParseShard(text); err == nil {
			t.Errorf("reading %q: wanted an error, found %v", text, found)
		}
	}
}
