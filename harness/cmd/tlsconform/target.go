package main

import (
	"github.com/spf13/cobra"

	"github.com/calico-tls/conformance/fixtures"
)

func newTarget() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "target",
		Short: "write a target file, and check one before a run",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newTargetInit(), newTargetCheck(), newTargetSchema())
	return cmd
}

func newTargetSchema() *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "print the JSON Schema of target files, for an editor without network",
		Long: `Print the JSON Schema of target files. Editors that know the YAML language server complete a target file by it if its
first line names it: # yaml-language-server: $schema=FILE`,
		Example: `  tlsconform target schema`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			schema, err := fixtures.TargetSchema()
			if err != nil {
				return unjudged(err)
			}
			_, err = cmd.OutOrStdout().Write(schema)
			return err
		},
	}
}
