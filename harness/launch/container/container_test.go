package container_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/moby/moby/client"

	"github.com/calico-tls/conformance/harness/launch"
	"github.com/calico-tls/conformance/harness/launch/container"
	"github.com/calico-tls/conformance/harness/launch/launchtest"
)

const (
	labelRun    = "io.github.calico-tls.conformance.run"
	labelParent = "io.github.calico-tls.conformance.parent"
)

// binary is the program under launch.
var binary string

func TestMain(m *testing.M) { os.Exit(testMain(m)) }

func testMain(m *testing.M) int {
	if role := roles[os.Getenv(roleVariable)]; role != nil {
		return role(os.Args[1:])
	}
	folder, err := os.MkdirTemp("", "container-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(folder)
	if binary, err = launchtest.Build(folder, "linux"); err == nil {
		err = mark(binary)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// mark makes a binary unlike any other, so that no two processes share an image.
func mark(binary string) error {
	file, err := os.OpenFile(binary, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = file.WriteString(rand.Text())
	return errors.Join(err, file.Close())
}

// needEngine skips a test where there is no engine; in CI, where there must be one, it fails.
func needEngine(t testing.TB) *client.Client {
	t.Helper()
	if _, err := container.Detect(t.Context()); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("wanted a container engine in CI: %v", err)
		}
		t.Skipf("needs a container engine: %v", err)
	}
	api, err := client.New(client.FromEnv)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = api.Close() })
	return api
}

// newRun makes a run whose images go with the test, after its containers.
func newRun(t testing.TB, api *client.Client) *launch.Run {
	t.Helper()
	var run *launch.Run
	t.Cleanup(func() { removeImages(t, api, run.ParentID()) })
	run = launchtest.NewRun(t)
	return run
}

// removeImages removes the images of a parent, those first of which no other is made.
func removeImages(t testing.TB, api *client.Client, parent string) {
	t.Helper()
	for left := -1; left != 0; {
		images, err := api.ImageList(context.Background(), client.ImageListOptions{Filters: client.Filters{}.Add("label", labelParent+"="+parent)})
		if err != nil {
			t.Error(err)
			return
		}
		if len(images.Items) == left {
			t.Errorf("wanted the images removed, found that %d stay", left)
			return
		}
		left = len(images.Items)
		for _, image := range images.Items {
			_, _ = api.ImageRemove(context.Background(), image.ID, client.ImageRemoveOptions{Force: true})
		}
	}
}

// containers returns the names of a run's containers.
func containers(t *testing.T, api *client.Client, run string) []string {
	t.Helper()
	list, err := api.ContainerList(t.Context(), client.ContainerListOptions{All: true, Filters: client.Filters{}.Add("label", labelRun+"="+run)})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, item := range list.Items {
		names = append(names, item.Names...)
	}
	return names
}

var networks = map[string]container.Network{"host": container.NetworkHost, "mapped": container.NetworkMapped}

func traits(network container.Network) launchtest.Traits {
	return launchtest.Traits{
		New: func(ctx context.Context, run *launch.Run) (launch.Launcher, error) {
			return container.New(ctx, run, container.Options{Network: network})
		},
		Name:       "container",
		Binary:     binary,
		Added:      []string{"HOME", "HOSTNAME", "PATH"},
		Digest:     true,
		SeesSource: network == container.NetworkHost,
		Forcible:   true,
	}
}

func TestLauncher(t *testing.T) {
	api := needEngine(t)
	// Images belong to whoever makes them first: one run for all trials spares each its own.
	if _, err := newLauncher(t, newRun(t, api), container.NetworkHost).Start(t.Context(), launch.Program{Name: "first", Binary: binary}); err != nil {
		t.Fatal(err)
	}
	for name, network := range networks {
		t.Run(name, func(t *testing.T) {
			traits := traits(network)
			traits.Left = func(t *testing.T, run *launch.Run) []string { return containers(t, api, run.ID()) }
			launchtest.Try(t, traits)
		})
	}
}

func BenchmarkLauncher(b *testing.B) {
	api := needEngine(b)
	run := newRun(b, api)
	launcher, err := container.New(b.Context(), run, container.Options{})
	if err != nil {
		b.Fatal(err)
	}
	if _, err := launcher.Start(b.Context(), launch.Program{Name: "first", Binary: binary}); err != nil {
		b.Fatal(err)
	}
	for name, network := range networks {
		b.Run(name, func(b *testing.B) { launchtest.Bench(b, traits(network)) })
	}
}

func newLauncher(t *testing.T, run *launch.Run, network container.Network) *container.Launcher {
	t.Helper()
	launcher, err := container.New(t.Context(), run, container.Options{Network: network})
	if err != nil {
		t.Fatal(err)
	}
	return launcher
}

func start(t *testing.T, launcher launch.Launcher, p launch.Program) launch.Instance {
	t.Helper()
	i, err := launcher.Start(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	return i
}

func TestOutputsKeepTheirLinesApart(t *testing.T) {
	api := needEngine(t)
	i := start(t, newLauncher(t, newRun(t, api), container.NetworkHost), launchtest.Program(binary, "say=1", "moan=2", "say=3", "moan=4", "say="+launchtest.Ready, "wait"))
	launchtest.Line(t, i, "4")
	lines := i.Log().Tail(9)
	slices.Sort(lines)
	if diff := cmp.Diff([]string{"1", "2", "3", "4", launchtest.Ready}, lines); diff != "" {
		t.Errorf("lines of both outputs (-want +got):\n%s", diff)
	}
}

// TestReach has a container dial a listener of this process, and another container.
func TestReach(t *testing.T) {
	api := needEngine(t)
	for name, network := range networks {
		t.Run(name, func(t *testing.T) {
			launcher := newLauncher(t, newRun(t, api), network)
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer listener.Close()
			go func() {
				for {
					conn, err := listener.Accept()
					if err != nil {
						return
					}
					fmt.Fprintln(conn, "from this process")
					conn.Close()
				}
			}()
			server := launchtest.Program(binary)
			server.Ports = []string{"main"}
			server.Configure = func(at launch.Placement) launch.Invocation {
				return launch.Invocation{Args: []string{"listen=" + net.JoinHostPort(at.Host(), strconv.Itoa(at.Port("main"))), "say=" + launchtest.Ready, "wait"}}
			}
			peer := start(t, launcher, server)
			for address, answer := range map[string]string{listener.Addr().String(): "from this process", peer.Address("main"): "hello"} {
				p := launchtest.Program(binary)
				p.Configure = func(at launch.Placement) launch.Invocation {
					found, err := netip.ParseAddrPort(at.Reach(address))
					if err != nil {
						t.Errorf("wanted an IP address on this machine, found %s for %s", at.Reach(address), address)
					}
					if loopback := found.Addr().IsLoopback(); loopback != (name == "host") {
						t.Errorf("wanted a loopback address on the host's network alone, found %s for %s", found, address)
					}
					return launch.Invocation{Args: []string{"dial=" + at.Reach(address), "say=" + launchtest.Ready, "wait"}}
				}
				i := start(t, launcher, p)
				if got := i.Log().Tail(2)[0]; got != "answer "+answer {
					t.Errorf("wanted the container to reach %s, found %q", address, got)
				}
			}
		})
	}
}

func TestPublishedPortsAreForThisMachineAlone(t *testing.T) {
	api := needEngine(t)
	run := newRun(t, api)
	p := launchtest.Program(binary, "say="+launchtest.Ready, "wait")
	p.Ports = []string{"main"}
	i := start(t, newLauncher(t, run, container.NetworkMapped), p)
	inspected, err := api.ContainerInspect(t.Context(), strings.TrimPrefix(containers(t, api, run.ID())[0], "/"), client.ContainerInspectOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, bindings := range inspected.Container.NetworkSettings.Ports {
		for _, binding := range bindings {
			if at := net.JoinHostPort(binding.HostIP.String(), binding.HostPort); at != i.Address("main") || !binding.HostIP.IsLoopback() {
				t.Errorf("wanted the port published at %s, a loopback address, found %s", i.Address("main"), at)
			}
		}
	}
}

func TestFilesOfImagesWithAnotherUser(t *testing.T) {
	api := needEngine(t)
	keep := newRun(t, api)
	first := start(t, newLauncher(t, keep, container.NetworkHost), launch.Program{Name: "first", Binary: binary})
	for _, user := range []string{"0", "999", "999:0", "65532:65532"} {
		t.Run(user, func(t *testing.T) {
			run := newRun(t, api)
			p := launchtest.Program("")
			p.Image = commit(t, api, keep, user)
			p.Files = []launch.File{{Name: "key.pem", Data: []byte("secret")}, {Name: "/etc/calico/key.pem", Data: []byte("secret")}}
			p.Configure = func(at launch.Placement) launch.Invocation {
				return launch.Invocation{Args: []string{"stat=" + at.Path("key.pem"), "cat=" + at.Path("/etc/calico/key.pem"), "stat=" + at.Path("/etc/calico/key.pem"), "write=" + at.Folder() + "/x", "say=" + launchtest.Ready, "wait"}}
			}
			i := start(t, newLauncher(t, run, container.NetworkHost), p)
			if diff := cmp.Diff([]string{"stat 600 own true", "cat secret", "stat 600 own true", launchtest.Ready}, i.Log().Tail(9)); diff != "" {
				t.Errorf("files as user %s finds them (-want +got):\n%s", user, diff)
			}
			if i.Digest() == first.Digest() || !strings.HasPrefix(i.Digest(), "sha256:") {
				t.Errorf("wanted the digest of the image, found %q", i.Digest())
			}
		})
	}
}

// commit makes an image like that of the program, with another user, and returns its reference.
func commit(t *testing.T, api *client.Client, keep *launch.Run, user string) string {
	t.Helper()
	list, err := api.ContainerList(t.Context(), client.ContainerListOptions{All: true, Filters: client.Filters{}.Add("label", labelRun+"="+keep.ID())})
	if err != nil || len(list.Items) == 0 {
		t.Fatalf("wanted a container to make an image of, found %v, %v", list, err)
	}
	reference := "localhost/launch-test/" + strings.ReplaceAll(user, ":", "-") + ":1"
	_, err = api.ContainerCommit(t.Context(), list.Items[0].ID, client.ContainerCommitOptions{Reference: reference, Changes: []string{"USER " + user}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := api.ImageRemove(context.Background(), reference, client.ImageRemoveOptions{Force: true}); err != nil {
			t.Error(err)
		}
	})
	return reference
}

func TestImageThatCannotBeHad(t *testing.T) {
	api := needEngine(t)
	launcher := newLauncher(t, newRun(t, api), container.NetworkHost)
	for _, reference := range []string{"127.0.0.1:1/absent/typha:v0", "not a reference"} {
		p := launchtest.Program("")
		p.Image = reference
		_, err := launcher.Start(t.Context(), p)
		var missing *container.ImageError
		if !errors.As(err, &missing) || !strings.Contains(err.Error(), reference) || missing.Hint() == "" {
			t.Errorf("wanted an error about image %q with a hint, found %v", reference, err)
		}
	}
}

func TestBinaryThatFitsNoImage(t *testing.T) {
	api := needEngine(t)
	launcher := newLauncher(t, newRun(t, api), container.NetworkHost)
	text := t.TempDir() + "/text"
	if err := os.WriteFile(text, []byte("#!/bin/sh\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, path := range map[string]string{"absent": "/nowhere/typha", "a script": text, "linked dynamically": "/bin/sh"} {
		t.Run(name, func(t *testing.T) {
			_, err := launcher.Start(t.Context(), launchtest.Program(path))
			var wrong *launch.BinaryError
			if !errors.As(err, &wrong) || wrong.Hint() == "" {
				t.Errorf("wanted an error about the binary with a hint, found %v", err)
			}
		})
	}
}

func TestImageIsMadeOnceForEachContent(t *testing.T) {
	api := needEngine(t)
	run := newRun(t, api)
	var told []string
	launcher, err := container.New(t.Context(), run, container.Options{Progress: func(text string) { told = append(told, text) }})
	if err != nil {
		t.Fatal(err)
	}
	other := t.TempDir() + "/changed"
	data, err := os.ReadFile(binary)
	if err != nil {
		t.Fatal(err)
	}
	for _, suffix := range []string{"1", "1", "2"} {
		if err := os.WriteFile(other, append(data, suffix...), 0o700); err != nil {
			t.Fatal(err)
		}
		i := start(t, launcher, launchtest.Program(other, "say="+launchtest.Ready, "wait"))
		if err := i.Stop(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if len(told) != 2 {
		t.Errorf("wanted an image made for each of 2 contents, found %q", told)
	}
}
