package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

var update = flag.Bool("update", false, "write what the transcripts compare anew")

// TestTranscripts runs the transcripts in testdata with the command as it is shipped: one static binary.
func TestTranscripts(t *testing.T) {
	t.Parallel()
	binary := buildCommand(t)
	action, err := filepath.Abs(filepath.FromSlash(actionFolder))
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		UpdateScripts:       *update,
		Setup: func(e *testscript.Env) error {
			e.Setenv("ACTION", action)
			e.Setenv("PATH", filepath.Dir(binary)+string(os.PathListSeparator)+os.Getenv("PATH"))
			for _, name := range []string{"HOME", "TLSCONFORM_CACHE", "GOPROXY", "GOFLAGS", "DOCKER_HOST", "TESTCONTAINERS_HOST_OVERRIDE"} {
				if value := os.Getenv(name); value != "" {
					e.Setenv(name, value)
				}
			}
			return nil
		},
		Condition: condition,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"code":      code,
			"interrupt": interrupt,
			"proxy":     proxy,
			"authority": authority,
			"port":      port,
			"set":       set,
			"await":     await,
			"website":   website,
		},
	})
}

// buildCommand builds the command, static as it must be for images.
func buildCommand(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "tlsconform")
	build := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-o", binary, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building the command: %v\n%s", err, out)
	}
	return binary
}

// conditions are what scripts ask for before they go on: nil if it is so.
var conditions = map[string]func() error{
	// A container engine answers.
	"engine": func() error {
		conn, err := net.DialTimeout("unix", dockerSocket(), time.Second)
		if err != nil {
			return err
		}
		return conn.Close()
	},
	// A command can be cut off the network.
	"offline": func() error {
		return exec.CommandContext(context.Background(), "unshare", "-n", "ip", "link", "set", "lo", "up").Run()
	},
}

// condition reports whether one of the conditions holds. In CI on Linux each must.
func condition(name string) (bool, error) {
	holds, known := conditions[name]
	switch {
	case !known:
		return false, errors.New("unknown condition " + name)
	case runtime.GOOS != "linux":
		return false, nil
	}
	err := holds()
	if err != nil && os.Getenv("CI") != "" {
		return false, fmt.Errorf("%s: %w", name, err)
	}
	return err == nil, nil
}

// dockerSocket returns where the container engine listens that the command finds too.
func dockerSocket() string {
	if socket, ok := strings.CutPrefix(os.Getenv("DOCKER_HOST"), "unix://"); ok {
		return socket
	}
	return "/var/run/docker.sock"
}

// code runs a command and wants it to end with an exit code: code N command [arg…].
func code(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: code N command [arg...]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		got = exit.ExitCode()
	} else if err != nil {
		ts.Fatalf("running %s: %v", args[1], err)
	}
	if got != want {
		ts.Fatalf("wanted exit code %d, found %d", want, got)
	}
}

// interrupt runs a command, sends it signals once its standard error holds a text, and wants it to end with an exit
// code: interrupt SIGNAL COUNT CODE TEXT command [arg…]. A code of -1 is an end by the signal. The output goes to the
// file interrupted.
func interrupt(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 5 {
		ts.Fatalf("usage: interrupt SIGNAL COUNT CODE TEXT command [arg...]")
	}
	signals := map[string]os.Signal{"INT": os.Interrupt, "KILL": syscall.SIGKILL}
	count, err := strconv.Atoi(args[1])
	ts.Check(err)
	w := watched{code: args[2], text: args[3], args: args[4:], engine: ts.Getenv("DOCKER_HOST"), out: "interrupted"}
	w.run(ts, func(p *os.Process) {
		for range count {
			ts.Check(p.Signal(signals[args[0]]))
		}
	})
}

// proxy lets a container engine die: it runs a command with DOCKER_HOST set to a proxy of the engine, which it cuts once
// the command's standard error holds a text, and wants it to end with an exit code: proxy CODE TEXT command [arg…]. The
// output goes to the file cut.
func proxy(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: proxy CODE TEXT command [arg...]")
	}
	dir, err := os.MkdirTemp("", "engine") // a socket's path must be short
	ts.Check(err)
	defer os.RemoveAll(dir)
	p, err := newEngineProxy(filepath.Join(dir, "docker.sock"))
	ts.Check(err)
	defer p.cut()
	w := watched{code: args[0], text: args[1], args: args[2:], engine: "unix://" + p.path, out: "cut"}
	w.run(ts, func(*os.Process) { p.cut() })
}

// watched is a command to which something is done as soon as its standard error holds a text.
type watched struct {
	code, text string
	args       []string
	// engine is its DOCKER_HOST, out the file to which its output goes.
	engine, out string
}

func (w watched) run(ts *testscript.TestScript, do func(*os.Process)) {
	want, err := strconv.Atoi(w.code)
	ts.Check(err)
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	path := filepath.Join(strings.Split(ts.Getenv("PATH"), string(os.PathListSeparator))[0], w.args[0])
	cmd := exec.CommandContext(ctx, path, w.args[1:]...)
	cmd.Dir = ts.Getenv("WORK")
	cmd.Env = []string{"PATH=" + ts.Getenv("PATH"), "HOME=" + ts.Getenv("HOME"), "DOCKER_HOST=" + w.engine}
	out, err := os.Create(ts.MkAbs(w.out))
	ts.Check(err)
	defer out.Close()
	cmd.Stdout = out
	stderr, err := cmd.StderrPipe()
	ts.Check(err)
	ts.Check(cmd.Start())
	done := false
	for lines := bufio.NewScanner(io.TeeReader(stderr, out)); lines.Scan(); {
		if !done && strings.Contains(lines.Text(), w.text) {
			done = true
			do(cmd.Process)
		}
	}
	_ = cmd.Wait()
	if !done {
		ts.Fatalf("the text %q never came", w.text)
	}
	if got := cmd.ProcessState.ExitCode(); got != want {
		ts.Fatalf("wanted exit code %d, found %d", want, got)
	}
}

// engineProxy passes connections on to the container engine until it is cut.
type engineProxy struct {
	path     string
	listener net.Listener
	mu       sync.Mutex
	conns    []net.Conn
}

func newEngineProxy(path string) (*engineProxy, error) {
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, err
	}
	p := &engineProxy{path: path, listener: l}
	go func() {
		for {
			from, err := l.Accept()
			if err != nil {
				return
			}
			to, err := net.Dial("unix", dockerSocket())
			if err != nil {
				_ = from.Close()
				continue
			}
			p.mu.Lock()
			p.conns = append(p.conns, from, to)
			p.mu.Unlock()
			go pass(to, from)
			go pass(from, to)
		}
	}()
	return p, nil
}

// pass copies what comes, and passes on the end of it.
func pass(to, from net.Conn) {
	_, _ = io.Copy(to, from)
	if half, ok := to.(*net.UnixConn); ok {
		_ = half.CloseWrite()
	}
}

func (p *engineProxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	_ = p.listener.Close()
	for _, c := range p.conns {
		_ = c.Close()
	}
}
