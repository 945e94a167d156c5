package harness

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"

	"github.com/calico-tls/conformance/harness/component"
	"github.com/calico-tls/conformance/harness/handshake"
	"github.com/calico-tls/conformance/harness/link"
	"github.com/calico-tls/conformance/harness/matrix"
)

// other is a server of its own at one of the endpoints that a client is told.
type other struct {
	listener link.Listener
	endpoint link.Endpoint
}

// observer is that of the link, at the address that the client is to dial.
func (t *trial) observer() link.Observer {
	asked := t.setting.Require(t.asked())
	ip, err := netip.ParseAddr(asked.Host)
	if movable, ok := t.link.Observer.(link.Movable); ok && err == nil && ip.Is6() {
		return movable.At(asked.Host)
	}
	return t.link.Observer
}

// list writes down the endpoints that the client is told, and opens the servers that stand beside the observer.
func (t *trial) list(ctx context.Context, start *component.Start) (err error) {
	if len(t.setting.Endpoints) == 0 {
		return nil
	}
	if start.Directory, err = t.lab.directoryOf(ctx, t.link); err != nil {
		return err
	}
	for _, e := range t.setting.Endpoints {
		told := component.Endpoint{Scheme: e.Scheme, Host: cmp.Or(e.Host, start.Host), Peer: start.Peer}
		if e.Shows != "" {
			l, err := t.link.Observer.Listen(ctx)
			if err != nil {
				return fmt.Errorf("opening a server beside the observer of %s: %w", t.Name(), err)
			}
			t.others = append(t.others, other{l, e})
			told.Peer = l.Address()
		}
		start.Endpoints = append(start.Endpoints, told)
	}
	return nil
}

func (t *trial) closeBeside() {
	for _, o := range t.others {
		_ = o.listener.Close()
	}
}

// beside serves the client at each endpoint where it must refuse its server, before it is served where it must not: it may
// have no need of the others then. It reports whether the client has refused all; where it has not, the observation is that
// of the one.
func (t *trial) beside(ctx context.Context, c matrix.Case, o *handshake.Observation) bool {
	for _, other := range t.others {
		c.Server = other.endpoint.Shows
		a, err := t.attempt(c)
		if err != nil {
			o.Broken = err.Error()
			return false
		}
		a.Accepted = func() { o.Client = t.acceptance(ctx) }
		account, from := other.listener.Serve(ctx, a)
		if account.Claim != handshake.WasRefused || account.AlertReceived == handshake.NoAlert || account.Octets > 0 {
			o.Server = account
			o.Against = fmt.Sprintf("it did not refuse the server that shows %s at %s, one of its endpoints, which %s", other.endpoint.Shows, other.endpoint.Host, said(account))
			if t.part.Reader.TellsApart() && o.Client.Claim == "" {
				o.Client = t.journal.Account(ctx, t.asSeen(from))
			}
			return false
		}
		if t.part.Reader.TellsApart() {
			if o.Client = t.journal.Account(ctx, t.asSeen(from)); o.Client.Claim != handshake.Refused {
				o.Server = account
				return false
			}
		}
	}
	return true
}

// stubborn is how often a client may come back to an endpoint where it has refused its server, before it comes to another one.
const stubborn = 5

// await serves a client on at the first endpoint where it must refuse its server, for as long as it is waited for at the one where
// it must not. The context ends once the client has come back so often that it is not to be waited for; stays ends the waiting,
// and says so.
func (t *trial) await(ctx context.Context, c matrix.Case) (waiting context.Context, stays func() string) {
	if len(t.others) == 0 || !t.part.Reader.TellsApart() {
		return ctx, func() string { return "" } // a server may have more to say to it once it was served
	}
	waiting, end := context.WithCancel(ctx)
	first := t.others[0]
	c.Server = first.endpoint.Shows
	back, done := 0, make(chan struct{})
	go func() {
		defer close(done)
		a, err := t.attempt(c)
		for from := "."; err == nil && from != "" && back < stubborn; {
			if _, from = first.listener.Serve(waiting, a); from != "" {
				back++
			}
		}
		if back == stubborn {
			end()
		}
	}()
	return waiting, func() string {
		end()
		if <-done; back < stubborn {
			return ""
		}
		return fmt.Sprintf("it came back %d times to the endpoint where it had refused its server, and to no other", back)
	}
}

// said tells what a server says of a client that did not refuse it.
func said(a handshake.Account) string {
	if a.Claim == handshake.Accepted {
		return "has answered it"
	}
	return fmt.Sprintf("says %q", a.Error)
}

// acceptance returns what a client says of its connection that its observer takes for accepted. What it says of servers beside
// that, or of the one before, does not count.
func (t *trial) acceptance(ctx context.Context) handshake.Account {
	if !t.setting.Renews() && (len(t.others) == 0 || t.part.Reader.TellsApart()) {
		return t.journal.Account(ctx, "")
	}
	accepting := t.part
	accepting.Reader = t.part.Reader.Accepting()
	return journalOf(accepting, t.instance).Account(ctx, "")
}
