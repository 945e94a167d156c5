package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"github.com/calico-tls/conformance/reports"
	"github.com/calico-tls/conformance/suites/conformance"
)

// baseline is a report that a run is held against; its report is nil if there is none.
type baseline struct {
	diffFlags

	path   string
	report *reports.Report
}

func (b *baseline) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&b.path, "baseline", "", "a report.json to hold the run against, as report diff does")
	b.diffFlags.add(cmd)
}

// read reads the report, before anything is started.
func (b *baseline) read(cmd *cobra.Command) (err error) {
	switch {
	case b.path != "":
		b.report, err = readReport(b.path)
	case cmd.Flags().Changed("fail-on"):
		err = &hintedError{
			errors.New("reading --fail-on: wanted --baseline with it, found none"),
			"name the report to hold the run against, as in --baseline base/report.json",
		}
	}
	if err != nil {
		return err
	}
	return b.diffFlags.read()
}

// apart makes sure that the run does not write its report over the one that it is held against.
func (b *baseline) apart(folder *os.Root) error {
	if b.report == nil {
		return nil
	}
	written, err := folder.Stat(reportFile)
	if err != nil {
		return nil //nolint:nilerr // what is not there is not written over
	}
	read, err := os.Stat(b.path)
	if err == nil && os.SameFile(read, written) {
		return &hintedError{
			fmt.Errorf("reading --baseline: wanted another file than the report that the run writes, found %s", b.path),
			"copy the baseline first, or choose another folder with --out",
		}
	}
	return nil
}

// suits asks whether a run can be held against the report, and leaves of the report what the run has selected.
func (b *baseline) suits(r *conformance.Run) error {
	if b.report == nil {
		return nil
	}
	if selected := r.Gate().Selected; len(selected) < len(r.Due()) {
		of := *b.report
		of.Results = slices.DeleteFunc(slices.Clone(of.Results), func(x reports.Result) bool { return !slices.Contains(selected, x.ID) })
		if len(of.Results) > 0 { // else it is told what it has instead
			b.report = &of
		}
	}
	predicted, err := conformance.Predicted(r.Cases)
	if err != nil {
		return err
	}
	_, err = reports.Compare(b.report, &reports.Report{Results: predicted})
	return b.named(err)
}

func (b *baseline) named(err error) error {
	if err != nil {
		return fmt.Errorf("%s: %w", b.path, err)
	}
	return nil
}

// against returns what moved; nil if there is no baseline, or the run came to no result.
func (b *baseline) against(report *reports.Report) (*reports.Diff, error) {
	if b.report == nil || len(report.Results) == 0 {
		return nil, nil
	}
	d, err := reports.Compare(b.report, report)
	return d, b.named(err)
}

// tell tells what moved.
func (b *baseline) tell(w io.Writer, d *reports.Diff, o reports.Options) error {
	if d == nil {
		return nil
	}
	if _, err := fmt.Fprintf(w, "\nAgainst the baseline %s\n\n", b.path); err != nil {
		return err
	}
	return reports.DiffFormats[0].Render(w, d, o)
}
