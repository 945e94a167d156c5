package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/calico-tls/conformance/reports"
)

// reportFile is the name of the report in the folder that a run writes.
const reportFile = "report.json"

func newReport() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "report",
		Short: "read what runs have written: render one, compare two, merge those of shards, verify or sign one",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newReportRender(), newReportDiff(), newReportMerge(), newReportVerify(), newReportSign())
	return cmd
}

// readReport reads a report.json. Every error is one of usage.
func readReport(path string) (*reports.Report, error) {
	file, err := openReport(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	r, err := reports.Read(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return r, nil
}
