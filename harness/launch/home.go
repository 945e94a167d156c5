package launch

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gofrs/flock"
)

// Names below the folder of all runs. A run's own folder begins with runPrefix, so that nothing else is ever swept.
const (
	homeName   = "tlsconform"
	parentLock = "runs.lock"
	parentID   = "runs.id"
	runPrefix  = "run-"
	runLock    = "run.lock"
)

// lockPoll is how often a lock that another process holds is asked for again.
const lockPoll = 5 * time.Millisecond

// Home returns the folder in which the runs of this user keep what they share, made if need be: below the user's cache
// folder, or below the folder for temporary files where there is no such.
func Home() (string, error) {
	cache, err := os.UserCacheDir()
	if err == nil {
		home := filepath.Join(cache, homeName)
		if err = secure(home); err == nil {
			return home, nil
		}
	}
	home := filepath.Join(os.TempDir(), fmt.Sprintf("%s-%d", homeName, os.Getuid()))
	if other := secure(home); other != nil {
		return "", fmt.Errorf("making a folder for runs: %w", errors.Join(err, other))
	}
	return home, nil
}

// parent is the folder of all runs that can see each other.
type parent struct{ folder string }

func openParent(folder string) (*parent, error) {
	if folder == "" {
		home, err := Home()
		if err != nil {
			return nil, err
		}
		folder = filepath.Join(home, "runs")
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, fmt.Errorf("making the folder of all runs: %w", err)
	}
	// A process shows its working folder without symbolic links.
	real, err := filepath.EvalSymlinks(folder)
	if err != nil {
		return nil, fmt.Errorf("making the folder of all runs: %w", err)
	}
	if real, err = filepath.Abs(real); err != nil {
		return nil, fmt.Errorf("making the folder of all runs: %w", err)
	}
	return &parent{folder: real}, nil
}

// lock keeps others from making or claiming run folders.
func (p *parent) lock(ctx context.Context) (unlock func(), err error) {
	lock := flock.New(filepath.Join(p.folder, parentLock))
	if _, err := lock.TryLockContext(ctx, lockPoll); err != nil {
		return nil, fmt.Errorf("locking %s: %w", lock.Path(), err)
	}
	return func() { _ = lock.Unlock() }, nil
}

// id returns what tells this folder from those of other users and machines, who may share a container engine with us.
// It is random, so that a folder made anew never claims what a run in the old one still uses. The caller holds the lock.
func (p *parent) id() (string, error) {
	path := filepath.Join(p.folder, parentID)
	data, err := os.ReadFile(path)
	if err == nil && len(data) > 0 {
		return strings.TrimSpace(string(data)), nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("reading the identity of the folder of all runs: %w", err)
	}
	id := strings.ToLower(rand.Text())
	if err := os.WriteFile(path, []byte(id+"\n"), 0o600); err != nil {
		return "", fmt.Errorf("writing the identity of the folder of all runs: %w", err)
	}
	return id, nil
}

// secure makes a folder that nobody else could have put there, as any user may write to the one for temporary files.
func secure(folder string) error {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	info, err := os.Lstat(folder)
	if err != nil {
		return err
	}
	if !info.IsDir() || !owned(info) {
		return fmt.Errorf("wanted %s to be a folder of this user's own, found one that is not", folder)
	}
	return nil
}
