package instrument

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"slices"
	"syscall"
	"testing"
	"testing/iotest"
	"time"

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
		found := tls.Client(&patient{Conn: &gone{said: said, err: err}}, settings).Handshake()
		if got := evidence.AlertOf(found); got != handshake.UnknownCA {
			t.Errorf("wanted unknown_ca although writing fails for %v, found %v", err, found)
		}
	}
	found := tls.Client(&patient{Conn: &gone{err: syscall.EINVAL}}, settings).Handshake()
	if !errors.Is(found, syscall.EINVAL) {
		t.Errorf("wanted any other failure to be reported, found %v", found)
	}
}

// TestWhatArrivedInTimeIsRead: a session may end, as its peer has, before its reader comes to what the peer has said.
func TestWhatArrivedInTimeIsRead(t *testing.T) {
	t.Parallel()
	peer, ours := connected(t)
	ctx, end := context.WithCancel(t.Context())
	cut := make(chan struct{})
	s := Begin(ctx, watched{ours, cut})
	said := AlertRecord(byte(handshake.ProtocolVersion))
	if _, err := peer.Write(said); err != nil {
		t.Fatal(err)
	}
	end()
	<-cut
	_, _, err := ReadMessage(s.Raw)
	if got := evidence.AlertOf(err); got != handshake.ProtocolVersion {
		t.Errorf("wanted the alert that had arrived, found %v", err)
	}
	if _, _, err := ReadMessage(s.Raw); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("wanted what has not been said to be waited for no more, found %v", err)
	}
	for range 2 * int(lastLook/time.Millisecond) { // as long as somebody goes on saying something
		if _, err = peer.Write(said); err == nil {
			_, err = s.Raw.Read(make([]byte, len(said)))
		}
		if err != nil {
			break
		}
	}
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("wanted the time to be over for one who says more and more as well, found %v", err)
	}
}

// TestTheEndOfASessionIsNoSilence: a client that was given no time to refuse a version has not taken it.
func TestTheEndOfASessionIsNoSilence(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		cut      bool
		patience time.Duration
		want     handshake.Claim
	}{
		"the session ends":  {true, time.Minute, handshake.Failed},
		"patience is spent": {false, 50 * time.Millisecond, handshake.Refused},
	} {
		_, ours := connected(t)
		ctx, end := context.WithCancel(t.Context())
		defer end()
		s := Begin(ctx, ours)
		if c.cut {
			time.AfterFunc(50*time.Millisecond, end)
		}
		err := s.Choose(Hello{}, tls.VersionTLS11, Chosen[tls.VersionTLS11], c.patience)
		if account := s.End(err, nil); account.Claim != c.want {
			t.Errorf("%s: wanted %s, found %+v", name, c.want, account)
		}
	}
}

// TestNoAlertWithinAnotherRecord: what is random in a hello may look like an alert wherever one begins to read.
func TestNoAlertWithinAnotherRecord(t *testing.T) {
	t.Parallel()
	alike := bytes.Repeat(AlertRecord(byte(handshake.UnknownCA)), 100)
	hello := append([]byte{RecordHandshake, 3, 1, byte(len(alike) >> 8), byte(len(alike))}, alike...)
	said := slices.Concat(hello, hello, AlertRecord(byte(handshake.ProtocolVersion)))
	for name, c := range map[string]struct {
		from []byte
		want handshake.Alert
	}{
		"an alert in the end": {said, handshake.ProtocolVersion},
		"none":                {slices.Concat(hello, hello), handshake.NoAlert},
		"the end within one":  {hello[:40], handshake.NoAlert},
		"half an alert":       {said[:len(said)-1], handshake.NoAlert},
	} {
		err := UntilAlert(iotest.OneByteReader(bytes.NewReader(c.from)))
		if got := evidence.AlertOf(err); got != c.want || got == handshake.NoAlert && !HungUp(err) {
			t.Errorf("%s: wanted %v, found %v", name, c.want, err)
		}
	}
}

// watched is a connection that tells when it is given a deadline for all.
type watched struct {
	net.Conn
	cut chan struct{}
}

func (w watched) SetDeadline(at time.Time) error {
	defer close(w.cut)
	return w.Conn.SetDeadline(at)
}

// connected returns both ends of a TCP connection.
func connected(t *testing.T) (peer, ours net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if peer, err = net.Dial("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = peer.Close() })
	if ours, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ours.Close() })
	return peer, ours
}
