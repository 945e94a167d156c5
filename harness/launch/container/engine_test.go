package container_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/moby/moby/client"

	"github.com/calico-tls/conformance/harness/launch"
	"github.com/calico-tls/conformance/harness/launch/container"
	"github.com/calico-tls/conformance/harness/launch/launchtest"
)

// roleVariable makes this test binary a process of another kind: testcontainers finds an engine once in a process.
const roleVariable = "CONTAINER_TEST_ROLE"

var roles = map[string]func(args []string) int{
	"doomed":   func(args []string) int { return doomed(args[0], args[1]) },
	"detect":   func([]string) int { return detect() },
	"bereaved": func(args []string) int { return bereaved(args[0], args[1]) },
	"apart":    func(args []string) int { return apart(args[0], args[1]) },
}

// begun makes a run of a role's own, and its launcher.
func begun(ctx context.Context, parent string, network container.Network) (*launch.Run, *container.Launcher, error) {
	run, err := launch.NewRun(ctx, parent)
	if err != nil {
		return nil, nil, err
	}
	launcher, err := container.New(ctx, run, container.Options{Network: network})
	return run, launcher, err
}

// another starts this test binary in a role.
func another(t *testing.T, role string, env []string, args ...string) (cmd *exec.Cmd, out *bufio.Scanner) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*launchtest.Deadline)
	cmd = exec.CommandContext(ctx, self, args...)
	cmd.Env = append(append(os.Environ(), roleVariable+"="+role), env...)
	cmd.Stderr = os.Stderr
	pipe, err1 := cmd.StdoutPipe()
	_, err2 := cmd.StdinPipe()
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cancel(); _ = cmd.Wait() })
	return cmd, bufio.NewScanner(pipe)
}

// said returns the value of the first line that begins with a word.
func said(t *testing.T, out *bufio.Scanner, word string) string {
	t.Helper()
	var all []string
	for out.Scan() {
		if found, value, _ := strings.Cut(out.Text(), " "); found == word {
			return value
		}
		all = append(all, out.Text())
	}
	t.Fatalf("wanted a line %q, found the output ended after %q", word, all)
	return ""
}

// detect says what Detect finds.
func detect() int {
	found, err := container.Detect(context.Background())
	if err == nil {
		fmt.Println("found " + found)
		return 0
	}
	fmt.Println("error " + err.Error())
	if hint, ok := err.(interface{ Hint() string }); ok {
		fmt.Println("hint " + hint.Hint())
	}
	return 0
}

func TestDetect(t *testing.T) {
	needEngine(t)
	found, err := container.Detect(t.Context())
	if err != nil || !strings.HasPrefix(found, "container engine ") {
		t.Errorf("wanted an engine, found %q, %v", found, err)
	}
}

// TestConnectionsAreKept: whoever makes a container must not end the requests of others.
func TestConnectionsAreKept(t *testing.T) {
	needEngine(t)
	if reused, err := container.KeepsConnection(t.Context()); err != nil || !reused {
		t.Errorf("wanted a connection to the engine that is kept, found reused: %t, %v", reused, err)
	}
}

func TestNoEngineToUse(t *testing.T) {
	nothing := "unix://" + filepath.Join(t.TempDir(), "absent.sock")
	for name, each := range map[string]struct{ host, want string }{
		"absent":     {nothing, "wanted one that answers"},
		"nonsense":   {"no host at all", "wanted one that answers"},
		"too old":    {"unix://" + fakeEngine(t, "1.40", "linux"), "wanted one with API 1.41 (Docker Engine 20.10) or later, found: API 1.40"},
		"Windows":    {"unix://" + fakeEngine(t, "1.50", "windows"), "wanted one that runs Linux containers, found: one for windows"},
		"stuck":      {"unix://" + silentEngine(t), "wanted one that answers"},
		"old enough": {"unix://" + fakeEngine(t, "1.41", "linux"), ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			// No engine may be found elsewhere: not by a socket of its own, nor by one below the home folder.
			_, out := another(t, "detect", []string{"DOCKER_HOST=" + each.host, "HOME=" + t.TempDir(), "XDG_RUNTIME_DIR=", "CONTAINER_TEST_NO_DEFAULT=1"})
			if each.want == "" {
				said(t, out, "found")
				return
			}
			if got := said(t, out, "error"); !strings.Contains(got, each.want) {
				t.Errorf("wanted an error with %q, found %q", each.want, got)
			}
			if got := said(t, out, "hint"); got != "start Docker, or use LAUNCH=process, which needs no engine" {
				t.Errorf("wanted a hint, found %q", got)
			}
		})
	}
}

// fakeEngine answers as an engine does, as far as it is asked who it is; it returns its socket.
func fakeEngine(t *testing.T, api, os string) string {
	t.Helper()
	socket := filepath.Join(t.TempDir(), "engine.sock")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Api-Version", api)
		w.Header().Set("Content-Type", "application/json")
		switch {
		case strings.HasSuffix(r.URL.Path, "/info"):
			fmt.Fprintf(w, `{"ServerVersion":"1.2.3","OSType":%q,"OperatingSystem":"Fake"}`, os)
		default:
			fmt.Fprint(w, "[]")
		}
	})}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })
	return socket
}

// silentEngine accepts connections and says nothing; it returns its socket.
func silentEngine(t *testing.T) string {
	t.Helper()
	socket := filepath.Join(t.TempDir(), "engine.sock")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { _ = conn.Close() })
		}
	}()
	return socket
}

// bereaved starts a program, waits until the engine is gone, and says what it sees of that.
func bereaved(parent, binary string) int {
	ctx, cancel := context.WithTimeout(context.Background(), 2*launchtest.Deadline)
	defer cancel()
	run, launcher, err := begun(ctx, parent, container.NetworkAuto)
	if err != nil {
		fmt.Println("error", err)
		return 1
	}
	i, err := launcher.Start(ctx, launchtest.Program(binary, "say="+launchtest.Ready, "wait"))
	if err != nil {
		fmt.Println("error", err)
		return 1
	}
	fmt.Println("run", run.ID())
	_, err = i.Log().Wait(ctx, func(string) bool { return false })
	fmt.Println("log", err)
	<-i.Done()
	fmt.Println("code", i.ExitCode())
	fmt.Println("lost", launch.Lost(i))
	<-time.After(2 * lingering)
	_, err = launcher.Start(ctx, launchtest.Program(binary, "say="+launchtest.Ready, "wait"))
	var gone *container.EngineError
	fmt.Println("start", errors.As(err, &gone))
	err = run.Close(ctx)
	fmt.Println("close", errors.As(err, &gone))
	return 0
}

// TestEngineThatDies puts a relay before the engine, and ends that.
func TestEngineThatDies(t *testing.T) {
	api := needEngine(t)
	socket, stop := relay(t, api)
	parent := filepath.Dir(newRun(t, api).Folder())
	_, out := another(t, "bereaved", []string{"DOCKER_HOST=unix://" + socket}, parent, binary)
	run := said(t, out, "run")
	if got := containers(t, api, run); len(got) != 1 {
		t.Fatalf("wanted one container of the run, found %q", got)
	}
	stop()
	for _, want := range [][2]string{{"log", launch.ErrLogEnded.Error()}, {"code", "-1"}, {"lost", "watching a container: wanted the container engine to answer"}, {"start", "true"}, {"close", "true"}} {
		if got := said(t, out, want[0]); !strings.HasPrefix(got, want[1]) {
			t.Errorf("wanted %s to be %q, found %q", want[0], want[1], got)
		}
	}
	if got := containers(t, api, run); len(got) != 1 {
		t.Fatalf("wanted the container to outlive the engine's relay, found %q", got)
	}
	if err := launch.Sweep(t.Context(), parent, container.Sweep); err != nil {
		t.Fatalf("sweeping: %v", err)
	}
	if got := containers(t, api, run); len(got) > 0 {
		t.Errorf("wanted nothing left of the run, found %q", got)
	}
}

// lingering is how long a relay that is stopped still answers.
const lingering = 500 * time.Millisecond

// relay passes connections on to the engine until it is stopped; it returns its socket. It takes no more connections then, and
// ends the latest of those that it has a moment after the others.
func relay(t *testing.T, api *client.Client) (socket string, stop func()) {
	t.Helper()
	socket = filepath.Join(t.TempDir(), "relay.sock")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	network, address, _ := strings.Cut(api.DaemonHost(), "://")
	var taking sync.Mutex
	var taken []func()
	stop = sync.OnceFunc(func() {
		_ = listener.Close()
		taking.Lock()
		defer taking.Unlock()
		for i, end := range taken {
			if i == len(taken)-1 {
				<-time.After(lingering)
			}
			end()
		}
	})
	t.Cleanup(stop)
	go func() {
		for {
			from, err := listener.Accept()
			if err != nil {
				return
			}
			to, err := net.DialTimeout(network, address, time.Second)
			if err != nil {
				_ = from.Close()
				continue
			}
			taking.Lock()
			taken = append(taken, func() { _ = from.Close(); _ = to.Close() })
			taking.Unlock()
			go func() { _, _ = io.Copy(to, from); _ = to.(*net.UnixConn).CloseWrite() }()
			go func() { _, _ = io.Copy(from, to); _ = from.Close(); _ = to.Close() }()
		}
	}()
	return socket, stop
}
