package etcd

import (
	"bufio"
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"

	"golang.org/x/net/http2"

	"github.com/calico-tls/conformance/harness/handshake"
	"github.com/calico-tls/conformance/harness/link"
	"github.com/calico-tls/conformance/harness/link/instrument"
)

// Observer plays etcd. It shakes hands itself, and passes on to an etcd behind it what a client goes on to say. The zero
// Observer is ready to use, by any number of callers at once.
type Observer struct{ ip string }

var _ link.Movable = Observer{}

// At implements [link.Movable].
func (Observer) At(ip string) link.Observer { return Observer{ip} }

// Listen implements [link.Observer].
func (o Observer) Listen(ctx context.Context) (link.Listener, error) {
	l, err := instrument.Listen(ctx, cmp.Or(o.ip, Address))
	if err != nil {
		return nil, fmt.Errorf("playing etcd: %w", err)
	}
	return &listener{l}, nil
}

// listener is a listening observer.
type listener struct{ *instrument.Listener }

var _ link.Listener = (*listener)(nil)

// Serve implements [link.Listener]; one call at a time. The account is Accepted if an RPC of the client was answered with
// status 0, Refused if the observer objected to the client; WasRefused if an alert came or the client closed the
// connection; Failed for anything else. Its phase is PhaseApplication once application data has come. Accepted is called
// while the connection stands, and what the client says meanwhile is passed on.
//
// A client of gRPC gives its first connection up as soon as it knows that it is to spread its calls over several servers
// (google.golang.org/grpc/internal/balancer/gracefulswitch), wherever it stands by then: such a one is no answer to the
// observer, which then serves the next.
func (l *listener) Serve(ctx context.Context, a link.Attempt) (handshake.Account, string) {
	ctx, cancel := instrument.Bounded(ctx)
	defer cancel()
	account, from := l.serve(ctx, a)
	if !abandoned(account) {
		return account, from
	}
	next, from := l.serve(ctx, a)
	next.Octets += account.Octets
	return next, from
}

// abandoned reports whether a client has left without a word.
func abandoned(a handshake.Account) bool {
	return a.Claim == handshake.WasRefused && a.AlertReceived == handshake.NoAlert
}

func (l *listener) serve(ctx context.Context, a link.Attempt) (handshake.Account, string) {
	raw, err := l.Accept(ctx)
	if err != nil {
		return instrument.Failed(fmt.Errorf("waiting for a client: %w", err)), ""
	}
	s := &service{attempt: a, Session: instrument.Begin(ctx, raw)}
	err = s.converse(ctx)
	account := s.End(err, nil)
	s.relayed.Wait()
	return account, raw.RemoteAddr().String()
}

// service is one connection that an observer serves.
type service struct {
	attempt link.Attempt
	*instrument.Session
	relay
}

// converse goes as far as etcd must go to know that the client took its answer.
func (s *service) converse(ctx context.Context) error {
	if s.attempt.Version == link.Clear {
		reader := bufio.NewReader(s.Raw)
		start, err := reader.Peek(instrument.RecordStart)
		if instrument.RecordType(start) == instrument.RecordHandshake {
			return s.contradict(reader)
		}
		if err != nil {
			return fmt.Errorf("waiting for the client's preface: %w", err)
		}
		s.Conn = ahead{s.Raw, reader}
	} else if done, err := s.shakeHands(); done || err != nil {
		return err
	}
	over := instrument.NewTapped(s.Session)
	err := s.pass(ctx, over, s.attempt.Behind)
	if err == nil && s.attempt.Accepted != nil {
		s.attempt.Accepted()
	}
	s.Account.Octets = over.Octets()
	return err
}

// shakeHands shakes hands in the version of the attempt. A client that does not offer it is answered all the same: it is
// the client that must refuse. It reports whether nothing else is to be done.
func (s *service) shakeHands() (done bool, err error) {
	settings, err := s.settings()
	if err != nil {
		return true, err
	}
	version := instrument.Versions[s.attempt.Version]
	h, ok := s.Hear()
	if ok && !h.Hello.Offers(version) {
		return true, s.Choose(h.Hello, version, instrument.Chosen[version], instrument.Reaction)
	}
	if err := s.Secure(tls.Server(h.Conn, settings)); err != nil {
		return false, err
	}
	if spoken := s.Conn.(*tls.Conn).ConnectionState().NegotiatedProtocol; spoken != http2.NextProtoTLS {
		return false, fmt.Errorf("%w: wanted a client that speaks %s, found %q", instrument.ErrObjection, http2.NextProtoTLS, spoken)
	}
	return false, nil
}

// settings are those of an etcd that takes only this version of TLS.
func (s *service) settings() (*tls.Config, error) {
	version, ok := instrument.Versions[s.attempt.Version]
	if !ok {
		return nil, fmt.Errorf("playing etcd: wanted a version of TLS, found %q", s.attempt.Version)
	}
	settings := &tls.Config{
		MinVersion: version, MaxVersion: version, NextProtos: []string{http2.NextProtoTLS},
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			s.Account.Shown = s.attempt.Show.Fingerprint()
			return s.attempt.Show.TLS(), nil
		},
		ClientAuth: tls.RequireAnyClientCert,
		VerifyConnection: func(state tls.ConnectionState) error {
			return examine(instrument.Roots(s.attempt), "", x509.ExtKeyUsageClientAuth, state.PeerCertificates)
		},
		SessionTicketsDisabled: true,
	}
	if s.attempt.Require.Asking == link.Ignores {
		settings.ClientAuth, settings.VerifyConnection = tls.NoClientCert, nil
	}
	return settings, nil
}

// contradict answers in the clear to a client that speaks TLS, as an etcd without TLS that lets it go on, and waits for it
// to give up. Nothing of what it sent is application data.
func (s *service) contradict(from io.Reader) error {
	framer := http2.NewFramer(s.Raw, nil)
	err := framer.WriteSettings()
	if err == nil {
		err = instrument.UntilAlert(from)
	}
	s.Account.Octets = 0
	return fmt.Errorf("waiting for the preface of a client that speaks TLS instead: %w", err)
}

// ahead is a connection of which something was read ahead.
type ahead struct {
	net.Conn
	reader *bufio.Reader
}

// Read implements [net.Conn].
func (a ahead) Read(p []byte) (int, error) { return a.reader.Read(p) }

var errNobodyBehind = errors.New("wanted the address of an etcd that answers, found none")
