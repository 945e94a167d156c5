// Package inprocess runs programs in this process: each in a goroutine, with a folder and ports of its own.
//
// It needs neither a binary nor a container engine, and starts in no time; but a program that does not heed the end of
// its context can't be ended by force, and one that panics in a goroutine of its own takes the suite with it.
package inprocess

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"sync"

	"github.com/calico-tls/conformance/harness/launch"
)

// Name is the launcher's name in reports and flags.
const Name = "in-process"

// panicked is the exit code of a program that panicked, as it would be in a process of its own.
const panicked = 2

// Launcher starts programs by their Main.
type Launcher struct{ run *launch.Run }

var _ launch.Launcher = (*Launcher)(nil)

// New returns a launcher whose programs belong to run.
func New(run *launch.Run) *Launcher { return &Launcher{run: run} }

// Name implements [launch.Launcher].
func (l *Launcher) Name() string { return Name }

// Start implements [launch.Launcher]. A Main that panics ends with exit code 2 and its stack in the log.
func (l *Launcher) Start(ctx context.Context, p launch.Program) (launch.Instance, error) {
	if p.Main == nil {
		return nil, &launch.UnfitError{Program: p.Name, Launcher: Name, Wanted: "a program that can run in this process", Found: "one that cannot", Advice: "use LAUNCH=process or LAUNCH=container"}
	}
	if err := context.Cause(ctx); err != nil {
		return nil, fmt.Errorf("starting %s: %w", p.Name, err)
	}
	at, err := l.run.Place(ctx, p)
	if err != nil {
		return nil, err
	}
	life, cancel := context.WithCancel(context.WithoutCancel(ctx))
	i := &instance{Local: at, program: p.Name, cancel: cancel, done: make(chan struct{}), code: -1}
	if err := i.belong(l.run); err != nil {
		cancel()
		return nil, errors.Join(fmt.Errorf("starting %s: %w", p.Name, err), at.Remove())
	}
	go i.live(life, p.Main, p.Invocation(at))
	return launch.AwaitReady(ctx, p, i)
}

// instance is a program that runs in this process.
type instance struct {
	*launch.Local

	program string
	log     launch.Log
	cancel  context.CancelFunc
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

func (i *instance) Digest() string { return "" }

// Stop ends the program's context and waits until it has returned. One that does not return in time is left to itself,
// and keeps its folder until the run ends.
func (i *instance) Stop(ctx context.Context) error {
	i.stopping.Lock()
	defer i.stopping.Unlock()
	if i.stopped {
		return nil
	}
	ctx, end := launch.Grace(ctx)
	defer end()
	i.cancel()
	select {
	case <-i.done:
	case <-ctx.Done():
		select {
		case <-i.done:
		default:
			return fmt.Errorf("stopping %s: wanted it to return when told to, found it still running: %w", i.program, context.Cause(ctx))
		}
	}
	i.stopped = true
	i.forget()
	return i.Remove()
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

func (i *instance) live(ctx context.Context, main func(context.Context, launch.Invocation, io.Writer) int, in launch.Invocation) {
	code, returned := panicked, false
	defer func() {
		switch v := recover(); {
		case v != nil:
			// The cause comes last, as errors show the end of the log.
			fmt.Fprintf(&i.log, "%s\npanic: %v\n", debug.Stack(), v)
		case !returned:
			fmt.Fprintln(&i.log, "the program ended its goroutine instead of returning")
		}
		i.code = code
		_ = i.log.Close()
		close(i.done)
	}()
	code = main(ctx, in, &i.log)
	returned = true
}
