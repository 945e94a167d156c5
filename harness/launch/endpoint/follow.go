package endpoint

import (
	"context"
	"errors"
	"io"
	"os"
	"time"
)

// lookEvery is how often a file is looked at that has no more to read.
const lookEvery = 20 * time.Millisecond

// follower reads what is written to a file from now on, also when it is renamed or cut and begun anew. The kernel's own
// notice of that (inotify) is not waited for, as it says nothing of files that another machine writes.
type follower struct {
	path string
	file *os.File
}

// follow opens a file at its end.
func follow(path string) (*follower, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	if _, err := file.Seek(0, io.SeekEnd); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return &follower{path: path, file: file}, nil
}

// copyTo writes what comes to w until ctx ends, and closes the file.
func (f *follower) copyTo(ctx context.Context, w io.Writer) error {
	defer func() { _ = f.file.Close() }()
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		if _, err := io.Copy(w, f.file); err != nil {
			return err
		}
		if f.begunAnew() {
			continue
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// begunAnew reports whether the path names another file by now, or one that was cut, and goes on at its beginning. What is
// there and cannot be opened yet is looked at again.
func (f *follower) begunAnew() bool {
	there, err := os.Stat(f.path)
	if err != nil {
		return false
	}
	mine, err := f.file.Stat()
	if err != nil {
		return false
	}
	at, err := f.file.Seek(0, io.SeekCurrent)
	if err != nil {
		return false
	}
	if os.SameFile(there, mine) {
		if there.Size() >= at {
			return false
		}
		_, err = f.file.Seek(0, io.SeekStart)
		return err == nil
	}
	if mine.Size() > at {
		return true // what was written last before it was renamed comes first
	}
	file, err := os.Open(f.path)
	if err != nil {
		return false
	}
	_ = f.file.Close()
	f.file = file
	return true
}
