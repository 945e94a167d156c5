package felixtypha

import (
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"time"

	"github.com/calico-tls/conformance/harness/handshake"
	"github.com/calico-tls/conformance/harness/link"
	"github.com/calico-tls/conformance/harness/link/instrument"
)

// Observer plays Typha. The zero Observer is ready to use, by any number of callers at once.
type Observer struct {
	// endurance is how long a client may take; zero for that of Felix.
	endurance endurance
}

var _ link.Observer = Observer{}

// Listen implements [link.Observer].
func (o Observer) Listen(ctx context.Context) (link.Listener, error) {
	l, err := instrument.Listen(ctx, "127.0.0.1")
	if err != nil {
		return nil, fmt.Errorf("playing Typha: %w", err)
	}
	return &listener{Listener: l, endurance: cmp.Or(o.endurance, ofFelix)}, nil
}

// listener is a listening observer.
type listener struct {
	*instrument.Listener
	endurance endurance
}

var _ link.Listener = (*listener)(nil)

// Serve implements [link.Listener]; one call at a time. The account is Accepted if the client sent its hello and
// answered a ping, Refused if the observer objected to the client; WasRefused if an alert came or the client closed the
// connection; Failed for anything else. Its phase is PhaseApplication once application data has come.
func (l *listener) Serve(ctx context.Context, a link.Attempt) (handshake.Account, string) {
	r, ok := receptionNamed(a.Conduct)
	if !ok {
		return instrument.Failed(fmt.Errorf("playing Typha: there is no conduct %q", a.Conduct)), ""
	}
	ctx, cancel := instrument.Bounded(ctx)
	defer cancel()
	raw, err := l.Accept(ctx)
	if err != nil {
		return instrument.Failed(fmt.Errorf("waiting for a client: %w", err)), ""
	}
	s := begin(ctx, raw)
	err = service{attempt: a, reception: r, session: s, begun: time.Now(), endurance: l.endurance}.converse()
	if err == nil && a.Accepted != nil {
		a.Accepted()
	}
	return s.end(err), raw.RemoteAddr().String()
}

// service is one connection that an observer serves.
type service struct {
	attempt   link.Attempt
	reception reception
	*session
	// begun is when the client was accepted.
	begun     time.Time
	endurance endurance
}

// converse goes as far as Typha must go to know that the client took what it was sent.
func (s service) converse() error {
	if s.attempt.Version == link.Clear {
		if start, _ := s.reader.Peek(instrument.RecordStart); instrument.RecordType(start) == instrument.RecordHandshake {
			return s.contradict()
		}
	} else if done, err := s.shakeHands(); done || err != nil {
		return err
	}
	m, err := s.reader.Read()
	if err != nil {
		return fmt.Errorf("waiting for the client's hello: %w", err)
	}
	hello, ok := m.(MsgClientHello)
	if !ok {
		return fmt.Errorf("%w: wanted the client's hello as its first message, found %T", instrument.ErrObjection, m)
	}
	if err := s.answer(hello); err != nil {
		return fmt.Errorf("answering the client's hello: %w", err)
	}
	if s.reception.after != nil {
		return s.reception.after(s)
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

// shakeHands shakes hands in the version of the attempt. A client that does not offer it is answered all the same: it is
// the client that must refuse. It reports whether nothing else is to be done.
func (s service) shakeHands() (done bool, err error) {
	settings, err := s.settings()
	if err != nil {
		return true, err
	}
	h, ok := s.Hear()
	if version := instrument.Versions[s.attempt.Version]; ok {
		if s.reception.hears != nil {
			if err := s.reception.hears(h.Hello); err != nil {
				return true, s.object(err)
			}
		}
		if !h.Hello.Offers(version) {
			return true, s.choose(h.Hello, version, instrument.Chosen[version])
		}
		if s.reception.instead != nil {
			return true, s.reception.instead(s, h)
		}
	}
	return false, s.secure(tls.Server(h.Conn, settings))
}

func (s service) answer(hello MsgClientHello) error {
	flight := EncodedFlight
	if s.reception.answers != nil {
		flight = func(hello MsgClientHello) ([]byte, error) { return Encode(s.reception.answers(hello)...) }
	}
	octets, err := flight(hello)
	if err != nil {
		return err
	}
	_, err = s.Conn.Write(octets)
	return err
}

// settings are those of a Typha that takes only this version of TLS.
func (s service) settings() (*tls.Config, error) {
	version, ok := instrument.Versions[s.attempt.Version]
	if !ok {
		return nil, fmt.Errorf("playing Typha: wanted a version of TLS, found %q", s.attempt.Version)
	}
	settings := &tls.Config{
		MinVersion: version, MaxVersion: version,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			s.Account.Shown = s.attempt.Show.Fingerprint()
			return s.attempt.Show.TLS(), nil
		},
		ClientAuth: tls.RequireAndVerifyClientCert,
		ClientCAs:  instrument.Roots(s.attempt),
		VerifyConnection: func(state tls.ConnectionState) error {
			return named(s.attempt, state.PeerCertificates[0])
		},
		SessionTicketsDisabled: true,
	}
	if s.reception.asks != nil {
		s.reception.asks(s.attempt, settings)
	}
	return settings, nil
}

// contradict answers in the clear to a client that speaks TLS, and waits for it to give up. Nothing of what it sent is
// application data.
func (s service) contradict() error {
	if s.reception.inTheClear != nil {
		s.Account.Octets = 0
		return s.reception.inTheClear(s)
	}
	err := s.answer(MsgClientHello{})
	if err == nil {
		err = instrument.UntilAlert(instrument.Resumed(s.Raw, s.reader.Buffered()))
	}
	s.Account.Octets = 0
	return fmt.Errorf("waiting for the hello of a client that speaks TLS instead: %w", err)
}
