package instrument

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"testing"

	"github.com/calico-tls/conformance/harness/evidence"
	"github.com/calico-tls/conformance/harness/handshake"
)

// gone is a connection whose peer has said something and hung up.
type gone struct {
	net.Conn
	said []byte
	err  error
}

func (g *gone) Write([]byte) (int, error) {
	return 0, &net.OpError{Op: "write", Err: os.NewSyscallError("write", g.err)}
}

func (g *gone) Read(p []byte) (int, error) {
	n := copy(p, g.said)
	g.said = g.said[n:]
	if n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

// TestThePeersReasonIsRead: it is there to be read although nothing can be written any more.
func TestThePeersReasonIsRead(t *testing.T) {
	t.Parallel()
	settings := &tls.Config{InsecureSkipVerify: true} //nolint:gosec // nobody shows a certificate
	for _, err := range []error{syscall.EPIPE, syscall.ECONNRESET} {
		said := []byte{21, 3, 1, 0, 2, 2, byte(handshake.UnknownCA)}
		found := tls.Client(patient{&gone{said: said, err: err}}, settings).Handshake()
		if got := evidence.AlertOf(found); got != handshake.UnknownCA {
			t.Errorf("wanted unknown_ca although writing fails for %v, found %v", err, found)
		}
	}
	found := tls.Client(patient{&gone{err: syscall.EINVAL}}, settings).Handshake()
	if !errors.Is(found, syscall.EINVAL) {
		t.Errorf("wanted any other failure to be reported, found %v", found)
	}
}
