package felixtypha

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"time"

	"github.com/calico-tls/conformance/harness/handshake"
	"github.com/calico-tls/conformance/harness/link"
)

// Observer plays Typha. The zero Observer is ready to use, by any number of callers at once.
type Observer struct{}

var _ link.Observer = Observer{}

// Listen implements [link.Observer].
func (Observer) Listen(ctx context.Context) (link.Listener, error) {
	var c net.ListenConfig
	l, err := c.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("playing Typha: %w", err)
	}
	return &listener{tcp: l.(*net.TCPListener)}, nil
}

// listener is a listening observer. Clients that nobody serves yet wait in the kernel, in the order in which they dialled.
type listener struct{ tcp *net.TCPListener }

var _ link.Listener = (*listener)(nil)

// Address implements [link.Listener].
func (l *listener) Address() string { return l.tcp.Addr().String() }

// Close implements [link.Listener].
func (l *listener) Close() error { return l.tcp.Close() }

// Quiet implements [link.Listener]. It dials itself: clients wait in the order in which they dialled, so if the first in
// the row is its own, there is no other.
func (l *listener) Quiet(ctx context.Context) (bool, error) {
	ctx, cancel := bounded(ctx)
	defer cancel()
	var d net.Dialer
	own, err := d.DialContext(ctx, "tcp", l.Address())
	if err != nil {
		return false, fmt.Errorf("looking for clients: %w", err)
	}
	defer own.Close()
	first, err := l.accept(ctx)
	if err != nil {
		return false, fmt.Errorf("looking for clients: %w", err)
	}
	_ = first.Close()
	return first.RemoteAddr().String() == own.LocalAddr().String(), nil
}

// Serve implements [link.Listener]; one call at a time. The account is Accepted if the client sent its hello and
// answered a ping, Refused if the observer objected to the client; WasRefused if an alert came or the client closed the
// connection; Failed for anything else. Its phase is PhaseApplication once application data has come.
func (l *listener) Serve(ctx context.Context, a link.Attempt) (handshake.Account, string) {
	if a.Conduct != "" {
		return failed(fmt.Errorf("playing Typha: there is no conduct %q", a.Conduct)), ""
	}
	ctx, cancel := bounded(ctx)
	defer cancel()
	raw, err := l.accept(ctx)
	if err != nil {
		return failed(fmt.Errorf("waiting for a client: %w", err)), ""
	}
	s := begin(ctx, raw)
	err = service{a, s}.converse()
	if err == nil && a.Accepted != nil {
		a.Accepted()
	}
	return s.end(err), raw.RemoteAddr().String()
}

func (l *listener) accept(ctx context.Context) (net.Conn, error) {
	if err := l.tcp.SetDeadline(time.Time{}); err != nil {
		return nil, err
	}
	// A call that has ended must not end the next one.
	done := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		_ = l.tcp.SetDeadline(time.Unix(1, 0))
		close(done)
	})
	conn, err := l.tcp.Accept()
	if !stop() {
		<-done
	}
	return conn, err
}

// service is one connection that an observer serves.
type service struct {
	attempt link.Attempt
	*session
}

// converse goes as far as Typha must go to know that the client took what it was sent.
func (s service) converse() error {
	if s.attempt.Version == link.Clear {
		if start, _ := s.reader.Peek(recordStart); recordType(start) == recordHandshake {
			return s.contradict()
		}
	} else {
		settings, err := s.settings()
		if err != nil {
			return err
		}
		if err := s.secure(tls.Server(s.raw, settings)); err != nil {
			return err
		}
	}
	m, err := s.reader.Read()
	if err != nil {
		return fmt.Errorf("waiting for the client's hello: %w", err)
	}
	hello, ok := m.(MsgClientHello)
	if !ok {
		return fmt.Errorf("%w: wanted the client's hello as its first message, found %T", errObjection, m)
	}
	if err := s.answer(hello); err != nil {
		return fmt.Errorf("answering the client's hello: %w", err)
	}
	for {
		m, err := s.reader.Read()
		if err != nil {
			return fmt.Errorf("waiting for the client to answer a ping: %w", err)
		}
		if _, ok := m.(MsgPong); ok {
			return nil
		}
	}
}

func (s service) answer(hello MsgClientHello) error {
	octets, err := EncodedFlight(hello)
	if err != nil {
		return err
	}
	_, err = s.conn.Write(octets)
	return err
}

// settings are those of a Typha that takes only this version of TLS.
func (s service) settings() (*tls.Config, error) {
	version, ok := versions[s.attempt.Version]
	if !ok {
		return nil, fmt.Errorf("playing Typha: wanted a version of TLS, found %q", s.attempt.Version)
	}
	return &tls.Config{
		MinVersion: version, MaxVersion: version,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			s.account.Shown = s.attempt.Show.Fingerprint()
			return s.attempt.Show.TLS(), nil
		},
		ClientAuth: tls.RequireAndVerifyClientCert,
		ClientCAs:  roots(s.attempt),
		VerifyConnection: func(state tls.ConnectionState) error {
			return named(s.attempt, state.PeerCertificates[0])
		},
		SessionTicketsDisabled: true,
	}, nil
}

// contradict answers in the clear to a client that speaks TLS, and waits for it to give up. Nothing of what it sent is
// application data.
func (s service) contradict() error {
	err := s.answer(MsgClientHello{})
	last := make([]byte, 1024)
	for n := 0; err == nil; {
		if n, err = s.raw.Read(last); recordType(last[:n]) == recordAlert {
			err = alertIn(last)
		}
	}
	s.account.Octets = 0
	return fmt.Errorf("waiting for the hello of a client that speaks TLS instead: %w", err)
}
