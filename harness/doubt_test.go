package harness_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/calico-tls/conformance/harness"
	"github.com/calico-tls/conformance/harness/launch"
	"github.com/calico-tls/conformance/harness/oracle"
)

// refuses is what a Typha logs when it refuses a client.
const refuses = "Failed to read from client"

// TestLabSaysWhyItDoubts: a Typha that accepts nobody once it has refused somebody proves nothing, be it that it has
// died or that it only hangs up.
func TestLabSaysWhyItDoubts(t *testing.T) {
	t.Parallel()
	cases := selected(t, "felix-typha/cn/typha/client={good,none}/server=good/tls1.3")
	for saying, spoil := range map[string]func(launch.Program) launch.Program{
		"in the midst of its cases": endingOn(refuses),
		"after the batch the same process no longer accepts": func(p launch.Program) launch.Program {
			p = endingOn(refuses)(p)
			serve := p.Main
			p.Main = func(ctx context.Context, in launch.Invocation, log io.Writer) int {
				serve(ctx, in, log)
				return hangUp(ctx, in)
			}
			return p
		},
	} {
		t.Run(saying, func(t *testing.T) {
			t.Parallel()
			lab := labWith(t, inProcess, spoil)
			lab.Jobs, lab.Deadline = 1, impatience
			v := verdict(t, cases[1], lab.Run(t.Context(), cases)[cases[1].ID()])
			if v.Finding != oracle.Unproven || !strings.Contains(v.Why, saying) {
				t.Errorf("wanted it unproven, saying %q; found %s: %s", saying, v.Finding, v.Why)
			}
		})
	}
}

// hangUp listens where a Typha should, and closes each connection at once.
func hangUp(ctx context.Context, in launch.Invocation) int {
	l, err := listen(ctx, in)
	if err != nil {
		return 1
	}
	for {
		conn, err := l.Accept()
		if err != nil {
			return 0
		}
		_ = conn.Close()
	}
}

// listen opens the port of a Typha until ctx ends.
func listen(ctx context.Context, in launch.Invocation) (net.Listener, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", net.JoinHostPort(in.Env["TYPHA_SERVERHOST"], in.Env["TYPHA_SERVERPORT"]))
	if err == nil {
		context.AfterFunc(ctx, func() { _ = l.Close() })
	}
	return l, err
}

// mute is a Typha that accepts connections and then does nothing, and tells of each.
func mute(dialled func()) func(launch.Program) launch.Program {
	return func(p launch.Program) launch.Program {
		p.Main = func(ctx context.Context, in launch.Invocation, log io.Writer) int {
			l, err := listen(ctx, in)
			if err != nil {
				return 1
			}
			fmt.Fprintln(log, "listening")
			for {
				conn, err := l.Accept()
				if err != nil {
					return 0
				}
				context.AfterFunc(ctx, func() { _ = conn.Close() })
				dialled()
			}
		}
		p.Ready = func(ctx context.Context, i launch.Instance) error {
			_, err := i.Log().Wait(ctx, func(line string) bool { return line == "listening" })
			return err
		}
		return p
	}
}

// TestLabGivesUp: a Typha that does nothing costs no more than the deadline, which is said.
func TestLabGivesUp(t *testing.T) {
	t.Parallel()
	cases := selected(t, "felix-typha/cn/typha/client=good/server=good/tls1.3")
	lab := labWith(t, inProcess, mute(func() {}))
	lab.Deadline = time.Second
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	v := verdict(t, cases[0], lab.Run(ctx, cases)[cases[0].ID()])
	if v.Finding != oracle.Broken || !strings.Contains(v.Why, "i/o timeout") {
		t.Errorf("wanted it broken by a timeout, found %s: %s", v.Finding, v.Why)
	}
}

// TestLabMarksWhatWasCut: a connection that is under way when the run is interrupted is broken by that, whatever the two
// sides say of it.
func TestLabMarksWhatWasCut(t *testing.T) {
	t.Parallel()
	cases := selected(t, "felix-typha/cn/typha/client=good/server=good/tls1.3")
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	lab := closing(t, harness.NewLab(ctx, optionsWith(t, inProcess, mute(interrupt))))
	if o := lab.Run(t.Context(), cases)[cases[0].ID()]; o.Broken != "the run was interrupted" {
		t.Errorf("wanted it broken by the interrupt, found %+v", o)
	}
}

// TestLabStopsItsSubjects: once a lab has run its cases no subject runs any more.
func TestLabStopsItsSubjects(t *testing.T) {
	t.Parallel()
	var started, running atomic.Int64
	lab := labWith(t, inProcess, func(p launch.Program) launch.Program {
		main := p.Main
		p.Main = func(ctx context.Context, in launch.Invocation, log io.Writer) int {
			started.Add(1)
			running.Add(1)
			defer running.Add(-1)
			return main(ctx, in, log)
		}
		return p
	})
	lab.Run(t.Context(), selected(t, "felix-typha/{cn,uri-san}/{typha,felix}/client=good/server=good/tls1.3"))
	if err := lab.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if started.Load() != 4 || running.Load() != 0 {
		t.Errorf("wanted 4 subjects to be started and none to run on, found %d and %d", started.Load(), running.Load())
	}
}

// TestLabWaitsForAnEnd: a Typha that says that it does not start, and ends a moment later, does not run on without
// answering for its health.
func TestLabWaitsForAnEnd(t *testing.T) {
	t.Parallel()
	cases := selected(t, "felix-typha/cn-or-uri-san/typha/**/setting=unset-ServerCertFile/conduct=asks-health")
	lab := labWith(t, inProcess, func(p launch.Program) launch.Program {
		main := p.Main
		p.Main = func(ctx context.Context, in launch.Invocation, log io.Writer) int {
			code := main(ctx, in, log)
			select {
			case <-time.After(time.Second):
			case <-ctx.Done():
			}
			return code
		}
		return p
	})
	for _, c := range cases {
		o := lab.Run(t.Context(), cases)[c.ID()]
		if v := verdict(t, c, o); v.Finding != oracle.Conforms || o.Aftermath.Exit == nil {
			t.Errorf("wanted it to conform, and its exit code, found %s: %s, and %+v", v.Finding, v.Why, o.Aftermath)
		}
	}
}
