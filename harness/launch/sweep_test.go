package launch_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/calico-tls/conformance/harness/launch"
	"github.com/calico-tls/conformance/harness/launch/launchtest"
)

// doomed makes a run with files and a port, says where, and waits to be killed.
func doomed() {
	ctx := context.Background()
	run, err := launch.NewRun(ctx, os.Args[1])
	if err == nil {
		_, err = run.Place(ctx, launch.Program{Name: "p", Files: []launch.File{{Name: "key.pem", Data: []byte("k")}}, Ports: []string{"main"}})
	}
	if err != nil {
		fmt.Println("error:", err)
		return
	}
	fmt.Println(run.Folder())
	launchtest.AwaitOrphaned()
}

// startDoomed starts a run in another process, and returns its folder and what kills it.
func startDoomed(t *testing.T, parent string) (folder string, kill func()) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, parent)
	cmd.Env = append(os.Environ(), roleVariable+"=doomed")
	out, err1 := cmd.StdoutPipe()
	_, err2 := cmd.StdinPipe()
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	kill = func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }
	t.Cleanup(kill)
	if _, err := fmt.Fscanln(out, &folder); err != nil || !strings.HasPrefix(folder, "/") {
		t.Fatalf("starting another run: %q, %v", folder, err)
	}
	return folder, kill
}

func there(path string) bool {
	_, err := os.Stat(path)
	return !errors.Is(err, fs.ErrNotExist)
}

func TestSweep(t *testing.T) {
	// Marks of ports are this user's: the test has a home of its own.
	home := t.TempDir()
	t.Setenv("XDG_CACHE_HOME", home)
	parent := t.TempDir()
	living, err := launch.NewRun(t.Context(), parent)
	if err != nil {
		t.Fatal(err)
	}
	defer living.Close(t.Context())
	if _, err := living.Place(t.Context(), launch.Program{Name: "p", Ports: []string{"main"}}); err != nil {
		t.Fatal(err)
	}
	beside, _ := startDoomed(t, parent)
	killed, kill := startDoomed(t, parent)
	kill()
	halfMade := filepath.Join(parent, "run-halfmade")
	foreign := filepath.Join(parent, "somebody-elses")
	for _, folder := range []string{halfMade, foreign} {
		if err := os.Mkdir(folder, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	parentID := ""
	failing := errors.New("could not")
	err = launch.Sweep(t.Context(), parent, func(ctx context.Context, dead *launch.Dead) error {
		parentID = dead.ParentID()
		if diff := cmp.Diff(map[string]bool{halfMade: true, killed: true}, set(dead.Folders())); diff != "" {
			t.Errorf("dead runs (-want +got):\n%s", diff)
		}
		for run, want := range map[string]bool{filepath.Base(killed): true, filepath.Base(beside): false, living.ID(): false, "run-gone": true, "": false, "gone": false} {
			if got := dead.Has(run); got != want {
				t.Errorf("wanted %q to be dead: %t, found %t", run, want, got)
			}
		}
		// A second sweep at the same time finds nothing to do.
		return errors.Join(failing, launch.Sweep(ctx, parent, func(_ context.Context, other *launch.Dead) error {
			if len(other.Folders()) > 0 || other.Has(filepath.Base(killed)) {
				t.Errorf("wanted nothing claimed twice, found %q", other.Folders())
			}
			return nil
		}))
	})
	if !errors.Is(err, failing) {
		t.Errorf("wanted the sweeper's error, found %v", err)
	}
	if parentID != living.ParentID() {
		t.Errorf("wanted the parent's identity %q, found %q", living.ParentID(), parentID)
	}
	if !there(killed) {
		t.Error("wanted the folder left to the next sweep when a sweeper fails, found it gone")
	}
	if err := launch.Sweep(t.Context(), parent); err != nil {
		t.Fatalf("sweeping: %v", err)
	}
	for folder, want := range map[string]bool{killed: false, halfMade: false, foreign: true, beside: true, living.Folder(): true} {
		if there(folder) != want {
			t.Errorf("wanted %s there: %t, found %t", folder, want, !want)
		}
	}
	if left := marks(t, filepath.Join(home, "tlsconform", "ports")); len(left) != 2 {
		t.Errorf("wanted the marks of the 2 living runs' ports, found %q", left)
	}
}

func set(names []string) map[string]bool {
	all := map[string]bool{}
	for _, name := range names {
		all[name] = true
	}
	return all
}

func TestSweepOfNothing(t *testing.T) {
	if err := launch.Sweep(t.Context(), filepath.Join(t.TempDir(), "new")); err != nil {
		t.Errorf("sweeping a folder that was not there: %v", err)
	}
}
