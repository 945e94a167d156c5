package process_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/calico-tls/conformance/harness/launch"
	"github.com/calico-tls/conformance/harness/launch/launchtest"
	"github.com/calico-tls/conformance/harness/launch/process"
)

// victim is a run in a process of its own.
type victim struct {
	cmd     *exec.Cmd
	folder  string
	spawned []string
}

func startVictim(t *testing.T, parent string) *victim {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	v := &victim{cmd: exec.Command(self, parent, binary)}
	v.cmd.Env = append(os.Environ(), roleVariable+"=doomed")
	v.cmd.Stderr = os.Stderr
	out, err1 := v.cmd.StdoutPipe()
	_, err2 := v.cmd.StdinPipe()
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	if err := v.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = v.cmd.Process.Kill(); _ = v.cmd.Wait() })
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		switch word, value, _ := strings.Cut(lines.Text(), " "); word {
		case "spawned":
			v.spawned = append(v.spawned, value)
		case "folder":
			v.folder = value
		case "there":
			return v
		default:
			t.Fatalf("the run to be killed says: %s", lines.Text())
		}
	}
	t.Fatal("the run to be killed ended by itself")
	return nil
}

func (v *victim) kill(t *testing.T) {
	t.Helper()
	if err := v.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = v.cmd.Wait()
}

func TestNextRunSweepsAKilledOne(t *testing.T) {
	parent := t.TempDir()
	living, err := launch.NewRun(t.Context(), parent)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := living.Close(context.Background()); err != nil {
			t.Error(err)
		}
	}()
	neighbour := start(t, living, launchtest.Program(binary, "spawn", "say="+launchtest.Ready, "wait"))
	beside := startVictim(t, parent)
	dead := startVictim(t, parent)
	if got := len(below(t, dead.folder)); got != 4 {
		t.Fatalf("wanted 4 processes of the run to be killed, found %d", got)
	}
	dead.kill(t)
	// The programs themselves die with their run; what they started is left to the sweep.
	waitFor(t, "2 of the 4 processes to die with their run", func() bool { return len(below(t, dead.folder)) == 2 })

	if err := launch.Sweep(t.Context(), parent, process.Sweep); err != nil {
		t.Fatalf("sweeping: %v", err)
	}
	for _, pid := range dead.spawned {
		gone(t, pid)
	}
	if found := below(t, dead.folder); len(found) > 0 {
		t.Errorf("wanted no process of the dead run, found %q", found)
	}
	if _, err := os.Stat(dead.folder); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("wanted the dead run's folder gone, found %v", err)
	}
	if found := below(t, beside.folder); len(found) != 4 {
		t.Errorf("wanted the 4 processes of the run beside it to live, found %q", found)
	}
	if found := below(t, living.Folder()); len(found) != 2 {
		t.Errorf("wanted the 2 processes of this run to live, found %q", found)
	}
	select {
	case <-neighbour.Done():
		t.Error("wanted the program of this run to live, found it done")
	default:
	}
}

// waitFor waits until something holds.
func waitFor(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(launchtest.Deadline); !holds(); {
		if time.Now().After(deadline) {
			t.Fatalf("wanted %s, found it is not so", what)
		}
		runtime.Gosched()
	}
}

// onItsOwnThread takes the thread with it when it ends, as the thread stays locked. The process's first thread never
// ends, so where it is met it is held until another has done the work.
func onItsOwnThread(do func()) {
	runtime.LockOSThread()
	if syscall.Gettid() != os.Getpid() {
		do()
		return
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		onItsOwnThread(do)
	}()
	<-done
	runtime.UnlockOSThread()
}

func TestProgramOutlivesTheThreadThatStartedIt(t *testing.T) {
	run := launchtest.NewRun(t)
	launcher, err := process.New(run)
	if err != nil {
		t.Fatal(err)
	}
	started := make(chan launch.Instance)
	thread := make(chan int, 1)
	go onItsOwnThread(func() {
		thread <- syscall.Gettid()
		i, err := launcher.Start(t.Context(), launchtest.Program(binary, "say="+launchtest.Ready, "wait"))
		if err != nil {
			t.Error(err)
		}
		started <- i
	})
	id := strconv.Itoa(<-thread)
	i := <-started
	waitFor(t, "the thread to end", func() bool { _, err := os.Stat("/proc/self/task/" + id); return err != nil })
	select {
	case <-i.Done():
		t.Error("wanted the program to outlive the thread, found it done")
	case <-time.After(100 * time.Millisecond):
	}
}

func TestSweepWithoutTheParentDeathSignal(t *testing.T) {
	// What Linux does for us is taken away: the processes are on record and their run's lock is gone, but they live.
	for name, change := range map[string]struct {
		start uint64
		where string
		lives bool
	}{
		"all matches":          {lives: false},
		"another start":        {start: 1, lives: true},
		"in another's folder":  {where: "elsewhere", lives: true},
		"another start, group": {start: 1 << 62, lives: true},
	} {
		t.Run(name, func(t *testing.T) {
			parent := t.TempDir()
			folder := filepath.Join(parent, "run-abandoned")
			where := filepath.Join(folder, "programs", "x")
			if change.where != "" {
				where = filepath.Join(parent, change.where)
			}
			for _, each := range []string{where, filepath.Join(folder, "processes")} {
				if err := os.MkdirAll(each, 0o700); err != nil {
					t.Fatal(err)
				}
			}
			cmd := exec.Command(binary, "hang=60s")
			cmd.Dir, cmd.Env = where, []string{}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			done := make(chan struct{})
			go func() { defer close(done); _ = cmd.Wait() }()
			defer func() { _ = cmd.Process.Kill(); <-done }()
			entry := map[string]any{"program": "x", "pid": cmd.Process.Pid, "start": startTicks(t, cmd.Process.Pid) + change.start}
			data, _ := json.Marshal(entry)
			if err := os.WriteFile(filepath.Join(folder, "processes", strconv.Itoa(cmd.Process.Pid)), data, 0o600); err != nil {
				t.Fatal(err)
			}
			if err := launch.Sweep(t.Context(), parent, process.Sweep); err != nil {
				t.Fatalf("sweeping: %v", err)
			}
			if !change.lives {
				<-done
				return
			}
			if data, err := os.ReadFile("/proc/" + strconv.Itoa(cmd.Process.Pid) + "/stat"); err != nil || strings.Contains(string(data), ") Z ") {
				t.Errorf("wanted a process that is not the dead run's to live, found %q, %v", data, err)
			}
		})
	}
}

func startTicks(t *testing.T, pid int) uint64 {
	t.Helper()
	data, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		t.Fatal(err)
	}
	fields := strings.Fields(string(data[strings.LastIndex(string(data), ")")+2:]))
	ticks, err := strconv.ParseUint(fields[19], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return ticks
}
