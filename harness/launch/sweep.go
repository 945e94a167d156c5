package launch

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gofrs/flock"
)

// Sweeper removes what dead runs left of one kind: processes, containers. It touches nothing that dead does not claim.
// Each launcher package that leaves more than files has one, named Sweep.
type Sweeper func(ctx context.Context, dead *Dead) error

// Dead tells dead runs from living ones. Only the sweep that it was made for may use it, and only while that lasts.
type Dead struct {
	folder, id string
	claimed    map[string]*flock.Flock
}

// Parent returns the folder that is swept, in which those of the runs lie.
func (d *Dead) Parent() string { return d.folder }

// ParentID returns the identity of the folder that is swept; see [Run.ParentID].
func (d *Dead) ParentID() string { return d.id }

// Folders returns the folders of the dead runs, as [Run.Folder] returned them, in order.
func (d *Dead) Folders() []string {
	var folders []string
	for _, run := range slices.Sorted(maps.Keys(d.claimed)) {
		folders = append(folders, filepath.Join(d.folder, run))
	}
	return folders
}

// Has reports whether a run is dead, by its ID: nobody locks its folder, or it has none any more. What bears the ID must
// have been seen before Has is asked, as a run makes its folder before anything else.
func (d *Dead) Has(run string) bool {
	if d.claimed[run] != nil {
		return true
	}
	_, err := os.Lstat(filepath.Join(d.folder, run))
	return strings.HasPrefix(run, runPrefix) && errors.Is(err, fs.ErrNotExist)
}

// Sweep removes what dead runs left in parent ("" as for [NewRun]), by the sweepers first, then their files and the
// marks of their ports. It leaves a dead run's folder to the next sweep if a sweeper fails.
func Sweep(ctx context.Context, parent string, sweepers ...Sweeper) error {
	all, err := openParent(parent)
	if err != nil {
		return err
	}
	dead, err := all.claim(ctx)
	if err != nil {
		return err
	}
	defer dead.release()
	var errs []error
	for _, sweep := range sweepers {
		errs = append(errs, sweep(ctx, dead))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("sweeping what dead runs left: %w", err)
	}
	for _, run := range slices.Sorted(maps.Keys(dead.claimed)) {
		errs = append(errs, removeLocked(filepath.Join(all.folder, run), dead.claimed[run]))
	}
	ports, err := DefaultPorts()
	if err == nil {
		err = ports.sweep()
	}
	return errors.Join(append(errs, err)...)
}

// claim locks the folders of dead runs, so that no other sweep takes them up.
func (p *parent) claim(ctx context.Context) (*Dead, error) {
	unlock, err := p.lock(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	dead := &Dead{folder: p.folder, claimed: map[string]*flock.Flock{}}
	if dead.id, err = p.id(); err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(p.folder)
	if err != nil {
		return nil, fmt.Errorf("looking for dead runs: %w", err)
	}
	for _, entry := range entries {
		if !entry.IsDir() || !strings.HasPrefix(entry.Name(), runPrefix) {
			continue
		}
		lock := flock.New(filepath.Join(p.folder, entry.Name(), runLock))
		switch ok, err := lock.TryLock(); {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			dead.release()
			return nil, fmt.Errorf("looking for dead runs: %w", err)
		case ok:
			dead.claimed[entry.Name()] = lock
		}
	}
	return dead, nil
}

func (d *Dead) release() {
	for _, lock := range d.claimed {
		_ = lock.Unlock()
	}
}
