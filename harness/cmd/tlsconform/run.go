package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/calico-tls/conformance/fixtures"
	"github.com/calico-tls/conformance/harness/target"
	"github.com/calico-tls/conformance/reports"
	"github.com/calico-tls/conformance/suites/conformance"
)

// runFlags are the flags of run.
type runFlags struct {
	conformance.Options
	out           string
	shard, again  string
	deviations    string
	sign          string
	signer        *reports.Signer
	quiet, strict bool
	failFast      bool
	baseline      baseline
}

func newRun() *cobra.Command {
	var f runFlags
	cmd := &cobra.Command{
		Use:   "run",
		Short: "judge a target, and write the report",
		Example: `  tlsconform run --target reference --launch in-process
  tlsconform run --target reference --launch in-process --budget 3m --fail-fast
  tlsconform run --target reference --launch in-process --shard 1/3 --out 1`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd) },
	}
	targetFlag(cmd, &f.Target)
	launchFlag(cmd, &f.Launch)
	strategyFlag(cmd, &f.Strategy)
	flags := cmd.Flags()
	flags.StringVar(&f.Select, "select", "", "judge only the cases whose ID the glob matches: * within one part, ** across parts")
	deviationsFlag(cmd, &f.deviations)
	flags.StringVar(&f.shard, "shard", "", "judge only one of several shares of the cases, as in 2/3; report merge puts their reports together")
	flags.StringVar(&f.again, "rerun-failed", "", "judge only the cases that failed in a report.json, or could not be judged, and their twins; the report is one of its own")
	flags.BoolVar(&f.failFast, "fail-fast", false, "stop at the first case that fails, or can't be judged")
	flags.DurationVar(&f.Budget, "budget", 0, "judge the most telling cases that fit into this time by estimate, as in 3m, and start nothing more once it is spent; what is left out makes it end with 4")
	flags.StringVar(&f.out, "out", "_output", "the folder for report.json, junit.xml and report.html")
	flags.StringVar(&f.Profile, "profile", conformance.Profiles[0].Name, "what is judged: "+conformance.ProfileUsage())
	flags.IntVar(&f.Jobs, "jobs", conformance.DefaultJobs, "how many connections are made to a subject at a time")
	flags.DurationVar(&f.Deadline, "deadline", conformance.DefaultDeadline, "how long one start, or one connection, may take (the first start of a program: four times that)")
	flags.BoolVar(&f.quiet, "quiet", false, "say nothing but what went wrong")
	f.baseline.add(cmd)
	flags.StringVar(&f.sign, "sign", "", "the SSH private key, without a passphrase, to sign the report with, as report sign does")
	flags.BoolVar(&f.strict, "strict", false, "let a SHOULD that deviates fail the run")
	return cmd
}

func targetFlag(cmd *cobra.Command, target *string) {
	cmd.Flags().StringVar(target, "target", "calico-v3.31.0", "the target: the name of one that is built in, or the path of a target file")
}

func launchFlag(cmd *cobra.Command, launch *string) {
	cmd.Flags().StringVar(launch, "launch", conformance.LaunchAuto, "how components are started: auto (containers where an engine answers, else processes), container, process or in-process")
}

func (f *runFlags) run(cmd *cobra.Command) error {
	if err := f.check(); err != nil {
		return err
	}
	var err error
	if f.Shard, err = conformance.ParseShard(f.shard); err != nil {
		return err
	}
	if f.again != "" {
		if f.Again, err = readReport(f.again); err != nil {
			return err
		}
	}
	if f.Deviations, err = readDeviations(f.deviations); err != nil {
		return err
	}
	if f.signer, err = readSigner(f.sign); err != nil {
		return err
	}
	if f.failFast {
		f.StopAt = reports.FirstFailure
	}
	if err := f.baseline.read(cmd); err != nil {
		return err
	}
	folder, err := outFolder(f.out)
	if err != nil {
		return err
	}
	defer folder.Close()
	if err := f.baseline.apart(folder); err != nil {
		return err
	}
	told := cmd.ErrOrStderr()
	if f.quiet {
		told = io.Discard
	}
	p := &telling{w: told}
	f.Note, f.Building, f.Done = p.note, p.building, p.done
	if f.strict {
		f.Strictness = conformance.Shoulds
	}
	r, err := conformance.Load(f.Options)
	if err != nil {
		return err
	}
	if err := f.baseline.suits(r); err != nil {
		return err
	}
	ctx := cmd.Context()
	report, err := judge(ctx, r, p)
	if err != nil {
		return err
	}
	o := rendering(f.Target, f.strict)
	o.Colour = reports.Colours(cmd.OutOrStdout())
	return f.publish(cmd, folder, report, publication{o, r.Gate(), r.LeftOut(report)})
}

// check looks at the flags that only the command line has.
func (f *runFlags) check() error {
	switch {
	case f.Jobs < 1:
		return &hintedError{fmt.Errorf("reading --jobs: wanted a number greater than 0, found %d", f.Jobs), ""}
	case f.Budget < 0:
		return &hintedError{fmt.Errorf("reading --budget: wanted a time such as 3m, found %s", f.Budget), ""}
	case f.Deadline < time.Second:
		return &hintedError{fmt.Errorf("reading --deadline: wanted a second or more, found %s", f.Deadline), ""}
	}
	return nil
}

// judge prepares and runs a run, and undoes what it did, whatever happens.
func judge(ctx context.Context, r *conformance.Run, p *telling) (report *reports.Report, err error) {
	defer func() {
		if closing := r.Close(ctx); closing != nil {
			p.note("clearing up: " + closing.Error())
		}
	}()
	if err := r.Prepare(ctx); err != nil {
		if ctx.Err() != nil {
			return nil, &codedError{errors.New("stopped before anything was judged"), reports.ExitPartial}
		}
		if isUsage(err) {
			return nil, err
		}
		return nil, unjudged(err)
	}
	p.begin(len(r.Cases))
	conformance.Execute(&r.Matrix) //nolint:contextcheck // Ginkgo makes the contexts of its specs; the lab has ours
	p.end()
	var stopped reports.Stop
	if ctx.Err() != nil {
		stopped = reports.Interrupted
	}
	return r.Report(stopped), nil
}

// isUsage reports whether it is the target, or the flags, that have to be mended: they ask for what cannot be done, or
// name nothing but an executable that is not there.
func isUsage(err error) bool {
	var usage *conformance.UsageError
	var unobtainable *target.UnobtainableError
	return errors.As(err, &usage) || errors.As(err, &unobtainable) && !slices.ContainsFunc(unobtainable.Attempts, func(a target.Attempt) bool {
		return a.Source.Way != target.Binary
	})
}

// publication is how a report is published, and what it is held to.
type publication struct {
	reports.Options
	gate reports.Gate
	// left says what was left out, in lines.
	left []string
}

func (f *runFlags) publish(cmd *cobra.Command, folder *os.Root, report *reports.Report, p publication) error {
	files, err := conformance.Write(report, folder, p.Options)
	if err != nil {
		return unjudged(err)
	}
	signature, err := signIn(folder, f.signer)
	if err != nil {
		return unjudged(err)
	}
	if signature != "" {
		files = append(files, signature)
	}
	for _, name := range files {
		p.Files = append(p.Files, filepath.Join(f.out, name))
	}
	code := p.gate.ExitCode(report)
	moved, err := f.baseline.against(report)
	if err != nil {
		return err
	}
	if moved != nil && moved.Has(f.baseline.movements) {
		code = reports.ExitFailed
	}
	if !f.quiet || code != reports.ExitExpected {
		text, err := reports.FormatNamed("text")
		if err != nil {
			return err
		}
		if err := text.Render(cmd.OutOrStdout(), report, p.Options); err != nil {
			return unjudged(err)
		}
		for _, line := range p.left {
			if _, err := fmt.Fprintln(cmd.OutOrStdout(), line); err != nil {
				return unjudged(err)
			}
		}
		if err := f.baseline.tell(cmd.OutOrStdout(), moved, p.Options); err != nil {
			return unjudged(err)
		}
	}
	if code != reports.ExitExpected {
		return &codedError{nil, code}
	}
	return nil
}

// outFolder makes the output folder and opens it, and shows that it can be written to before anything is started.
func outFolder(path string) (*os.Root, error) {
	err := os.MkdirAll(path, 0o755)
	var root *os.Root
	if err == nil {
		root, err = os.OpenRoot(path)
	}
	if err == nil {
		const probe = ".writable"
		var f *os.File
		if f, err = root.Create(probe); err == nil {
			err = errors.Join(f.Close(), root.Remove(probe))
		}
	}
	if err != nil {
		return nil, &hintedError{fmt.Errorf("opening the output folder: %w", err), "name a folder that can be written to with --out"}
	}
	return root, nil
}

// sentence returns a rule's sentence; of one that records what is, what should be, for a case that asks for that.
func sentence(id string, level reports.Level) string {
	rule, err := fixtures.RuleNamed(id)
	switch {
	case err != nil:
		return ""
	case level == reports.Should && rule.Should != "":
		return rule.Should
	}
	return rule.Text
}

// sources returns where a rule comes from, by its ID.
func sources(id string) []string {
	rule, err := fixtures.RuleNamed(id)
	if err != nil {
		return nil
	}
	return rule.Source
}

// rendering returns how results are rendered that are of this suite's rules and cases.
func rendering(target string, strict bool) reports.Options {
	return reports.Options{Rule: sentence, Source: sources, About: about, Target: target, Strict: strict}
}
