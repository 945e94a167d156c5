package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/calico-tls/conformance/reports"
	"github.com/calico-tls/conformance/suites/conformance"
)

// checkDeadline is shorter than a run's, as whoever checks a target waits for the answer.
const checkDeadline = conformance.DefaultDeadline / 2

func newTargetCheck() *cobra.Command {
	var o conformance.Options
	cmd := &cobra.Command{
		Use:   "check FILE|NAME",
		Short: "say whether a target is ready for a run",
		Long: `Check a target before a long run: whether its components are there or can be had, whether each starts, and whether on
each link that it covers a good pair connects, as each of the link's ends sees it. It takes what a run takes for these
cases, and so less than half a minute once the components are there. Ends with 1 if a good peer was refused, with 2 if
that could not be told, and with 3 if the target file is wrong.`,
		Example: `  tlsconform target check reference --launch in-process
  tlsconform target check my-distribution.yaml`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Target = args[0]
			p := &telling{w: cmd.ErrOrStderr()}
			o.Note, o.Building = p.note, p.building
			return checkTarget(cmd, o)
		},
	}
	launchFlag(cmd, &o.Launch)
	cmd.Flags().DurationVar(&o.Deadline, "deadline", checkDeadline, "how long one start, or one connection, may take (the first start of a program: four times that)")
	return cmd
}

func checkTarget(cmd *cobra.Command, o conformance.Options) (err error) {
	r, err := conformance.Load(o)
	if err != nil {
		return err
	}
	ctx := cmd.Context()
	defer func() {
		if closing := r.Close(ctx); closing != nil {
			o.Note("clearing up: " + closing.Error())
		}
	}()
	checkup, err := r.Check(ctx)
	switch {
	case ctx.Err() != nil:
		return &codedError{errors.New("stopped before everything was checked"), reports.ExitPartial}
	case isUsage(err):
		return err
	case err != nil:
		return unjudged(err)
	}
	for _, line := range checkup.Lines {
		fmt.Fprintf(cmd.OutOrStdout(), "%s %s: %s\n", line.What, line.Name, strings.ReplaceAll(line.Found, "\n", "\n  "))
		if line.Hint != "" {
			fmt.Fprintf(cmd.OutOrStdout(), "  hint: %s\n", line.Hint)
		}
	}
	if code := checkup.ExitCode(); code != reports.ExitExpected {
		return &codedError{nil, code}
	}
	return nil
}
