// Package launchtest tries launchers: what holds of every launcher is written down here once, as a table of what a
// program may do and of what must come of it.
package launchtest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/calico-tls/conformance/harness/launch"
	"github.com/calico-tls/conformance/harness/launch/launchtest/program"
)

// Deadline is how long anything may take that a test waits for.
const Deadline = 30 * time.Second

// Ready is the line by which the program of [Program] is ready.
const Ready = "ready to serve"

// Traits are what launchers differ in.
type Traits struct {
	// New makes the launcher.
	New func(ctx context.Context, run *launch.Run) (launch.Launcher, error)
	// Name is what it must be called.
	Name string
	// Binary is the program for launchers that need one, made by [Build].
	Binary string
	// Added are the environment variables that it can't help adding.
	Added []string
	// Digest reports whether it knows the digest of what it runs.
	Digest bool
	// SeesSource is what its instances must say of themselves.
	SeesSource bool
	// Forcible reports whether it can end a program that does not heed it.
	Forcible bool
	// Left returns what is left of a run besides files; nil if there is nothing to look for.
	Left func(t *testing.T, run *launch.Run) []string
}

// trial is one launcher under trial, in a run of its own.
type trial struct {
	Traits
	run      *launch.Run
	launcher launch.Launcher
}

// trials is what holds of every launcher.
var trials = []struct {
	name string
	try  func(t *testing.T, l *trial)
}{
	{"starts, is ready and serves", serves},
	{"gets its files, for itself alone", files},
	{"gets files that are filled once its place is known", filled},
	{"finds a file replaced while it runs", replaced},
	{"finds a file replaced at once while it runs", replacedAtOnce},
	{"finds a file taken away while it runs", takenAway},
	{"has a folder to write to", folder},
	{"gets the environment given and no other", environment},
	{"that exits early is an exit error", exitsEarly},
	{"that exits once it is ready is an exit error", exitsReady},
	{"never ready is a not-ready error", neverReady},
	{"whose readiness fails is a not-ready error", readinessFails},
	{"that exits for a reason found keeps it", exitsRefusing},
	{"stops when its start is cancelled", cancelled},
	{"stays when the start's context ends", outlives},
	{"ends by itself", ends},
	{"that does not heed is ended by force", hangs},
	{"writes in order, nothing lost", writes},
	{"may be there many times", many},
	{"ends with its run", endsWithRun},
	{"starts in no closed run", closedRun},
	{"that is no program is refused", refused},
}

// Try tries a launcher.
func Try(t *testing.T, traits Traits) {
	for _, each := range trials {
		t.Run(each.name, func(t *testing.T) {
			run := NewRun(t)
			launcher, err := traits.New(t.Context(), run)
			if err != nil {
				t.Fatalf("making the launcher: %v", err)
			}
			if launcher.Name() != traits.Name {
				t.Errorf("wanted the launcher to be called %q, found %q", traits.Name, launcher.Name())
			}
			each.try(t, &trial{Traits: traits, run: run, launcher: launcher})
		})
	}
}

// NewRun makes a run in a folder of the test's own, which is closed in the end.
func NewRun(t testing.TB) *launch.Run {
	t.Helper()
	run, err := launch.NewRun(t.Context(), t.TempDir())
	if err != nil {
		t.Fatalf("making a run: %v", err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), Deadline)
		defer cancel()
		if err := run.Close(ctx); err != nil {
			t.Errorf("closing the run: %v", err)
		}
		if _, err := os.Stat(run.Folder()); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("wanted the run's folder gone, found %v", err)
		}
	})
	return run
}

// Build makes the static binary of the program for an operating system (GOOS) in a folder.
func Build(folder, system string) (string, error) {
	binary := filepath.Join(folder, "program")
	build := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", binary, "github.com/calico-tls/conformance/harness/launch/launchtest/testdata/program")
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+system)
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building the program: %w\n%s", err, out)
	}
	return binary, nil
}

// AwaitOrphaned waits until the test that started this process, and holds its standard input, is gone.
func AwaitOrphaned() { _, _ = os.Stdin.Read(make([]byte, 1)) }

// Program returns a program that does as told, and is ready once it has written [Ready].
func Program(binary string, verbs ...string) launch.Program {
	return launch.Program{
		Name:   "program",
		Main:   program.Main,
		Binary: binary,
		Configure: func(launch.Placement) launch.Invocation {
			return launch.Invocation{Args: verbs}
		},
		Ready:    Says(Ready),
		Deadline: Deadline,
	}
}

// Says returns the readiness of a program that writes a line when it is ready.
func Says(line string) func(context.Context, launch.Instance) error {
	return func(ctx context.Context, i launch.Instance) error {
		_, err := i.Log().Wait(ctx, func(found string) bool { return found == line })
		return err
	}
}

// Line waits for a line of a program's log that begins in some way, and returns it.
func Line(t *testing.T, i launch.Instance, prefix string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), Deadline)
	defer cancel()
	line, err := i.Log().Wait(ctx, func(line string) bool { return strings.HasPrefix(line, prefix) })
	if err != nil {
		t.Fatalf("waiting for a line %q…: %v; the log:\n%s", prefix, err, strings.Join(i.Log().Tail(20), "\n"))
	}
	return line
}

// Say dials an address, says a line, and returns what comes back.
func Say(t *testing.T, address, line string) (conn net.Conn, answer string) {
	t.Helper()
	conn, err := net.DialTimeout("tcp", address, Deadline)
	if err != nil {
		t.Fatalf("dialling the program: %v", err)
	}
	_ = conn.SetDeadline(time.Now().Add(Deadline))
	if _, err := fmt.Fprintf(conn, "%s\n", line); err != nil {
		t.Fatalf("talking to the program: %v", err)
	}
	buffer := make([]byte, len(line)+1)
	if _, err := conn.Read(buffer); err != nil {
		t.Fatalf("listening to the program: %v", err)
	}
	return conn, strings.TrimSpace(string(buffer))
}

// start starts a program that must get ready.
func (l *trial) start(t *testing.T, p launch.Program) launch.Instance {
	t.Helper()
	i, err := l.launcher.Start(t.Context(), p)
	if err != nil {
		t.Fatalf("starting the program: %v", err)
	}
	return i
}

// stop stops a program that must end, and looks for what is left.
func (l *trial) stop(t *testing.T, i launch.Instance) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), Deadline)
	defer cancel()
	if err := i.Stop(ctx); err != nil {
		t.Fatalf("stopping the program: %v", err)
	}
	select {
	case <-i.Done():
	default:
		t.Errorf("wanted a stopped program to be done, found it is not")
	}
	l.clean(t)
}

// clean looks for what is left of programs that have been stopped.
func (l *trial) clean(t *testing.T) {
	t.Helper()
	files, _ := filepath.Glob(filepath.Join(l.run.Folder(), "pro*", "*"))
	if l.Left != nil {
		files = append(files, l.Left(t, l.run)...)
	}
	if len(files) > 0 {
		t.Errorf("wanted nothing left of the program, found %q", files)
	}
}

// without returns the names that are not in others.
func without(names, others []string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool { return slices.Contains(others, name) })
}
