package launchtest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/calico-tls/conformance/harness/launch"
)

func serves(t *testing.T, l *trial) {
	p := Program(l.Binary)
	p.Ports = []string{"main", "other"}
	p.Configure = func(at launch.Placement) launch.Invocation {
		main := net.JoinHostPort(at.Host(), strconv.Itoa(at.Port("main")))
		other := net.JoinHostPort(at.Host(), strconv.Itoa(at.Port("other")))
		return launch.Invocation{Args: []string{"listen=" + main, "listen=" + other, "say=" + Ready, "wait"}}
	}
	i := l.start(t, p)
	for _, port := range p.Ports {
		conn, answer := Say(t, i.Address(port), "hello "+port)
		defer conn.Close()
		if answer != "hello "+port {
			t.Errorf("wanted the program to answer on port %s, found %q", port, answer)
		}
		Line(t, i, "heard hello "+port)
		seen := strings.TrimPrefix(Line(t, i, "dialled by "), "dialled by ")
		if l.SeesSource && port == "main" && seen != conn.LocalAddr().String() {
			t.Errorf("wanted the program to see %s, found %s", conn.LocalAddr(), seen)
		}
	}
	if i.SeesSource() != l.SeesSource {
		t.Errorf("wanted SeesSource %t, found %t", l.SeesSource, i.SeesSource())
	}
	if known := regexp.MustCompile(`^sha256:[0-9a-f]{64}$`).MatchString(i.Digest()); known != l.Digest {
		t.Errorf("wanted a digest: %t, found %q", l.Digest, i.Digest())
	}
	if i.ExitCode() != -1 {
		t.Errorf("wanted exit code -1 of a running program, found %d", i.ExitCode())
	}
	address := i.Address("main")
	l.stop(t, i)
	Line(t, i, "told to end")
	if i.ExitCode() != 0 {
		t.Errorf("wanted exit code 0, found %d", i.ExitCode())
	}
	if conn, err := net.DialTimeout("tcp", address, Deadline); err == nil {
		conn.Close()
		t.Errorf("wanted nobody to listen after the stop, found a listener on %s", address)
	}
	l.stop(t, i)
}

func files(t *testing.T, l *trial) {
	p := Program(l.Binary)
	p.Files = []launch.File{
		{Name: "ca.pem", Data: []byte("relative")},
		{Name: "deep/below/key.pem", Data: []byte("deep")},
		{Name: "/etc/program/key.pem", Data: []byte("absolute")},
	}
	p.Configure = func(at launch.Placement) launch.Invocation {
		var verbs []string
		for _, file := range p.Files {
			verbs = append(verbs, "cat="+at.Path(file.Name), "stat="+at.Path(file.Name))
		}
		return launch.Invocation{Args: append(verbs, "say="+Ready, "wait")}
	}
	i := l.start(t, p)
	want := []string{"cat relative", "stat 600 own true", "cat deep", "stat 600 own true", "cat absolute", "stat 600 own true", Ready}
	if diff := cmp.Diff(want, i.Log().Tail(20)); diff != "" {
		t.Errorf("files as the program finds them (-want +got):\n%s", diff)
	}
	l.stop(t, i)
}

func folder(t *testing.T, l *trial) {
	p := Program(l.Binary)
	p.Configure = func(at launch.Placement) launch.Invocation {
		file := at.Folder() + "/state"
		return launch.Invocation{Args: []string{"write=" + file, "cat=" + file, "stat=" + file, "say=" + Ready, "wait"}}
	}
	i := l.start(t, p)
	if diff := cmp.Diff([]string{"cat written", "stat 600 own true", Ready}, i.Log().Tail(20)); diff != "" {
		t.Errorf("the folder as the program finds it (-want +got):\n%s", diff)
	}
	l.stop(t, i)
}

func environment(t *testing.T, l *trial) {
	t.Setenv("LEAKED_FROM_US", "by mistake")
	for name, given := range map[string]map[string]string{
		"none": nil,
		"some": {"TYPHA_A": "1", "EMPTY": "", "SPACES": "a b=c", "QUOTED": `"$HOME"`},
	} {
		p := Program(l.Binary)
		p.Configure = func(launch.Placement) launch.Invocation {
			return launch.Invocation{Args: []string{"env", "say=" + Ready, "wait"}, Env: given}
		}
		i := l.start(t, p)
		found := map[string]string{}
		for _, line := range i.Log().Tail(100) {
			if variable, ok := strings.CutPrefix(line, "env "); ok {
				key, value, _ := strings.Cut(variable, "=")
				found[key] = value
			}
		}
		for _, added := range without(l.Added, nil) {
			delete(found, added)
		}
		if given == nil {
			given = map[string]string{}
		}
		if diff := cmp.Diff(given, found); diff != "" {
			t.Errorf("environment %s (-want +got):\n%s", name, diff)
		}
		l.stop(t, i)
	}
}

func exitsEarly(t *testing.T, l *trial) {
	_, err := l.launcher.Start(t.Context(), Program(l.Binary, "say=one", "say=two", "exit=7"))
	want := &launch.ExitError{Program: "program", Code: 7, Tail: []string{"one", "two"}}
	var got *launch.ExitError
	if !errors.As(err, &got) {
		t.Fatalf("wanted an exit error, found %v", err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("exit error (-want +got):\n%s", diff)
	}
	l.clean(t)
}

func exitsReady(t *testing.T, l *trial) {
	p := Program(l.Binary, "say="+Ready, "exit=3")
	p.Ready = func(ctx context.Context, i launch.Instance) error {
		err := Says(Ready)(ctx, i)
		<-i.Done()
		return err
	}
	_, err := l.launcher.Start(t.Context(), p)
	var got *launch.ExitError
	if !errors.As(err, &got) || got.Code != 3 {
		t.Fatalf("wanted an exit error with code 3, found %v", err)
	}
	l.clean(t)
}

func neverReady(t *testing.T, l *trial) {
	p := Program(l.Binary, "say=not yet", "wait")
	p.Deadline = 200 * time.Millisecond
	_, err := l.launcher.Start(t.Context(), p)
	var got *launch.NotReadyError
	if !errors.As(err, &got) {
		t.Fatalf("wanted a not-ready error, found %v", err)
	}
	if got.Program != "program" || got.After < p.Deadline || !errors.Is(got, context.DeadlineExceeded) {
		t.Errorf("wanted a not-ready error of the program after its deadline, found %+v", got)
	}
	if diff := cmp.Diff([]string{"not yet"}, got.Tail); diff != "" {
		t.Errorf("tail (-want +got):\n%s", diff)
	}
	l.clean(t)
}

func readinessFails(t *testing.T, l *trial) {
	p := Program(l.Binary, "say="+Ready, "wait")
	cause := errors.New("answered nonsense")
	p.Ready = func(context.Context, launch.Instance) error { return cause }
	_, err := l.launcher.Start(t.Context(), p)
	var got *launch.NotReadyError
	if !errors.As(err, &got) || !errors.Is(err, cause) {
		t.Fatalf("wanted a not-ready error with its cause, found %v", err)
	}
	l.clean(t)
}

func exitsRefusing(t *testing.T, l *trial) {
	p := Program(l.Binary, "say=i refuse", "exit=4")
	cause := errors.New("it refuses")
	p.Ready = func(_ context.Context, i launch.Instance) error {
		<-i.Done()
		return cause
	}
	_, err := l.launcher.Start(t.Context(), p)
	var got *launch.ExitError
	if !errors.As(err, &got) || got.Code != 4 || !errors.Is(err, cause) || !strings.Contains(err.Error(), cause.Error()) {
		t.Errorf("wanted an exit error with code 4 and what Ready had found, found %v", err)
	}
	l.clean(t)
}

func cancelled(t *testing.T, l *trial) {
	cause := errors.New("interrupted")
	ctx, cancel := context.WithCancelCause(t.Context())
	p := Program(l.Binary, "say=there", "wait")
	p.Ready = func(ctx context.Context, i launch.Instance) error {
		if err := Says("there")(ctx, i); err != nil {
			return err
		}
		cancel(cause)
		return Says("never")(ctx, i)
	}
	if _, err := l.launcher.Start(ctx, p); !errors.Is(err, cause) {
		t.Fatalf("wanted the cause of the cancellation, found %v", err)
	}
	l.clean(t)
	if _, err := l.launcher.Start(ctx, p); !errors.Is(err, cause) {
		t.Fatalf("wanted no start after the cancellation, found %v", err)
	}
	l.clean(t)
}

func outlives(t *testing.T, l *trial) {
	ctx, cancel := context.WithCancel(t.Context())
	i, err := l.launcher.Start(ctx, listening(l.Binary))
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	conn, _ := Say(t, i.Address("main"), "still there")
	conn.Close()
	Line(t, i, "heard still there")
	l.stop(t, i)
}

func ends(t *testing.T, l *trial) {
	i := l.start(t, Program(l.Binary, "say="+Ready, "hang=100ms", "say=bye", "exit=5"))
	select {
	case <-i.Done():
	case <-time.After(Deadline):
		t.Fatal("wanted the program to be done, found it is not")
	}
	if i.ExitCode() != 5 {
		t.Errorf("wanted exit code 5, found %d", i.ExitCode())
	}
	if lost := launch.Lost(i); lost != nil {
		t.Errorf("wanted the end to be the program's own, found %v", lost)
	}
	Line(t, i, "bye")
	if _, err := i.Log().Wait(t.Context(), func(string) bool { return false }); !errors.Is(err, launch.ErrLogEnded) {
		t.Errorf("wanted the log to have ended, found %v", err)
	}
	l.stop(t, i)
}

func hangs(t *testing.T, l *trial) {
	i := l.start(t, Program(l.Binary, "say="+Ready, "hang=1s", "say=survived", "wait"))
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	err := i.Stop(ctx)
	if !l.Forcible {
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("wanted the stop to fail at its deadline, found %v", err)
		}
		l.stop(t, i)
		return
	}
	if err != nil {
		t.Fatalf("stopping the program: %v", err)
	}
	if code := i.ExitCode(); code != -1 {
		t.Errorf("wanted exit code -1 of a program ended by force, found %d", code)
	}
	if tail := i.Log().Tail(1); tail[0] == "survived" {
		t.Errorf("wanted the program to be ended by force, found it ended by itself")
	}
	l.clean(t)
}

func writes(t *testing.T, l *trial) {
	const count = 20000
	i := l.start(t, listening(l.Binary))
	var next int
	var wrong []string
	i.Log().Watch(func(line string) {
		if !strings.HasPrefix(line, "line ") {
			return
		}
		if line != fmt.Sprintf("line %d", next) {
			wrong = append(wrong, line)
		}
		next++
	})
	conn, _ := Say(t, i.Address("main"), "spam "+strconv.Itoa(count))
	defer conn.Close()
	Line(t, i, fmt.Sprintf("line %d", count-1))
	l.stop(t, i)
	if len(wrong) > 0 || next != count {
		t.Errorf("wanted %d lines in order, found %d, of which out of order: %d", count, next, len(wrong))
	}
}

// listening returns a program that listens on its one port.
func listening(binary string) launch.Program {
	p := Program(binary)
	p.Ports = []string{"main"}
	p.Configure = func(at launch.Placement) launch.Invocation {
		address := net.JoinHostPort(at.Host(), strconv.Itoa(at.Port("main")))
		return launch.Invocation{Args: []string{"listen=" + address, "say=" + Ready, "wait"}}
	}
	return p
}

func many(t *testing.T, l *trial) {
	var all sync.WaitGroup
	addresses := make([]string, 4)
	for n := range addresses {
		all.Go(func() {
			p := Program(l.Binary)
			p.Ports = []string{"main"}
			p.Files = []launch.File{{Name: "number", Data: []byte(strconv.Itoa(n))}}
			p.Configure = func(at launch.Placement) launch.Invocation {
				return launch.Invocation{Args: []string{"cat=" + at.Path("number"), "listen=" + net.JoinHostPort(at.Host(), strconv.Itoa(at.Port("main"))), "say=" + Ready, "wait"}}
			}
			i, err := l.launcher.Start(t.Context(), p)
			if err != nil {
				t.Errorf("starting program %d: %v", n, err)
				return
			}
			addresses[n] = i.Address("main")
			if tail := i.Log().Tail(2); tail[0] != "cat "+strconv.Itoa(n) {
				t.Errorf("wanted program %d to find its own file, found %q", n, tail)
			}
		})
	}
	all.Wait()
	seen := map[string]bool{}
	for _, address := range addresses {
		if address == "" || seen[address] {
			t.Errorf("wanted an address for each program, found %q", addresses)
		}
		seen[address] = true
	}
}

func endsWithRun(t *testing.T, l *trial) {
	i := l.start(t, Program(l.Binary, "say="+Ready, "wait"))
	ctx, cancel := context.WithTimeout(t.Context(), Deadline)
	defer cancel()
	if err := l.run.Close(ctx); err != nil {
		t.Fatalf("closing the run: %v", err)
	}
	select {
	case <-i.Done():
	default:
		t.Error("wanted the program to end with its run, found it running")
	}
	l.clean(t)
	if err := i.Stop(ctx); err != nil {
		t.Errorf("stopping what ended with its run: %v", err)
	}
}

func closedRun(t *testing.T, l *trial) {
	if err := l.run.Close(t.Context()); err != nil {
		t.Fatalf("closing the run: %v", err)
	}
	if _, err := l.launcher.Start(t.Context(), Program(l.Binary, "say="+Ready, "wait")); !errors.Is(err, launch.ErrRunClosed) {
		t.Errorf("wanted %v, found %v", launch.ErrRunClosed, err)
	}
	l.clean(t)
}

func refused(t *testing.T, l *trial) {
	_, err := l.launcher.Start(t.Context(), launch.Program{Name: "nothing"})
	var unfit *launch.UnfitError
	if !errors.As(err, &unfit) || unfit.Hint() == "" {
		t.Errorf("wanted an error that says why it can't run, with a hint, found %v", err)
	}
	p := Program(l.Binary)
	p.Name = "../escape"
	if _, err := l.launcher.Start(t.Context(), p); err == nil {
		t.Error("wanted a name that leaves the folder to be refused, found it taken")
	}
	l.clean(t)
}
