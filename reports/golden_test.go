package reports

import (
	"bytes"
	"errors"
	"flag"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files anew")

// goldens are the renderings that are kept.
var goldens = []struct {
	file   string
	format string
	report func() *Report
	o      Options
}{
	{"report.json", "json", sample, Options{}},
	{"junit.xml", "junit", sample, Options{Rule: sentence}},
	{"junit-strict.xml", "junit", sample, Options{Rule: sentence, Strict: true}},
	{"junit-empty.xml", "junit", empty, Options{}},
	{"summary.txt", "text", sample, Options{Rule: sentence, Files: []string{"_output/report.json", "_output/junit.xml"}}},
	{"summary-bare.txt", "text", sample, Options{}},
	{"summary-clean.txt", "text", clean, Options{Rule: sentence}},
	{"summary-crowd.txt", "text", func() *Report { return crowd(45) }, Options{Files: []string{"_output/report.json"}, Limit: 2}},
	{"summary-colour.txt", "text", sample, Options{Colour: true, Limit: 1, Target: "my target.yaml"}},
	{"summary-observed.txt", "text", observed, Options{Limit: 1}},
	{"summary-empty.txt", "text", empty, Options{}},
	{"summary.md", "markdown", sample, Options{Rule: sentence}},
	{"summary-empty.md", "markdown", empty, Options{}},
	{"report.sarif", "sarif", sample, Options{Rule: sentence}},
	{"report-empty.sarif", "sarif", empty, Options{}},
	{"conformance.md", "conformance", sample, Options{Rule: sentence, Target: "my target.yaml"}},
	{"conformance-clean.md", "conformance", clean, Options{}},
	{"statement.json", "in-toto", sample, Options{}},
	{"statement-clean.json", "in-toto", clean, Options{}},
}

func empty() *Report {
	r := clean()
	r.Results, r.Stopped, r.Coverage = nil, Interrupted, nil
	r.Conclude([]string{"felix-typha/cn/typha/client=good/server=good/tls1.3"})
	return r
}

func rendered(t *testing.T, format string, r *Report, o Options) []byte {
	t.Helper()
	f, err := FormatNamed(format)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := f.Render(&b, r, o); err != nil {
		t.Fatalf("rendering %s: %v", format, err)
	}
	return b.Bytes()
}

func TestGoldens(t *testing.T) {
	for _, g := range goldens {
		t.Run(g.file, func(t *testing.T) {
			got := rendered(t, g.format, g.report(), g.o)
			path := filepath.Join("testdata", g.file)
			if *update {
				if err := os.WriteFile(path, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), string(got)); diff != "" {
				t.Errorf("%s differs (-want +got):\n%s", path, diff)
			}
		})
	}
}

// Each edit of a report must show in each format that promises to tell of it: a golden over a renderer that ignores a
// field would stay green.
func TestRenderersTellOfEveryEdit(t *testing.T) {
	result := func(change func(*Result)) func(*Report) {
		return func(r *Report) { change(&r.Results[3]) }
	}
	edits := []struct {
		name    string
		edit    func(*Report)
		formats []string
	}{
		{"claim's evidence", func(r *Report) { r.Results = r.Results[:3] }, []string{"json", "junit", "html", "text", "markdown"}},
		{"target", func(r *Report) { r.Target.Name = "another" }, []string{"json", "junit", "html", "text", "markdown"}},
		{"launch", func(r *Report) { r.Target.Launch = "process" }, []string{"json", "junit", "html", "text", "markdown"}},
		{"suite version", func(r *Report) { r.Suite.Version = "9" }, []string{"json", "junit", "html", "text", "markdown"}},
		{"memory", func(r *Report) { r.PeakMemory += 1 << 20 }, []string{"json", "text"}},
		{"starts", func(r *Report) { r.Starts++ }, []string{"json", "html", "text", "markdown"}},
		{"duration", func(r *Report) { r.DurationMillis += 100 }, []string{"json", "junit", "html", "text", "markdown"}},
		{"stopped", func(r *Report) { r.Stopped = BudgetSpent }, []string{"json", "junit", "html", "text", "markdown"}},
		{"stale deviation", func(r *Report) { r.StaleDeviations = nil }, []string{"json", "junit", "html", "text", "markdown"}},
		{"inapplicable", func(r *Report) { r.Inapplicable = nil }, []string{"json", "html", "text", "markdown"}},
		{"migration", func(r *Report) { r.Migration = nil }, []string{"json", "text"}},
		{"migration's basis", func(r *Report) { observeAll(r) }, []string{"json", "text"}},
		{"component", func(r *Report) { r.Target.Components[1].Go = "go1.0" }, []string{"json", "html", "text", "markdown"}},
		{"outcome", result(func(r *Result) { r.Outcome = Unproven }), []string{"json", "junit", "html", "text", "markdown"}},
		{"level", result(func(r *Result) { r.Level = Should }), []string{"json", "junit", "html", "text", "markdown"}},
		{"why", result(func(r *Result) { r.Why = "For no reason." }), []string{"json", "junit", "html", "text", "markdown"}},
		{"rule", result(func(r *Result) { r.Rules = []string{"IDENT-49"} }), []string{"json", "junit", "html", "text", "markdown"}},
		{"expected side", result(func(r *Result) { r.Expected.By = "client" }), []string{"json", "junit", "html", "text", "markdown"}},
		{"expected check", result(func(r *Result) { r.Expected.Check = "eku" }), []string{"json", "junit", "html", "text", "markdown"}},
		{"observed outcome", result(func(r *Result) { r.Observed.Outcome = "plaintext" }), []string{"json", "junit", "html", "text", "markdown"}},
		{"observed identity", result(func(r *Result) { r.Observed.Identity = "else" }), []string{"json", "junit", "html", "text", "markdown"}},
		{"client's phase", result(func(r *Result) { r.Client.Phase = "dial" }), []string{"json", "junit", "html", "text", "markdown"}},
		{"alert", result(func(r *Result) { r.Client.AlertReceived = "unknown_ca" }), []string{"json", "junit", "html", "text", "markdown"}},
		{"failed check", result(func(r *Result) { r.Server.Failed = "eku" }), []string{"json", "junit", "html", "text", "markdown"}},
		{"error", result(func(r *Result) { r.Server.Error = "no" }), []string{"json", "junit", "html"}},
		{"log", result(func(r *Result) { r.Server.Log = []string{"no"} }), []string{"json", "junit", "html"}},
		{"known", result(func(r *Result) { r.KnownDeviation = "so it is" }), []string{"json", "junit", "html", "text", "markdown"}},
		{"evidence", result(func(r *Result) { r.Evidence = "both" }), []string{"json", "html"}},
	}
	for _, e := range edits {
		t.Run(e.name, func(t *testing.T) {
			if got := sample().Results[3].Outcome; got != Deviates {
				t.Fatalf("the edited result must deviate to be told of, found %s", got)
			}
			edited := sample()
			due := append(edited.IDs(), "felix-typha/cn/typha/client=not-run/server=good/tls1.3")
			e.edit(edited)
			edited.Conclude(due)
			for _, format := range e.formats {
				o := Options{Rule: sentence, Strict: false}
				if bytes.Equal(rendered(t, format, sample(), o), rendered(t, format, edited, o)) {
					t.Errorf("%s does not tell of the edit", format)
				}
			}
		})
	}
}

func TestRenderersAreDeterministic(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, format := range Renderers {
		t.Run(format.Name, func(t *testing.T) {
			want := rendered(t, format.Name, sample(), Options{Rule: sentence})
			for range 20 {
				r := sample()
				shuffle(random, r.Results)
				shuffle(random, r.Target.Components)
				shuffle(random, r.Inapplicable)
				shuffle(random, r.StaleDeviations)
				if diff := cmp.Diff(string(want), string(rendered(t, format.Name, r, Options{Rule: sentence}))); diff != "" {
					t.Fatalf("a shuffled report renders differently (-want +got):\n%s", diff)
				}
			}
		})
	}
}

func shuffle[T any](random *rand.Rand, all []T) {
	random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
}

func TestRenderersRefuseAnUnfinishedReport(t *testing.T) {
	for _, format := range Renderers {
		r := sample()
		r.Results[3].Outcome = Conforms
		var b bytes.Buffer
		err := format.Render(&b, r, Options{})
		if err == nil || b.Len() > 0 {
			t.Errorf("%s: found error %v and %d bytes for a report whose counts don't hold, wanted an error and nothing", format.Name, err, b.Len())
		}
	}
}

func TestFormatNamed(t *testing.T) {
	_, err := FormatNamed("yaml")
	var hinted interface{ Hint() string }
	if !errors.As(err, &hinted) || hinted.Hint() != "the formats are json, junit, html, text, markdown, sarif, conformance, in-toto" {
		t.Errorf("found %v, wanted an error that lists the formats", err)
	}
}
