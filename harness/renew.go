package harness

import (
	"context"
	"fmt"

	"github.com/calico-tls/conformance/harness/handshake"
	"github.com/calico-tls/conformance/harness/link"
	"github.com/calico-tls/conformance/pki"
)

// renewServer has a server show what its setting lets it show at first, and replaces its files then.
func (t *trial) renewServer(ctx context.Context) error {
	if t.setting.Before == "" {
		return nil
	}
	a, err := t.attempt(t.Cases[0])
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, t.lab.Deadline)
	defer cancel()
	to := t.instance.Address(t.part.port())
	account, from := t.link.Prober.Probe(ctx, to, t.lab.local(to), a)
	if err := t.showedBefore(account); err != nil {
		return err
	}
	t.journal.Account(ctx, t.asSeen(from)) // nobody is to take it for what is said of the next one
	return t.renew(ctx)
}

// renewClient refuses a client what it shows at first, and replaces its files then: it dials again.
func (t *trial) renewClient(ctx context.Context, a link.Attempt, listener link.Listener) error {
	if t.setting.Before == "" {
		return nil
	}
	a.Accepted = nil
	account, _ := listener.Serve(ctx, a)
	if err := t.showedBefore(account); err != nil {
		return err
	}
	return t.renew(ctx)
}

// showedBefore returns an error for an instrument that has not refused what its peer was to show at first.
func (t *trial) showedBefore(instruments handshake.Account) error {
	if instruments.Claim == handshake.Refused {
		return nil
	}
	return fmt.Errorf("before the files of %s were replaced: wanted that it shows %s and is refused, found that its peer %s", t.Subject, t.setting.Before, said(instruments))
}

// renew replaces the key and the certificate of the subject by those that it is to show, each in one move.
func (t *trial) renew(ctx context.Context) error {
	own, err := t.lab.issue(t.link, t.side, t.Own)
	if err != nil {
		return err
	}
	key, err := own.KeyPEM(pki.PKCS8)
	if err != nil {
		return fmt.Errorf("writing a key: %w", err)
	}
	for parameter, data := range map[link.Parameter][]byte{link.Key: key, link.Certificate: own.CertificatePEM()} {
		if err := t.instance.Replace(ctx, string(parameter)+".pem", data); err != nil {
			return fmt.Errorf("replacing %s of %s: %w", parameter, t.Subject, err)
		}
	}
	return nil
}
