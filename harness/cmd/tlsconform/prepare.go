package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/calico-tls/conformance/harness/target"
	"github.com/calico-tls/conformance/harness/target/build"
	"github.com/calico-tls/conformance/reports"
)

func newPrepare() *cobra.Command {
	var name string
	cmd := &cobra.Command{
		Use:   "prepare",
		Short: "build or check the components of a target, so that a run finds them",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			t, err := target.Load(name)
			if err != nil {
				return err
			}
			folder, err := build.Folder()
			if err != nil {
				return unjudged(err)
			}
			p := target.Preparer{
				Launch:  "container", // what can run in a container can run as a process
				Builder: build.Builder{Folder: folder, Progress: (&telling{w: cmd.ErrOrStderr()}).building},
			}
			for _, c := range t.Components {
				o, err := p.Prepare(cmd.Context(), t, c.Role)
				if cmd.Context().Err() != nil {
					return &codedError{errors.New("stopped before everything was prepared"), reports.ExitPartial}
				}
				if err != nil {
					return unjudged(err)
				}
				fmt.Fprintf(cmd.OutOrStdout(), "%s\t%s %s\t%s\t%s%s\n", o.Role, o.Implementation, o.Version, o.Source.Way, o.Binary, o.Image)
			}
			return nil
		},
	}
	targetFlag(cmd, &name)
	return cmd
}
