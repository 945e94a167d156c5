package conformance

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/calico-tls/conformance/fixtures"
	"github.com/calico-tls/conformance/harness"
	"github.com/calico-tls/conformance/harness/launch"
	"github.com/calico-tls/conformance/harness/launch/container"
	"github.com/calico-tls/conformance/harness/launch/inprocess"
	"github.com/calico-tls/conformance/harness/launch/process"
	"github.com/calico-tls/conformance/harness/matrix"
	"github.com/calico-tls/conformance/harness/target"
	"github.com/calico-tls/conformance/harness/target/build"
	"github.com/calico-tls/conformance/reports"
)

// The ways to launch, beside the launchers' own names.
const (
	LaunchAuto      = "auto"
	LaunchInProcess = inprocess.Name
	LaunchProcess   = "process"
	LaunchContainer = "container"
)

// Launches lists what Options.Launch may be.
var Launches = []string{LaunchAuto, LaunchContainer, LaunchProcess, LaunchInProcess}

// Options say what is run. The zero value of a field takes its default.
type Options struct {
	// Target is the name of a target that is built in, or the path of a target file.
	Target string
	// Launch is one of Launches; auto takes containers where an engine answers, and processes elsewhere.
	Launch string
	// Strategy says how cases are enumerated; the default is core.
	Strategy string
	// Profile is one of Profiles; the default is the first.
	Profile string
	// Select is a glob on case IDs; "" selects all.
	Select string
	// Shard is the share of the selected cases that is judged.
	Shard Shard
	// Again is a report of which only the cases are judged again that failed, or could not be judged; nil for no such.
	Again *reports.Report
	// Deviations are known of the target beside those that the suite knows.
	Deviations []fixtures.Deviation
	// StopAt is [reports.FirstFailure], or "". Budget is how long the run may take once all is obtained, by estimate and by
	// the clock; 0 for as long as it takes.
	StopAt reports.Stop
	Budget time.Duration
	// Strictness says which levels bind; the default is Musts.
	Strictness Strictness
	// Jobs is how many connections are made to a subject at a time, Deadline how long one, or one start, may take.
	Jobs     int
	Deadline time.Duration
	// Executable is the tlsconform that holds the stubs; "" takes the running program.
	Executable string
	// Note is told what is being done, Building how far a build is, Done each result; nil if nobody asks.
	Note     func(string)
	Building build.Progress
	Done     func(reports.Result)
}

// The defaults of Options.
const (
	DefaultJobs     = 8
	DefaultDeadline = 30 * time.Second
)

// Run is one run of the matrix against a target.
type Run struct {
	Matrix
	options  Options
	target   target.Target
	strategy matrix.Strategy
	// due are the cases that the target is due, whatever is selected of them.
	due []matrix.Case
	// selected are the cases that would be judged without a budget.
	selected     []matrix.Case
	inapplicable []reports.Inapplicable
	obtained     []target.Obtained
	run          *launch.Run
	launcher     launch.Launcher
	lab          *harness.Lab
	begun        time.Time
	memory       *memory
}

// Load reads the target and enumerates the cases. It starts and obtains nothing; every error is one of usage.
func Load(o Options) (*Run, error) {
	o.Launch, o.Strategy = cmp.Or(o.Launch, LaunchAuto), cmp.Or(o.Strategy, matrix.Strategies[0].Name)
	o.Profile = cmp.Or(o.Profile, Profiles[0].Name)
	o.Strictness = cmp.Or(o.Strictness, Musts)
	o.Jobs, o.Deadline = cmp.Or(o.Jobs, DefaultJobs), cmp.Or(o.Deadline, DefaultDeadline)
	if o.Note == nil {
		o.Note = func(string) {}
	}
	if !slices.Contains(Launches, o.Launch) {
		return nil, &UsageError{fmt.Sprintf("choosing a launcher: wanted one of %s, found %q", strings.Join(Launches, ", "), o.Launch), ""}
	}
	t, err := target.Load(o.Target)
	if err != nil {
		return nil, err
	}
	strategy, ok := matrix.StrategyNamed(o.Strategy)
	if !ok {
		return nil, &UsageError{fmt.Sprintf("choosing a strategy: there is none named %q", o.Strategy), ""}
	}
	profile, ok := ProfileNamed(o.Profile)
	if !ok {
		return nil, &UsageError{fmt.Sprintf("choosing a profile: there is none named %q", o.Profile), "the profiles are " + ProfileUsage()}
	}
	r := &Run{options: o, target: t, strategy: strategy}
	for _, l := range harness.Links {
		due, inapplicable := dueOf(l.Link, strategy, profile, t)
		r.due, r.inapplicable = append(r.due, due...), append(r.inapplicable, inapplicable...)
	}
	if len(r.due) == 0 {
		advice := "give it one that is, such as typha or felix, or choose another profile"
		if len(r.inapplicable) > 0 {
			advice = r.inapplicable[0].Reason
		}
		return nil, &UsageError{fmt.Sprintf("enumerating cases: target %s has no component that can be judged in the profile %s", t.Name, profile.Name), advice}
	}
	r.Cases = r.due
	if o.Select != "" {
		if r.Cases, err = matrix.Select(r.due, o.Select); err != nil {
			return nil, err
		}
	}
	if err := r.narrow(); err != nil {
		return nil, err
	}
	r.Matrix.StopAt, r.Matrix.Budget = o.StopAt, o.Budget
	r.Matrix.Strictness, r.Matrix.Done = o.Strictness, o.Done
	r.Matrix.Lab = func(context.Context) (*harness.Lab, error) { return r.lab, nil }
	r.Known.Implementation, r.Known.Version = strings.ToLower(t.Implementation.Project), t.Implementation.Version
	known, err := fixtures.Deviations()
	r.Known.Deviations = slices.Concat(known, o.Deviations)
	return r, err
}

// narrow chooses among the selected cases those that this run is for.
func (r *Run) narrow() error {
	if r.options.Again != nil {
		var err error
		if r.Cases, err = r.again(r.options.Again); err != nil {
			return err
		}
	}
	whole := len(r.Cases)
	if r.Cases = r.options.Shard.Cases(r.Cases); len(r.Cases) == 0 {
		return &UsageError{
			fmt.Sprintf("dealing %d cases: there are too few starts for a shard %s", whole, r.options.Shard), "take fewer shards",
		}
	}
	r.selected = r.Cases
	if r.options.Budget == 0 {
		return nil
	}
	if r.Cases = telling(r.Cases, r.options.Budget, paceOf(r.options.Launch)); len(r.Cases) == 0 {
		return &UsageError{
			fmt.Sprintf("choosing cases for a budget of %s: by estimate not one fits", r.options.Budget),
			"give more time; tlsconform list --count says about how much all cases take",
		}
	}
	return nil
}

// UsageError is an error of usage with a hint.
type UsageError struct{ problem, advice string }

func (e *UsageError) Error() string { return e.problem }

// Hint says what to do.
func (e *UsageError) Hint() string { return e.advice }

// Prepare sweeps what dead runs have left, obtains the components that the selected cases need, and makes the lab. The
// run ends with ctx, so in a Ginkgo tree it must not be a node's own. Every error says that nothing could be judged.
// [Run.Close] undoes what it did.
func (r *Run) Prepare(ctx context.Context) error {
	if err := r.open(ctx); err != nil {
		return err
	}
	return r.furnish(ctx)
}

// open makes the run's folder and the launcher, and sweeps what dead runs have left.
func (r *Run) open(ctx context.Context) error {
	r.begun = time.Now()
	var err error
	if r.run, err = launch.NewRun(ctx, ""); err != nil {
		return fmt.Errorf("making the run's folder: %w", err)
	}
	if err := r.launch(ctx); err != nil {
		return err
	}
	sweepers := []launch.Sweeper{process.Sweep}
	if r.launcher.Name() == LaunchContainer {
		sweepers = append(sweepers, container.Sweep)
	}
	if err := launch.Sweep(ctx, "", sweepers...); err != nil {
		r.options.Note(fmt.Sprintf("clearing up after an earlier run: %v", err))
	}
	return nil
}

// furnish obtains what the cases need, and makes the lab.
func (r *Run) furnish(ctx context.Context) error {
	parts, err := r.obtain(ctx)
	if err != nil {
		return err
	}
	r.memory = watchMemory(ctx) // what is built is not counted
	r.lab = harness.NewLab(ctx, harness.Options{
		Launcher: r.launcher, Parts: parts, Jobs: r.options.Jobs, Deadline: r.options.Deadline, Note: r.options.Note,
	})
	return nil
}

// launch makes the launcher.
func (r *Run) launch(ctx context.Context) error {
	containers := func() error {
		l, err := container.New(ctx, r.run, container.Options{Progress: r.options.Note})
		if err == nil {
			r.launcher = l
		}
		return err
	}
	switch r.options.Launch {
	case LaunchInProcess:
		r.launcher = inprocess.New(r.run)
		return nil
	case LaunchContainer:
		return containers()
	case LaunchAuto:
		err := containers()
		if err == nil {
			r.options.Note("launching containers: an engine answers")
			return nil
		}
		r.options.Note("launching processes: no container engine answers")
	}
	l, err := process.New(r.run)
	if err != nil {
		return err
	}
	r.launcher = l
	return nil
}

// builder returns what builds programs, and tells how far it is.
func (r *Run) builder() (build.Builder, error) {
	folder, err := build.Folder()
	return build.Builder{Folder: folder, Progress: r.options.Building}, err
}

// preparer returns what obtains components for the launcher.
func (r *Run) preparer() (target.Preparer, error) {
	b, err := r.builder()
	if err != nil {
		return target.Preparer{}, err
	}
	p := target.Preparer{Launch: r.launcher.Name(), Executable: r.options.Executable, Builder: b}
	if c, ok := r.launcher.(*container.Launcher); ok {
		p.Pull = c.Pull
	}
	return p, nil
}

// get obtains the component that plays a role, once.
func (r *Run) get(ctx context.Context, p target.Preparer, role target.Role) (target.Obtained, error) {
	if i := slices.IndexFunc(r.obtained, func(o target.Obtained) bool { return o.Role == role }); i >= 0 {
		return r.obtained[i], nil
	}
	o, err := p.Prepare(ctx, r.target, role)
	if err == nil {
		r.obtained = append(r.obtained, o)
	}
	return o, err
}

// obtain obtains the subjects of the selected cases, and what stands behind them.
func (r *Run) obtain(ctx context.Context) ([]harness.Part, error) {
	p, err := r.preparer()
	if err != nil {
		return nil, err
	}
	var parts []harness.Part
	due := plays(r.Cases)
	for i := 0; i < len(due); i++ {
		o, err := r.get(ctx, p, due[i].role)
		if err != nil {
			return nil, err
		}
		var crds []byte
		if (due[i] == play{"", target.KubeAPIServer}) {
			if crds, err = r.definitions(ctx); err != nil {
				return nil, err
			}
		}
		part, err := partOf(due[i].link, o, crds)
		if err != nil {
			return nil, err
		}
		parts = append(parts, part)
		for _, name := range part.Behind {
			due = appendNew(due, play{"", target.Role(name)})
		}
	}
	return parts, nil
}

// definitions returns the definitions of Calico's resources, of the release of the components that keep them in a cluster;
// nil where our stubs play those. No image or binary has them with it: they are taken from the release's module all the same.
func (r *Run) definitions(ctx context.Context) ([]byte, error) {
	b, err := r.builder()
	if err != nil {
		return nil, err
	}
	for _, role := range []target.Role{target.Calicoctl, target.Typha, target.Felix} {
		i := slices.IndexFunc(r.obtained, func(o target.Obtained) bool { return o.Role == role && o.Source.Way != target.Reference })
		if i < 0 {
			continue
		}
		o := r.obtained[i]
		release, err := releaseOf(o)
		if err != nil {
			return nil, err
		}
		path, _, err := b.Extract(ctx, release, "crds.yaml")
		if err != nil {
			return nil, fmt.Errorf("obtaining what a cluster must know of Calico: %w", err)
		}
		return os.ReadFile(path)
	}
	return nil, nil
}

// plays are the roles that are judged in cases.
func plays(cases []matrix.Case) []play {
	var all []play
	for _, c := range cases {
		for _, role := range roles(c.Subject) {
			all = appendNew(all, play{c.Link, target.Role(role)})
		}
	}
	return all
}

func appendNew(all []play, p play) []play {
	if slices.Contains(all, p) {
		return all
	}
	return append(all, p)
}

// stopTime is how long what was started may take to stop.
const stopTime = 30 * time.Second

// Close stops what still runs and removes what the run has left, even if ctx has ended.
func (r *Run) Close(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTime)
	defer cancel()
	var errs []error
	if r.lab != nil {
		errs = append(errs, r.lab.Close(ctx))
	}
	if r.memory != nil {
		r.memory.stop()
	}
	if r.run != nil {
		errs = append(errs, r.run.Close(ctx))
	}
	return errors.Join(errs...)
}

// Report returns the report of what has been judged so far. stopped says why the run ended early; "" if it did not.
func (r *Run) Report(stopped reports.Stop) *reports.Report {
	results := r.Results()
	if stopped == "" && len(r.Cases) < len(r.selected) {
		stopped = reports.BudgetSpent
	}
	stopped = cmp.Or(stopped, r.Stopped())
	if stopped != "" {
		// What an interrupt cuts is not broken: it has not been judged.
		results = slices.DeleteFunc(results, func(x reports.Result) bool {
			return x.Outcome == reports.Broken && strings.HasSuffix(x.Why, harness.Interrupted)
		})
	}
	report := &reports.Report{
		Suite:           reports.Suite{Version: Version()},
		Profile:         r.options.Profile,
		Strategy:        r.options.Strategy,
		Coverage:        coverage(judged(r.Cases, results)),
		Target:          reports.Target{Name: r.target.Name, Launch: r.launcher.Name()},
		DurationMillis:  time.Since(r.begun).Milliseconds(),
		Starts:          r.lab.Starts(),
		PeakMemory:      r.memory.peak(),
		Stopped:         stopped,
		Results:         results,
		Inapplicable:    r.inapplicable,
		StaleDeviations: r.Known.stale(r.ever(), results),
		Migration:       migrated(results),
	}
	for _, o := range r.obtained {
		report.Target.Components = append(report.Target.Components, reports.Component{
			Role: string(o.Role), Implementation: o.Implementation, Version: o.Version, Go: o.Go, Digest: o.Digest, Way: string(o.Source.Way),
		})
	}
	report.Redact(map[string]string{r.run.Folder(): "RUN"})
	report.Conclude(r.Due())
	return report
}

// Due returns the IDs of the cases that the target is due, whatever is selected of them.
func (r *Run) Due() []string { return ids(r.due) }

func ids(cases []matrix.Case) []string {
	all := make([]string, len(cases))
	for i, c := range cases {
		all[i] = c.ID()
	}
	return all
}

// Gate returns what the run is held to.
func (r *Run) Gate() reports.Gate {
	g := reports.Gate{Strict: r.options.Strictness == Shoulds}
	for _, c := range r.selected {
		g.Selected = append(g.Selected, c.ID())
	}
	return g
}

// Write writes the report into a folder, in each format that is a file, and returns the paths.
func Write(report *reports.Report, folder *os.Root, o reports.Options) ([]string, error) {
	var written []string
	for _, f := range reports.Renderers {
		if f.File == "" {
			continue
		}
		if err := writeOne(report, folder, f, o); err != nil {
			return written, fmt.Errorf("writing %s: %w", f.File, err)
		}
		written = append(written, f.File)
	}
	return written, nil
}

func writeOne(report *reports.Report, folder *os.Root, f reports.Format, o reports.Options) (err error) {
	file, err := folder.OpenFile(f.File, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, fs.FileMode(0o644))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	return f.Render(file, report, o)
}

// Version returns the suite's version: the module's, or "devel".
func Version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return "devel"
}

// judged returns the cases that have a verdict which rests on evidence: what was cut, skipped or broke covers nothing.
func judged(cases []matrix.Case, results []reports.Result) []matrix.Case {
	found := map[string]bool{}
	for _, r := range results {
		found[r.ID] = r.Outcome == reports.Conforms || r.Outcome == reports.Deviates
	}
	return slices.DeleteFunc(slices.Clone(cases), func(c matrix.Case) bool { return !found[c.ID()] })
}

// coverage counts, for each link, the share of the combinations that can be seen together that the cases cover.
func coverage(cases []matrix.Case) map[string]reports.Coverage {
	shares := map[string]reports.Coverage{}
	for _, l := range harness.Links {
		shares[l.Name] = reports.Coverage{
			TwoWay: matrix.Coverage(l.Link, cases, 2), ThreeWay: matrix.Coverage(l.Link, cases, 3), Constraints: matrix.Constraints,
		}
	}
	return shares
}
