// Command tlsconform judges whether Calico's components, or a vendor's build of them, do TLS as the page "Configure
// encryption and authentication" promises.
//
// What goes wrong is said on standard error, as
//
//	tlsconform: error: what was being done: what was wanted and what was found
//	tlsconform: hint: what to do about it
//
// in lower case and without a full stop. It exits with 0 if all is as expected, 1 if a verdict failed, 2 if it could
// not judge, 3 for a wrong flag or setting, and 4 if it was stopped early.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/calico-tls/conformance/reports"
	"github.com/calico-tls/conformance/suites/conformance"
)

// exitUsage is the exit code for a wrong flag or setting.
const exitUsage = 3

func main() { os.Exit(run()) }

// run is main without the exit, for scripts that run the command in the test binary.
func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	err := newRoot().ExecuteContext(ctx)
	if err == nil {
		return reports.ExitExpected
	}
	return complain(os.Stderr, err)
}

// codedError is an error with the exit code that it leads to. A nil err has been told already.
type codedError struct {
	err  error
	code int
}

func (e *codedError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit code %d", e.code)
	}
	return e.err.Error()
}

func (e *codedError) Unwrap() error { return e.err }

// unjudged is for what went wrong on our side, or around the subject.
func unjudged(err error) error { return &codedError{err, reports.ExitUnjudged} }

// complain tells of an error, with its hint if it has one, and returns the exit code. What is not coded otherwise is a
// wrong flag or setting.
func complain(w io.Writer, err error) int {
	code := exitUsage
	if coded, ok := errors.AsType[*codedError](err); ok {
		code = coded.code
		if coded.err == nil {
			return code
		}
	}
	fmt.Fprintf(w, "tlsconform: error: %v\n", err)
	var hinted interface{ Hint() string }
	if errors.As(err, &hinted) && hinted.Hint() != "" {
		fmt.Fprintf(w, "tlsconform: hint: %s\n", strings.TrimSpace(hinted.Hint()))
	}
	return code
}

// hintedError adds a hint to an error.
type hintedError struct {
	error
	hint string
}

func (e *hintedError) Hint() string  { return e.hint }
func (e *hintedError) Unwrap() error { return e.error }

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:           "tlsconform",
		Short:         "judge whether Calico's components do TLS as they are documented to",
		Version:       conformance.Version(),
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.NoArgs,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.CompletionOptions.DisableDefaultCmd = true // ours has no flags, and examples
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return &hintedError{err, fmt.Sprintf("see %s --help", cmd.CommandPath())}
	})
	root.AddCommand(
		newList(), newExplain(), newRun(), newTarget(), newPrepare(), newPKI(), newStub(), newReport(), newDeviations(),
		newCompletion(), newMan(),
	)
	complete(root)
	return root
}
