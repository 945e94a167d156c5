package container_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/moby/moby/client"

	"github.com/calico-tls/conformance/harness/launch"
	"github.com/calico-tls/conformance/harness/launch/container"
	"github.com/calico-tls/conformance/harness/launch/launchtest"
)

// TestFilesAreShown: where the engine finds this machine's files, none is copied.
func TestFilesAreShown(t *testing.T) {
	// Nothing is missing then that could be installed: copies are what others get, and TestLauncher tries those everywhere.
	if os.Geteuid() != 0 || runtime.GOOS != "linux" {
		t.Skip("files are copied: only root can give them to the user of a container")
	}
	api := needEngine(t)
	run := newRun(t, api)
	start(t, newLauncher(t, run, container.NetworkHost), launchtest.Program(binary, "say="+launchtest.Ready, "wait"))
	inspected, err := api.ContainerInspect(t.Context(), strings.TrimPrefix(containers(t, api, run.ID())[0], "/"), client.ContainerInspectOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var shown []string
	for _, m := range inspected.Container.Mounts {
		if strings.HasPrefix(m.Source, run.Folder()) {
			shown = append(shown, m.Destination)
		}
	}
	if diff := cmp.Diff([]string{"/conformance"}, shown); diff != "" {
		t.Errorf("what the container is shown of the run's folder (-want +got):\n%s", diff)
	}
}

// TestFilesThatTheEngineDoesNotFind: an engine that does not have a folder that we have is given copies.
func TestFilesThatTheEngineDoesNotFind(t *testing.T) {
	// Whoever is not root is never shown a folder, so there is none to be missed.
	if os.Geteuid() != 0 || runtime.GOOS != "linux" {
		t.Skip("it takes root on Linux to hide a folder from the engine")
	}
	api := needEngine(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "unshare", "--mount", "sh", "-c", `mount -t tmpfs none "$1" && exec "$0" "$@"`, self, t.TempDir(), binary)
	cmd.Env = append(os.Environ(), roleVariable+"=apart")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var run, parent string
	first, found, _ := strings.Cut(string(out), "\n")
	if _, err := fmt.Sscanf(first, "run %s %s", &run, &parent); err != nil {
		t.Fatalf("wanted it to name its run, found %q: %v", first, err)
	}
	t.Cleanup(func() { removeImages(t, api, parent) })
	const sees = "[cat first stat 600 own true " + launchtest.Ready + "]\n"
	if diff := cmp.Diff(sees+sees, found); diff != "" {
		t.Errorf("files as two programs find them (-want +got):\n%s", diff)
	}
	if left := containers(t, api, run); len(left) > 0 {
		t.Errorf("wanted no container left, found %q", left)
	}
}

// apart starts a program twice whose files the engine does not find, and says what that sees of one.
func apart(parent, binary string) int {
	// A process of its own has no test whose end would end it, so its time is bounded here.
	ctx, cancel := context.WithTimeout(context.Background(), 2*launchtest.Deadline)
	defer cancel()
	run, l, err := begun(ctx, parent, container.NetworkHost)
	if err != nil {
		fmt.Println("error", err)
		return 1
	}
	defer run.Close(ctx)
	fmt.Println("run", run.ID(), run.ParentID())
	p := launchtest.Program(binary)
	p.Files = []launch.File{{Name: "key.pem", Data: []byte("first")}}
	p.Configure = func(at launch.Placement) launch.Invocation {
		return launch.Invocation{Args: []string{"cat=" + at.Path("key.pem"), "stat=" + at.Path("key.pem"), "say=" + launchtest.Ready, "wait"}}
	}
	for range 2 {
		i, err := l.Start(ctx, p)
		if err != nil {
			fmt.Println("error", err)
			return 1
		}
		fmt.Println(i.Log().Tail(9))
	}
	return 0
}

// TestFilesAreCopiedWhereUsersDiffer: a folder is shown to no container whose user is another one there, or is kept from it,
// and by nobody who can't give it away.
func TestFilesAreCopiedWhereUsersDiffer(t *testing.T) {
	t.Parallel()
	for options, want := range map[string]bool{
		"":                             true,
		"name=seccomp,profile=default": true,
		"name=userns":                  false,
		"name=apparmor name=selinux":   false,
	} {
		for user, may := range map[int]bool{0: want, 1000: false} {
			if got := container.SharesFiles(user, strings.Fields(options)); got != may {
				t.Errorf("with the security options %q, by user %d, wanted folders shown: %t, found %t", options, user, may, got)
			}
		}
	}
}
