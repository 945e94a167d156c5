package reports

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"time"
)

// renderMarkdown writes the summary as GitHub's Markdown: claim, counts for each link and subject, the unexpected results,
// those together that have something in common, and the rest in a line each.
func renderMarkdown(w io.Writer, r *Report, o Options) error {
	t, err := r.ready()
	if err != nil {
		return err
	}
	var b bytes.Buffer
	m := &markdown{&b, o}
	m.claim(t)
	m.counts(t)
	m.unexpected(t)
	m.rest(t)
	if _, err := w.Write(b.Bytes()); err != nil {
		return fmt.Errorf("writing Markdown: %w", err)
	}
	return nil
}

func (m *markdown) claim(r *Report) {
	m.line("### TLS conformance of %s: %s\n", plain(r.Target.Name), r.Claim)
	for _, missing := range r.shortfall() {
		m.line("- %s", plain(missing))
	}
	if len(r.shortfall()) > 0 {
		m.line("")
	}
	took := (time.Duration(r.DurationMillis) * time.Millisecond).Round(100 * time.Millisecond)
	m.line("%s in %s, %s; launched by %s, profile %s, strategy %s, suite %s\n", count(len(r.Results), "case"), count(r.Starts, "start"), took,
		plain(r.Target.Launch), plain(r.Profile), plain(r.Strategy), plain(r.Suite.Version))
	if len(r.Target.Components) == 0 {
		return
	}
	m.head("component", "implementation", "version", "Go", "way")
	for _, c := range r.Target.Components {
		m.row(plain(c.Role), plain(c.Implementation), plain(c.Version), plain(c.Go), plain(c.Way))
	}
	m.line("")
}

func (m *markdown) counts(r *Report) {
	byPlace := map[string][]Result{}
	var places []string
	for _, x := range r.Results {
		at := place(x.ID)
		if byPlace[at] == nil {
			places = append(places, at)
		}
		byPlace[at] = append(byPlace[at], x)
	}
	slices.Sort(places)
	m.head("link", "subject", "conforms", "deviates", "known", "unproven", "skipped", "broken")
	row := func(link, subject string, s Summary) {
		cells := []string{link, subject}
		for _, n := range []int{s.Conforms, s.Deviates, s.KnownDeviations, s.Unproven, s.Skipped, s.Broken} {
			cells = append(cells, fmt.Sprint(n))
		}
		m.row(cells...)
	}
	for _, at := range places {
		first := byPlace[at][0]
		row(plain(first.Link), plain(first.Subject), Summarise(byPlace[at]))
	}
	row("all", "", r.Summary)
	m.line("")
}

func (m *markdown) unexpected(r *Report) {
	all := findings(r, m.o)
	if len(all) == 0 {
		return
	}
	m.line("#### Unexpected: %s\n", count(len(unexpected(r, m.o)), "result"))
	shown := all[:min(len(all), m.o.limit())]
	for _, x := range shown {
		m.line("- %s %s", x.markdown(), plain(x.first.verdict(m.o)))
		m.facts(x.facts(r, m.o))
	}
	var more int
	for _, x := range all[len(shown):] {
		more += len(x.ids)
	}
	if more > 0 {
		m.line("- … and %d more", more)
	}
	m.line("")
}

// rest tells in a line each of what is not as it should be and yet expected.
func (m *markdown) rest(r *Report) {
	var reasons []string
	for _, x := range r.Results {
		if x.KnownDeviation != "" {
			reasons = append(reasons, x.KnownDeviation)
		}
	}
	slices.Sort(reasons)
	for _, part := range []struct {
		n    int
		text string
	}{
		{r.Summary.KnownDeviations, "known deviations, for " + count(len(slices.Compact(reasons)), "reason") + " on record"},
		{r.Summary.Skipped, "skipped"},
		{len(r.Inapplicable), "inapplicable to this version"},
	} {
		if part.n > 0 {
			m.line("- %d %s", part.n, part.text)
		}
	}
	for _, stale := range r.StaleDeviations {
		m.line("- stale deviation %s: %s", code(stale.Cases), plain(stale.Reason))
	}
}
