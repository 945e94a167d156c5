package felixtypha_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"testing"

	"github.com/calico-tls/conformance/harness/handshake"
	"github.com/calico-tls/conformance/harness/link"
	"github.com/calico-tls/conformance/harness/link/felixtypha"
	"github.com/calico-tls/conformance/pki"
)

// player plays an end over a connection that there is.
type player = func(context.Context, net.Conn, link.Attempt) handshake.Account

// FuzzProber: whatever a server says, in the clear or in place of TLS, a prober gives its account of it, and is accepted
// by a server's hello alone.
func FuzzProber(f *testing.F) {
	f.Add(stream(f, felixtypha.MsgServerHello{}))
	f.Add(stream(f, felixtypha.MsgPing{}, felixtypha.MsgServerHello{}))
	confound(f, felixtypha.Probing, func(said []any) bool {
		if len(said) == 0 {
			return false
		}
		_, ok := said[0].(felixtypha.MsgServerHello)
		return ok
	})
}

// FuzzObserver: whatever a client says, in the clear or in place of TLS, an observer gives its account of it, and accepts
// who says hello first and answers a ping.
func FuzzObserver(f *testing.F) {
	f.Add(stream(f, felixtypha.MsgClientHello{}, felixtypha.MsgPong{}))
	f.Add(stream(f, felixtypha.MsgPong{}, felixtypha.MsgPong{}))
	confound(f, felixtypha.Serving, func(said []any) bool {
		pongs := 0
		for _, m := range said {
			if _, ok := m.(felixtypha.MsgPong); ok {
				pongs++
			}
		}
		if len(said) == 0 {
			return false
		}
		_, hello := said[0].(felixtypha.MsgClientHello)
		return hello && pongs > 0
	})
}

// confound says whatever octets to an instrument and then hangs up. Under TLS that is never an acceptance; in the clear
// it is one by the messages that may say so.
func confound(f *testing.F, play player, accepts func(said []any) bool) {
	f.Helper()
	f.Add([]byte{22, 3, 1, 0, 5, 1, 0, 0, 1, 9})
	f.Add([]byte{21, 3, 1, 0, 2, 2, 40})
	f.Add([]byte("HTTP/1.1 400 Bad Request\r\n\r\n"))
	issued, err := pki.NewAuthorities().Issue(pki.Good(pki.Client, pki.Identity{CN: "somebody"}))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, octets []byte) {
		for _, version := range []link.Version{link.Clear, link.TLS12, link.TLS13} {
			ours, theirs := net.Pipe()
			go func() { _, _ = io.Copy(io.Discard, theirs) }()
			go func() {
				_, _ = theirs.Write(octets)
				_ = theirs.Close()
			}()
			a := play(t.Context(), ours, link.Attempt{Show: issued, Version: version})
			switch {
			case a.Claim == handshake.Silent:
				t.Errorf("%s: wanted an account, found %+v", version, a)
			case a.Claim == handshake.Accepted && (version != link.Clear || !accepts(messagesIn(octets))):
				t.Errorf("%s: wanted nobody accepted by %x, found %+v", version, octets, a)
			case a.Claim != handshake.Accepted && a.Error == "":
				t.Errorf("%s: wanted a reason, found %+v", version, a)
			}
		}
	})
}

// stream is how messages are written.
func stream(tb testing.TB, messages ...any) []byte {
	tb.Helper()
	octets, err := felixtypha.Encode(messages...)
	if err != nil {
		tb.Fatal(err)
	}
	return octets
}

// messagesIn are those that can be read.
func messagesIn(octets []byte) []any {
	var said []any
	for r := felixtypha.NewReader(bytes.NewReader(octets)); ; {
		m, err := r.Read()
		if err != nil {
			return said
		}
		said = append(said, m)
	}
}
