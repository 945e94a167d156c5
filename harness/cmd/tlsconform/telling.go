package main

import (
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/calico-tls/conformance/harness/target/build"
	"github.com/calico-tls/conformance/reports"
)

// telling tells a person what is being done: builds first, then cases.
type telling struct {
	w        io.Writer
	mu       sync.Mutex
	progress *reports.Progress
	stage    build.Stage
	told     time.Time
}

func (t *telling) note(line string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.progress != nil {
		t.progress.Note(line)
		return
	}
	fmt.Fprintln(t.w, line)
}

// tellEvery is how often the progress of a build is told within one stage.
const tellEvery = 10 * time.Second

// building tells of a build: each stage as it begins, and then how far it is at long intervals. What is in the cache
// already is not worth a word.
func (t *telling) building(e build.Event) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if e.Cached || e.Stage == build.Preparing || e.Stage == t.stage && time.Since(t.told) < tellEvery {
		return
	}
	t.stage, t.told = e.Stage, time.Now()
	line := fmt.Sprintf("building %s: %s", e.Program, e.Stage)
	if e.Total > 0 {
		line += fmt.Sprintf(" %d of %d", e.Done, e.Total)
	}
	line += fmt.Sprintf(", %s", e.Elapsed.Round(time.Second))
	if e.Stage != build.Ready {
		line += fmt.Sprintf(" of about %s if nothing is cached", e.Expected)
	}
	fmt.Fprintln(t.w, line)
}

func (t *telling) begin(cases int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.progress = reports.NewProgress(t.w, cases)
}

func (t *telling) done(r reports.Result) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.progress != nil {
		t.progress.Done(r)
	}
}

func (t *telling) end() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.progress.Close()
	t.progress = nil
}
