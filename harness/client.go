package harness

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/calico-tls/conformance/harness/handshake"
	"github.com/calico-tls/conformance/harness/link"
	"github.com/calico-tls/conformance/harness/matrix"
	"github.com/calico-tls/conformance/harness/oracle"
)

// clientCases runs the cases of a client that dials again by itself, one connection after the other. A client that gives
// up after some connections that failed is accepted in between, and first of all.
func (t *trial) clientCases(ctx context.Context, listener link.Listener) map[string]handshake.Observation {
	seen := map[string]handshake.Observation{}
	if d, ok := t.link.Conduct(t.Cases[0].Conduct); ok && d.Persists != "" {
		for _, c := range t.Cases {
			seen[c.ID()] = t.persist(ctx, c, d.Persists, listener)
		}
		return seen
	}
	stamina := t.lab.Parts[t.Subject].Stamina
	control, controlled := t.accepted()
	encourage := func() { // a control that fails shows in the control of the batch
		if stamina > 0 && controlled {
			t.serve(ctx, control, listener)
		}
	}
	encourage()
	failed := 0
	for _, c := range t.Cases {
		if failed == stamina && stamina > 0 {
			encourage()
			failed = 0
		}
		o := t.met(ctx, c, listener)
		failed++
		if o.Server.Claim == handshake.Accepted {
			failed = 0
		}
		seen[c.ID()] = o
	}
	t.control(seen, func(c matrix.Case) handshake.Observation { return t.serve(ctx, c, listener) })
	return seen
}

// accepted returns the first case of the batch that must be accepted from an instrument without a conduct.
func (t *trial) accepted() (matrix.Case, bool) {
	i := slices.IndexFunc(t.Cases, func(c matrix.Case) bool {
		e, err := oracle.Predict(t.link.Link, c)
		return err == nil && c.Conduct == "" && (e.Outcome == handshake.Accept || e.Outcome == handshake.Plaintext)
	})
	if i < 0 {
		return matrix.Case{}, false
	}
	return t.Cases[i], true
}

// met is what is seen of a case that is one connection, or of one whose setting spoils a file before it.
func (t *trial) met(ctx context.Context, c matrix.Case, listener link.Listener) handshake.Observation {
	if t.setting.Spoils == "" {
		return t.serve(ctx, c, listener)
	}
	return t.spoil(ctx, c, listener)
}

// serve serves one connection of a client.
func (t *trial) serve(ctx context.Context, c matrix.Case, listener link.Listener) (o handshake.Observation) {
	defer cut(ctx, &o)
	o = handshake.Observation{Evidence: handshake.Both, Stack: t.stack}
	a, err := t.attempt(c)
	if err != nil {
		o.Broken = err.Error()
		return o
	}
	ctx, cancel := context.WithTimeout(ctx, t.lab.Deadline)
	defer cancel()
	// A client that has ended dials no more.
	alive, end := context.WithCancelCause(ctx)
	defer end(nil)
	go func() {
		select {
		case <-t.instance.Done():
			end(fmt.Errorf("%s has ended", t.Subject))
		case <-alive.Done():
		}
	}()
	if d, ok := t.link.Conduct(c.Conduct); ok && d.AwaitsReady {
		a.Accepted = func() { o.Against = t.awaitReady(ctx) }
	}
	o.Issued = a.Show.Fingerprint()
	begun := time.Now()
	var from string
	o.Server, from = listener.Serve(alive, a)
	if o.Server.Claim == handshake.Failed && from == "" {
		o.Duration = time.Since(begun)
		return o
	}
	o.Client = t.journal.Account(ctx, t.asSeen(from))
	o.Duration = time.Since(begun)
	return o
}
