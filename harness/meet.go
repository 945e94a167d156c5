package harness

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/calico-tls/conformance/harness/component"
	"github.com/calico-tls/conformance/harness/evidence"
	"github.com/calico-tls/conformance/harness/handshake"
	"github.com/calico-tls/conformance/harness/launch"
	"github.com/calico-tls/conformance/harness/matrix"
)

// meeting is a server under way that clients meet one after the other, all of them judged.
type meeting struct {
	*Batch
	link Link
	// plays are the components that play the ends.
	plays   map[handshake.Side]Part
	server  launch.Instance
	journal journal
}

// meet runs the cases of two subjects that meet each other: the server is started once, and a client for each case.
func (b *Batch) meet(ctx context.Context) {
	l, _ := b.lab.linkNamed(b.Link)
	m := &meeting{Batch: b, link: l, plays: map[handshake.Side]Part{}}
	for _, side := range []handshake.Side{handshake.Client, handshake.Server} {
		part, err := b.lab.part(b.Link, l.End(side).Component)
		if err != nil {
			b.broken(err.Error())
			return
		}
		m.plays[side] = part
	}
	start, err := m.outfit(handshake.Server, b.Cases[0])
	if err != nil {
		b.broken(err.Error())
		return
	}
	m.server, err = b.lab.start(ctx, m.plays[handshake.Server], start, nil)
	switch {
	case ctx.Err() != nil && err != nil:
		b.broken(Interrupted)
		return
	case err != nil:
		b.notStarted(err)
		return
	}
	defer b.lab.halt(ctx, m.server, l.Server.Component)
	m.journal = journalOf(m.plays[handshake.Server], m.server)
	seen := map[string]handshake.Observation{}
	for _, c := range b.Cases {
		seen[c.ID()] = m.hold(ctx, c)
	}
	b.seen = seen
}

func (m *meeting) outfit(side handshake.Side, c matrix.Case) (component.Start, error) {
	e, err := endOf(m.link, side, c)
	if err != nil {
		return component.Start{}, err
	}
	start, err := m.lab.outfit(e)
	if err != nil {
		return start, fmt.Errorf("starting the %s of %s: %w", side, c.ID(), err)
	}
	return start, nil
}

// hold lets a client meet the server. Both accounts are of the first connection that the client makes: those that it
// makes when it was refused find nobody.
func (m *meeting) hold(ctx context.Context, c matrix.Case) (o handshake.Observation) {
	defer m.cut(&o)
	o.Evidence = handshake.Both
	begun := time.Now()
	defer func() { o.Duration = time.Since(begun) }()
	between, err := layWire(ctx, m.lab.local(m.address()), m.address())
	if err != nil {
		o.Broken = err.Error()
		return o
	}
	defer between.cut()
	client, err := m.dial(ctx, c, between.address())
	var refused *component.RefusedError
	switch {
	case errors.As(err, &refused):
		o.NotStarted = refused.Words
		return o
	case err != nil:
		o.Broken = err.Error()
		return o
	}
	defer m.lab.halt(ctx, client, m.link.Client.Component)
	ctx, cancel := context.WithTimeout(ctx, m.lab.Deadline) // for what both do: a start has its own
	defer cancel()
	m.listen(ctx, client, between, &o)
	return o
}

// dial starts the client of a case.
func (m *meeting) dial(ctx context.Context, c matrix.Case, address string) (launch.Instance, error) {
	start, err := m.outfit(handshake.Client, c)
	if err != nil {
		return nil, err
	}
	start.Peer = cmp.Or(start.Peer, address)
	return m.lab.start(ctx, m.plays[handshake.Client], start, nil)
}

func (m *meeting) address() string {
	return m.server.Address(m.plays[handshake.Server].port())
}

// listen takes down what both say, and whether a client that was accepted is then in sync.
func (m *meeting) listen(ctx context.Context, client launch.Instance, between *wire, o *handshake.Observation) {
	words := journalOf(m.plays[handshake.Client], client)
	alive, stop := m.whileBothRun(ctx, client)
	defer stop()
	from, err := between.await(alive)
	if err != nil {
		o.Broken = cmp.Or(m.died(client, *o), fmt.Sprintf("%s did not come through to its server: %v%s", m.link.Client.Component, err, lastLines(client)))
		return
	}
	if !m.server.SeesSource() {
		from = ""
	}
	o.Client, o.Server = words.Account(alive, ""), m.journal.Account(alive, from)
	o.Stack = m.plays[handshake.Server].Stack
	if o.Client.Claim == handshake.Refused {
		o.Stack = m.plays[handshake.Client].Stack
	}
	if o.Client.Claim == handshake.Accepted && o.Server.Claim == handshake.Accepted {
		o.Against = awaitReady(alive, m.plays[handshake.Client], client)
	}
	o.Broken = m.died(client, *o)
}

// died says of accounts that are missing that one of the two has ended; "" if there are both, or both run.
func (m *meeting) died(client launch.Instance, o handshake.Observation) string {
	if !untold(o.Client) && !untold(o.Server) {
		return ""
	}
	for role, i := range map[string]launch.Instance{m.link.Client.Component: client, m.link.Server.Component: m.server} {
		select {
		case <-i.Done():
			return death(role, i)
		default:
		}
	}
	return ""
}

// whileBothRun returns a context that ends when one of the two does.
func (m *meeting) whileBothRun(ctx context.Context, client launch.Instance) (context.Context, func()) {
	alive, end := context.WithCancelCause(ctx)
	go func() {
		select {
		case <-client.Done():
			end(fmt.Errorf("%s has ended", m.link.Client.Component))
		case <-m.server.Done():
			end(fmt.Errorf("%s has ended", m.link.Server.Component))
		case <-alive.Done():
		}
	}()
	return alive, func() { end(nil) }
}

// journalOf reads the log of an instance of a component.
func journalOf(part Part, i launch.Instance) journal {
	j := evidence.NewJournal(part.Reader)
	i.Log().Watch(j.Line)
	return j
}

// halt stops an instance that plays a role, even if ctx has ended.
func (l *Lab) halt(ctx context.Context, i launch.Instance, role string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTime)
	defer cancel()
	if err := i.Stop(ctx); err != nil {
		l.Note(fmt.Sprintf("stopping %s: %v", role, err))
	}
}
