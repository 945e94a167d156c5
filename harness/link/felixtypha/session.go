package felixtypha

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"

	"github.com/calico-tls/conformance/harness/handshake"
	"github.com/calico-tls/conformance/harness/link"
	"github.com/calico-tls/conformance/harness/link/instrument"
)

// session is one connection of an instrument, of which it reads messages.
type session struct {
	*instrument.Session
	reader *Reader
}

// begin makes a session of a TCP connection. It ends when ctx does.
func begin(ctx context.Context, raw net.Conn) *session {
	s := &session{Session: instrument.Begin(ctx, raw)}
	s.listen(s.Raw)
	return s
}

// listen makes from the stream of which messages are read.
func (s *session) listen(from io.Reader) { s.reader = NewReader(s.Metered(from)) }

// secure shakes hands over a TLS connection of the session.
func (s *session) secure(conn *tls.Conn) error {
	s.listen(conn)
	return s.Secure(conn)
}

// end closes the connection and completes the account: accepted if err is nil.
func (s *session) end(err error) handshake.Account {
	return s.End(err, func(err error) bool { return errors.Is(err, ErrMalformed) })
}

// named asks for the names required.
func named(a link.Attempt, leaf *x509.Certificate) error {
	if _, err := Known(leaf, a.Require); err != nil {
		return fmt.Errorf("%w: %w", instrument.ErrObjection, err)
	}
	return nil
}
