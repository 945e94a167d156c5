package conformance

import (
	"slices"
	"testing"
	"time"

	"github.com/calico-tls/conformance/harness/matrix"
)

func TestTellingCasesFitAndKeepTheirTwins(t *testing.T) {
	t.Parallel()
	cases, err := enumerated("core", "core")
	if err != nil {
		t.Fatal(err)
	}
	pace := paceOf(LaunchInProcess)
	before := map[string]bool{}
	for _, budget := range []time.Duration{time.Second, 3 * time.Second} {
		chosen := telling(cases, budget, pace)
		if !slices.Equal(chosen, telling(cases, budget, pace)) {
			t.Errorf("%s: the same cases and budget gave another choice", budget)
		}
		if took := pace.Estimate(chosen); len(chosen) == 0 || took > budget {
			t.Errorf("%s: chose %d cases that take %s", budget, len(chosen), took)
		}
		in, rules := map[string]bool{}, toldBy(chosen)
		for _, c := range chosen {
			in[c.ID()] = true
		}
		for _, c := range chosen {
			if twin := twinOf(c); twin != nil && slices.Contains(cases, *twin) && !in[twin.ID()] {
				t.Errorf("%s: chose %s without its twin", budget, c.ID())
			}
		}
		if len(rules) <= len(before) {
			t.Errorf("%s: tells %d things, as much as a smaller budget", budget, len(rules))
		}
		before = rules
	}
	if all := telling(cases, time.Hour, pace); len(all) != len(cases) {
		t.Errorf("an hour: chose %d of %d cases", len(all), len(cases))
	}
	if none := telling(cases, time.Millisecond, pace); len(none) != 0 {
		t.Errorf("a millisecond: chose %d cases", len(none))
	}
}

func TestTellingCasesComeFirst(t *testing.T) {
	t.Parallel()
	cases, err := enumerated("core", "core")
	if err != nil {
		t.Fatal(err)
	}
	all := toldBy(cases)
	chosen := telling(cases, time.Hour, paceOf(LaunchProcess))
	first := chosen[:len(chosen)/2]
	if missing := len(all) - len(toldBy(first)); missing > 0 {
		t.Errorf("the first half of the cases leaves %d of %d things untold", missing, len(all))
	}
}

func toldBy(cases []matrix.Case) map[string]bool {
	all := map[string]bool{}
	for _, c := range cases {
		for _, what := range tells(c) {
			all[what] = true
		}
	}
	return all
}
