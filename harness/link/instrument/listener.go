package instrument

import (
	"context"
	"fmt"
	"net"
	"time"
)

// Listener listens on a loopback port. Clients that nobody serves yet wait in the kernel, in the order in which they
// dialled. An observer's listener embeds it, and serves.
type Listener struct{ tcp *net.TCPListener }

// Listen starts to listen on a port of an IP address of this machine.
func Listen(ctx context.Context, ip string) (*Listener, error) {
	var c net.ListenConfig
	l, err := c.Listen(ctx, "tcp", net.JoinHostPort(ip, "0"))
	if err != nil {
		return nil, err
	}
	return &Listener{l.(*net.TCPListener)}, nil
}

// Address is part of a [link.Listener].
func (l *Listener) Address() string { return l.tcp.Addr().String() }

// Close is part of a [link.Listener].
func (l *Listener) Close() error { return l.tcp.Close() }

// Waiting is part of a [link.Listener]. It dials itself: clients wait in the order in which they dialled, so whoever comes
// before its own connection was there, and nobody is left in the row.
func (l *Listener) Waiting(ctx context.Context) (int, error) {
	ctx, cancel := Bounded(ctx)
	defer cancel()
	var d net.Dialer
	own, err := d.DialContext(ctx, "tcp", l.Address())
	if err != nil {
		return 0, fmt.Errorf("looking for clients: %w", err)
	}
	defer own.Close()
	for waiting := 0; ; waiting++ {
		next, err := l.Accept(ctx)
		if err != nil {
			return waiting, fmt.Errorf("looking for clients: %w", err)
		}
		_ = next.Close()
		if next.RemoteAddr().String() == own.LocalAddr().String() {
			return waiting, nil
		}
	}
}

// Quiet is part of a [link.Listener].
func (l *Listener) Quiet(ctx context.Context) (bool, error) {
	waiting, err := l.Waiting(ctx)
	return waiting == 0, err
}

// Accept waits for the next client.
func (l *Listener) Accept(ctx context.Context) (net.Conn, error) {
	if err := l.tcp.SetDeadline(time.Time{}); err != nil {
		return nil, err
	}
	// A call that has ended must not end the next one.
	done := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		_ = l.tcp.SetDeadline(time.Unix(1, 0))
		close(done)
	})
	conn, err := l.tcp.Accept()
	if !stop() {
		<-done
	}
	return conn, err
}
