package felixtypha

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"time"

	"github.com/calico-tls/conformance/harness/evidence"
	"github.com/calico-tls/conformance/harness/handshake"
	"github.com/calico-tls/conformance/harness/link"
)

// versions are the TLS versions that an instrument can be told to speak.
var versions = map[link.Version]uint16{
	link.TLS10: tls.VersionTLS10,
	link.TLS11: tls.VersionTLS11,
	link.TLS12: tls.VersionTLS12,
	link.TLS13: tls.VersionTLS13,
}

// patience bounds what an instrument does where its caller sets no deadline.
const patience = 30 * time.Second

// errObjection is wrapped by the errors for a peer that does what it must not do.
var errObjection = errors.New("objection")

// session is one connection of an instrument, and the account that it will give of it.
type session struct {
	account handshake.Account
	// conn is where messages go through: the TLS connection, or raw.
	conn   net.Conn
	raw    net.Conn
	reader *Reader
	stop   func() bool
}

// begin makes a session of a TCP connection. It ends when ctx does.
func begin(ctx context.Context, raw net.Conn) *session {
	s := &session{raw: patient{raw}}
	s.account = handshake.Account{Phase: handshake.PhaseHandshake, AlertReceived: handshake.NoAlert}
	s.stop = context.AfterFunc(ctx, func() { _ = raw.SetDeadline(time.Unix(1, 0)) })
	s.converse(s.raw)
	return s
}

// converse makes conn the connection through which messages go.
func (s *session) converse(conn net.Conn) {
	s.conn = conn
	s.listen(conn)
}

// listen makes from the stream of which messages are read.
func (s *session) listen(from io.Reader) {
	s.reader = NewReader(meter{from, &s.account.Octets})
}

// secure shakes hands over a TLS connection of the session.
func (s *session) secure(conn *tls.Conn) error {
	s.converse(conn)
	if err := conn.Handshake(); err != nil { //nolint:noctx // the session ends with its context, and needs no goroutine for it
		return fmt.Errorf("shaking hands: %w", err)
	}
	for name, number := range versions {
		if number == conn.ConnectionState().Version {
			s.account.Version = string(name)
		}
	}
	return nil
}

// end closes the connection and completes the account: accepted if err is nil.
func (s *session) end(err error) handshake.Account {
	s.stop()
	defer s.conn.Close()
	a := &s.account
	if a.Octets > 0 {
		a.Phase = handshake.PhaseApplication
	}
	if err == nil {
		a.Claim = handshake.Accepted
		return *a
	}
	a.Error = err.Error()
	a.AlertReceived = evidence.AlertOf(err)
	a.Claim = blame(err)
	if a.Claim == handshake.Refused {
		a.Checks = evidence.CausesOf(a.Error)
		s.linger()
	}
	return *a
}

// lingering bounds how long a peer that was refused may take to go.
const lingering = time.Second

// linger waits until a peer that was refused has gone. Whoever closes a connection with octets unread resets it, and the
// alert that says why may be lost on the way (RFC 9293 section 3.10.4).
func (s *session) linger() {
	if half, ok := s.raw.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite()
	}
	_ = s.raw.SetReadDeadline(time.Now().Add(lingering))
	_, _ = io.Copy(io.Discard, s.raw)
}

// blame says who ended a connection by an error: the peer, this side by what it found in the peer, or neither.
func blame(err error) handshake.Claim {
	var local *net.OpError
	var untrusted *tls.CertificateVerificationError
	switch {
	case evidence.AlertOf(err) != handshake.NoAlert, hungUp(err):
		return handshake.WasRefused
	case errors.Is(err, os.ErrDeadlineExceeded):
		return handshake.Failed
	case errors.Is(err, errObjection), errors.Is(err, ErrMalformed), errors.As(err, &untrusted):
		return handshake.Refused
	case errors.As(err, &local) && local.Op == "local error":
		return handshake.Refused // an alert of crypto/tls to the peer
	case len(evidence.CausesOf(err.Error())) > 0:
		return handshake.Refused
	}
	return handshake.Failed
}

// hungUp reports whether err says that the peer closed the connection, in order or not.
func hungUp(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// patient is a connection whose writes do not fail because the peer has hung up: the reason may still be there to be
// read.
type patient struct{ net.Conn }

// CloseWrite says to the peer that nothing more will come.
func (p patient) CloseWrite() error {
	if tcp, ok := p.Conn.(*net.TCPConn); ok {
		return tcp.CloseWrite()
	}
	return nil
}

// Write implements [net.Conn].
func (p patient) Write(b []byte) (int, error) {
	n, err := p.Conn.Write(b)
	if err != nil && hungUp(err) {
		return len(b), nil
	}
	return n, err
}

// meter counts the octets that are read.
type meter struct {
	from   io.Reader
	octets *int
}

// Read implements [io.Reader].
func (m meter) Read(p []byte) (int, error) {
	n, err := m.from.Read(p)
	*m.octets += n
	return n, err
}

// named asks for the names required.
func named(a link.Attempt, leaf *x509.Certificate) error {
	if _, err := Known(leaf, a.Require); err != nil {
		return fmt.Errorf("%w: %w", errObjection, err)
	}
	return nil
}

// roots returns the anchors of an attempt. For crypto/x509 none at all would mean those of the system.
func roots(a link.Attempt) *x509.CertPool {
	if a.Roots == nil {
		return x509.NewCertPool()
	}
	return a.Roots
}

// The types of TLS records (RFC 8446 section 5.1) by which one knows TLS in what should be plaintext, and the octets of
// a record that it takes to see one: its header, and what an alert consists of.
const (
	recordAlert     = 21
	recordHandshake = 22
	recordHeader    = 5
	recordStart     = recordHeader + 2
)

// recordType returns the type of the TLS record with which b begins; 0 if it begins with none. No gob stream begins so:
// a small number stands first in it, and the negative number of a type next.
func recordType(b []byte) byte {
	if len(b) < recordStart || b[0] != recordAlert && b[0] != recordHandshake || b[1] != 3 {
		return 0
	}
	return b[0]
}

// alertIn returns the error for an alert in the clear, as crypto/tls makes it of one that it reads.
func alertIn(record []byte) error {
	return &net.OpError{Op: "remote error", Err: tls.AlertError(record[recordStart-1])}
}

// bounded sets a deadline where there is none.
func bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, ok := ctx.Deadline(); ok {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, patience)
}
