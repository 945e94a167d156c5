package process

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Fields of /proc/PID/stat, counted from the state, which is the first after the name (proc_pid_stat(5)).
const (
	fieldState = 0
	fieldGroup = 2
	fieldStart = 19
)

// startTime returns when a process started, in clock ticks since the kernel did. A process that is dead but not yet
// taken notice of counts as not there.
func startTime(pid int) (uint64, error) {
	fields, err := stat(pid)
	if err != nil {
		return 0, err
	}
	if state := fields[fieldState]; state == "Z" || state == "X" {
		return 0, fmt.Errorf("looking at process %d: it is dead: %w", pid, fs.ErrNotExist)
	}
	return strconv.ParseUint(fields[fieldStart], 10, 64)
}

// group returns the process and what else is in the process group that it leads or led.
func group(leader record) []record {
	all := []record{leader}
	folders, _ := filepath.Glob("/proc/[0-9]*")
	for _, folder := range folders {
		pid, _ := strconv.Atoi(filepath.Base(folder))
		fields, err := stat(pid)
		if err != nil || pid == leader.PID || fields[fieldGroup] != strconv.Itoa(leader.PID) {
			continue
		}
		if start, err := startTime(pid); err == nil && start >= leader.Start {
			all = append(all, record{Program: leader.Program, PID: pid, Start: start})
		}
	}
	return all
}

// bears reports whether a process runs in a folder, or was started with its path.
func bears(pid int, folder string) bool {
	at := filepath.Join("/proc", strconv.Itoa(pid))
	if cwd, err := os.Readlink(filepath.Join(at, "cwd")); err == nil && strings.HasPrefix(cwd, folder+"/") {
		return true
	}
	for _, file := range []string{"cmdline", "environ"} {
		if data, err := os.ReadFile(filepath.Join(at, file)); err == nil && bytes.Contains(data, []byte(folder+"/")) {
			return true
		}
	}
	return false
}

func stat(pid int) ([]string, error) {
	data, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return nil, err
	}
	// The name, in parentheses, may itself hold spaces and parentheses.
	fields := strings.Fields(string(data[bytes.LastIndexByte(data, ')')+1:]))
	if len(fields) <= fieldStart {
		return nil, fmt.Errorf("looking at process %d: wanted %d fields in its status, found %d", pid, fieldStart+1, len(fields))
	}
	return fields, nil
}
