package reports

import (
	"bytes"
	"fmt"
	"strings"
)

// markdown collects a text in GitHub's Markdown.
type markdown struct {
	*bytes.Buffer

	o Options
}

func (m *markdown) line(format string, args ...any) { _, _ = fmt.Fprintf(m, format+"\n", args...) }

// row writes a row of a table.
func (m *markdown) row(cells ...string) {
	for i, cell := range cells {
		cells[i] = strings.ReplaceAll(cell, "|", `\|`)
	}
	m.line("| %s |", strings.Join(cells, " | "))
}

// head begins a table.
func (m *markdown) head(cells ...string) {
	m.row(cells...)
	m.line("|%s", strings.Repeat("---|", len(cells)))
}

// facts lists what is said of one finding, by name; the command that repeats it is code.
func (m *markdown) facts(all [][2]string) {
	for _, fact := range all {
		text := plain(fact[1])
		if fact[0] == "repeat" {
			text = code(fact[1])
		}
		m.line("  - %s: %s", fact[0], text)
	}
}

// plain makes one line of a text that may come from anywhere, with nothing in it that Markdown or HTML would take for
// markup, or that would call somebody.
func plain(text string) string { return marks.Replace(oneLine(text)) }

var marks = strings.NewReplacer("\\", "\\\\", "`", "\\`", "*", "\\*", "_", "\\_", "[", "\\[", "]", "\\]", "<", "&lt;", ">", "&gt;",
	"&", "&amp;", "~", "\\~", "#", "#\u2060", "@", "@\u2060", "://", ":\u2060//")

// code shows a text as it is.
func code(text string) string {
	text = oneLine(text)
	ticks := "`"
	for strings.Contains(text, ticks) {
		ticks += "`"
	}
	if len(ticks) > 1 {
		text = " " + text + " "
	}
	return ticks + text + ticks
}

// diff writes a diff: a sentence, the counts, then what moved.
func (m *markdown) diff(d *Diff) {
	m.line("### TLS conformance: %s\n", d.sentence())
	m.head("", "target", "launch", "suite", "cases", "claim")
	for _, side := range d.sides() {
		m.row(side.name, plain(side.Target), plain(side.Launch), plain(side.Suite), fmt.Sprint(side.Cases), string(side.Claim))
	}
	m.line("")
	for _, remark := range d.Remarks {
		m.line("- %s", plain(remark))
	}
	if len(d.Remarks) > 0 {
		m.line("")
	}
	for _, movement := range Movements {
		m.movement(d, movement)
	}
	m.line("%s unchanged.", count(d.Counts.Unchanged, "case"))
}

// sentence says what moved.
func (d *Diff) sentence() string {
	var words []string
	for _, m := range Movements {
		if n := d.Counts.Of(m.Name); n > 0 {
			words = append(words, fmt.Sprintf("%d %s", n, m.Name))
		}
	}
	if len(words) == 0 {
		return "nothing changed"
	}
	return strings.Join(words, ", ")
}

func (m *markdown) movement(d *Diff, movement MovementText) {
	all := d.drifts(movement.Name)
	if len(all) == 0 {
		return
	}
	m.line("#### %s: %s\n", capital(string(movement.Name)), count(d.Counts.Of(movement.Name), "case"))
	m.line("%s.\n", capital(movement.Text))
	shown := all[:min(len(all), m.o.limit())]
	for _, x := range shown {
		m.line("- %s", x.markdown())
		m.facts(x.facts(d, m.o))
	}
	var more int
	for _, x := range all[len(shown):] {
		more += len(x.ids)
	}
	if more > 0 {
		m.line("- … and %s more", count(more, "case"))
	}
	m.line("")
}

// markdown is the title of a cluster in Markdown.
func (c cluster) markdown() string {
	if len(c.ids) == 1 {
		return code(c.ids[0])
	}
	return "**" + plain(c.title()) + "**"
}
