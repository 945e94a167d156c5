package container_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/moby/moby/client"

	"github.com/calico-tls/conformance/harness/launch"
	"github.com/calico-tls/conformance/harness/launch/container"
	"github.com/calico-tls/conformance/harness/launch/launchtest"
)

// doomed is a run that starts containers, says so, and waits to be killed.
func doomed(parent, binary string) int {
	ctx := context.Background()
	run, launcher, err := begun(ctx, parent, container.NetworkAuto)
	if err != nil {
		fmt.Println("error", err)
		return 1
	}
	for _, verbs := range [][]string{{"say=" + launchtest.Ready, "hang=60s"}, {"say=" + launchtest.Ready, "exit=0"}} {
		p := launchtest.Program(binary, verbs...)
		p.Ready = nil
		p.Files = []launch.File{{Name: "key.pem", Data: []byte("secret")}}
		if _, err := launcher.Start(ctx, p); err != nil {
			fmt.Println("error", err)
			return 1
		}
	}
	fmt.Println("folder", run.Folder())
	fmt.Println("run", run.ID())
	launchtest.AwaitOrphaned()
	return 1
}

func TestNextRunSweepsAKilledOne(t *testing.T) {
	api := needEngine(t)
	parent := t.TempDir()
	living, err := launch.NewRun(t.Context(), parent)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := living.Close(context.Background()); err != nil {
			t.Error(err)
		}
		removeImages(t, api, living.ParentID())
	})
	neighbour := start(t, newLauncher(t, living, container.NetworkAuto), launchtest.Program(binary, "say="+launchtest.Ready, "wait"))
	elsewhere := newRun(t, api)
	start(t, newLauncher(t, elsewhere, container.NetworkAuto), launchtest.Program(binary, "say="+launchtest.Ready, "wait"))

	killed, out := another(t, "doomed", nil, parent, binary)
	folder, dead := said(t, out, "folder"), said(t, out, "run")
	if got := containers(t, api, dead); len(got) != 2 {
		t.Fatalf("wanted 2 containers of the run to be killed, found %q", got)
	}
	if err := launch.Sweep(t.Context(), parent, container.Sweep); err != nil {
		t.Fatalf("sweeping: %v", err)
	}
	if got := containers(t, api, dead); len(got) != 2 {
		t.Fatalf("wanted the containers of a living run to stay, found %q", got)
	}
	if err := killed.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = killed.Wait()
	if err := launch.Sweep(t.Context(), parent, container.Sweep); err != nil {
		t.Fatalf("sweeping: %v", err)
	}
	if got := containers(t, api, dead); len(got) > 0 {
		t.Errorf("wanted nothing left of the dead run, found %q", got)
	}
	if _, err := os.Stat(folder); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("wanted the dead run's folder gone, found %v", err)
	}
	for _, run := range []*launch.Run{living, elsewhere} {
		if got := containers(t, api, run.ID()); len(got) != 1 {
			t.Errorf("wanted the container of a living run to stay, found %q", got)
		}
	}
	select {
	case <-neighbour.Done():
		t.Error("wanted the program of this run to live, found it done")
	default:
	}
}

func TestSweepKeepsTheLatestImages(t *testing.T) {
	api := needEngine(t)
	run := newRun(t, api)
	launcher := newLauncher(t, run, container.NetworkAuto)
	data, err := os.ReadFile(binary)
	if err != nil {
		t.Fatal(err)
	}
	count := func() int {
		images, err := api.ImageList(t.Context(), client.ImageListOptions{Filters: client.Filters{}.Add("label", labelParent+"="+run.ParentID())})
		if err != nil {
			t.Fatal(err)
		}
		for _, image := range images.Items {
			if !strings.HasPrefix(image.RepoTags[0], "localhost/calico-tls-conformance/pruned:") {
				t.Errorf("wanted images of the program, found %q", image.RepoTags)
			}
		}
		return len(images.Items)
	}
	path := t.TempDir() + "/pruned"
	for n := range 6 {
		if err := os.WriteFile(path, fmt.Appendf(data, "%d", n), 0o700); err != nil {
			t.Fatal(err)
		}
		i := start(t, launcher, launch.Program{Name: "pruned", Binary: path})
		if err := i.Stop(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if got := count(); got != 6 {
		t.Fatalf("wanted 6 images before the sweep, found %d", got)
	}
	if err := launch.Sweep(t.Context(), filepath.Dir(run.Folder()), container.Sweep); err != nil {
		t.Fatalf("sweeping: %v", err)
	}
	if got := count(); got != 4 {
		t.Errorf("wanted the latest 4 images after the sweep, found %d", got)
	}
}
