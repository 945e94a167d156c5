package kubeapiserver

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"

	"github.com/calico-tls/conformance/harness/handshake"
	"github.com/calico-tls/conformance/harness/link"
	"github.com/calico-tls/conformance/harness/link/instrument"
)

// Observer plays kube-apiserver, as the face of one that stands behind it: it shows what the attempt tells it to show, and
// once the client has accepted that, passes on what the client asks. The zero Observer is ready to use, by any number of
// callers at once.
type Observer struct{}

var _ link.Observer = Observer{}

// Listen implements [link.Observer].
func (Observer) Listen(ctx context.Context) (link.Listener, error) {
	l, err := instrument.Listen(ctx, Address)
	if err != nil {
		return nil, fmt.Errorf("playing kube-apiserver: %w", err)
	}
	return &listener{l}, nil
}

// listener is a listening observer.
type listener struct{ *instrument.Listener }

var _ link.Listener = (*listener)(nil)

// Serve implements [link.Listener]. The account is Accepted once a request was answered with success; then its identity is
// whom the server behind took the client for. It is Refused if a request was denied, or a token came in the clear; WasRefused if an alert came, or the client closed the connection before
// any of that; Failed for anything else. Its octets are those of the application. A client has more to ask before it
// says what became of its request, so once it was answered it is served until ctx ends.
func (l *listener) Serve(ctx context.Context, a link.Attempt) (handshake.Account, string) {
	bounded, cancel := instrument.Bounded(ctx)
	defer cancel()
	raw, err := l.Accept(bounded)
	if err != nil {
		return instrument.Failed(fmt.Errorf("waiting for a client: %w", err)), ""
	}
	from := raw.RemoteAddr().String()
	s := instrument.Begin(bounded, raw)
	if err := open(s, a); err != nil {
		return s.End(err, nil), from
	}
	c, err := converse(ctx, s, a)
	if err != nil {
		return s.End(err, nil), from
	}
	answer, err := c.await(bounded)
	s.Account.Octets = c.tapped.Octets()
	if err != nil {
		c.hangUp()
		return s.End(err, nil), from
	}
	s.Account.Identity = answer.user
	if err := answer.objection(); err != nil {
		account := s.Leave(err)
		account.Checks = answer.checks()
		return account, from
	}
	if a.Accepted != nil {
		a.Accepted()
	}
	return s.Leave(nil), from
}

// open goes as far as a server must before it hears of a request: through the TLS handshake, in the version of the attempt. A
// client that does not offer it is answered all the same: it is the client that must refuse. So it is where the client speaks
// TLS and the observer does not.
func open(s *instrument.Session, a link.Attempt) error {
	if a.Version == link.Clear {
		return openInTheClear(s)
	}
	version, ok := instrument.Versions[a.Version]
	if !ok {
		return fmt.Errorf("playing kube-apiserver: wanted a version of TLS, found %q", a.Version)
	}
	h, ok := s.Hear()
	if ok && !h.Hello.Offers(version) {
		return s.Choose(h.Hello, version, instrument.Chosen[version], instrument.Reaction)
	}
	return s.Secure(tls.Server(h.Conn, &tls.Config{
		MinVersion: version, MaxVersion: version, NextProtos: []string{"h2", "http/1.1"},
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			s.Account.Shown = a.Show.Fingerprint()
			return a.Show.TLS(), nil
		},
		ClientAuth:             tls.RequestClientCert, // whom it takes its client for, kube-apiserver says by its answer
		ClientCAs:              instrument.Roots(a),
		SessionTicketsDisabled: true,
	}))
}

// openInTheClear waits for the first octets, and where they are TLS answers as an HTTP server does, until the client gives up.
func openInTheClear(s *instrument.Session) error {
	start := make([]byte, instrument.RecordStart)
	n, err := io.ReadFull(s.Raw, start)
	if err != nil {
		return fmt.Errorf("waiting for a request: %w", err)
	}
	if instrument.RecordType(start[:n]) != instrument.RecordHandshake {
		s.Conn = instrument.Resumed(s.Raw, start[:n])
		return nil
	}
	_, err = io.WriteString(s.Raw, "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
	if err == nil {
		err = instrument.UntilAlert(instrument.Resumed(s.Raw, start))
	}
	return fmt.Errorf("waiting for the request of a client that speaks TLS instead: %w", err)
}
