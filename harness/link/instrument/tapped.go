package instrument

import (
	"net"
	"sync"
)

// Tapped is a connection as another library is given it, which may go on to read when nobody asks it any more: what is
// read is counted, and why it broke is kept, which the library may not tell.
type Tapped struct {
	net.Conn

	mu     sync.Mutex
	octets int
	broke  error
}

// NewTapped returns the connection of a session.
func NewTapped(s *Session) *Tapped { return &Tapped{Conn: s.Conn} }

// Read implements [net.Conn].
func (t *Tapped) Read(p []byte) (int, error) {
	n, err := t.Conn.Read(p)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.octets += n
	if t.broke == nil {
		t.broke = err
	}
	return n, err
}

// Close implements [net.Conn]; it leaves the connection to its session.
func (t *Tapped) Close() error { return nil }

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
