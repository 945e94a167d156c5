package conformance

import (
	"testing"
	"time"

	"github.com/calico-tls/conformance/fixtures"
	"github.com/calico-tls/conformance/harness/matrix"
	"github.com/calico-tls/conformance/reports"
)

const (
	deviating  = "felix-typha/cn/typha/client=expired/server=good/tls1.3"
	conforming = "felix-typha/cn/typha/client=good/server=good/tls1.3"
)

// onRecord is the record that a case deviates, of an implementation in its versions.
func onRecord(t *testing.T, id, implementation, versions string) fixtures.Deviation {
	t.Helper()
	known, err := fixtures.ParseDeviations("known.yaml", []byte("deviations:\n  - {case: '"+id+"', implementation: "+implementation+", versions: '"+versions+"', level: MUST, reason: it is known, link: nowhere, command: none}\n"))
	if err != nil {
		t.Fatal(err)
	}
	return known[0]
}

// until puts an end to a record.
func until(d fixtures.Deviation, day string) fixtures.Deviation {
	d.Expires = day
	return d
}

// TestKnown: a deviation is excused by the record of that case, that implementation and that version, and by none other;
// and a record is stale that excuses nothing.
func TestKnown(t *testing.T) {
	t.Parallel()
	due := make([]matrix.Case, 2)
	for i, id := range []string{deviating, conforming} {
		c, err := matrix.Parse(id)
		if err != nil {
			t.Fatal(err)
		}
		due[i] = c
	}
	now := time.Now().UTC()
	today, yesterday := now.Format(time.DateOnly), now.AddDate(0, 0, -1).Format(time.DateOnly)
	const never = "felix-typha/cn/typha/client=never/server=good/tls1.3"
	for name, test := range map[string]struct {
		record  fixtures.Deviation
		excused bool
		stale   string
	}{
		"that case":              {onRecord(t, deviating, "calico", ">=3.31.0 <3.32.0"), true, ""},
		"cases of its kind":      {onRecord(t, "felix-typha/*/typha/client=expired/**", "calico", ">=3.31.0 <3.32.0"), true, ""},
		"another case":           {onRecord(t, conforming, "calico", ">=3.31.0 <3.32.0"), false, conforming + " conforms now"},
		"no case":                {onRecord(t, never, "calico", ">=3.31.0 <3.32.0"), false, "it covers no case"},
		"another implementation": {onRecord(t, deviating, "somebody", ">=3.31.0 <3.32.0"), false, ""},
		"until yesterday":        {until(onRecord(t, deviating, "calico", ">=3.31.0 <3.32.0"), yesterday), true, "it was agreed upon until " + yesterday},
		"until the day it is":    {until(onRecord(t, deviating, "calico", ">=3.31.0 <3.32.0"), today), true, ""},
		"another version":        {onRecord(t, deviating, "calico", ">=3.32.0"), false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := Known{Deviations: []fixtures.Deviation{test.record}, Implementation: "calico", Version: "v3.31.0"}
			results := []reports.Result{{ID: deviating, Outcome: reports.Deviates}, {ID: conforming, Outcome: reports.Conforms}}
			for i := range results {
				k.excuse(&results[i])
			}
			if excused := results[0].KnownDeviation != ""; excused != test.excused || results[1].KnownDeviation != "" {
				t.Errorf("wanted the deviation excused: %t, found %+v", test.excused, results)
			}
			stale := k.stale(due, results)
			if test.stale == "" && len(stale) > 0 || test.stale != "" && (len(stale) != 1 || stale[0].Reason != test.stale) {
				t.Errorf("wanted the record stale for %q, found %+v", test.stale, stale)
			}
		})
	}
}
