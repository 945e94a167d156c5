package container

import (
	"context"
	"io"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"time"
)

// dialDeadline is how long a program on this machine may take to accept what a container dials.
const dialDeadline = 10 * time.Second

func newMapping(ctx context.Context, e *engine) (*mapping, error) {
	bind, dial, err := e.published(ctx)
	if err != nil {
		return nil, err
	}
	m := &mapping{bind: bind, dial: dial, gateway: e.gateway(ctx), peers: map[string]string{}, forwards: map[string]*forward{}}
	m.life, m.end = context.WithCancel(context.WithoutCancel(ctx))
	return m, nil
}

// meet remembers where other containers find one that we dial.
func (m *mapping) meet(dialled, address string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.peers[dialled] = address
}

func (m *mapping) part(dialled string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.peers, dialled)
}

// reach returns how a container reaches an address of this machine: by its IP address on the bridge where there is one,
// as some programs take no names.
func (m *mapping) reach(address string) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	if peer, ok := m.peers[address]; ok {
		return peer
	}
	at, err := netip.ParseAddrPort(address)
	if err != nil || !at.Addr().IsLoopback() && !at.Addr().IsUnspecified() {
		return address
	}
	if f := m.forwarded(address, at); f != nil {
		return netip.AddrPortFrom(m.gateway, uint16(f.port())).String()
	}
	if m.gateway.IsValid() {
		return netip.AddrPortFrom(m.gateway, at.Port()).String()
	}
	return net.JoinHostPort(hostName, strconv.Itoa(int(at.Port())))
}

// forwarded returns a way from the bridge to a loopback address, which an engine in a virtual machine provides by
// itself; nil if there is none.
func (m *mapping) forwarded(address string, at netip.AddrPort) *forward {
	if !at.Addr().IsLoopback() || !m.gateway.IsValid() {
		return nil
	}
	if f := m.forwards[address]; f != nil {
		return f
	}
	listener, err := new(net.ListenConfig).Listen(m.life, "tcp", netip.AddrPortFrom(m.gateway, 0).String())
	if err != nil {
		return nil
	}
	f := &forward{listener: listener, to: address, open: map[net.Conn]bool{}}
	m.forwards[address] = f
	go f.serve(m.life)
	return f
}

func (m *mapping) close() {
	m.end()
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, f := range m.forwards {
		f.close()
	}
}

// forward carries connections from the bridge to an address of this machine.
type forward struct {
	listener net.Listener
	to       string

	mu     sync.Mutex
	closed bool
	open   map[net.Conn]bool
}

func (f *forward) port() int { return f.listener.Addr().(*net.TCPAddr).Port }

func (f *forward) serve(ctx context.Context) {
	for {
		from, err := f.listener.Accept()
		if err != nil {
			return
		}
		go f.carry(ctx, from)
	}
}

func (f *forward) carry(ctx context.Context, from net.Conn) {
	defer f.drop(from)
	to, err := (&net.Dialer{Timeout: dialDeadline}).DialContext(ctx, "tcp", f.to)
	if err != nil {
		return
	}
	defer f.drop(to)
	if !f.keep(from, to) {
		return
	}
	var both sync.WaitGroup
	both.Go(func() { pass(to, from) })
	both.Go(func() { pass(from, to) })
	both.Wait()
}

// keep remembers connections until they are dropped; false if the forward was closed.
func (f *forward) keep(conns ...net.Conn) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, conn := range conns {
		f.open[conn] = true
	}
	return !f.closed
}

func (f *forward) drop(conn net.Conn) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.open, conn)
	_ = conn.Close()
}

func (f *forward) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	_ = f.listener.Close()
	for conn := range f.open {
		_ = conn.Close()
	}
}

// pass copies one direction of a connection, and its end: an error ends both directions.
func pass(to, from net.Conn) {
	if _, err := io.Copy(to, from); err != nil {
		_ = to.Close()
		_ = from.Close()
		return
	}
	if half, ok := to.(*net.TCPConn); ok {
		_ = half.CloseWrite()
	}
}
