package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/calico-tls/conformance/fixtures"
	"github.com/calico-tls/conformance/reports"
	"github.com/calico-tls/conformance/suites/conformance"
)

func newDeviations() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "deviations",
		Short: "look after the known deviations",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newDeviationsCheck(), newDeviationsSuggest())
	return cmd
}

func newDeviationsCheck() *cobra.Command {
	var own, path string
	cmd := &cobra.Command{
		Use:   "check",
		Short: "say which known deviations do not hold any more",
		Long: `Check the suite's own known deviations, and those of a file: whether they are well-formed, which have expired, which
match no case, and with --report, of which a case conforms in it. Ends with 1 if one does not hold any more, and with 3
if a file is not well-formed.`,
		Example: `  tlsconform deviations check
  tlsconform deviations check --deviations own.yaml --report _output/report.json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			known, err := fixtures.Deviations()
			if err != nil {
				return unjudged(err)
			}
			more, err := readDeviations(own)
			if err != nil {
				return err
			}
			var report *reports.Report
			if path != "" {
				if report, err = readReport(path); err != nil {
					return err
				}
			}
			outdated, err := conformance.Outdated(known, more, report)
			if err != nil {
				return unjudged(err)
			}
			out := cmd.OutOrStdout()
			for _, d := range outdated {
				fmt.Fprintf(out, "stale: %s: %s\n", d.Cases, d.Reason)
			}
			fmt.Fprintf(out, "%d known deviations, %d stale\n", len(known)+len(more), len(outdated))
			if len(outdated) > 0 {
				return &codedError{nil, reports.ExitFailed}
			}
			return nil
		},
	}
	deviationsFlag(cmd, &own)
	cmd.Flags().StringVar(&path, "report", "", "a report.json, of which no case that conforms may be covered")
	return cmd
}

func newDeviationsSuggest() *cobra.Command {
	return &cobra.Command{
		Use:   "suggest REPORT",
		Short: "write rows for what deviates in a report and is not known to",
		Long: `Write, in the form that run --deviations takes, a row for each set of cases that deviate alike in a report and are not
known to. Each needs a link to where it is written down before the file is read, and may have an owner and an expiry.`,
		Example: `  tlsconform deviations suggest _output/report.json > own.yaml`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			report, err := readReport(args[0])
			if err != nil {
				return err
			}
			n, err := conformance.Suggest(cmd.OutOrStdout(), report)
			if err != nil {
				return unjudged(err)
			}
			if n == 0 {
				fmt.Fprintln(cmd.ErrOrStderr(), "nothing deviates that is not known to")
			}
			return nil
		},
	}
}

func deviationsFlag(cmd *cobra.Command, path *string) {
	cmd.Flags().StringVar(path, "deviations", "", "a file of known deviations, in the form of fixtures/deviations.yaml, beside those that the suite knows")
}

// readDeviations reads a file of known deviations; "" is none. Every error is one of usage.
func readDeviations(path string) ([]fixtures.Deviation, error) {
	if path == "" {
		return nil, nil
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, &hintedError{fmt.Errorf("reading known deviations: %w", err), "name a file in the form of fixtures/deviations.yaml with --deviations"}
	}
	return fixtures.ParseDeviations(path, data)
}
