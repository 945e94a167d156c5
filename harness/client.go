package harness

import (
	"context"
	"fmt"
	"time"

	"github.com/calico-tls/conformance/harness/component"
	"github.com/calico-tls/conformance/harness/handshake"
	"github.com/calico-tls/conformance/harness/launch"
	"github.com/calico-tls/conformance/harness/link"
	"github.com/calico-tls/conformance/harness/matrix"
	"github.com/calico-tls/conformance/harness/oracle"
)

// What a client is given before the rest of its batch is given up.
const (
	// maxLate is how many of its connections may run into the deadline.
	maxLate = 3
	// maxWaiting is how many of its connections may wait at the end while it should make one after the other: it may
	// have given up some that were not served soon enough.
	maxWaiting = 8
)

// dialling is what has become of a client that dials its observer.
type dialling struct {
	// served counts the connections that were served, and late those that ran into the deadline.
	served, late int
	// told says that its log has told what became of a connection.
	told bool
	// refusesGood says that it refused the first server of all, which it must accept.
	refusesGood bool
	// lost says why no more is to be had of it; "" as long as it dials.
	lost string
}

// clientCases runs the cases of a client that dials again by itself, one connection after the other. A client that gives
// up after some connections that failed is accepted in between, and first of all. However often it dials, no more
// connections are served than that; and once it dials no more, no case waits for it any longer.
func (t *trial) clientCases(ctx context.Context, listener link.Listener) map[string]handshake.Observation {
	seen := map[string]handshake.Observation{}
	if d, ok := t.link.Conduct(t.Cases[0].Conduct); ok && d.Persists != "" {
		for _, c := range t.Cases {
			seen[c.ID()] = t.persist(ctx, c, d.Persists, listener)
		}
		return seen
	}
	stamina := t.part.Stamina
	control, controlled := t.accepted()
	encourage := func() (refused bool) { // a control that fails shows in the control of the batch
		return stamina > 0 && controlled && t.serve(ctx, control, listener).Server.Claim == handshake.WasRefused
	}
	t.refusesGood = encourage()
	failed := 0
	for _, c := range t.Cases {
		if failed+t.meetings(c) > stamina && stamina > 0 {
			encourage()
			failed = 0
		}
		o := t.met(ctx, c, listener)
		failed += t.meetings(c)
		if o.Server.Claim == handshake.Accepted {
			failed = 0
		}
		seen[c.ID()] = o
	}
	t.control(seen, func(c matrix.Case) handshake.Observation { return t.serve(ctx, c, listener) })
	crowds := t.crowds(ctx, listener)
	for id, o := range seen {
		switch {
		case crowds != "":
			o.Broken = crowds
		case t.lost != "" && !t.refusesGood && o.Server.Claim == handshake.WasRefused && o.Broken == "":
			o.Broken = t.lost // it cannot be asked again to accept a good server
		}
		seen[id] = o
	}
	return seen
}

// crowds says how a client has dialled again before the connection was through that it had made, so that nobody knows
// which of its words belong to which; "" if it has not.
func (t *trial) crowds(ctx context.Context, listener link.Listener) string {
	if t.lost != "" {
		return ""
	}
	ctx, cancel := context.WithTimeout(ctx, t.lab.Deadline)
	defer cancel()
	waiting, err := listener.Waiting(ctx)
	switch {
	case err != nil:
		return fmt.Sprintf("the observer of %s broke after %d connections: %v", t.Name(), t.served, err)
	case waiting > maxWaiting:
		return fmt.Sprintf("%s dialled %d times more than the %d connections that were served one after the other: it floods its server",
			t.Subject, waiting, t.served)
	}
	return ""
}

// farewell is how long a program that ends may take from its last words to its end, and its last octets to arrive.
const farewell = 200 * time.Millisecond

// bury waits until what a program has sent that has ended must have arrived, or until ctx ends.
func (l *Lab) bury(ctx context.Context) {
	over := time.NewTimer(farewell)
	defer over.Stop()
	select {
	case <-over.C:
	case <-ctx.Done():
	}
}

// accepted returns the first case of the batch that must be accepted from an instrument without a conduct; where there
// is none, the twin of the first case, if the same start serves it.
func (t *trial) accepted() (matrix.Case, bool) {
	for _, c := range t.Cases {
		e, err := oracle.Predict(t.link.Link, c)
		if err == nil && c.Conduct == "" && (e.Outcome == handshake.Accept || e.Outcome == handshake.Plaintext) {
			return c, true
		}
	}
	e, err := oracle.Predict(t.link.Link, t.Cases[0])
	if err != nil || e.Twin == nil || e.Twin.Setting != t.Setting || own(*e.Twin) != t.Own {
		return matrix.Case{}, false
	}
	return *e.Twin, true
}

// met is what is seen of a case that is one connection, or of one whose setting spoils a file before it. A client that
// refused to speak plaintext is met once more, as whoever falls back to it dials again to do so.
func (t *trial) met(ctx context.Context, c matrix.Case, listener link.Listener) handshake.Observation {
	if t.setting.Spoils != "" {
		return t.spoil(ctx, c, listener)
	}
	o := t.serve(ctx, c, listener)
	if t.meetings(c) > 1 && o.Server.Claim == handshake.WasRefused && o.Client.Claim == handshake.Refused {
		return t.serve(ctx, c, listener)
	}
	return o
}

// meetings is how many connections a case may take.
func (t *trial) meetings(c matrix.Case) int {
	if d, _ := t.link.Conduct(c.Conduct); c.Version == link.Clear && !t.asked().Plaintext() && d.Offence == "" {
		return 2
	}
	return 1
}

// serve serves one connection of a client, unless no more is to be had of it.
func (t *trial) serve(ctx context.Context, c matrix.Case, listener link.Listener) handshake.Observation {
	if d, ok := t.link.Conduct(c.Conduct); ok && d.AwaitsReady {
		return t.attend(ctx, c, listener, func(o *handshake.Observation) { o.Against = awaitReady(ctx, t.part, t.instance) })
	}
	return t.attend(ctx, c, listener, nil)
}

// attend serves one connection of a client, and calls accepted, if it is not nil, while the connection of one that has
// accepted stands.
func (t *trial) attend(ctx context.Context, c matrix.Case, listener link.Listener, accepted func(*handshake.Observation)) (o handshake.Observation) {
	defer t.cut(&o)
	o = handshake.Observation{Evidence: handshake.Both, Stack: t.part.Stack, Broken: t.lost}
	if t.lost != "" {
		o.Server = handshake.Account{Claim: handshake.Failed, AlertReceived: handshake.NoAlert, Error: t.lost}
		return o
	}
	a, err := t.attempt(c)
	if err != nil {
		o.Broken = err.Error()
		return o
	}
	ctx, cancel := context.WithTimeout(ctx, t.deadline())
	defer cancel()
	alive, end := t.whileAlive(ctx)
	defer end()
	if accepted != nil {
		a.Accepted = func() { accepted(&o) }
	}
	o.Issued = a.Show.Fingerprint()
	begun := time.Now()
	defer func() { o.Duration = time.Since(begun) }()
	var from string
	o.Server, from = listener.Serve(alive, a)
	if o.Server.Claim == handshake.Failed && from == "" {
		t.lost = t.absence(alive, listener.Address(), o.Server.Error)
		o.Broken = t.lost
		return o
	}
	t.served++
	o.Client = t.journal.Account(alive, t.asSeen(from))
	t.told = t.told || o.Client.Claim != handshake.Silent
	if alive.Err() != nil && (untold(o.Client) || untold(o.Server)) {
		t.lost = t.lateness(from, o)
		if !t.told {
			o.Broken = t.lost
		}
	}
	return o
}

// whileAlive returns a context that ends once the client has ended, as it dials no more then, and says no more.
func (t *trial) whileAlive(ctx context.Context) (context.Context, func()) {
	alive, end := context.WithCancelCause(ctx)
	go func() {
		select {
		case <-t.instance.Done():
			t.lab.bury(alive)
			end(fmt.Errorf("%s has ended", t.Subject))
		case <-alive.Done():
		}
	}()
	return alive, func() { end(nil) }
}

// deadline is how long a connection of a client may take, with the accounts of both sides. A client that makes many at once says
// that it was served when all stands that it is to serve itself: what it needs for that is most of its start.
func (t *trial) deadline() time.Duration {
	if t.part.Dials == component.DialsAtOnce {
		return coldStart*t.lab.Deadline + t.setting.Within
	}
	return t.lab.Deadline + t.setting.Within
}

// absence says why nobody was served at an observer, as far as that can be seen.
func (t *trial) absence(alive context.Context, address, why string) string {
	switch {
	case t.ended():
		return t.death()
	case alive.Err() == nil:
		return fmt.Sprintf("the observer of %s broke after %d connections: %s", t.Name(), t.served, why)
	}
	text := fmt.Sprintf("%s did not dial its observer at %s within %s", t.Subject, address, t.deadline())
	if t.served > 0 {
		text = fmt.Sprintf("%s dialled its observer at %s no more within %s, after %d connections", t.Subject, address, t.deadline(), t.served)
	}
	if line := t.elsewhere(alive); line != "" {
		text += fmt.Sprintf(", though its log tells of a connection, so it dials someone else: %q", launch.Brief(line))
	}
	return text + t.lastLines()
}

// elsewhere returns a line by which a client tells of a connection that reached somebody and never its observer, once
// the wait for it has ended.
func (t *trial) elsewhere(ended context.Context) string {
	for {
		switch a := t.journal.Account(ended, ""); {
		case len(a.Log) == 0:
			return ""
		case a.Claim == handshake.Accepted, a.Claim == handshake.Refused, a.Claim == handshake.WasRefused:
			return a.Log[len(a.Log)-1]
		}
	}
}

// lateness counts a connection that ran into the deadline, and says why the next ones would; "" if that is not known.
func (t *trial) lateness(from string, o handshake.Observation) string {
	t.late++
	switch {
	case t.ended():
		return t.death()
	case !t.told && o.Server.Claim == handshake.Failed:
		return fmt.Sprintf("%s dialled its observer from %s, and neither did what a client must nor said why not within %s (%s)%s",
			t.Subject, from, t.deadline(), o.Server.Error, t.lastLines())
	case !t.told:
		return fmt.Sprintf("%s dialled its observer from %s and was served, and its log told nothing of the connection within %s%s",
			t.Subject, from, t.deadline(), t.lastLines())
	case t.late >= maxLate:
		return fmt.Sprintf("%d of the %d connections of %s ran into the deadline of %s, so the rest was not waited for%s",
			t.late, t.served, t.Subject, t.deadline(), t.lastLines())
	}
	return ""
}
