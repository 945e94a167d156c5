package launch

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// StopGrace is how long a program is given to end by itself when whoever stops it sets no deadline, and when it did not
// get ready.
const StopGrace = 5 * time.Second

// readyDeadline is how long Ready may take unless the program says otherwise.
const readyDeadline = 30 * time.Second

// tailLines is how much of its log an error about a program shows.
const tailLines = 20

// Bereft is an [Instance] whose launcher can lose sight of it.
type Bereft interface {
	// Lost returns what the launcher lost sight of its program by, such as a dead container engine; nil if it did not.
	Lost() error
}

// Lost returns what a launcher lost sight of a program by; nil if it did not, so that a program that is done ended by
// itself or was stopped.
func Lost(i Instance) error {
	if b, ok := i.(Bereft); ok {
		return b.Lost()
	}
	return nil
}

// AwaitReady is how launchers end Start: it waits until a program that was started is ready, and stops it if it is not.
// Its errors are those of [Launcher].
func AwaitReady(ctx context.Context, p Program, i Instance) (Instance, error) {
	err := await(ctx, p, i)
	if err == nil {
		return i, nil
	}
	stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), StopGrace)
	defer cancel()
	if other := i.Stop(stopping); other != nil {
		err = errors.Join(err, other)
	}
	return nil, err
}

func await(ctx context.Context, p Program, i Instance) error {
	if p.Ready == nil {
		return context.Cause(ctx)
	}
	limit := p.Deadline
	if limit == 0 {
		limit = readyDeadline
	}
	began := time.Now()
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	waiting, stop := context.WithCancelCause(limited)
	defer stop(nil)
	go func() {
		select {
		case <-i.Done():
			stop(ErrLogEnded)
		case <-waiting.Done():
		}
	}()
	err := p.Ready(waiting, i)
	if errors.Is(err, ErrLogEnded) {
		// The log ends an instant before its program counts as ended.
		select {
		case <-i.Done():
		case <-limited.Done():
		}
	}
	select {
	case <-i.Done():
		if errors.Is(err, ErrLogEnded) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
			err = nil
		}
		return ended(p, i, err)
	default:
	}
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("waiting for %s to be ready: %w", p.Name, context.Cause(ctx))
	default:
		return &NotReadyError{Program: p.Name, After: time.Since(began), Cause: err, Tail: i.Log().Tail(tailLines)}
	}
}

// ended returns why a program is done; found is what Ready had found out by then.
func ended(p Program, i Instance, found error) error {
	if lost := Lost(i); lost != nil {
		return fmt.Errorf("waiting for %s to be ready: %w", p.Name, lost)
	}
	return &ExitError{Program: p.Name, Code: i.ExitCode(), Cause: found, Tail: i.Log().Tail(tailLines)}
}

// Grace returns ctx, ended after [StopGrace] if it has no deadline of its own.
func Grace(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, ok := ctx.Deadline(); ok {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, StopGrace)
}
