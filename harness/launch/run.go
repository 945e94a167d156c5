package launch

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/gofrs/flock"
)

// Run is one run of the suite: an identity, and a locked folder that holds all files of what it starts. The lock is the
// sign of life that [Sweep] goes by, and ends with this process at the latest.
type Run struct {
	// Ports hands out the ports of programs; it may be changed before the first program is started.
	Ports Ports

	id, parentID, folder string
	lock                 *flock.Flock

	mu       sync.Mutex
	closed   bool
	programs int
	closers  map[int]func(context.Context) error
}

// NewRun makes a run whose folder lies in parent; "" takes the folder that all runs of this user share (see [Home]).
// Whoever makes a run calls [Run.Close] at its end.
func NewRun(ctx context.Context, parent string) (*Run, error) {
	all, err := openParent(parent)
	if err != nil {
		return nil, err
	}
	unlock, err := all.lock(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	parentID, err := all.id()
	if err != nil {
		return nil, err
	}
	ports, err := DefaultPorts()
	if err != nil {
		return nil, err
	}
	id := runPrefix + strings.ToLower(rand.Text()[:12])
	run := &Run{Ports: ports, id: id, parentID: parentID, folder: filepath.Join(all.folder, id), closers: map[int]func(context.Context) error{}}
	if err := os.Mkdir(run.folder, 0o700); err != nil {
		return nil, fmt.Errorf("making the run's folder: %w", err)
	}
	run.lock = flock.New(filepath.Join(run.folder, runLock))
	if ok, err := run.lock.TryLock(); !ok || err != nil {
		return nil, errors.Join(fmt.Errorf("locking the run's folder %s: wanted the lock, found it held: %w", run.folder, err), os.RemoveAll(run.folder))
	}
	return run, nil
}

// ID returns the run's identity, as in "run-3mjb5k2qxw7a".
func (r *Run) ID() string { return r.id }

// ParentID returns the identity of the folder in which the run's lies: only runs with the same one can tell whether
// the other lives.
func (r *Run) ParentID() string { return r.parentID }

// Folder returns the run's own folder, an absolute path without symbolic links. It is gone after Close.
func (r *Run) Folder() string { return r.folder }

// OnClose has f called by Close, in reverse order; forget takes it back. It returns [ErrRunClosed] when that is too late.
func (r *Run) OnClose(f func(ctx context.Context) error) (forget func(), err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil, ErrRunClosed
	}
	r.programs++
	key := r.programs
	r.closers[key] = f
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.closers, key)
	}, nil
}

// Close stops what still runs, the latest first, by force at the deadline of ctx, and removes the run's folder. It
// returns what could not be stopped or removed; calling it again does nothing.
func (r *Run) Close(ctx context.Context) error {
	r.mu.Lock()
	if r.closed {
		r.mu.Unlock()
		return nil
	}
	r.closed = true
	closers := maps.Clone(r.closers)
	r.mu.Unlock()

	var errs []error
	for _, key := range slices.Backward(slices.Sorted(maps.Keys(closers))) {
		if err := closers[key](ctx); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(append(errs, removeLocked(r.folder, r.lock))...)
}

// Number returns a number that no other program of the run has. It returns [ErrRunClosed] once the run is closed.
func (r *Run) Number() (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return 0, ErrRunClosed
	}
	r.programs++
	return r.programs, nil
}

// removeLocked removes a run's folder, its lock last, so that a removal that is cut short is taken up by the next sweep.
func removeLocked(folder string, lock *flock.Flock) error {
	entries, err := os.ReadDir(folder)
	errs := []error{err}
	for _, entry := range entries {
		if entry.Name() != runLock {
			errs = append(errs, os.RemoveAll(filepath.Join(folder, entry.Name())))
		}
	}
	errs = append(errs, lock.Unlock(), os.RemoveAll(folder))
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("removing the run's folder: %w", err)
	}
	return nil
}
