package build

import (
	"context"
	"sync"
	"time"

	"github.com/calico-tls/conformance/fixtures"
)

// beat is how often a report is renewed while nothing happens that is worth one.
const beat = time.Second

// Stage is what a build is doing.
type Stage string

// The stages, in the order in which a build goes through them; it may leave some out.
const (
	// Waiting says that another run is building the same.
	Waiting Stage = "waiting for another run that builds the same"
	// Preparing says that it is being found out what there is to do.
	Preparing Stage = "preparing"
	// Downloading says that modules, and the Go that the program is built with, are being downloaded.
	Downloading Stage = "downloading"
	// Compiling says that packages are being compiled.
	Compiling Stage = "compiling"
	// Linking says that all packages are compiled.
	Linking Stage = "linking"
	// Ready says that the program is in the cache.
	Ready Stage = "ready"
)

// Event says how far a build is.
type Event struct {
	// Program is the program's ID, as in "calico-typha@v3.31.0".
	Program string
	// Stage is what is being done.
	Stage Stage
	// Item is what was begun last: a module, a package or an executable; it may be empty.
	Item string
	// Done and Total count the stage's modules or packages. While downloading, Total is the most that there can be.
	// Total is 0 where nothing is counted.
	Done, Total int
	// Elapsed is the time since the build was asked for.
	Elapsed time.Duration
	// Expected is about how long a build with empty caches takes on two cores.
	Expected time.Duration
	// Cached says, at Ready, that the program was there already.
	Cached bool
}

// Progress is told how far a build is: whenever something is done, and once a second. The calls for one build come one
// after another, and the last one has the stage Ready unless the build fails. It must not block for long, as the build
// waits for it.
type Progress func(Event)

// report holds the latest event of a build.
type report struct {
	mu       sync.Mutex
	progress Progress
	begun    time.Time
	event    Event
	toDo     map[string]struct{}
	// executable is the program whose turn it is.
	executable string
	end        context.CancelFunc
	ended      chan struct{}
}

// startReport begins to report on a build; stop ends it.
func startReport(ctx context.Context, progress Progress, p fixtures.Program) *report {
	if progress == nil {
		progress = func(Event) {}
	}
	ctx, cancel := context.WithCancel(ctx)
	r := &report{
		progress: progress, begun: time.Now(), end: cancel, ended: make(chan struct{}),
		event: Event{Program: p.ID(), Stage: Preparing, Expected: p.ColdBuild},
	}
	go r.renew(ctx)
	return r
}

func (r *report) renew(ctx context.Context) {
	defer close(r.ended)
	ticker := time.NewTicker(beat)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			r.update(func(*Event) {})
		}
	}
}

func (r *report) stop() {
	r.end()
	<-r.ended
}

func (r *report) update(change func(*Event)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change(&r.event)
	r.event.Elapsed = time.Since(r.begun)
	r.progress(r.event)
}

func (r *report) stage(s Stage) {
	r.update(func(e *Event) { e.Stage, e.Item, e.Done, e.Total = s, "", 0, 0 })
}

func (r *report) downloading(atMost int) {
	r.update(func(e *Event) { e.Stage, e.Item, e.Done, e.Total = Downloading, "", 0, atMost })
}

func (r *report) downloads(module string) {
	r.update(func(e *Event) {
		e.Item = module
		e.Done = min(e.Done+1, e.Total)
	})
}

func (r *report) compiling(p plan) {
	r.update(func(e *Event) {
		r.toDo = p.stale
		e.Stage, e.Item, e.Done, e.Total = Compiling, "", 0, len(p.stale)
		if e.Total == 0 {
			e.Stage = Linking
		}
	})
}

// compiles notes a package that go names as one that it compiles, and reports whether it is one of the plan's.
func (r *report) compiles(pkg string) bool {
	r.mu.Lock()
	_, awaited := r.toDo[pkg]
	delete(r.toDo, pkg)
	r.mu.Unlock()
	if awaited {
		r.update(func(e *Event) {
			e.Item = pkg
			if e.Done++; e.Done == e.Total {
				e.Stage, e.Item = Linking, r.executable
			}
		})
	}
	return awaited
}

// builds notes which of the executables is built next.
func (r *report) builds(executable string) {
	r.update(func(e *Event) {
		r.executable = executable
		if e.Stage == Linking {
			e.Item = executable
		}
	})
}

// ready ends the report and completes what is returned.
func (r *report) ready(b Built, cached bool) Built {
	r.stop()
	r.update(func(e *Event) { e.Stage, e.Item, e.Done, e.Cached = Ready, b.Binary, e.Total, cached })
	b.Cached, b.Took = cached, time.Since(r.begun)
	return b
}
