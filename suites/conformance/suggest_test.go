package conformance

import (
	"slices"
	"strings"
	"testing"

	"github.com/calico-tls/conformance/fixtures"
	"github.com/calico-tls/conformance/reports"
)

// What deviates in some versions or modes alone must not be excused in the others.
func TestSuggestedRowsMatchJustWhatDeviates(t *testing.T) {
	t.Parallel()
	cases, err := enumerated("core", "core")
	if err != nil {
		t.Fatal(err)
	}
	predicted, err := Predicted(cases)
	if err != nil {
		t.Fatal(err)
	}
	report := &reports.Report{Profile: "core", Strategy: "core", Target: reports.Target{Name: "acme"}}
	deviates := []string{
		"felix-typha/cn/typha/client=expired/server=good/tls1.2", "felix-typha/cn/typha/client=expired/server=good/tls1.3",
		"felix-typha/cn/typha/client=eku-unrelated/server=good/tls1.3",
	}
	for _, x := range predicted {
		x.Outcome, x.Observed = reports.Conforms, x.Expected
		if slices.Contains(deviates, x.ID) {
			x.Outcome, x.Observed = reports.Deviates, reports.Behaviour{Outcome: "accept"}
		}
		if x.Subject == "typha" && x.Mode == "cn" { // the others did not run, and may conform
			report.Results = append(report.Results, x)
		}
	}
	var written strings.Builder
	if _, err := Suggest(&written, report); err != nil {
		t.Fatal(err)
	}
	rows, err := fixtures.ParseDeviations("suggested", []byte(strings.ReplaceAll(written.String(), "link: #", "link: here #")))
	if err != nil {
		t.Fatalf("%v\n%s", err, written.String())
	}
	all, err := enumerated("all", "core")
	if err != nil {
		t.Fatal(err)
	}
	var matched []string
	for _, id := range ids(all) {
		if slices.ContainsFunc(rows, func(d fixtures.Deviation) bool { return matches(d, id) }) {
			matched = append(matched, id)
		}
	}
	slices.Sort(deviates)
	if !slices.Equal(matched, deviates) {
		t.Errorf("wanted rows that match %q, found %q\n%s", deviates, matched, written.String())
	}
}
