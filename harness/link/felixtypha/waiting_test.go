package felixtypha_test

import (
	"context"
	"errors"
	"net"
	"os"
	"testing"
	"time"

	"github.com/calico-tls/conformance/harness/handshake"
	"github.com/calico-tls/conformance/harness/link"
	"github.com/calico-tls/conformance/harness/link/felixtypha"
)

// listen returns an observer that listens until the test ends, and makes connections to it.
func listen(t *testing.T) (link.Listener, func(n int) []net.Conn) {
	t.Helper()
	l, err := felixtypha.Observer{}.Listen(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l, func(n int) []net.Conn {
		var all []net.Conn
		for range n {
			conn, err := net.DialTimeout("tcp", l.Address(), deadline)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = conn.Close() })
			all = append(all, conn)
		}
		return all
	}
}

// gone waits until the observer has closed a connection.
func gone(t *testing.T, conn net.Conn) {
	t.Helper()
	_ = conn.SetReadDeadline(time.Now().Add(deadline))
	if _, err := conn.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("wanted the connection closed, found %v", err)
	}
}

// TestWaiting: whoever has dialled is counted once and sent away, be it still there or gone, and nobody is left in the
// row for the next connection that is served.
func TestWaiting(t *testing.T) {
	t.Parallel()
	for _, want := range []int{0, 1, 3, 50} {
		l, dial := listen(t)
		conns := dial(want)
		for _, conn := range conns[want/2:] {
			_ = conn.Close()
		}
		for _, want := range []int{want, 0} {
			if got, err := l.Waiting(t.Context()); err != nil || got != want {
				t.Errorf("wanted %d connections to wait, found %d and %v", want, got, err)
			}
		}
		for _, conn := range conns[:want/2] {
			gone(t, conn)
		}
		next := dial(1)[0]
		go func() {
			_ = felixtypha.NewWriter(next).Write(felixtypha.MsgClientHello{})
			_ = next.(*net.TCPConn).CloseWrite()
		}()
		account, from := l.Serve(t.Context(), link.Attempt{Version: link.Clear})
		if from != next.LocalAddr().String() || account.Claim != handshake.WasRefused {
			t.Errorf("wanted the connection from %s served, found one from %q: %+v", next.LocalAddr(), from, account)
		}
	}
}

// TestQuiet: a client that dialled is noticed, and none is not; whoever was served counts no more.
func TestQuiet(t *testing.T) {
	t.Parallel()
	l, dial := listen(t)
	quiet := func(want bool) {
		t.Helper()
		if got, err := l.Quiet(t.Context()); err != nil || got != want {
			t.Errorf("wanted quiet=%t, found %t and %v", want, got, err)
		}
	}
	quiet(true)
	quiet(true)
	dial(1)
	quiet(false)
	quiet(true)
	_ = dial(1)[0].Close()
	quiet(false)
	served := dial(1)[0]
	_ = served.Close()
	if account, from := l.Serve(t.Context(), link.Attempt{Version: link.Clear}); from != served.LocalAddr().String() {
		t.Errorf("wanted the one that dialled served, found %q: %+v", from, account)
	}
	quiet(true)
}

// TestWaitingThatCannotTell: a listener that is closed, or has no time, says so.
func TestWaitingThatCannotTell(t *testing.T) {
	t.Parallel()
	over, end := context.WithCancel(t.Context())
	end()
	l, _ := listen(t)
	closed, _ := listen(t)
	_ = closed.Close()
	for name, failing := range map[string]func() error{
		"no time": func() error { _, err := l.Waiting(over); return err },
		"closed":  func() error { _, err := closed.Waiting(t.Context()); return err },
		"quiet":   func() error { _, err := closed.Quiet(t.Context()); return err },
	} {
		if failing() == nil {
			t.Errorf("%s: wanted an error, found none", name)
		}
	}
	if got, err := l.Waiting(t.Context()); err != nil || got > 1 {
		t.Errorf("wanted the listener to go on, found %d and %v", got, err)
	}
}
