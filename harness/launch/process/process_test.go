package process_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/calico-tls/conformance/harness/launch"
	"github.com/calico-tls/conformance/harness/launch/launchtest"
	"github.com/calico-tls/conformance/harness/launch/process"
)

// roleVariable makes this test binary a run that is to be killed.
const roleVariable = "PROCESS_TEST_ROLE"

// binary is the program under launch.
var binary string

func TestMain(m *testing.M) { os.Exit(testMain(m)) }

func testMain(m *testing.M) int {
	if os.Getenv(roleVariable) == "doomed" {
		return doomed(os.Args[1], os.Args[2])
	}
	folder, err := os.MkdirTemp("", "process-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(folder)
	if binary, err = launchtest.Build(folder, runtime.GOOS); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

func traits() launchtest.Traits {
	return launchtest.Traits{
		New:        func(_ context.Context, run *launch.Run) (launch.Launcher, error) { return process.New(run) },
		Name:       "process",
		Binary:     binary,
		Digest:     true,
		SeesSource: true,
		Forcible:   true,
		Left:       left,
	}
}

func TestLauncher(t *testing.T) { launchtest.Try(t, traits()) }

func BenchmarkLauncher(b *testing.B) { launchtest.Bench(b, traits()) }

// left returns the command lines of processes that run in, or were started with, the run's folder.
func left(t *testing.T, run *launch.Run) []string { return below(t, run.Folder()) }

func below(t *testing.T, folder string) []string {
	t.Helper()
	working, err := filepath.Glob("/proc/[0-9]*/cwd")
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, cwd := range working {
		if at, err := os.Readlink(cwd); err == nil && strings.HasPrefix(at, folder+"/") {
			line, _ := os.ReadFile(filepath.Join(filepath.Dir(cwd), "cmdline"))
			found = append(found, filepath.Base(filepath.Dir(cwd))+": "+strings.ReplaceAll(string(line), "\x00", " "))
		}
	}
	return found
}

func start(t *testing.T, run *launch.Run, p launch.Program) launch.Instance {
	t.Helper()
	launcher, err := process.New(run)
	if err != nil {
		t.Fatal(err)
	}
	i, err := launcher.Start(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	return i
}

func TestOutputsShareOneLogInOrder(t *testing.T) {
	run := launchtest.NewRun(t)
	i := start(t, run, launchtest.Program(binary, "say=1", "moan=2", "say=3", "moan=4", "say="+launchtest.Ready, "wait"))
	if got := strings.Join(i.Log().Tail(5), " "); got != "1 2 3 4 "+launchtest.Ready {
		t.Errorf("wanted both outputs in the order written, found %q", got)
	}
}

func TestChildrenOfTheProgramEndWithIt(t *testing.T) {
	for name, verbs := range map[string][]string{
		"stopped":         {"spawn", "say=" + launchtest.Ready, "wait"},
		"ended by itself": {"spawn", "say=" + launchtest.Ready, "exit=0"},
	} {
		t.Run(name, func(t *testing.T) {
			run := launchtest.NewRun(t)
			p := launchtest.Program(binary, verbs...)
			p.Ready = nil
			i := start(t, run, p)
			pid := strings.TrimPrefix(launchtest.Line(t, i, "spawned "), "spawned ")
			if name == "ended by itself" {
				<-i.Done()
			}
			ctx, cancel := context.WithTimeout(t.Context(), launchtest.Deadline)
			defer cancel()
			if err := i.Stop(ctx); err != nil {
				t.Fatal(err)
			}
			gone(t, pid)
		})
	}
}

// gone waits until a process is dead; whoever adopted it takes notice later.
func gone(t *testing.T, pid string) {
	t.Helper()
	for deadline := time.Now().Add(launchtest.Deadline); time.Now().Before(deadline); {
		data, err := os.ReadFile("/proc/" + pid + "/stat")
		if err != nil || strings.Contains(string(data), ") Z ") {
			return
		}
	}
	t.Errorf("wanted process %s gone, found it there", pid)
}

func TestCommandReplacesTheBinarysPath(t *testing.T) {
	run := launchtest.NewRun(t)
	p := launchtest.Program(binary, "say="+launchtest.Ready, "wait")
	p.Command = []string{binary, "say=first"}
	i := start(t, run, p)
	if got := strings.Join(i.Log().Tail(2), " "); got != "first "+launchtest.Ready {
		t.Errorf("wanted the command's own arguments before those of the invocation, found %q", got)
	}
}

func TestBinaryThatIsNotThere(t *testing.T) {
	run := launchtest.NewRun(t)
	launcher, err := process.New(run)
	if err != nil {
		t.Fatal(err)
	}
	notExecutable := filepath.Join(t.TempDir(), "text")
	if err := os.WriteFile(notExecutable, []byte("text"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, path := range map[string]string{"absent": "/nowhere/typha", "not executable": notExecutable, "a folder": t.TempDir()} {
		t.Run(name, func(t *testing.T) {
			_, err := launcher.Start(t.Context(), launchtest.Program(path))
			var wrong *launch.BinaryError
			if !errors.As(err, &wrong) || !strings.Contains(err.Error(), path) || wrong.Hint() == "" {
				t.Errorf("wanted an error about %s with a hint, found %v", path, err)
			}
		})
	}
}

func TestDigestFollowsTheFile(t *testing.T) {
	var digests launch.Digests
	path := filepath.Join(t.TempDir(), "file")
	for content, want := range map[string]string{
		"":    "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
		"abc": "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
	} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if got, err := digests.File(path); got != want || err != nil {
				t.Errorf("wanted %s, found %s, %v", want, got, err)
			}
		}
	}
}

// doomed is a run that starts programs, says so, and waits to be killed.
func doomed(parent, binary string) int {
	ctx := context.Background()
	run, err := launch.NewRun(ctx, parent)
	if err != nil {
		fmt.Println(err)
		return 1
	}
	launcher, err := process.New(run)
	if err != nil {
		fmt.Println(err)
		return 1
	}
	for range 2 {
		p := launchtest.Program(binary, "spawn", "say="+launchtest.Ready, "hang=60s")
		p.Files = []launch.File{{Name: "key.pem", Data: []byte("secret")}}
		p.Ports = []string{"main"}
		i, err := launcher.Start(ctx, p)
		if err != nil {
			fmt.Println(err)
			return 1
		}
		line, _ := i.Log().Wait(ctx, func(line string) bool { return strings.HasPrefix(line, "spawned ") })
		fmt.Println(line)
	}
	fmt.Println("folder " + run.Folder())
	fmt.Println("there")
	launchtest.AwaitOrphaned()
	return 1
}
