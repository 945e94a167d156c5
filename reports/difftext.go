package reports

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
)

// DiffFormats lists the formats in which a [Diff] can be rendered.
var DiffFormats = []DiffFormat{
	{"text", "the summary for a terminal", renderDiffText},
	{"markdown", "for a pull request's comment or a job's summary", renderDiffMarkdown},
	{"json", "the diff itself", renderDiffJSON},
}

// DiffFormat is one way to render a diff.
type DiffFormat struct {
	// Name is what the format is called on the command line, Text says what it is.
	Name, Text string
	// Render writes a diff: equal bytes for equal diffs and options.
	Render func(w io.Writer, d *Diff, o Options) error
}

// DiffFormatNamed returns the format of that name, or an [*UnknownFormatError].
func DiffFormatNamed(name string) (DiffFormat, error) {
	var names []string
	for _, format := range DiffFormats {
		if format.Name == name {
			return format, nil
		}
		names = append(names, format.Name)
	}
	return DiffFormat{}, &UnknownFormatError{Name: name, Known: names}
}

func renderDiffJSON(w io.Writer, d *Diff, _ Options) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(d); err != nil {
		return fmt.Errorf("writing a diff: %w", err)
	}
	return nil
}

// renderDiffText writes what differs between the runs, the counts, and the cases that moved, those together that have
// something in common.
func renderDiffText(w io.Writer, d *Diff, o Options) error {
	p := &page{o: o}
	table := tabwriter.NewWriter(p, 0, 0, 2, ' ', 0)
	for _, side := range d.sides() {
		_, _ = fmt.Fprintf(table, "%s\t%s\n", side.name, side.words())
	}
	for _, remark := range d.Remarks {
		_, _ = fmt.Fprintf(table, "note\t%s\n", oneLine(remark))
	}
	_, _ = fmt.Fprintln(table)
	for _, m := range Movements {
		_, _ = fmt.Fprintf(table, "%s\t%d\n", m.Name, d.Counts.Of(m.Name))
	}
	_, _ = fmt.Fprintf(table, "unchanged\t%d\n", d.Counts.Unchanged)
	_ = table.Flush() // it writes to memory
	for _, m := range Movements {
		p.movement(d, m)
	}
	return p.to(w, "the diff")
}

// movement tells of the cases that moved in one way.
func (p *page) movement(d *Diff, m MovementText) {
	all := d.drifts(m.Name)
	if len(all) == 0 {
		return
	}
	code := map[Movement]string{Loosened: red, Tightened: green}[m.Name]
	if code == "" {
		code = yellow
	}
	p.line("\n%s: %s (%s)", p.colour(code, capital(string(m.Name))), count(d.Counts.Of(m.Name), "case"), m.Text)
	shown := all[:min(len(all), p.o.limit())]
	for _, x := range shown {
		facts := x.facts(d, p.o)
		if len(facts) > 0 {
			p.line("")
		}
		p.line("%s", x.title())
		for _, fact := range facts {
			p.line("  %-7s %s", fact[0], fact[1])
		}
	}
	var more int
	for _, x := range all[len(shown):] {
		more += len(x.ids)
	}
	if more > 0 {
		p.line("\n… and %s more", count(more, "case"))
	}
}

// side is one of the two reports with its name.
type diffSide struct {
	name string
	Compared
}

func (d *Diff) sides() []diffSide { return []diffSide{{"old", d.Old}, {"new", d.New}} }

func (c Compared) words() string {
	return oneLine(fmt.Sprintf("%s (%s), profile %s, suite %s: %s, %s", c.Target, c.Launch, c.Profile, c.Suite,
		count(c.Cases, "case"), c.Claim))
}

// drift is a set of cases that moved in the same way and have something in common.
type drift struct {
	cluster

	first Change
}

// drifts sorts the cases that moved in one way by what they have in common. A case that only one report has tells
// nothing of those that both have.
func (d *Diff) drifts(m Movement) []drift {
	type kindred struct {
		ids []string
		way string
	}
	var (
		sets  []*kindred
		byWay = map[string]*kindred{}
		moved = map[string]Change{}
		ways  = map[string]string{}
	)
	for _, c := range d.Changes {
		way := c.way()
		moved[c.ID], ways[c.ID] = c, way
		if c.Movement != m {
			continue
		}
		if byWay[way] == nil {
			byWay[way] = &kindred{way: way}
			sets = append(sets, byWay[way])
		}
		byWay[way].ids = append(byWay[way].ids, c.ID)
	}
	var all []drift
	for _, set := range sets {
		others := d.still
		for _, c := range d.Changes {
			if ways[c.ID] != set.way && (c.Old != nil && c.New != nil || m == Appeared || m == Vanished) {
				others = append(slices.Clip(others), c.ID)
			}
		}
		for _, found := range clusters(set.ids, others) {
			all = append(all, drift{found, moved[found.ids[0]]})
		}
	}
	sortBySize(all, func(x drift) cluster { return x.cluster })
	return all
}

// way is the same for cases of one link and subject that moved from the same to the same. Identities count only where
// they are what moved; of cases that only one report has it is enough which one.
func (c Change) way() string {
	if c.Old == nil || c.New == nil {
		return place(c.ID) + "\n" + string(c.Movement)
	}
	was, is := c.Old.plain(), c.New.plain()
	if was == is {
		was, is = c.Old.words(), c.New.words()
	}
	return strings.Join([]string{place(c.ID), string(c.Movement), was, is}, "\n")
}

func (s *State) plain() string {
	bare := *s
	bare.Observed.Identity = ""
	return bare.words()
}

// words say what was seen, and the verdict.
func (s *State) words() string {
	verdict := string(s.Outcome)
	if s.Known {
		verdict += ", known"
	}
	if s.Outcome == Broken || s.Outcome == Skipped {
		return verdict + ": " + oneLine(s.Why)
	}
	return oneLine(s.Observed.words()) + " (" + verdict + ")"
}

// facts are what there is to say of the cases, each with its name.
func (x drift) facts(d *Diff, o Options) [][2]string {
	if x.first.Old == nil || x.first.New == nil {
		return nil
	}
	result := Result{ID: x.first.ID, Rules: x.first.Rules, Level: x.first.Level}
	facts := [][2]string{
		{"rule", string(x.first.Level) + " " + result.ruling(o)},
		{"wanted", oneLine(x.first.Expected.words())},
		{"was", x.first.Old.words()},
		{"is", x.first.New.words()},
	}
	if near, differs, ok := nearest(x.ids[0], d.still); ok && len(x.ids) == 1 {
		facts = append(facts, [2]string{"unlike", unlike(near, differs) + " has not changed"})
	}
	r := &Report{Profile: d.New.Profile, Target: Target{Name: d.New.Target, Launch: d.New.Launch}}
	return append(facts, [2]string{"repeat", r.command(x.glob(), o)})
}

func capital(word string) string { return strings.ToUpper(word[:1]) + word[1:] }

// unlike names a case and what is different about it.
func unlike(near string, differs [][2]factor) string {
	var words []string
	for _, pair := range differs {
		words = append(words, fmt.Sprintf("%s instead of %s", pair[1], pair[0]))
	}
	return near + " (" + strings.Join(words, ", ") + ")"
}

func renderDiffMarkdown(w io.Writer, d *Diff, o Options) error {
	var b bytes.Buffer
	m := &markdown{&b, o}
	m.diff(d)
	if _, err := w.Write(b.Bytes()); err != nil {
		return fmt.Errorf("writing a diff: %w", err)
	}
	return nil
}
