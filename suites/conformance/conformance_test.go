package conformance_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/calico-tls/conformance/reports"
	"github.com/calico-tls/conformance/suites/conformance"
)

func TestConform(t *testing.T) {
	t.Parallel()
	of := func(v reports.Verdict, level reports.Level, known string) reports.Result {
		return reports.Result{
			ID: "felix-typha/cn/typha/client=expired/server=good/tls1.3", Rules: []string{"IDENT-47"}, Level: level, Outcome: v, KnownDeviation: known,
			Why:      "wanted one thing, found another",
			Expected: reports.Behaviour{Outcome: "refuse", By: "server", Check: "validity"},
			Observed: reports.Behaviour{Outcome: "accept"},
			Client:   reports.Account{Claim: "accepted", Phase: "application"},
			Server:   reports.Account{Claim: "accepted", Phase: "application", Error: "none that it says"},
		}
	}
	for _, test := range []struct {
		name   string
		result reports.Result
		must   bool
		should bool
	}{
		{"conforms", of(reports.Conforms, reports.Must, ""), true, true},
		{"a MUST deviates", of(reports.Deviates, reports.Must, ""), false, false},
		{"a MUST deviates as it is known to", of(reports.Deviates, reports.Must, "it is known"), true, true},
		{"a SHOULD deviates", of(reports.Deviates, reports.Should, ""), true, false},
		{"an OBS deviates", of(reports.Deviates, reports.Obs, ""), true, true},
		{"unproven", of(reports.Unproven, reports.Obs, ""), false, false},
		{"broken", of(reports.Broken, reports.May, ""), false, false},
	} {
		for strictness, want := range map[conformance.Strictness]bool{conformance.Musts: test.must, conformance.Shoulds: test.should} {
			if got, err := conformance.Conform(strictness).Match(test.result); err != nil || got != want {
				t.Errorf("%s, strictness %s: wanted %t, found %t (%v)", test.name, strictness, want, got, err)
			}
		}
	}
	message := conformance.Conform(conformance.Musts).FailureMessage(of(reports.Deviates, reports.Must, ""))
	for _, part := range []string{
		"felix-typha/cn/typha/client=expired/server=good/tls1.3 deviates", "IDENT-47 (MUST): ", "wanted  refuse, by the server, for validity",
		"found   accept", "  client  ", "  server", "error  none that it says",
	} {
		if !strings.Contains(message, part) {
			t.Errorf("wanted %q in the failure message, found:\n%s", part, message)
		}
	}
	if _, err := conformance.Conform(conformance.Musts).Match("a text"); err == nil {
		t.Error("wanted an error for what is no result")
	}
}

func TestLoadRefuses(t *testing.T) {
	t.Parallel()
	alone := filepath.Join(t.TempDir(), "alone.yaml")
	if err := os.WriteFile(alone, []byte("name: alone\ncomponents: {typha: {reference: true}}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, o := range map[string]conformance.Options{
		"no target":          {},
		"unknown launcher":   {Target: "reference", Launch: "vm"},
		"unknown strategy":   {Target: "reference", Strategy: "all"},
		"selection of none":  {Target: "reference", Select: "nowhere/**"},
		"selection no glob":  {Target: "reference", Select: "a["},
		"subject not in it":  {Target: alone, Select: "felix-typha/*/felix/**"},
		"target not to find": {Target: "nowhere.yaml"},
	} {
		if _, err := conformance.Load(o); err == nil {
			t.Errorf("%s: wanted an error, found none", name)
		}
	}
}

// TestCompanions: a case that is run alone is run with the case from which it differs.
func TestCompanions(t *testing.T) {
	t.Parallel()
	r, err := conformance.Load(conformance.Options{Target: "reference", Select: "felix-typha/cn/typha/client=intermediate-expired/server=good/tls1.3"})
	if err != nil {
		t.Fatal(err)
	}
	all := conformance.Companions(r.Cases)
	if len(all) != 2 || all[1].ID() != "felix-typha/cn/typha/client=intermediate/server=good/tls1.3" {
		t.Errorf("wanted the case and its twin, found %v", all)
	}
}
