package harness

import (
	"context"
	"io"
	"net"
	"testing"
	"time"
)

// wireTime bounds what these tests wait for.
const wireTime = 10 * time.Second

// dialled returns a connection through a wire to a server that a function plays.
func dialled(t *testing.T, from string, serve func(net.Conn)) (net.Conn, *wire) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		if c, err := l.Accept(); err == nil {
			serve(c)
		}
	}()
	w, err := layWire(t.Context(), from, l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.cut)
	c, err := net.Dial("tcp", w.address())
	if err != nil {
		t.Fatal(err)
	}
	if err := c.SetDeadline(time.Now().Add(wireTime)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c, w
}

// TestWireLetsTheRefusedRead: a client that still has much to say when the server has said its last word and is gone can
// say it, and then reads that word.
func TestWireLetsTheRefusedRead(t *testing.T) {
	t.Parallel()
	gone := make(chan struct{})
	c, _ := dialled(t, "", func(server net.Conn) {
		_, _ = io.ReadFull(server, make([]byte, 1))
		_, _ = server.Write([]byte("no"))
		_ = server.Close()
		close(gone)
	})
	for i := range 100 {
		if _, err := c.Write(make([]byte, 1000)); err != nil {
			t.Fatalf("wanted the client to be heard out, found %v after %d writes", err, i)
		}
		if i == 0 {
			<-gone
		}
	}
	if word, err := io.ReadAll(c); err != nil || string(word) != "no" {
		t.Errorf("wanted the server's last word, found %q and %v", word, err)
	}
}

// TestWireTellsWhenTheClientGoes: the server reads all that the client has sent, and then its end.
func TestWireTellsWhenTheClientGoes(t *testing.T) {
	t.Parallel()
	heard := make(chan string, 1)
	c, w := dialled(t, "127.9.8.7", func(server net.Conn) {
		all, _ := io.ReadAll(server)
		heard <- string(all)
	})
	if everyLoopback {
		from, err := w.await(t.Context())
		if host, _, _ := net.SplitHostPort(from); err != nil || host != "127.9.8.7" {
			t.Errorf("wanted the server to be dialled from 127.9.8.7, found %q and %v", from, err)
		}
	}
	if _, err := c.Write([]byte("farewell")); err != nil {
		t.Fatal(err)
	}
	_ = c.Close()
	select {
	case all := <-heard:
		if all != "farewell" {
			t.Errorf("wanted all that the client had sent, found %q", all)
		}
	case <-time.After(wireTime):
		t.Error("wanted the server to be told that the client is gone, found that it waits")
	}
}

// TestWireWithoutEnds: a server that is not there is an error, and so is a client that does not dial; a wire that is cut
// leaves nothing under way.
func TestWireWithoutEnds(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := l.Addr().String()
	_ = l.Close()
	w, err := layWire(t.Context(), "", nobody)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if from, err := w.await(ctx); err == nil {
		t.Errorf("wanted an error where nobody dials, found %q", from)
	}
	c, err := net.Dial("tcp", w.address())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if from, err := w.await(t.Context()); err == nil {
		t.Errorf("wanted an error where nobody listens, found %q", from)
	}
	w.cut()
	if _, err := net.Dial("tcp", w.address()); err == nil {
		t.Error("wanted nobody to listen on a wire that was cut, found that somebody does")
	}
}
