package harness

import (
	"context"
	"errors"
	"sync"
	"syscall"
	"time"

	"github.com/calico-tls/conformance/harness/component"
	"github.com/calico-tls/conformance/harness/handshake"
	"github.com/calico-tls/conformance/harness/launch"
	"github.com/calico-tls/conformance/harness/link"
	"github.com/calico-tls/conformance/harness/matrix"
)

// anew runs the cases of a client that does not dial again soon: it is started for each, several side by side, and ended
// as soon as both accounts are in. That it accepts a good server is for cases of their own to show.
func (t *trial) anew(ctx context.Context) map[string]handshake.Observation {
	seen := map[string]handshake.Observation{}
	if err := t.issueAll(); err != nil {
		for _, c := range t.Cases {
			seen[c.ID()] = handshake.Observation{Broken: err.Error()}
		}
		return seen
	}
	slots := t.lab.slots[once]
	if t.part.Dials == component.DialsAtOnce {
		slots = t.lab.slots[atOnce]
	}
	var mu sync.Mutex
	var group sync.WaitGroup
	for _, c := range t.Cases {
		slots <- struct{}{}
		group.Go(func() {
			defer func() { <-slots }()
			alone := &trial{Batch: t.Batch, end: t.end, part: t.part}
			o := alone.meetOnce(ctx, c)
			mu.Lock()
			defer mu.Unlock()
			seen[c.ID()] = o
		})
	}
	group.Wait()
	return seen
}

// meetOnce starts the client for one case, and serves it.
func (t *trial) meetOnce(ctx context.Context, c matrix.Case) (o handshake.Observation) {
	defer t.cut(&o)
	if ctx.Err() != nil {
		return handshake.Observation{Broken: Interrupted}
	}
	begun := time.Now()
	defer func() { o.Duration = time.Since(begun) }()
	listener, start, err := t.prepare(ctx)
	if errors.Is(err, syscall.EADDRNOTAVAIL) {
		return handshake.Observation{Skipped: "this machine has no such address: " + err.Error()}
	}
	if err != nil {
		return handshake.Observation{Broken: err.Error()}
	}
	defer listener.Close()
	defer t.closeBeside()
	t.instance, err = t.lab.start(ctx, t.part, start, nil)
	var refused *component.RefusedError
	var fixed *launch.FixedFileError
	switch {
	case errors.As(err, &fixed):
		return handshake.Observation{Skipped: fixed.Error() + ": " + fixed.Hint()}
	case errors.As(err, &refused):
		return handshake.Observation{NotStarted: refused.Words, Evidence: handshake.Both}
	case err != nil:
		return handshake.Observation{Broken: err.Error()}
	}
	defer t.stop(ctx)
	t.follow()
	if err := t.listen(); err != nil {
		return handshake.Observation{Broken: err.Error()}
	}
	o = t.serveOnce(ctx, c, listener)
	if against := t.leak.told(); against != "" {
		o.Against = against
	}
	return o
}

// serveOnce serves the connection of a client that was started for it. One that has accepted is listened to while the
// connection stands: it may have more to ask before it says so.
func (t *trial) serveOnce(ctx context.Context, c matrix.Case, listener link.Listener) handshake.Observation {
	o := handshake.Observation{Evidence: handshake.Both, Stack: t.part.Stack}
	a, err := t.attempt(c)
	if err != nil {
		o.Broken = err.Error()
		return o
	}
	o.Issued = a.Show.Fingerprint()
	ctx, cancel := context.WithTimeout(ctx, t.deadline())
	defer cancel()
	alive, end := t.whileAlive(ctx)
	defer end()
	heard := false
	hear := func(says func(context.Context) handshake.Account) {
		o.Client, heard = says(alive), true
		t.told = o.Client.Claim != handshake.Silent
	}
	a.Accepted = func() { hear(t.acceptance) }
	if !t.beside(alive, c, &o) {
		return o
	}
	if err := t.renewClient(alive, c, listener); err != nil {
		o.Broken = err.Error()
		return o
	}
	var from string
	waiting, stays := t.await(alive, c)
	goesOn := func() (stop func() bool) { return serveOn(alive, a, listener) }
	if t.part.Dials == component.DialsAtOnce {
		var stop func() bool
		o.Server, from, stop = serveAtOnce(waiting, a, listener)
		defer stop()
		goesOn = func() func() bool { return stop }
	} else {
		o.Server, from = t.serveRenewed(waiting, a, listener)
	}
	if why := stays(); from == "" && o.Server.Claim == handshake.Failed {
		if o.Against = why; why == "" {
			o.Broken = t.absence(alive, listener.Address(), o.Server.Error)
		} else {
			o.Server = handshake.Account{Claim: handshake.WasRefused, AlertReceived: handshake.NoAlert, Error: why}
		}
		return o
	}
	if !heard {
		stop := goesOn()
		hear(func(ctx context.Context) handshake.Account { return t.reason(ctx, &o) })
		if stop() {
			o.Against = wentOn
		}
	}
	switch {
	case alive.Err() != nil && (untold(o.Client) || untold(o.Server)):
		o.Broken = t.lateness(from, o)
	case t.meetings(c) > 1 && o.Server.Claim == handshake.Accepted && o.Client.Claim == handshake.Refused:
		// Two connections: what it says is of the first, which it gave up before the observer could be told.
		o.Server.Claim, o.Against = handshake.WasRefused, fellBack
	case t.meetings(c) > 1 && o.Server.Claim == handshake.WasRefused && o.Client.Claim == handshake.Refused:
		o.Against = t.fallsBack(alive, a, listener)
	case o.Client.Claim == handshake.Accepted && o.Server.Claim == handshake.Accepted:
		o.Against = t.succumbs(c)
	}
	if further, _ := t.link.FurtherNamed(t.Subject); (t.setting.Unready || further.Unready) && o.Client.Claim != handshake.Accepted && o.Broken == "" && o.Against == "" {
		o.Against = t.callsItselfReady(alive)
	}
	return o
}

const wentOn = "it refused its server, dialled again, and took what it had refused"

// serveOn serves a client in the same way whenever it dials again, until stop is called, which reports whether it was
// accepted then. A client of gRPC can give a connection up on which it has refused its server, without a word of that in
// its log, and tells it of the next one.
func serveOn(alive context.Context, a link.Attempt, listener link.Listener) (stop func() (accepted bool)) {
	ctx, cancel := context.WithCancel(alive)
	a.Accepted = nil
	accepted, done := false, make(chan struct{})
	go func() {
		defer close(done)
		for from := "."; from != ""; {
			var account handshake.Account
			account, from = listener.Serve(ctx, a)
			accepted = accepted || account.Claim == handshake.Accepted
		}
	}()
	return func() bool {
		cancel()
		<-done
		return accepted
	}
}

// relapse is how long a client that has refused to speak plaintext is given to dial again, and do so: the first time an
// etcd client does within a second (gRPC, doc/connection-backoff.md).
const relapse = 3 * time.Second

const fellBack = "it refused a server that speaks plaintext, dialled again, and spoke plaintext"

// fallsBack serves a client once more that has refused to speak plaintext, and says what is against one that does then.
func (t *trial) fallsBack(alive context.Context, a link.Attempt, listener link.Listener) string {
	ctx, cancel := context.WithTimeout(alive, relapse)
	defer cancel()
	a.Accepted = nil
	if again, _ := listener.Serve(ctx, a); again.Claim == handshake.Accepted {
		return fellBack
	}
	return ""
}
