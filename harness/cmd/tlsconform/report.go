package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/calico-tls/conformance/reports"
)

func newReport() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "report",
		Short: "read what runs have written: compare two reports",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newReportDiff())
	return cmd
}

// readReport reads a report.json. Every error is one of usage.
func readReport(path string) (*reports.Report, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, &hintedError{fmt.Errorf("reading a report: %w", err), "name the report.json that tlsconform run wrote"}
	}
	defer file.Close()
	r, err := reports.Read(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return r, nil
}
