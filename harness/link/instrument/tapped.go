package instrument

import (
	"net"
	"sync"
)

// Tapped is the connection of a session as another library is given it: what is read counts in the account, and why it
// broke is kept, which the library may not tell.
type Tapped struct {
	net.Conn

	mu      sync.Mutex
	session *Session
	broke   error
}

// NewTapped returns the connection of a session.
func NewTapped(s *Session) *Tapped { return &Tapped{Conn: s.Conn, session: s} }

// Read implements [net.Conn].
func (t *Tapped) Read(p []byte) (int, error) {
	n, err := t.Conn.Read(p)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.session.Account.Octets += n
	if t.broke == nil {
		t.broke = err
	}
	return n, err
}

// Close implements [net.Conn]; it leaves the connection to its session.
func (t *Tapped) Close() error { return nil }

// Broke returns the error with which reading first failed; nil if it has not.
func (t *Tapped) Broke() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.broke
}
