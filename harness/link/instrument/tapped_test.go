package instrument

import (
	"net"
	"testing"

	"github.com/calico-tls/conformance/harness/handshake"
)

// TestTappedClose: whoever waits for its own reading to end once it has closed the connection does not wait, and the
// session's word on the peer is not that it was silent.
func TestTappedClose(t *testing.T) {
	t.Parallel()
	ours, theirs := net.Pipe()
	defer theirs.Close()
	s := Begin(t.Context(), ours)
	over := NewTapped(s)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = over.Read(make([]byte, 1))
	}()
	if err := over.Close(); err != nil {
		t.Fatal(err)
	}
	<-done
	if err := over.Broke(); err != nil {
		t.Errorf("wanted a connection that has not broken, found %v", err)
	}
	if a := s.End(nil, nil); a.Claim != handshake.Accepted {
		t.Errorf("wanted what the session was told, found %+v", a)
	}
}
