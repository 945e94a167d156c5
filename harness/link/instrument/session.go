// Package instrument holds what the instruments of all links have in common: one connection, with the account that the
// instrument gives of it, and a listener that tells who waits.
package instrument

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/calico-tls/conformance/harness/evidence"
	"github.com/calico-tls/conformance/harness/handshake"
	"github.com/calico-tls/conformance/harness/link"
)

// Versions are the TLS versions that an instrument can be told to speak.
var Versions = map[link.Version]uint16{
	link.TLS10: tls.VersionTLS10,
	link.TLS11: tls.VersionTLS11,
	link.TLS12: tls.VersionTLS12,
	link.TLS13: tls.VersionTLS13,
}

// patience bounds what an instrument does where its caller sets no deadline.
const patience = 30 * time.Second

// ErrObjection is wrapped by the errors for a peer that does what it must not do.
var ErrObjection = errors.New("objection")

// Session is one connection of an instrument, and the account that it will give of it.
type Session struct {
	Account handshake.Account
	// Conn is where messages go through: the TLS connection, or Raw.
	Conn net.Conn
	Raw  net.Conn

	stop func() bool
}

// Begin makes a session of a TCP connection. It ends when ctx does.
func Begin(ctx context.Context, raw net.Conn) *Session {
	conn := &patient{Conn: raw}
	s := &Session{Raw: conn, Conn: conn}
	s.Account = handshake.Account{Phase: handshake.PhaseHandshake, AlertReceived: handshake.NoAlert}
	s.stop = context.AfterFunc(ctx, conn.cut)
	return s
}

// Secure shakes hands over a TLS connection of the session.
func (s *Session) Secure(conn *tls.Conn) error {
	s.Conn = conn
	if err := conn.Handshake(); err != nil { //nolint:noctx // the session ends with its context, and needs no goroutine for it
		return fmt.Errorf("shaking hands: %w", err)
	}
	for name, number := range Versions {
		if number == conn.ConnectionState().Version {
			s.Account.Version = string(name)
		}
	}
	return nil
}

// Metered returns a reader that counts in the account what is read of another.
func (s *Session) Metered(from io.Reader) io.Reader { return meter{from, &s.Account.Octets} }

// End closes the connection and completes the account: accepted if err is nil. ours reports whether an error is an
// objection in the words of the link; nil if it has none of its own.
func (s *Session) End(err error, ours func(error) bool) handshake.Account {
	defer s.Conn.Close()
	if s.complete(err, ours); s.Account.Claim == handshake.Refused {
		s.linger()
	}
	return s.Account
}

// Leave completes the account as [Session.End] does, and leaves the connection to the caller, whom it will not end any more.
func (s *Session) Leave(err error) handshake.Account {
	s.complete(err, nil)
	return s.Account
}

func (s *Session) complete(err error, ours func(error) bool) {
	s.stop()
	a := &s.Account
	if a.Octets > 0 {
		a.Phase = handshake.PhaseApplication
	}
	if err == nil {
		a.Claim = handshake.Accepted
		return
	}
	a.Error = err.Error()
	a.AlertReceived = evidence.AlertOf(err)
	if a.Claim = blame(err, ours); a.Claim == handshake.Refused {
		a.Checks = evidence.CausesOf(a.Error)
	}
}

// lingering bounds how long a peer that was refused may take to go.
const lingering = time.Second

// linger waits until a peer that was refused has gone. Whoever closes a connection with octets unread resets it, and the
// alert that says why may be lost on the way (RFC 9293 section 3.10.4).
func (s *Session) linger() {
	if half, ok := s.Raw.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite()
	}
	_ = s.Raw.SetReadDeadline(time.Now().Add(lingering))
	_, _ = io.Copy(io.Discard, s.Raw)
}

// blame says who ended a connection by an error: the peer, this side by what it found in the peer, or neither.
func blame(err error, ours func(error) bool) handshake.Claim {
	var local *net.OpError
	var untrusted *tls.CertificateVerificationError
	switch {
	case evidence.AlertOf(err) != handshake.NoAlert, HungUp(err):
		return handshake.WasRefused
	case errors.Is(err, os.ErrDeadlineExceeded):
		return handshake.Failed
	case errors.Is(err, ErrObjection), ours != nil && ours(err), errors.As(err, &untrusted):
		return handshake.Refused
	case errors.As(err, &local) && local.Op == "local error":
		return handshake.Refused // an alert of crypto/tls to the peer
	case len(evidence.CausesOf(err.Error())) > 0:
		return handshake.Refused
	}
	return handshake.Failed
}

// HungUp reports whether err says that the peer closed the connection, in order or not.
func HungUp(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// patient is a connection whose writes do not fail because the peer has hung up, and that is looked at once more when its
// session is over: the reason may still be there to be read.
type patient struct {
	net.Conn
	over, looked atomic.Bool
}

// lastLook is how long what has arrived may still be read when a session is over.
const lastLook = 100 * time.Millisecond

// cut ends what waits for the peer.
func (p *patient) cut() {
	p.over.Store(true)
	_ = p.SetDeadline(time.Unix(1, 0))
}

// Read implements [net.Conn]. A busy machine may let a reader come late to what arrived in time, and a deadline that has
// passed lets nothing be read at all.
func (p *patient) Read(b []byte) (int, error) {
	n, err := p.Conn.Read(b)
	if !errors.Is(err, os.ErrDeadlineExceeded) || !p.over.Load() || p.looked.Swap(true) {
		return n, err
	}
	if err := p.SetReadDeadline(time.Now().Add(lastLook)); err != nil {
		return n, err
	}
	return p.Conn.Read(b)
}

// CloseWrite says to the peer that nothing more will come.
func (p *patient) CloseWrite() error {
	if tcp, ok := p.Conn.(*net.TCPConn); ok {
		return tcp.CloseWrite()
	}
	return nil
}

// Write implements [net.Conn].
func (p *patient) Write(b []byte) (int, error) {
	n, err := p.Conn.Write(b)
	if err != nil && HungUp(err) {
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

// Roots returns the anchors of an attempt. For crypto/x509 none at all would mean those of the system.
func Roots(a link.Attempt) *x509.CertPool {
	if a.Roots == nil {
		return x509.NewCertPool()
	}
	return a.Roots
}

// The types of TLS records (RFC 8446 section 5.1) by which one knows TLS in what should be plaintext, and the octets of
// a record that it takes to see one: its header, and what an alert consists of.
const (
	RecordAlert     = 21
	RecordHandshake = 22
	RecordHeader    = 5
	RecordStart     = RecordHeader + 2
)

// RecordType returns the type of the TLS record with which b begins; 0 if it begins with none. No gob stream begins so:
// a small number stands first in it, and the negative number of a type next.
func RecordType(b []byte) byte {
	if len(b) < RecordStart || b[0] != RecordAlert && b[0] != RecordHandshake || b[1] != 3 {
		return 0
	}
	return b[0]
}

// AlertIn returns the error for an alert in the clear, as crypto/tls makes it of one that it reads.
func AlertIn(record []byte) error {
	return &net.OpError{Op: "remote error", Err: tls.AlertError(record[RecordStart-1])}
}

// UntilAlert reads the TLS records of a peer, from the start of one, until one is an alert in the clear. It returns that as
// crypto/tls does one that it reads, or why no more can be read.
func UntilAlert(from io.Reader) error {
	header := make([]byte, RecordHeader)
	for {
		if _, err := io.ReadFull(from, header); err != nil {
			return err
		}
		body := make([]byte, binary.BigEndian.Uint16(header[3:]))
		if _, err := io.ReadFull(from, body); err != nil {
			return err
		}
		if record := slices.Concat(header, body); RecordType(record) == RecordAlert {
			return AlertIn(record)
		}
	}
}

// Bounded sets a deadline where there is none.
func Bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, ok := ctx.Deadline(); ok {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, patience)
}

// Failed returns the account of a connection that was not made.
func Failed(err error) handshake.Account {
	return handshake.Account{Claim: handshake.Failed, AlertReceived: handshake.NoAlert, Error: err.Error()}
}

// Dial connects to an address from a local IP address, "" for any.
func Dial(ctx context.Context, address, local string) (net.Conn, error) {
	var d net.Dialer
	if local != "" {
		ip := net.ParseIP(local)
		if ip == nil {
			return nil, fmt.Errorf("wanted an IP address to dial from, found %q", local)
		}
		d.LocalAddr = &net.TCPAddr{IP: ip}
	}
	return d.DialContext(ctx, "tcp", address)
}

// NotDialled returns the account of a connection that could not be made.
func NotDialled(err error) handshake.Account {
	a := Failed(fmt.Errorf("dialling: %w", err))
	a.Phase = handshake.PhaseDial
	return a
}
