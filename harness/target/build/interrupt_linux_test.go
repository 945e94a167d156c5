package build

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestInterruptKillsAllThatWasStarted has a go command that starts a long-lived process and says its number as a
// package that it compiles.
func TestInterruptKillsAllThatWasStarted(t *testing.T) {
	t.Parallel()
	numbers := filepath.Join(t.TempDir(), "numbers")
	stubborn := script(t, `case $1 in
env) exec go "$@" ;;
list) printf 'tiny\ttrue\tstale\n' ;;
build) trap '' INT TERM; sleep 600 & echo $$ $! > `+numbers+`; echo tiny >&2; wait ;;
esac
`)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	_, err := Builder{Folder: t.TempDir(), Go: stubborn, Progress: func(e Event) {
		if e.Stage == Linking {
			cancel()
		}
	}}.Build(ctx, tiny(t, nil), Here())
	causeIs(t, err, Interrupted)
	data, err := os.ReadFile(numbers)
	if err != nil {
		t.Fatal(err)
	}
	pids := strings.Fields(string(data))
	if len(pids) != 2 {
		t.Fatalf("wanted two process numbers, found %q", data)
	}
	for _, pid := range pids {
		if state := stateOf(pid); state != "" && state != "Z" {
			t.Errorf("process %s: wanted it gone, found it in state %s", pid, state)
		}
	}
}

// TestRunWaitsForAllThatWasStarted has a command that ends before what it has started.
func TestRunWaitsForAllThatWasStarted(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "written")
	cmd := exec.CommandContext(t.Context(), "sh", "-c", "{ sleep 0.3; echo late > "+path+"; } >/dev/null 2>&1 &")
	if err := runAll(cmd); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Errorf("wanted what the last process writes, found %v", err)
	}
}

// stateOf returns a process's state as the kernel says it; "" if it is gone.
func stateOf(pid string) string {
	data, err := os.ReadFile(filepath.Join("/proc", pid, "stat"))
	if err != nil {
		return ""
	}
	_, after, _ := strings.Cut(string(data), ") ")
	return after[:1]
}
