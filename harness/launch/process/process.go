// Package process runs programs as processes of their own: each in a process group and a folder of its own, with nothing
// of our environment, its standard output and error in one log.
//
// On Linux a process gets SIGKILL when this one dies, however it dies. Elsewhere, and as a second line, each is on
// record in its run's folder, and [Sweep] ends those of dead runs.
package process

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/calico-tls/conformance/harness/launch"
)

// name is the launcher's name in reports and flags.
const name = "process"

// drainGrace is how long what a program left in the pipe is read on once it has ended.
const drainGrace = 5 * time.Second

// Launcher starts programs by their Binary.
type Launcher struct {
	run     *launch.Run
	digests launch.Digests
	starter *starter
}

var _ launch.Launcher = (*Launcher)(nil)

// New returns a launcher whose programs belong to run, and end with it. It returns [launch.ErrRunClosed] if run has ended.
func New(run *launch.Run) (*Launcher, error) {
	l := &Launcher{run: run, starter: newStarter()}
	if _, err := run.OnClose(func(context.Context) error { l.starter.close(); return nil }); err != nil {
		l.starter.close()
		return nil, fmt.Errorf("making the launcher of processes: %w", err)
	}
	return l, nil
}

// Name implements [launch.Launcher].
func (l *Launcher) Name() string { return name }

// Start implements [launch.Launcher]. The program's working folder is [launch.Placement.Folder].
func (l *Launcher) Start(ctx context.Context, p launch.Program) (launch.Instance, error) {
	argv := p.CommandLine(p.Binary)
	if len(argv) == 0 {
		return nil, &launch.UnfitError{Program: p.Name, Launcher: name, Wanted: "a binary", Found: "none", Advice: "name a binary or a build of it in the target, or use LAUNCH=container"}
	}
	if err := context.Cause(ctx); err != nil {
		return nil, fmt.Errorf("starting %s: %w", p.Name, err)
	}
	i, err := l.prepare(ctx, p, argv)
	if err != nil {
		return nil, fmt.Errorf("starting %s: %w", p.Name, err)
	}
	if err := i.start(l.starter); err != nil {
		return nil, errors.Join(fmt.Errorf("starting %s: %w", p.Name, err), i.Remove())
	}
	if err := i.belong(l.run); err != nil {
		return nil, errors.Join(fmt.Errorf("starting %s: %w", p.Name, err), i.Stop(ctx))
	}
	return launch.AwaitReady(ctx, p, i)
}

func (l *Launcher) prepare(ctx context.Context, p launch.Program, argv []string) (*instance, error) {
	// The process starts in another folder than ours.
	path, err := exec.LookPath(argv[0])
	if err == nil {
		path, err = filepath.Abs(path)
	}
	if err != nil {
		return nil, &launch.BinaryError{Path: argv[0], Cause: err}
	}
	measured := p.Binary
	if measured == "" {
		measured = path
	}
	digest, err := l.digests.File(measured)
	if err != nil {
		return nil, err
	}
	at, err := l.run.Place(ctx, p)
	if err != nil {
		return nil, err
	}
	in := p.Invocation(at)
	cmd := exec.CommandContext(context.WithoutCancel(ctx), path, slices.Concat(argv[1:], in.Args)...)
	cmd.Dir = at.Folder()
	cmd.Env = environment(in)
	cmd.SysProcAttr = attributes()
	return &instance{Local: at, program: p.Name, cmd: cmd, digest: digest, records: records(l.run.Folder()), done: make(chan struct{}), code: -1}, nil
}

// environment is never nil, as that would mean ours.
func environment(in launch.Invocation) []string {
	env := []string{}
	for _, key := range slices.Sorted(maps.Keys(in.Env)) {
		env = append(env, key+"="+in.Env[key])
	}
	return env
}

// instance is a process.
type instance struct {
	*launch.Local

	program string
	cmd     *exec.Cmd
	digest  string
	records records
	log     launch.Log
	forget  func()

	// code is written before done is closed, and read after.
	code int
	done chan struct{}

	stopping sync.Mutex
	stopped  bool
}

func (i *instance) Log() *launch.Log { return &i.log }

func (i *instance) Done() <-chan struct{} { return i.done }

func (i *instance) ExitCode() int {
	select {
	case <-i.done:
		return i.code
	default:
		return -1
	}
}

func (i *instance) SeesSource() bool { return true }

func (i *instance) Digest() string { return i.digest }

// Stop sends SIGTERM to the process, and SIGKILL to its group at the deadline.
func (i *instance) Stop(ctx context.Context) error {
	i.stopping.Lock()
	defer i.stopping.Unlock()
	if i.stopped {
		return nil
	}
	ctx, end := launch.Grace(ctx)
	defer end()
	if err := terminate(i.cmd.Process); err != nil && !errors.Is(err, os.ErrProcessDone) {
		kill(i.cmd.Process)
	}
	select {
	case <-i.done:
	case <-ctx.Done():
		if err := i.force(ctx); err != nil {
			return fmt.Errorf("stopping %s: %w", i.program, err)
		}
	}
	i.stopped = true
	i.forget()
	return i.Remove()
}

// force kills the process group, and waits until the process is gone.
func (i *instance) force(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), launch.StopGrace)
	defer cancel()
	kill(i.cmd.Process)
	select {
	case <-i.done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wanted process %d to end by SIGKILL, found it still there: %w", i.cmd.Process.Pid, context.Cause(ctx))
	}
}

// belong has the run stop the program at its end, which may be just now.
func (i *instance) belong(run *launch.Run) (err error) {
	i.stopping.Lock()
	defer i.stopping.Unlock()
	if i.forget, err = run.OnClose(i.Stop); err != nil {
		i.forget = func() {}
	}
	return err
}

func (i *instance) start(s *starter) error {
	read, write, err := os.Pipe()
	if err != nil {
		return err
	}
	// One pipe for both keeps the order in which the program wrote.
	i.cmd.Stdout, i.cmd.Stderr = write, write
	err = s.do(i.cmd.Start)
	_ = write.Close()
	if err != nil {
		_ = read.Close()
		return err
	}
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		_, _ = io.Copy(&i.log, read)
		_ = read.Close()
	}()
	err = i.records.add(record{Program: i.program, PID: i.cmd.Process.Pid})
	go i.live(read, drained)
	if err != nil {
		kill(i.cmd.Process)
		<-i.done
	}
	return err
}

func (i *instance) live(read *os.File, drained <-chan struct{}) {
	_ = i.cmd.Wait()
	killGroup(i.cmd.Process.Pid)
	// Whoever left the group may hold the pipe open for ever.
	if err := read.SetReadDeadline(time.Now().Add(drainGrace)); err != nil {
		_ = read.Close()
	}
	<-drained
	i.records.remove(i.cmd.Process.Pid)
	i.code = i.cmd.ProcessState.ExitCode()
	_ = i.log.Close()
	close(i.done)
}
