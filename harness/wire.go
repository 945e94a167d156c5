package harness

import (
	"context"
	"fmt"
	"io"
	"net"
	"sync"
)

// wire is what lies between a client and a server that are both judged: one connection of the client is passed on to the
// server, octet for octet, from an address by which the server's log tells it from others. Like a network on which a reset
// comes late, it goes on to take what the client sends after the server has closed, so that a client that has its hello
// still to send is not kept from reading why it was refused.
type wire struct {
	listener net.Listener
	from     net.IP
	to       string
	// strung is closed once the client has dialled and the server has been reached, or that has failed; source is the
	// address from which the server was dialled, "" if it was not, and err says why.
	strung chan struct{}
	source string
	err    error

	end     context.CancelFunc
	running sync.WaitGroup
}

// layWire returns a wire to a server's address, which ends with ctx or when it is cut. from is the IP address from which
// the server is dialled; "" for any.
func layWire(ctx context.Context, from, to string) (*wire, error) {
	var c net.ListenConfig
	l, err := c.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("laying a wire to %s: %w", to, err)
	}
	ctx, end := context.WithCancel(ctx)
	w := &wire{listener: l, from: net.ParseIP(from), to: to, strung: make(chan struct{}), end: end}
	context.AfterFunc(ctx, func() { _ = l.Close() })
	w.running.Go(func() { w.carry(ctx) })
	return w, nil
}

// address is what the client dials.
func (w *wire) address() string { return w.listener.Addr().String() }

// await waits until the client has dialled, and returns the address from which the server was then dialled.
func (w *wire) await(ctx context.Context) (string, error) {
	select {
	case <-w.strung:
		return w.source, w.err
	case <-ctx.Done():
		return "", fmt.Errorf("waiting for the client to dial: %w", context.Cause(ctx))
	}
}

// cut ends the wire, and waits until all that it has under way has ended.
func (w *wire) cut() {
	w.end()
	w.running.Wait()
}

// carry passes one connection on.
func (w *wire) carry(ctx context.Context) {
	client, err := w.listener.Accept()
	_ = w.listener.Close()
	if err == nil {
		var server net.Conn
		if server, err = w.dial(ctx); err == nil {
			w.source = server.LocalAddr().String()
			w.join(ctx, client.(*net.TCPConn), server.(*net.TCPConn))
		} else {
			_ = client.Close()
		}
	}
	w.err = err
	close(w.strung)
}

func (w *wire) dial(ctx context.Context) (net.Conn, error) {
	var d net.Dialer
	if w.from != nil {
		d.LocalAddr = &net.TCPAddr{IP: w.from}
	}
	c, err := d.DialContext(ctx, "tcp", w.to)
	if err != nil {
		return nil, fmt.Errorf("passing a connection on: %w", err)
	}
	return c, nil
}

// join passes octets both ways until both ends have closed, or the wire is cut.
func (w *wire) join(ctx context.Context, client, server *net.TCPConn) {
	context.AfterFunc(ctx, func() {
		_ = client.Close()
		_ = server.Close()
	})
	w.running.Go(func() {
		_, _ = io.Copy(client, server)
		_ = client.CloseWrite()
	})
	w.running.Go(func() {
		_, _ = io.Copy(server, client)
		_ = server.CloseWrite()
		_, _ = io.Copy(io.Discard, client)
	})
}
