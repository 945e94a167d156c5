package conformance

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/template"

	"github.com/calico-tls/conformance/reports"
)

// suggestion is a row of a file of known deviations that a person has to complete.
type suggestion struct {
	Case, Implementation, Versions, Reason, Command string

	Level reports.Level
	Cases int
}

var rows = template.Must(template.New("rows").Parse(`deviations:
{{- range .}}
  - case: {{printf "%q" .Case}} # {{.Cases}} of the report
    implementation: {{printf "%q" .Implementation}} # the project that the target names, in lower case
    versions: {{printf "%q" .Versions}}
    level: {{.Level}}
    reason: {{printf "%q" .Reason}}
    link: # where it is reported or written down
    command: {{printf "%q" .Command}}
    # owner: who looks after it
    # expires: the day until which it is agreed upon, as in 2027-03-31
{{- end}}
`))

// Suggest writes, for what deviates in a report and is not known to, rows of a file of known deviations. A row's glob
// matches just what deviates so, of all cases of the report's strategy. Whoever takes them has to say where each is
// written down: without a link the file is not read. It returns how many rows there are; where there are none it writes nothing.
func Suggest(w io.Writer, report *reports.Report) (int, error) {
	cases, err := enumerated("all", report.Strategy)
	if err != nil {
		return 0, err
	}
	all := ids(cases)
	var suggestions []suggestion
	for _, alike := range reports.Deviating(report, reports.Options{}) {
		matched := slices.DeleteFunc(slices.Clone(all), func(id string) bool { return !globMatches(alike.Glob, id) })
		if len(matched) == len(alike.Results) {
			suggestions = append(suggestions, suggest(report, alike.Glob, alike.Results))
			continue
		}
		for _, x := range alike.Results {
			suggestions = append(suggestions, suggest(report, x.ID, []reports.Result{x}))
		}
	}
	if len(suggestions) == 0 {
		return 0, nil
	}
	return len(suggestions), rows.Execute(w, suggestions)
}

func suggest(report *reports.Report, glob string, alike []reports.Result) suggestion {
	first := alike[0]
	s := suggestion{
		Case: glob, Implementation: report.Target.Name, Versions: "*", Level: first.Level, Cases: len(alike),
		Reason:  fmt.Sprintf("Wanted %s.", first.Comparison()),
		Command: fmt.Sprintf("tlsconform run --target %s --profile %s --select '%s'", report.Target.Name, report.Profile, glob),
	}
	for _, c := range report.Target.Components {
		if slices.Contains(roles(first.Subject), c.Role) {
			s.Implementation = cmp.Or(strings.TrimSuffix(c.Implementation, "-"+c.Version), s.Implementation)
			if c.Version != "" {
				s.Versions = "=" + c.Version
			}
			break
		}
	}
	return s
}
