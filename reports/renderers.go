package reports

import (
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"
)

// Renderers lists the formats in which a report can be rendered, one file of this package each.
var Renderers = []Format{
	{Name: "json", File: "report.json", Text: "the report itself", Render: renderJSON},
	{Name: "junit", File: "junit.xml", Text: "JUnit XML, a test case for each case", Render: renderJUnit},
	{Name: "html", File: "report.html", Text: "one page for a browser, with the matrix and every case", Render: renderHTML},
	{Name: "text", Text: "the summary for a terminal", Render: renderText},
	{Name: "markdown", Text: "for a job's summary or a pull request's comment", Render: renderMarkdown},
	{Name: "sarif", Text: "SARIF 2.1.0, for code scanning", Render: renderSARIF},
	{Name: "conformance", Text: "the short document that a vendor submits", Render: renderConformance},
	{Name: "in-toto", Text: "an in-toto test-result statement, to be attested", Render: renderInToto},
}

// Format is one way to render a report.
type Format struct {
	// Name is what the format is called on the command line.
	Name string
	// File is the file that a run writes in the format; "" if it writes none.
	File string
	// Text says what the format is, in a few words.
	Text   string
	Render Renderer
}

// Renderer writes a report in one format: equal bytes for equal reports and options. It returns an [*InvalidError], and
// writes nothing, where [Report.Write] would.
type Renderer func(w io.Writer, r *Report, o Options) error

// Options holds what a renderer may want besides the report. The zero value is of use.
type Options struct {
	// Rule returns what a rule says of a case of a level, by the rule's ID, and "" for one that it doesn't know; nil knows
	// none.
	Rule func(id string, level Level) string
	// Source returns where a rule comes from, by its ID; nil knows of none.
	Source func(id string) []string
	// About returns what a case is about, by its ID, and false for one that it doesn't know; nil knows none.
	About func(id string) (About, bool)
	// Target is the target as the command line named it; "" takes the report's name for it.
	Target string
	// Files are the files that the run wrote, to be named.
	Files []string
	// Limit is how many unexpected results, and how many reasons of other lists, are shown; 0 takes 20.
	Limit int
	// Strict makes a SHOULD that deviates a failure.
	Strict bool
	// Colour allows colours; see [Colours].
	Colour bool
}

// UnknownFormatError says that no renderer has the name asked for.
type UnknownFormatError struct {
	Name string
	// Known are the names that there are.
	Known []string
}

// Error names the format that was asked for.
func (e *UnknownFormatError) Error() string {
	return fmt.Sprintf("choosing a report format: found %q, which is none", e.Name)
}

// Hint lists the formats.
func (e *UnknownFormatError) Hint() string { return "the formats are " + strings.Join(e.Known, ", ") }

// FormatNamed returns the format of that name, or an [*UnknownFormatError].
func FormatNamed(name string) (Format, error) {
	var names []string
	for _, format := range Renderers {
		if format.Name == name {
			return format, nil
		}
		names = append(names, format.Name)
	}
	return Format{}, &UnknownFormatError{Name: name, Known: names}
}

// Colours reports whether w may be written to in colour: it is a terminal, not a dumb one, and NO_COLOR is unset or
// empty (no-color.org).
func Colours(w io.Writer) bool { return os.Getenv("NO_COLOR") == "" && isTerminal(w) }

func isTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	return ok && term.IsTerminal(int(file.Fd())) && os.Getenv("TERM") != "dumb"
}

func (o Options) limit() int {
	if o.Limit <= 0 {
		return 20
	}
	return o.Limit
}

func (o Options) sentence(rule string, level Level) string {
	if o.Rule == nil {
		return ""
	}
	return o.Rule(rule, level)
}
