// Package build builds a release's programs with the Go of their official release, once for a machine.
//
// What is built is kept in a cache outside of any checkout, keyed by all that goes into it. A lock makes further runs
// wait and then find what they wanted. A program gets into the cache by one rename, so an interrupted build leaves
// nothing half done there; what Go has compiled until then is in Go's own cache, and the next build goes on from it.
package build

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/calico-tls/conformance/fixtures"
)

// CacheVariable names the environment variable that says where the cache is.
const CacheVariable = "TLSCONFORM_CACHE"

const (
	// defaultDeadline leaves a cold build of minutes ample room on a slow machine and a slow network.
	defaultDeadline = 45 * time.Minute
	// lockPoll is how often a lock that another run holds is looked at.
	lockPoll = 200 * time.Millisecond
)

// flags are the flags of every build. They leave no trace of where it was built.
var flags = []string{"-trimpath", "-buildvcs=false"}

// Platform is what a program is built for, in Go's terms.
type Platform struct {
	OS, Arch string
}

// Here is the platform of this process.
func Here() Platform { return Platform{OS: runtime.GOOS, Arch: runtime.GOARCH} }

// Builder builds programs. Its methods may be called by several goroutines at once.
type Builder struct {
	// Folder is the cache's folder, as [Folder] returns it; it is made where it is missing.
	Folder string
	// Progress is told how far a build is; it may be nil.
	Progress Progress
	// Deadline is how long a build may take, the wait for another run's included; 0 takes 45 minutes.
	Deadline time.Duration
	// Go is the go command; "" takes the one in PATH.
	Go string
	// Environ is the environment of the go command, before what the build needs is set; nil takes this process's.
	Environ []string

	// free replaces the question for the free space of a folder.
	free func(folder string) (uint64, error)
}

// Built is a program in the cache.
type Built struct {
	// Binary is the path of the executable.
	Binary string
	// Beside has the paths of the programs that were built along with it, by name.
	Beside map[string]string
	// Version is the release's version.
	Version string
	// Go is the version of Go that it was built with, as the executable itself says: "go1.24.9".
	Go string
	// Digest is "sha256:…" of the executable, as it is in the cache now.
	Digest string
	// Cached says that it was there already, and so nothing was built.
	Cached bool
	// Took is how long obtaining it took.
	Took time.Duration
}

// Folder returns the cache's folder: what TLSCONFORM_CACHE names, else "tlsconform" in the user's cache folder.
func Folder() (string, error) {
	if folder := os.Getenv(CacheVariable); folder != "" {
		abs, err := filepath.Abs(folder)
		if err != nil {
			return "", &Error{Doing: "finding the cache's folder", Cause: Unusable, Err: err}
		}
		return abs, nil
	}
	user, err := os.UserCacheDir()
	if err != nil {
		return "", &Error{Doing: "finding the cache's folder", Cause: Unusable, Err: err}
	}
	return filepath.Join(user, "tlsconform"), nil
}

// Build returns a program from the cache, or builds it if it is not there. It returns an [*Error].
func (b Builder) Build(ctx context.Context, p fixtures.Program, on Platform) (Built, error) {
	deadline := b.Deadline
	if deadline == 0 {
		deadline = defaultDeadline
	}
	ctx, cancel := context.WithTimeoutCause(ctx, deadline, &deadlineError{after: deadline})
	defer cancel()
	report := startReport(ctx, b.Progress, p)
	defer report.stop()

	e := b.entry(p, on)
	if built, ok := e.load(); ok {
		return report.ready(built, true), nil
	}
	built, cached, err := b.buildLocked(ctx, e, report)
	if err != nil {
		return Built{}, err
	}
	return report.ready(built, cached), nil
}

// buildLocked takes the entry's lock, and builds unless another run has done so meanwhile.
func (b Builder) buildLocked(ctx context.Context, e entry, report *report) (Built, bool, error) {
	report.stage(Preparing)
	unlock, err := e.lock(ctx, report)
	if err != nil {
		return Built{}, false, err
	}
	defer unlock()
	if built, ok := e.load(); ok {
		return built, true, nil
	}
	sweep(b.Folder)
	if err := e.clear(); err != nil {
		return Built{}, false, e.fail("clearing the cache", err)
	}
	defer os.RemoveAll(e.partial())
	if err := b.compile(ctx, e, report); err != nil {
		return Built{}, false, err
	}
	built, err := e.store()
	return built, false, err
}

// compile builds the entry's programs into its partial folder.
func (b Builder) compile(ctx context.Context, e entry, report *report) error {
	goPath, err := b.goCommand(e)
	if err != nil {
		return err
	}
	if err := e.writeModule(); err != nil {
		return e.fail("writing the build module", err)
	}
	env, err := b.environment(ctx, goPath, e)
	if err != nil {
		return err
	}
	g := goCommand{path: goPath, dir: e.moduleDir(), env: env.list, report: report, entry: e}
	plan, err := b.plan(ctx, g, env)
	if err != nil {
		return err
	}
	report.compiling(plan)
	for _, p := range e.programs {
		report.builds(p.Name)
		args := append([]string{"build", "-v", "-mod=readonly"}, flags...)
		args = append(args, "-ldflags", p.Release.LDFlags, "-o", filepath.Join(e.outDir(), p.Name), p.Package)
		if _, err := g.run(ctx, "compiling", args...); err != nil {
			return err
		}
	}
	return nil
}

// plan downloads what is missing and returns which packages are still to be compiled. If there is room for neither, it
// says so before anything is begun.
func (b Builder) plan(ctx context.Context, g goCommand, env environment) (plan, error) {
	offline := g
	offline.env = append(append([]string(nil), g.env...), "GOPROXY=off")
	offline.report = nil
	plan, err := offline.list(ctx)
	if err == nil {
		return plan, b.checkSpace(g.entry, plan.share(), env)
	}
	if ctx.Err() != nil {
		return plan, err
	}
	if err := b.checkSpace(g.entry, 1, env); err != nil {
		return plan, err
	}
	g.report.downloading(modulesIn(g.entry.program().Release.Module["go.sum"]))
	return g.list(ctx)
}

// goCommand returns the path of the go command.
func (b Builder) goCommand(e entry) (string, error) {
	name := b.Go
	if name == "" {
		name = "go"
	}
	path, err := exec.LookPath(name)
	if err != nil {
		return "", &Error{Program: e.program().ID(), Doing: "looking for the go command", Cause: NoGo, Err: err}
	}
	return path, nil
}

// modulesIn counts the modules whose content is in a go.sum, and one more for the toolchain: as many are downloaded
// at most.
func modulesIn(sums []byte) int {
	modules := 1
	for line := range strings.Lines(string(sums)) {
		if fields := strings.Fields(line); len(fields) == 3 && !strings.HasSuffix(fields[1], "/go.mod") {
			modules++
		}
	}
	return modules
}

// fail says that something failed that has to do with files.
func (e entry) fail(doing string, err error) error {
	cause := Unusable
	if isNoSpace(err) {
		cause = DiskFull
	}
	return &Error{Program: e.program().ID(), Doing: fmt.Sprintf("%s in %s", doing, e.root), Cause: cause, Err: err}
}
