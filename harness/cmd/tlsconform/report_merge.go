package main

import (
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/calico-tls/conformance/reports"
	"github.com/calico-tls/conformance/suites/conformance"
)

func newReportMerge() *cobra.Command {
	var (
		out, name string
		strict    bool
	)
	cmd := &cobra.Command{
		Use:   "merge FILE...",
		Short: "put the reports of all shards of a run together",
		Long: `Put together what tlsconform run --shard wrote for each shard, and prove that the shards cover the cases exactly once
and are of one suite, target, profile, strategy and launch. What is written is like the report of one run; its duration
is the sum of theirs. Ends as that run would have; with 3 if the reports can't be merged.`,
		Example: `  tlsconform report merge --out merged 1/report.json 2/report.json 3/report.json`,
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			merged, err := mergeFiles(args)
			if err != nil {
				return err
			}
			folder, err := outFolder(out)
			if err != nil {
				return err
			}
			defer folder.Close()
			o := rendering(name, strict)
			o.Colour = reports.Colours(cmd.OutOrStdout())
			files, err := conformance.Write(merged, folder, o)
			if err != nil {
				return unjudged(err)
			}
			if _, err := signIn(folder, nil); err != nil {
				return unjudged(err)
			}
			for _, file := range files {
				o.Files = append(o.Files, filepath.Join(out, file))
			}
			text, err := reports.FormatNamed("text")
			if err != nil {
				return err
			}
			if err := text.Render(cmd.OutOrStdout(), merged, o); err != nil {
				return unjudged(err)
			}
			if code := (reports.Gate{Selected: merged.IDs(), Strict: strict}).ExitCode(merged); code != reports.ExitExpected {
				return &codedError{nil, code}
			}
			return nil
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&out, "out", "_output", "the folder for report.json, junit.xml and report.html")
	flags.StringVar(&name, "target", "", "how commands that repeat a case name the target; without it as the reports do")
	flags.BoolVar(&strict, "strict", false, "let a SHOULD that deviates count as a failure")
	return cmd
}

func mergeFiles(paths []string) (*reports.Report, error) {
	shards := make([]reports.Named, len(paths))
	for i, path := range paths {
		r, err := readReport(path)
		if err != nil {
			return nil, err
		}
		shards[i] = reports.Named{Report: r, Name: path}
	}
	return conformance.Merge(shards)
}
