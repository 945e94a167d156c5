package reports

import (
	"bytes"
	"fmt"
	"io"
	"iter"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// The colours, as ANSI codes.
const (
	red    = "31"
	yellow = "33"
	green  = "32"
)

// page collects the summary.
type page struct {
	bytes.Buffer
	o Options
}

// renderText writes the summary: counts by link, mode and subject, the unexpected results, those together that have
// something in common, the other lists in a line a reason, what a migration must hold to, then the claim, the gist of what is
// unexpected, and what the run took.
func renderText(w io.Writer, r *Report, o Options) error {
	t, err := r.ready()
	if err != nil {
		return err
	}
	p := &page{o: o}
	p.head(t)
	p.counts(t)
	sets := findings(t, o)
	p.unexpected(t, sets)
	p.reasons(t)
	p.migration(t.Migration)
	p.foot(t, sets)
	return p.to(w, "the summary")
}

// to writes what was collected.
func (p *page) to(w io.Writer, what string) error {
	if _, err := w.Write(p.Bytes()); err != nil {
		return fmt.Errorf("writing %s: %w", what, err)
	}
	return nil
}

func (p *page) line(format string, args ...any) { _, _ = fmt.Fprintf(p, format+"\n", args...) }

func (p *page) colour(code, text string) string {
	if !p.o.Colour {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

func (p *page) head(r *Report) {
	p.line("tlsconform %s: target %s (%s), profile %s, strategy %s", oneLine(r.Suite.Version), oneLine(r.Target.Name),
		oneLine(r.Target.Launch), oneLine(r.Profile), oneLine(r.Strategy))
	for _, c := range r.Target.Components {
		var facts []string
		for _, fact := range []string{c.Version, c.Go, c.Way} {
			if fact != "" {
				facts = append(facts, oneLine(fact))
			}
		}
		p.line("  %s: %s (%s)", oneLine(c.Role), oneLine(c.Implementation), strings.Join(facts, ", "))
	}
	p.line("")
}

func (p *page) counts(r *Report) {
	if len(r.Results) == 0 {
		p.line("No case ran.\n")
		return
	}
	table := tabwriter.NewWriter(p, 0, 0, 2, ' ', 0)
	row := func(name string, s Summary) {
		_, _ = fmt.Fprintf(table, "%s\t%d\t%d\t%d\t%d\t%d\t%d\n", name,
			s.Conforms, s.Deviates, s.KnownDeviations, s.Unproven, s.Skipped, s.Broken)
	}
	_, _ = fmt.Fprintln(table, "link\tmode\tsubject\tconforms\tdeviates\tknown\tunproven\tskipped\tbroken")
	for results := range grouped(r.Results) {
		first := results[0]
		row(strings.Join([]string{first.Link, first.Mode, first.Subject}, "\t"), Summarise(results))
	}
	row("all\t\t", r.Summary)
	_ = table.Flush() // it writes to memory
	p.line("")
	p.wire(r)
}

// wire says how many verdicts rest on what the subject sent, as its own words are not to be had.
func (p *page) wire(r *Report) {
	n := 0
	for _, result := range r.Results {
		if result.Evidence == "wire" {
			n++
		}
	}
	if n > 0 {
		p.line("%s on the wire alone: what the subject says of itself was not read (\"evidence\": \"wire\")\n", rests(n))
	}
}

func rests(n int) string {
	if n == 1 {
		return "1 verdict rests"
	}
	return fmt.Sprintf("%d verdicts rest", n)
}

func (p *page) unexpected(r *Report, sets []finding) {
	if len(sets) == 0 {
		return
	}
	p.line("Unexpected: %s", count(len(unexpected(r, p.o)), "result"))
	shown := sets[:min(len(sets), p.o.limit())]
	for _, x := range shown {
		k, _ := kindOf(x.first, p.o)
		verdict := p.colour([]string{failing: red, warning: yellow, changed: yellow, unjudged: red}[k], x.first.verdict(p.o))
		p.line("\n%s  %s", x.title(), verdict)
		for _, fact := range x.facts(r, p.o) {
			p.line("  %-7s %s", fact[0], fact[1])
		}
	}
	var more int
	for _, x := range sets[len(shown):] {
		more += len(x.ids)
	}
	if more > 0 {
		where := "the report"
		if len(p.o.Files) > 0 {
			where = strings.Join(p.o.Files, ", ")
		}
		p.line("\n… and %d more: see %s", more, where)
	}
	p.line("")
}

// reasons tells of what is not as it should be and yet expected: known deviations in one line, the others in a line for
// each reason.
func (p *page) reasons(r *Report) {
	var known, skipped, inapplicable, stale []string
	for _, result := range r.Results {
		switch {
		case result.Outcome == Skipped:
			skipped = append(skipped, result.Why)
		case result.KnownDeviation != "":
			known = append(known, result.KnownDeviation)
		}
	}
	for _, i := range r.Inapplicable {
		inapplicable = append(inapplicable, i.Reason)
	}
	for _, s := range r.StaleDeviations {
		stale = append(stale, s.Cases+": "+s.Reason)
	}
	p.list(p.colour(red, "Stale deviations"), stale)
	if n := len(known); n > 0 {
		slices.Sort(known)
		p.line("Known deviations: %d, for %s on record\n", n, count(len(slices.Compact(known)), "reason"))
	}
	p.list("Skipped", skipped)
	p.list("Inapplicable", inapplicable)
}

func (p *page) list(title string, reasons []string) {
	if len(reasons) == 0 {
		return
	}
	times := map[string]int{}
	for _, reason := range reasons {
		times[oneLine(reason)]++
	}
	p.line("%s: %d", title, len(reasons))
	sorted := slices.Sorted(maps.Keys(times))
	shown := sorted[:min(len(sorted), p.o.limit())]
	for _, reason := range shown {
		p.line("  %d × %s", times[reason], reason)
	}
	if more := len(sorted) - len(shown); more > 0 {
		p.line("  … and %s", count(more, "reason")+" more")
	}
	p.line("")
}

func (p *page) foot(r *Report, sets []finding) {
	code := map[Claim]string{Conformant: green, Nonconformant: red}[r.Claim]
	if code == "" {
		code = yellow
	}
	claim := p.colour(code, string(r.Claim))
	if missing := r.shortfall(); len(missing) > 0 {
		claim += " (" + strings.Join(missing, "; ") + ")"
	}
	p.line("claim: %s", claim)
	p.gist(sets)
	took := time.Duration(r.DurationMillis) * time.Millisecond
	cost := []string{count(len(r.Results), "case"), count(r.Starts, "start"), took.Round(100 * time.Millisecond).String()}
	if r.PeakMemory > 0 {
		cost = append(cost, fmt.Sprintf("%d MiB of memory at the peak", r.PeakMemory>>20))
	}
	p.line("%s", strings.Join(cost, ", "))
	for _, file := range p.o.Files {
		p.line("  %s", file)
	}
}

// gistSets is how many sets of unexpected results the last lines repeat, and gistWhy how many characters of why.
const gistSets, gistWhy = 5, 200

// gist repeats what is unexpected in a line each: of a long log one sees the end first, and often no more is kept.
func (p *page) gist(sets []finding) {
	for _, x := range sets[:min(len(sets), gistSets)] {
		line := x.title() + " " + x.first.verdict(p.o)
		if why := []rune(oneLine(x.first.Why)); len(why) > gistWhy {
			line += ": " + string(why[:gistWhy]) + "…"
		} else if len(why) > 0 {
			line += ": " + string(why)
		}
		p.line("  %s", line)
	}
	if more := len(sets) - gistSets; more > 0 {
		p.line("  … and %s more", count(more, "set"))
	}
}

// grouped yields the results of each link, mode and subject, which stand together as the results are sorted by ID.
func grouped(results []Result) iter.Seq[[]Result] {
	return func(yield func([]Result) bool) {
		for start := 0; start < len(results); {
			first, end := results[start], start+1
			for end < len(results) && results[end].Link == first.Link && results[end].Mode == first.Mode &&
				results[end].Subject == first.Subject {
				end++
			}
			if !yield(results[start:end]) {
				return
			}
			start = end
		}
	}
}
