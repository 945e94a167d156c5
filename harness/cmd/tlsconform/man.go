package main

import (
	"fmt"
	"os"
	"runtime/debug"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"

	"github.com/calico-tls/conformance/suites/conformance"
)

func newMan() *cobra.Command {
	return &cobra.Command{
		Use:     "man DIR",
		Short:   "write the man pages of all commands",
		Example: `  tlsconform man man1`,
		Args:    cobra.ExactArgs(1),
		Hidden:  true, // for those who package it
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := os.MkdirAll(args[0], 0o755); err != nil {
				return &hintedError{fmt.Errorf("making the folder for the man pages: %w", err), "name a folder that can be written to"}
			}
			date := committed()
			header := &doc.GenManHeader{Section: "1", Date: &date, Source: "tlsconform " + conformance.Version(), Manual: "TLS conformance"}
			cmd.Root().DisableAutoGenTag = true
			if err := doc.GenManTree(cmd.Root(), header, args[0]); err != nil {
				return &hintedError{fmt.Errorf("writing the man pages: %w", err), "name a folder that can be written to"}
			}
			return nil
		},
	}
}

// committed returns when the commit was made that this was built from, so that a page does not depend on when it was
// written; 1970 if that is not known.
func committed() time.Time {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if at, err := time.Parse(time.RFC3339, s.Value); err == nil && s.Key == "vcs.time" {
				return at
			}
		}
	}
	return time.Unix(0, 0).UTC()
}
