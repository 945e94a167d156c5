package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/calico-tls/conformance/reports"
)

// diffFlags are the flags that say what of a diff fails.
type diffFlags struct {
	failOn    []string
	movements []reports.Movement
}

func (f *diffFlags) add(cmd *cobra.Command) {
	var words []string
	for _, m := range reports.Movements {
		words = append(words, fmt.Sprintf("%s (%s)", m.Name, m.Text))
	}
	cmd.Flags().StringSliceVar(&f.failOn, "fail-on", []string{string(reports.Loosened)},
		"which movements end it with 1, joined by commas: "+strings.Join(words, "; ")+"; or none")
}

// read reads the movements.
func (f *diffFlags) read() (err error) {
	f.movements, err = reports.ParseMovements(f.failOn)
	return err
}

func newReportDiff() *cobra.Command {
	var (
		f        diffFlags
		format   string
		name     string
		detailed int
	)
	cmd := &cobra.Command{
		Use:   "diff OLD NEW",
		Short: "say what a change has loosened, tightened or changed otherwise",
		Long: `Compare two reports of one suite, such as that of a base branch and that of a pull request: what was seen of each
case, and the verdict. Ends with 1 if a case moved as --fail-on says, and with 3 if the reports can't be compared.`,
		Example: `  tlsconform report diff base/report.json _output/report.json
  tlsconform report diff --format markdown base/report.json _output/report.json >> "$GITHUB_STEP_SUMMARY"
  tlsconform report diff --fail-on loosened,vanished base/report.json _output/report.json`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.read(); err != nil {
				return err
			}
			to, err := reports.DiffFormatNamed(format)
			if err != nil {
				return err
			}
			before, err := readReport(args[0])
			if err != nil {
				return err
			}
			after, err := readReport(args[1])
			if err != nil {
				return err
			}
			d, err := reports.Compare(before, after)
			if err != nil {
				return err
			}
			out := cmd.OutOrStdout()
			o := reports.Options{Rule: sentence, Target: name, Limit: detailed, Colour: reports.Colours(out)}
			if err := to.Render(out, d, o); err != nil {
				return unjudged(err)
			}
			return f.gate(d)
		},
	}
	f.add(cmd)
	cmd.Flags().StringVar(&format, "format", reports.DiffFormats[0].Name, "the format: text, markdown or json")
	cmd.Flags().StringVar(&name, "target", "", "how commands that repeat a case name the target; without it as the new report does")
	cmd.Flags().IntVar(&detailed, "limit", 20, "how many sets of cases are shown of each movement")
	return cmd
}

// gate fails if a case moved in one of the ways that fail.
func (f *diffFlags) gate(d *reports.Diff) error {
	if d.Has(f.movements) {
		return &codedError{nil, reports.ExitFailed}
	}
	return nil
}
