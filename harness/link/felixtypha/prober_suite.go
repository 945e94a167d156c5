package felixtypha

import (
	"context"
	"crypto/tls"
	"fmt"
	"slices"

	"github.com/calico-tls/conformance/harness/handshake"
	"github.com/calico-tls/conformance/harness/link"
	"github.com/calico-tls/conformance/harness/link/instrument"
)

// suiteBehaviours are the conducts of a prober that offers a single suite.
func suiteBehaviours() []conduct {
	var all []conduct
	for _, s := range alone {
		c := conduct{name: suiteToken(s)}
		if implemented(s) {
			c.offer = func(settings *tls.Config) { settings.CipherSuites = []uint16{s.ID} }
		} else {
			c.instead = func(ctx context.Context, p probe) (handshake.Account, string) { return p.offer(ctx, s) }
		}
		all = append(all, c)
	}
	return all
}

// implemented reports whether crypto/tls can speak with the suite, and be made to offer just it: those of TLS 1.3 it
// does not let one choose.
func implemented(s link.Suite) bool {
	return s.Version == link.TLS12 && slices.ContainsFunc(append(tls.CipherSuites(), tls.InsecureCipherSuites()...), func(c *tls.CipherSuite) bool {
		return c.ID == s.ID && slices.Contains(c.SupportedVersions, tls.VersionTLS12)
	})
}

// offer offers a suite that the prober itself cannot speak with, and so objects to a server that agrees to it.
func (p probe) offer(ctx context.Context, s link.Suite) (handshake.Account, string) {
	raw, err := instrument.Dial(ctx, p.address, p.local)
	if err != nil {
		a := instrument.Failed(fmt.Errorf("dialling: %w", err))
		a.Phase = handshake.PhaseDial
		return a, ""
	}
	session := begin(ctx, raw)
	return session.end(session.offer(s)), raw.LocalAddr().String()
}

func (s *session) offer(suite link.Suite) error {
	h, err := offering(suite)
	if err != nil {
		return err
	}
	record, err := h.Record(instrument.MessageClientHello)
	if err != nil {
		return err
	}
	if _, err := s.Raw.Write(record); err != nil {
		return fmt.Errorf("offering %s: %w", suite.Name, err)
	}
	kind, body, err := instrument.ReadMessage(s.Raw)
	if err != nil {
		return fmt.Errorf("waiting for the server to answer an offer of %s: %w", suite.Name, instrument.Objection(err))
	}
	if kind != instrument.MessageServerHello {
		return fmt.Errorf("%w: wanted a ServerHello or an alert, found a handshake message of type %d", instrument.ErrObjection, kind)
	}
	answer, err := instrument.ParseHello(kind, body)
	if err != nil {
		return instrument.Objection(err)
	}
	_, _ = s.Raw.Write(instrument.AlertRecord(byte(handshake.HandshakeFailure)))
	if answer.Suites[0] != suite.ID {
		return fmt.Errorf("%w: the server chose suite %#04x, and was offered %s alone", instrument.ErrObjection, answer.Suites[0], suite.Name)
	}
	return fmt.Errorf("%w: the server agreed to %s", instrument.ErrObjection, suite.Name)
}
