package instrument

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"github.com/calico-tls/conformance/harness/handshake"
)

// Heard is a ClientHello, and the connection on which it can be read once more.
type Heard struct {
	Hello Hello
	Conn  net.Conn
}

// Hear reads ahead. It reports false for what is no ClientHello: crypto/tls will know what to say of it.
func (s *Session) Hear() (Heard, bool) {
	var ahead bytes.Buffer
	kind, body, err := ReadMessage(io.TeeReader(s.Raw, &ahead))
	h := Heard{Conn: resumption{s.Raw, io.MultiReader(&ahead, s.Raw)}}
	if err != nil || kind != MessageClientHello {
		return h, false
	}
	h.Hello, err = ParseHello(kind, body)
	return h, err == nil
}

// Resumed returns a connection from which what was read of it can be read once more.
func Resumed(conn net.Conn, read []byte) net.Conn {
	return resumption{conn, io.MultiReader(bytes.NewReader(read), conn)}
}

// resumption is a connection of which something was read ahead.
type resumption struct {
	net.Conn
	from io.Reader
}

// Read implements [net.Conn].
func (r resumption) Read(p []byte) (int, error) { return r.from.Read(p) }

// Chosen are the suites with which a server answers a client that does not offer its version: of a version that is refused,
// one of old.
var Chosen = map[uint16]uint16{tls.VersionTLS13: 0x1301, tls.VersionTLS12: 0xc02b, tls.VersionTLS11: 0xc00a, tls.VersionTLS10: 0xc00a}

// Reaction is how long a client is given to refuse what it was told: on a busy machine one has taken more than five seconds.
const Reaction = 15 * time.Second

// Choose answers a ClientHello with a version and a suite that the client must not take, and waits for it to say so. The
// error is the alert by which it does, or an objection where it has said nothing within patience, or goes on.
func (s *Session) Choose(offered Hello, version, suite uint16, patience time.Duration) error {
	h, err := Choosing(offered, version, suite)
	if err != nil {
		return err
	}
	record, err := h.Record(MessageServerHello)
	if err != nil {
		return err
	}
	if _, err := s.Raw.Write(record); err != nil {
		return fmt.Errorf("choosing version %#04x and suite %#04x: %w", version, suite, err)
	}
	over := time.Now().Add(patience)
	if err := s.Raw.SetReadDeadline(over); err != nil {
		return err
	}
	kind, _, err := ReadMessage(s.Raw)
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded) && !time.Now().Before(over): // else it is the session that is over
		return s.Object(fmt.Errorf("%w: the client does not refuse version %#04x with suite %#04x", ErrObjection, version, suite))
	case err != nil:
		return fmt.Errorf("choosing version %#04x and suite %#04x: %w", version, suite, Objection(err))
	}
	return s.Object(fmt.Errorf("%w: the client went on with version %#04x and suite %#04x, by a message of type %d", ErrObjection, version, suite, kind))
}

// Object tells the peer that the instrument objects to it, in the clear, and returns the objection.
func (s *Session) Object(err error) error {
	_, _ = s.Raw.Write(AlertRecord(byte(handshake.HandshakeFailure)))
	return err
}

// Objection makes an objection of the error for octets that are no hello, and leaves any other as it is.
func Objection(err error) error {
	if errors.Is(err, ErrNoHello) {
		return fmt.Errorf("%w: %w", ErrObjection, err)
	}
	return err
}
