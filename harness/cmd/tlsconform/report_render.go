package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/calico-tls/conformance/reports"
)

func newReportRender() *cobra.Command {
	var (
		format, name, out string
		limit             int
		strict            bool
		usage             []string
	)
	for _, f := range reports.Renderers {
		usage = append(usage, fmt.Sprintf("%s (%s)", f.Name, f.Text))
	}
	cmd := &cobra.Command{
		Use:   "render FILE",
		Short: "render a report in another format",
		Long:  "Render a report.json in another format, from the file alone.",
		Example: `  tlsconform report render --format markdown _output/report.json >> "$GITHUB_STEP_SUMMARY"
  tlsconform report render --format html --out report.html _output/report.json
  tlsconform report render --format in-toto _output/report.json > statement.json`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			f, err := reports.FormatNamed(format)
			if err != nil {
				return err
			}
			r, err := readReport(args[0])
			if err != nil {
				return err
			}
			to := cmd.OutOrStdout()
			o := rendering(name, strict)
			o.Limit, o.Colour = limit, out == "" && reports.Colours(to)
			if out == "" {
				return unrendered(f.Render(to, r, o))
			}
			return writeTo(out, func(w io.Writer) error { return f.Render(w, r, o) })
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&format, "format", "text", "the format: "+strings.Join(usage, ", "))
	flags.StringVar(&out, "out", "", "the file to write; without it standard output")
	flags.StringVar(&name, "target", "", "how commands that repeat a case name the target; without it as the report does")
	flags.IntVar(&limit, "limit", 20, "how many sets of unexpected results are shown")
	flags.BoolVar(&strict, "strict", false, "let a SHOULD that deviates count as a failure")
	return cmd
}

// unrendered tells a report of which the format can't be made from an error on our side.
func unrendered(err error) error {
	_, unfit := errors.AsType[*reports.InvalidError](err)
	if err == nil || unfit {
		return err
	}
	return unjudged(err)
}

// writeTo writes a file. An error is one of usage, or of the disk.
func writeTo(path string, write func(io.Writer) error) (err error) {
	file, err := os.Create(path)
	if err != nil {
		return &hintedError{fmt.Errorf("opening the output file: %w", err), "name a file that can be written with --out"}
	}
	defer func() {
		if closing := file.Close(); err == nil {
			err = closing
		}
		err = unrendered(err)
	}()
	return write(file)
}
