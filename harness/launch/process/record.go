package process

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/calico-tls/conformance/harness/launch"
)

// deathPoll is how often a process that was killed is looked at until it is gone.
const deathPoll = 2 * time.Millisecond

// records are the files that say which processes a run started; the value is the run's folder.
type records string

// record identifies a process: the kernel gives a number anew, but not with the same start time.
type record struct {
	Program string `json:"program"`
	PID     int    `json:"pid"`
	// Start is when the process started, in whatever the kernel counts in.
	Start uint64 `json:"start"`
}

func (r records) folder() string { return filepath.Join(string(r), "processes") }

func (r records) path(pid int) string { return filepath.Join(r.folder(), strconv.Itoa(pid)) }

func (r records) add(process record) error {
	start, err := startTime(process.PID)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("putting process %d on record: %w", process.PID, err)
	}
	process.Start = start
	data, err := json.Marshal(process)
	if err == nil {
		err = os.MkdirAll(r.folder(), 0o700)
	}
	if err == nil {
		err = os.WriteFile(r.path(process.PID), data, 0o600)
	}
	if err != nil {
		return fmt.Errorf("putting process %d on record: %w", process.PID, err)
	}
	return nil
}

func (r records) remove(pid int) { _ = os.Remove(r.path(pid)) }

func (r records) all() ([]record, error) {
	entries, err := os.ReadDir(r.folder())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("reading the records of processes: %w", err)
	}
	var all []record
	for _, entry := range entries {
		data, err := os.ReadFile(filepath.Join(r.folder(), entry.Name()))
		if err != nil {
			return nil, fmt.Errorf("reading the records of processes: %w", err)
		}
		var process record
		// A record that was cut short is of a process that was being started: its parent-death signal is set.
		if json.Unmarshal(data, &process) == nil && process.PID > 1 {
			all = append(all, process)
		}
	}
	return all, nil
}

// Sweep is the [launch.Sweeper] of processes: it kills what dead runs have on record, and what is left of their process
// groups. A process is theirs only if number, start time and the run's folder (in which, or with which, it runs) match.
func Sweep(ctx context.Context, dead *launch.Dead) error {
	ctx, end := launch.Grace(ctx)
	defer end()
	var errs []error
	for _, folder := range dead.Folders() {
		all, err := records(folder).all()
		errs = append(errs, err)
		for _, leader := range all {
			for _, process := range group(leader) {
				errs = append(errs, finish(ctx, process, folder))
			}
		}
	}
	return errors.Join(errs...)
}

// finish kills a process if it bears the folder of its run, and waits until it is gone.
func finish(ctx context.Context, process record, folder string) error {
	// The handle comes before the check: it stays with the process that was checked.
	handle, err := os.FindProcess(process.PID)
	if err != nil {
		return nil
	}
	defer handle.Release()
	if !alive(process) || !bears(process.PID, folder) {
		return nil
	}
	if err := handle.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("killing process %d (%s) of a dead run: %w", process.PID, process.Program, err)
	}
	tick := time.NewTicker(deathPoll)
	defer tick.Stop()
	for alive(process) {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("killing process %d (%s) of a dead run: wanted it gone, found it still there: %w", process.PID, process.Program, context.Cause(ctx))
		}
	}
	return nil
}

// alive reports whether a process still is what the record says.
func alive(process record) bool {
	start, err := startTime(process.PID)
	return err == nil && start == process.Start
}
