package harness

import (
	"context"
	"fmt"
	"time"

	"github.com/calico-tls/conformance/harness/component"
	"github.com/calico-tls/conformance/harness/handshake"
	"github.com/calico-tls/conformance/harness/link"
	"github.com/calico-tls/conformance/harness/matrix"
)

// abstain starts a client that dials once with a setting with which it must not dial. It is ready to be served all the same:
// whoever dials waits for an answer, and says nothing before. What it says of not starting is believed only if nobody has
// dialled.
func (t *trial) abstain(ctx context.Context, c matrix.Case) (o handshake.Observation) {
	defer t.cut(&o)
	o = handshake.Observation{Evidence: handshake.Both, Stack: t.part.Stack}
	begun := time.Now()
	defer func() { o.Duration = time.Since(begun) }()
	listener, start, err := t.prepare(ctx) // which may have to start what stands behind, and has its own time for that
	if err != nil {
		o.Broken = err.Error()
		return o
	}
	defer listener.Close()
	defer t.closeBeside()
	if t.instance, err = t.lab.start(ctx, t.part, start, nil); err != nil {
		o.Broken = err.Error()
		return o
	}
	defer t.stop(ctx)
	ctx, cancel := context.WithTimeout(ctx, t.lab.Deadline) // for what it does, as elsewhere: an engine takes its own time
	defer cancel()
	t.follow()
	if err := t.listen(); err != nil {
		o.Broken = err.Error()
		return o
	}
	c.Version = link.TLS13
	if start.Scheme == "http" || len(start.Endpoints) > 0 && start.Endpoints[0].Scheme == "http" {
		c.Version = link.Clear
	}
	t.settleOrServe(ctx, c, listener, &o)
	if against := t.leak.told(); against != "" {
		o.Against = against
	}
	return o
}

// met is a connection that an observer has served.
type met struct {
	account handshake.Account
	from    string
}

// settleOrServe waits until a client has said that it does not start, or has dialled.
func (t *trial) settleOrServe(ctx context.Context, c matrix.Case, listener link.Listener, o *handshake.Observation) {
	a, err := t.attempt(c)
	if err != nil {
		o.Broken = err.Error()
		return
	}
	alive, end := t.whileAlive(ctx)
	defer end()
	waiting, dialled := context.WithCancel(alive)
	defer dialled()
	served, heard := make(chan met, 1), false
	a.Accepted = func() { o.Client, heard = t.journal.Account(alive, ""), true }
	go func() {
		account, from := listener.Serve(alive, a)
		if from != "" {
			dialled()
		}
		served <- met{account, from}
	}()
	says := &stance{reader: t.part.Reader}
	settled := says.settle(waiting, t.instance)
	words := says.words.Load()
	if settled == nil || words != nil {
		end()
	}
	m := <-served
	quiet, err := listener.Quiet(ctx)
	switch {
	case err != nil:
		o.Broken = err.Error()
	case m.from != "":
		o.Issued, o.Server = a.Show.Fingerprint(), m.account
		if !heard {
			still, stop := t.whileAlive(ctx)
			defer stop()
			o.Client = t.journal.Account(still, "")
		}
	case words != nil && quiet:
		t.refused(o, *words, "nobody has dialled")
		if t.ended() {
			code := t.instance.ExitCode()
			o.Aftermath = &handshake.Aftermath{Exit: &code}
		}
	case !quiet:
		o.Broken = fmt.Sprintf("%s has dialled once more than it was served%s", t.Subject, t.lastLines())
	default:
		o.Broken = fmt.Sprintf("%s has neither dialled nor said why not: %v%s", t.Subject, settled, t.lastLines())
	}
}

// unready is how long a client that must not call itself ready is asked whether it does: a Typha that is served says so
// within four seconds of its start.
const unready = 6 * time.Second

// callsItselfReady asks a client for some time whether it is ready, and says what is against one that is.
func (t *trial) callsItselfReady(ctx context.Context) string {
	if t.part.Ready == nil {
		return ""
	}
	ctx, cancel := context.WithTimeout(ctx, unready)
	defer cancel()
	tick := time.NewTicker(settleTick)
	defer tick.Stop()
	for {
		if ready, _ := t.part.Ready(ctx, t.instance); ready == component.IsReady {
			return "it calls itself ready"
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ""
		}
	}
}
