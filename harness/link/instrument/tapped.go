package instrument

import (
	"net"
	"sync"
	"time"
)

// Tapped is a connection as another library is given it, which may go on to read when nobody asks it any more: what is
// read is counted, and why it broke is kept, which the library may not tell.
type Tapped struct {
	net.Conn

	mu     sync.Mutex
	octets int
	broke  error
	closed bool
}

// NewTapped returns the connection of a session.
func NewTapped(s *Session) *Tapped { return &Tapped{Conn: s.Conn} }

// Read implements [net.Conn].
func (t *Tapped) Read(p []byte) (int, error) {
	n, err := t.Conn.Read(p)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.octets += n
	if t.broke == nil && !t.closed {
		t.broke = err
	}
	return n, err
}

// Close implements [net.Conn]. It ends what still reads, as who closes a connection may wait for that, and leaves the
// connection itself to its session.
func (t *Tapped) Close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed = true
	return t.Conn.SetReadDeadline(time.Unix(1, 0))
}

// Octets returns how many octets have been read.
func (t *Tapped) Octets() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.octets
}

// Broke returns the error with which reading first failed; nil if it has not.
func (t *Tapped) Broke() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.broke
}
