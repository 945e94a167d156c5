//go:build !linux

package process

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/shirou/gopsutil/v4/process"
)

// startTime returns when a process started, in milliseconds since 1970. A process that is dead but not yet taken notice
// of counts as not there.
func startTime(pid int) (uint64, error) {
	found, err := process.NewProcess(int32(pid))
	if errors.Is(err, process.ErrorProcessNotRunning) {
		return 0, fmt.Errorf("looking at process %d: %w", pid, fs.ErrNotExist)
	}
	if err != nil {
		return 0, err
	}
	if states, err := found.Status(); err == nil && len(states) > 0 && states[0] == process.Zombie {
		return 0, fmt.Errorf("looking at process %d: it is dead: %w", pid, fs.ErrNotExist)
	}
	created, err := found.CreateTime()
	return uint64(created), err
}

// group returns the process: only Linux shows who else is in its group.
func group(leader record) []record { return []record{leader} }

// bears reports whether a process runs in a folder, or was started with its path.
func bears(pid int, folder string) bool {
	found, err := process.NewProcess(int32(pid))
	if err != nil {
		return false
	}
	below := folder + string(filepath.Separator)
	if cwd, err := found.Cwd(); err == nil && strings.HasPrefix(cwd, below) {
		return true
	}
	line, err := found.Cmdline()
	return err == nil && strings.Contains(line, below)
}
