package harness

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/calico-tls/conformance/harness/component"
	"github.com/calico-tls/conformance/harness/handshake"
	"github.com/calico-tls/conformance/harness/launch"
	"github.com/calico-tls/conformance/harness/link"
	"github.com/calico-tls/conformance/harness/matrix"
)

// refrain starts a subject with a setting with which it must neither listen nor dial. What it says is believed only if
// nothing is there at that moment: no port that serves, no client that has dialled. A subject that has started after
// all is met like any other, so that the observation tells what it does.
func (t *trial) refrain(ctx context.Context, c matrix.Case) (o handshake.Observation) {
	if t.part.Dials != component.DialsOn {
		return t.abstain(ctx, c)
	}
	defer t.cut(&o)
	o = handshake.Observation{Evidence: handshake.Both, Stack: t.part.Stack}
	begun := time.Now()
	listener, start, err := t.prepare(ctx)
	if err != nil {
		o.Broken = err.Error()
		return o
	}
	if listener != nil {
		defer listener.Close()
	}
	says := &stance{reader: t.part.Reader}
	t.instance, err = t.lab.start(ctx, t.part, start, says.settle)
	var exit *launch.ExitError
	switch words := says.words.Load(); {
	case errors.As(err, &exit) && words != nil:
		// A program that has ended keeps no port and dials nobody.
		o.Aftermath = &handshake.Aftermath{Exit: &exit.Code}
		t.refused(&o, *words, "the program has ended")
	case err != nil:
		o.Broken = err.Error()
	default:
		defer t.stop(ctx)
		ctx, cancel := context.WithTimeout(ctx, t.lab.Deadline) // for what it does: a start has its own
		defer cancel()
		t.follow()
		if err := t.listen(); err != nil {
			o.Broken = err.Error()
			return o
		}
		t.examine(ctx, c, listener, says, &o)
		o.Against = cmp.Or(t.leak.told(), o.Against)
	}
	o.Duration = time.Since(begun)
	return o
}

// stance is what a subject says of whether it starts.
type stance struct {
	reader interface {
		Ready(line string) bool
		Refuses(line string) (string, bool)
		Bypasses(line string) bool
	}
	// words are those by which it refused, or goes on without its peer; nil if it did neither.
	words    atomic.Pointer[string]
	bypasses atomic.Bool
}

// settle waits until the subject has said whether it starts.
func (s *stance) settle(ctx context.Context, i launch.Instance) error {
	_, err := i.Log().Wait(ctx, func(line string) bool {
		if words, refused := s.reader.Refuses(line); refused {
			words = cmp.Or(strings.TrimSpace(words), line)
			s.words.Store(&words)
			return true
		}
		if s.reader.Bypasses(line) {
			s.words.Store(&line)
			s.bypasses.Store(true)
			return true
		}
		return s.reader.Ready(line)
	})
	if err != nil {
		return fmt.Errorf("waiting for %T to say whether it starts: %w", i, err)
	}
	return nil
}

// examine looks at a subject that runs: whether it keeps to what it said.
func (t *trial) examine(ctx context.Context, c matrix.Case, listener link.Listener, says *stance, o *handshake.Observation) {
	if words := says.words.Load(); words != nil {
		kept, err := t.keeps(ctx, listener)
		if err != nil {
			o.Broken = err.Error()
			return
		}
		if kept {
			t.refused(o, *words, map[handshake.Side]string{
				handshake.Server: "nobody listens", handshake.Client: "nobody has dialled",
			}[t.side])
			t.aftermath(ctx, c, says, o)
			return
		}
	}
	// It listens, or dials: in the clear, or else with TLS.
	for _, version := range []link.Version{link.Clear, link.TLS13} {
		c.Version = version
		if t.side == handshake.Server {
			*o = t.probe(ctx, c)
		} else {
			*o = t.serve(ctx, c, listener)
		}
		if t.instruments(*o).Claim == handshake.Accepted {
			return
		}
	}
}

// refused notes that the subject has not started: its own words, and what the instrument found.
func (t *trial) refused(o *handshake.Observation, words, found string) {
	o.NotStarted = words
	subject, instrument := &o.Client, &o.Server
	if t.side == handshake.Server {
		subject, instrument = instrument, subject
	}
	subject.Error, subject.AlertReceived = words, handshake.NoAlert
	instrument.Error, instrument.AlertReceived = found, handshake.NoAlert
	if !strings.Contains(words, t.setting.Says) {
		o.Against = fmt.Sprintf("it does not say %q", t.setting.Says)
	}
}

// keeps reports whether a subject that says that it does not start has no port open, or has dialled nobody.
func (t *trial) keeps(ctx context.Context, listener link.Listener) (bool, error) {
	if t.side == handshake.Client {
		return listener.Quiet(ctx)
	}
	a, from := t.link.Prober.Probe(ctx, t.instance.Address(t.part.port()), "", link.Attempt{Version: link.Clear})
	// A port that an engine publishes takes connections though nobody listens behind it, and then closes them.
	return from == "" || !t.instance.SeesSource() && a.Claim == handshake.WasRefused && a.Octets == 0, nil
}

// aftermath notes what else a subject does that has not started.
func (t *trial) aftermath(ctx context.Context, c matrix.Case, says *stance, o *handshake.Observation) {
	if says.bypasses.Load() {
		o.Against = "it goes on without its peer"
		return
	}
	ask := t.part.Ready
	if ask == nil {
		return
	}
	ready, err := ask(ctx, t.instance)
	if ready == component.NoAnswer && t.ends() {
		code := t.instance.ExitCode()
		o.Aftermath = &handshake.Aftermath{Exit: &code}
		return
	}
	o.Aftermath = &handshake.Aftermath{Ready: string(ready)}
	if d, _ := t.link.Conduct(c.Conduct); !d.AsksHealth && err == nil {
		return
	}
	switch {
	case err != nil:
		o.Broken = err.Error()
	case ready == component.NoAnswer:
		o.Against = "it runs on, and nobody answers at its health port"
	case ready == component.IsReady:
		o.Against = "it calls itself ready"
	}
}

// ends reports whether the subject has ended, or is about to: a program that ends closes its ports, and says why, a moment
// before it has.
func (t *trial) ends() bool {
	select {
	case <-t.instance.Done():
		return true
	case <-time.After(dying):
		return false
	}
}

// dying is how long a program that ends may take from when it closes its ports, as far as an engine tells of it.
const dying = 5 * time.Second
