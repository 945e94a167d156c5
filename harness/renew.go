package harness

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/calico-tls/conformance/harness/component"
	"github.com/calico-tls/conformance/harness/handshake"
	"github.com/calico-tls/conformance/harness/link"
	"github.com/calico-tls/conformance/harness/matrix"
)

// renewServer lets a server refuse, or be refused, for what its files hold at first, replaces them, and gives it the time that
// its setting has for it to use what they hold then. Whether it does, its cases tell.
func (t *trial) renewServer(ctx context.Context) error {
	if !t.setting.Renews() {
		return nil
	}
	a, err := t.attempt(t.agreed())
	if err != nil {
		return err
	}
	probe := func() handshake.Account {
		ctx, cancel := context.WithTimeout(ctx, t.lab.Deadline)
		defer cancel()
		to := t.instance.Address(t.part.port())
		account, from := t.link.Prober.Probe(ctx, to, t.lab.local(to), a)
		t.journal.Account(ctx, t.asSeen(from)) // nobody is to take it for what is said of the next one
		return account
	}
	if err := t.heldBefore(probe()); err != nil {
		return err
	}
	if err := t.renew(ctx); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, t.setting.Within)
	defer cancel()
	every := time.NewTicker(lookAgain)
	defer every.Stop()
	for ctx.Err() == nil && probe().Claim != handshake.Accepted {
		select {
		case <-every.C:
		case <-ctx.Done():
		}
	}
	return nil
}

// lookAgain is how often a server is asked whether it uses what its files hold.
const lookAgain = time.Second

// agreed is the case of the batch that must be accepted, or the first one.
func (t *trial) agreed() matrix.Case {
	if c, ok := t.accepted(); ok {
		return c
	}
	return t.Cases[0]
}

// renewClient lets a client refuse, or be refused, for what its files hold at first, and replaces them: it dials again.
func (t *trial) renewClient(ctx context.Context, c matrix.Case, listener link.Listener) error {
	if !t.setting.Renews() {
		return nil
	}
	if !t.setting.After.IsZero() {
		c.Server = refusedByAll
	}
	a, err := t.attempt(c)
	if err != nil {
		return err
	}
	account, _ := serveApart(ctx, a, listener)
	if err := t.heldBefore(account); err != nil {
		return err
	}
	return t.renew(ctx)
}

// serveApart serves a client, and hangs up.
func serveApart(ctx context.Context, a link.Attempt, listener link.Listener) (handshake.Account, string) {
	ctx, hangUp := context.WithCancel(ctx)
	defer hangUp()
	return listener.Serve(ctx, a)
}

// refusedByAll is the variant of a server that a client refuses whatever its files hold.
const refusedByAll = "other-authority"

// serveRenewed serves a client whose files were replaced, and for as long as its setting lets it, again and again while it is
// refused for what they held before, or hangs up: a client of Kubernetes drops what it has begun with another certificate. Others
// it serves once.
func (t *trial) serveRenewed(alive context.Context, a link.Attempt, listener link.Listener) (handshake.Account, string) {
	if !t.setting.Renews() {
		return listener.Serve(alive, a)
	}
	begun := time.Now()
	for {
		account, from := serveApart(alive, a, listener) // it is to dial again, and not to ask again where it was denied
		if account.Claim != handshake.Refused && account.Claim != handshake.WasRefused || time.Since(begun) > t.setting.Within {
			return account, from
		}
	}
}

// heldBefore returns an error for what an instrument says of a subject whose files do not hold what they are to hold at first:
// where those are its certificate or its token, the instrument refuses it, and where it is its trust bundle, it refuses the
// instrument.
func (t *trial) heldBefore(instruments handshake.Account) error {
	wanted := handshake.Refused
	if t.side == handshake.Server && len(t.setting.Before.Trust) > 0 || t.side == handshake.Client && !t.setting.After.IsZero() {
		wanted = handshake.WasRefused
	}
	if instruments.Claim == wanted {
		return nil
	}
	return fmt.Errorf("before the files of %s were replaced: wanted that its peer %s, found that its peer %s", t.Subject, expected[wanted], said(instruments))
}

var expected = map[handshake.Claim]string{handshake.Refused: "refuses it", handshake.WasRefused: "is refused"}

// renew replaces the files of the subject by those that it is to have, each in one move. Those that hold the same stay.
func (t *trial) renew(ctx context.Context) error {
	before, err := t.lab.outfit(t.end)
	if err != nil {
		return err
	}
	later := t.end
	later.setting.Before, later.setting.After = t.setting.After, link.Holding{}
	after, err := t.lab.outfit(later)
	if err != nil {
		return err
	}
	for _, parameter := range renewed {
		was, is := before.Given[parameter], after.Given[parameter]
		if is.File != component.Own || bytes.Equal(was.Data, is.Data) {
			continue
		}
		if err := t.instance.Replace(ctx, string(parameter)+".pem", is.Data); err != nil {
			return fmt.Errorf("replacing %s of %s: %w", parameter, t.Subject, err)
		}
	}
	return nil
}

// renewed are the parameters whose files are replaced, in this order.
var renewed = []link.Parameter{link.Key, link.Certificate, link.Bundle, link.BearerToken}
