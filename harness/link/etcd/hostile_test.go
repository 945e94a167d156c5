package etcd_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"net"
	"testing"
	"time"

	"golang.org/x/net/http2"

	"github.com/calico-tls/conformance/harness/handshake"
	"github.com/calico-tls/conformance/harness/link"
	"github.com/calico-tls/conformance/harness/link/etcd"
	"github.com/calico-tls/conformance/pki"
)

// hostile is what somebody does to an instrument, once connected. He stays until the instrument has gone.
type hostile struct {
	name string
	do   func(net.Conn)
	// claim is what the instrument must make of it.
	claim handshake.Claim
}

// hostiles do it without TLS, and hostilesWithin once TLS is agreed upon: those of clients, and those of servers, by whom a
// call of gRPC is broken off in words that do not say what was wrong.
var (
	hostiles = []hostile{
		{"silence", func(net.Conn) {}, handshake.Failed},
		{"garbage", func(c net.Conn) { say(c, bytes.Repeat([]byte("garbage\n"), 1000)) }, handshake.Refused},
		{"half a record", func(c net.Conn) { say(c, []byte{22, 3, 3, 1}) }, handshake.Failed},
		{"half-close", func(c net.Conn) { _ = c.(*net.TCPConn).CloseWrite() }, handshake.WasRefused},
		{"half a record, then the end", func(c net.Conn) { say(c, []byte{22, 3, 3, 1}); _ = c.(*net.TCPConn).CloseWrite() }, handshake.WasRefused},
		{"reset", reset, handshake.WasRefused},
		{"a huge record", func(c net.Conn) { say(c, append([]byte{22, 3, 1, 0xff, 0xff}, make([]byte, 1<<16)...)) }, handshake.Refused},
		{"an alert", func(c net.Conn) { say(c, []byte{21, 3, 1, 0, 2, 2, 40}) }, handshake.WasRefused},
	}
	hostileClients = []hostile{
		{"silence", func(net.Conn) {}, handshake.Failed},
		{"a preface and nothing", func(c net.Conn) { say(c, []byte(http2.ClientPreface)) }, handshake.Failed},
		{"the end", func(c net.Conn) { _ = c.Close() }, handshake.WasRefused},
		{"a preface, then the end", func(c net.Conn) { say(c, []byte(http2.ClientPreface)); _ = c.Close() }, handshake.WasRefused},
	}
	hostileServers = []hostile{
		{"silence", func(net.Conn) {}, handshake.Failed},
		{"the end", func(c net.Conn) { _ = c.Close() }, handshake.WasRefused},
		{"a frame of another kind", func(c net.Conn) { say(c, []byte{0, 0, 0, 0x7f, 0, 0, 0, 0, 0}) }, handshake.Failed},
	}
)

func say(c net.Conn, octets []byte) { _, _ = c.Write(octets) }

// reset resets the connection once the peer has had time to speak.
func reset(c net.Conn) {
	_ = c.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	_, _ = c.Read(make([]byte, 1))
	_ = c.(*net.TCPConn).SetLinger(0)
	_ = c.Close()
}

// brief is the deadline of an attempt with a hostile peer.
const brief = 300 * time.Millisecond

func (h hostile) check(t *testing.T, account handshake.Account) {
	t.Helper()
	if account.Claim != h.claim || account.Error == "" {
		t.Errorf("wanted the claim %q and an error, found %+v", h.claim, account)
	}
}

// host does what the hostile does, and stays until its peer has gone.
func (h hostile) host(raw net.Conn, secure func(net.Conn) *tls.Conn) {
	defer raw.Close()
	conn := raw
	if secure != nil {
		secured := secure(raw)
		if secured.Handshake() != nil {
			return
		}
		conn = secured
	}
	h.do(conn)
	_ = raw.SetReadDeadline(time.Now().Add(deadline))
	_, _ = io.Copy(io.Discard, raw)
}

func TestHostileServers(t *testing.T) {
	noLeaks(t)
	good := attempt(t, pki.Server, "good", link.TLS13)
	within := func(raw net.Conn) *tls.Conn {
		return tls.Server(raw, &tls.Config{Certificates: []tls.Certificate{*good.Show.TLS()}, NextProtos: []string{http2.NextProtoTLS}, ClientAuth: tls.RequireAnyClientCert})
	}
	for _, version := range []link.Version{link.TLS12, link.TLS13} {
		for _, h := range hostiles {
			t.Run(string(version)+"/"+h.name, func(t *testing.T) { h.serve(t, version, nil) })
		}
		for _, h := range hostileServers {
			t.Run(string(version)+"/within TLS/"+h.name, func(t *testing.T) { h.serve(t, version, within) })
		}
	}
}

// serve has a hostile server meet the prober.
func (h hostile) serve(t *testing.T, version link.Version, secure func(net.Conn) *tls.Conn) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		if raw, err := l.Accept(); err == nil {
			h.host(raw, secure)
		}
	}()
	a := attempt(t, pki.Client, "good", version) // makes keys, which takes longer than the deadline
	ctx, cancel := context.WithTimeout(t.Context(), brief)
	defer cancel()
	account, _ := etcd.Prober{}.Probe(ctx, l.Addr().String(), "", a)
	h.check(t, account)
	<-gone
}

func TestHostileClients(t *testing.T) {
	behind := stand(t, keys{})
	noLeaks(t)
	good := attempt(t, pki.Client, "good", link.TLS13)
	within := func(raw net.Conn) *tls.Conn {
		return tls.Client(raw, &tls.Config{Certificates: []tls.Certificate{*good.Show.TLS()}, NextProtos: []string{http2.NextProtoTLS}, InsecureSkipVerify: true}) //nolint:gosec // it is the observer that judges
	}
	for _, version := range []link.Version{link.TLS12, link.TLS13} {
		for _, h := range hostiles {
			t.Run(string(version)+"/"+h.name, func(t *testing.T) { h.dial(t, version, behind, nil) })
		}
		for _, h := range hostileClients {
			t.Run(string(version)+"/within TLS/"+h.name, func(t *testing.T) { h.dial(t, version, behind, within) })
		}
	}
}

// dial has a hostile client meet the observer. Whoever leaves without a word is waited for once more: he does the same again.
func (h hostile) dial(t *testing.T, version link.Version, behind string, secure func(net.Conn) *tls.Conn) {
	a := attempt(t, pki.Server, "good", version) // makes keys, which takes longer than the deadline
	a.Behind = behind
	ctx, cancel := context.WithTimeout(t.Context(), brief)
	defer cancel()
	l, err := etcd.Observer{}.Listen(ctx)
	if err != nil {
		t.Fatal(err)
	}
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		for range 2 {
			raw, err := (&net.Dialer{}).DialContext(ctx, "tcp", l.Address())
			if err != nil {
				return
			}
			h.host(raw, secure)
		}
	}()
	account, _ := l.Serve(ctx, a)
	h.check(t, account)
	_ = l.Close()
	<-gone
}

// TestAnObserverServesOn: what became of one client is nothing to the next.
func TestAnObserverServesOn(t *testing.T) {
	behind := stand(t, keys{})
	noLeaks(t)
	l, err := etcd.Observer{}.Listen(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	server := attempt(t, pki.Server, "good", link.TLS13)
	server.Behind = behind
	for range 3 {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		account, from := l.Serve(ctx, server)
		cancel()
		if account.Claim != handshake.Failed || account.Phase != handshake.PhaseNone || from != "" {
			t.Errorf("wanted nobody to be served, found %+v from %q", account, from)
		}
		client := attempt(t, pki.Client, "good", link.TLS13)
		done := make(chan handshake.Account, 1)
		go func() {
			a, _ := etcd.Prober{}.Probe(t.Context(), l.Address(), "", client)
			done <- a
		}()
		account, _ = l.Serve(t.Context(), server)
		if c := <-done; c.Claim != handshake.Accepted || account.Claim != handshake.Accepted {
			t.Errorf("wanted both to accept, found %+v and %+v", c, account)
		}
	}
}
