package felixtypha_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"net"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/calico-tls/conformance/harness/handshake"
	"github.com/calico-tls/conformance/harness/link"
	"github.com/calico-tls/conformance/harness/link/felixtypha"
	"github.com/calico-tls/conformance/pki"
)

// hostile is what somebody does to an instrument, once connected. He stays until the instrument has gone.
type hostile struct {
	name string
	do   func(net.Conn)
	// claims are what the instrument may make of it.
	claims []handshake.Claim
}

var (
	giveUp  = []handshake.Claim{handshake.Failed}
	refuse  = []handshake.Claim{handshake.Refused}
	refused = []handshake.Claim{handshake.WasRefused}
)

// hostiles do it without TLS, and hostilesWithin once TLS is agreed upon.
var hostiles = []hostile{
	{"silence", func(net.Conn) {}, giveUp},
	{"garbage", func(c net.Conn) { say(c, bytes.Repeat([]byte("garbage\n"), 1000)) }, refuse},
	{"half a record", func(c net.Conn) { say(c, []byte{22, 3, 3, 1}) }, giveUp},
	{"octet by octet", drip, giveUp},
	{"half-close", func(c net.Conn) { _ = c.(*net.TCPConn).CloseWrite() }, refused},
	{"half a record, then the end", func(c net.Conn) { say(c, []byte{22, 3, 3, 1}); _ = c.(*net.TCPConn).CloseWrite() }, refused},
	{"reset", reset, refused},
	{"a huge record", func(c net.Conn) { say(c, append([]byte{22, 3, 1, 0xff, 0xff}, make([]byte, 1<<16)...)) }, refuse},
	{"a huge message", func(c net.Conn) { say(c, []byte{22, 3, 1, 0, 4, 1, 0xff, 0xff, 0xff}) }, refuse},
	{"an alert", func(c net.Conn) { say(c, []byte{21, 3, 1, 0, 2, 2, 40}) }, refused},
	{"an alert of no meaning", func(c net.Conn) { say(c, []byte{21, 3, 1, 0, 2, 9, 200}) }, refuse},
	{"warnings without end", func(c net.Conn) { say(c, bytes.Repeat([]byte{21, 3, 1, 0, 2, 1, 90}, 100)) }, giveUp},
}

var hostilesWithin = []hostile{
	{"silence", func(net.Conn) {}, giveUp},
	{"garbage", func(c net.Conn) { say(c, bytes.Repeat([]byte{0x7f, 'x'}, 1000)) }, refuse},
	{"a length and nothing", func(c net.Conn) { say(c, []byte{0xfe, 0x10, 0}) }, giveUp},
	{"a gigabyte claimed", func(c net.Conn) { say(c, []byte{0xfc, 0x40, 0, 0, 0}) }, refuse},
	{"another message", func(c net.Conn) { _ = felixtypha.NewWriter(c).Write(felixtypha.MsgACK{}) }, refuse},
	{"the end", func(c net.Conn) { _ = c.Close() }, refused},
	{"half a message, then the end", func(c net.Conn) { say(c, []byte{0x20, 1}); _ = c.Close() }, refused},
	{"octet by octet", drip, giveUp},
}

// aHello is a client that says what it must, and goes before it has shown that it took the answer.
var aHello = hostile{"a hello, then the end", func(c net.Conn) {
	_ = felixtypha.NewWriter(c).Write(felixtypha.MsgClientHello{})
	_ = c.Close()
}, refused}

func say(c net.Conn, octets []byte) { _, _ = c.Write(octets) }

// reset resets the connection once the peer has had time to speak.
func reset(c net.Conn) {
	_ = c.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	_, _ = c.Read(make([]byte, 1))
	_ = c.(*net.TCPConn).SetLinger(0)
	_ = c.Close()
}

// drip says the beginning of a record, an octet at a time, for as long as anybody listens.
func drip(c net.Conn) {
	for _, octet := range append([]byte{22, 3, 3, 0x20, 0, 2, 0, 0x1f, 0xf0}, make([]byte, 100)...) {
		say(c, []byte{octet})
		_ = c.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
		_, _ = c.Read(make([]byte, 4096))
	}
}

func (h hostile) check(t *testing.T, account handshake.Account, begun time.Time) {
	t.Helper()
	for _, claim := range h.claims {
		if account.Claim == claim && account.Error != "" {
			if took := time.Since(begun); took > deadline/2 {
				t.Errorf("wanted it to end with its deadline, found that it took %s", took)
			}
			return
		}
	}
	t.Errorf("wanted one of the claims %v, found %+v", h.claims, account)
}

// brief is the deadline of an attempt with a hostile peer.
const brief = 300 * time.Millisecond

func TestHostileServers(t *testing.T) {
	noLeaks(t)
	for _, version := range []link.Version{link.TLS12, link.TLS13} {
		for _, within := range []string{"", "within TLS"} {
			all := hostiles
			if within != "" {
				all = hostilesWithin
			}
			for _, h := range all {
				t.Run(string(version)+"/"+h.name+within, func(t *testing.T) {
					l, err := net.Listen("tcp", "127.0.0.1:0")
					if err != nil {
						t.Fatal(err)
					}
					defer l.Close()
					gone := make(chan struct{})
					go func() {
						defer close(gone)
						raw, err := l.Accept()
						if err != nil {
							return
						}
						h.host(raw, within != "", func(raw net.Conn) *tls.Conn {
							a := attempt(t, pki.Server, "good", pki.TouchesBoth, version)
							return tls.Server(raw, &tls.Config{Certificates: []tls.Certificate{*a.Show.TLS()}, ClientAuth: tls.RequireAnyClientCert})
						})
					}()
					a := attempt(t, pki.Client, "good", pki.TouchesBoth, version) // makes keys, which takes longer than the deadline
					ctx, cancel := context.WithTimeout(t.Context(), brief)
					defer cancel()
					begun := time.Now()
					account, _ := felixtypha.Prober{}.Probe(ctx, l.Addr().String(), "", a)
					h.check(t, account, begun)
					<-gone
				})
			}
		}
	}
}

func TestHostileClients(t *testing.T) {
	noLeaks(t)
	for _, version := range []link.Version{link.TLS12, link.TLS13} {
		for _, within := range []string{"", "within TLS"} {
			all := hostiles
			if within != "" {
				all = append(slices.Clone(hostilesWithin), aHello)
			}
			for _, h := range all {
				t.Run(string(version)+"/"+h.name+within, func(t *testing.T) {
					a := attempt(t, pki.Server, "good", pki.TouchesBoth, version) // makes keys, which takes longer than the deadline
					ctx, cancel := context.WithTimeout(t.Context(), brief)
					defer cancel()
					l, err := felixtypha.Observer{}.Listen(ctx)
					if err != nil {
						t.Fatal(err)
					}
					defer l.Close()
					gone := make(chan struct{})
					go func() {
						defer close(gone)
						raw, err := net.Dial("tcp", l.Address())
						if err != nil {
							return
						}
						h.host(raw, within != "", func(raw net.Conn) *tls.Conn {
							a := attempt(t, pki.Client, "good", pki.TouchesBoth, version)
							return tls.Client(raw, &tls.Config{Certificates: []tls.Certificate{*a.Show.TLS()}, InsecureSkipVerify: true}) //nolint:gosec // it is the observer that judges
						})
					}()
					begun := time.Now()
					account, _ := l.Serve(ctx, a)
					h.check(t, account, begun)
					<-gone
				})
			}
		}
	}
}

// host does what the hostile does, and stays until its peer has gone.
func (h hostile) host(raw net.Conn, within bool, secure func(net.Conn) *tls.Conn) {
	defer raw.Close()
	if !within {
		h.do(raw)
	} else {
		conn := secure(raw)
		if conn.Handshake() != nil {
			return
		}
		h.do(conn)
	}
	_ = raw.SetReadDeadline(time.Now().Add(deadline))
	_, _ = io.Copy(io.Discard, raw)
}

// TestAnAlertInTheClear: a server of another make than Go's answers plaintext with an alert, which is no application data.
func TestAnAlertInTheClear(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		raw, err := l.Accept()
		if err != nil {
			return
		}
		say(raw, []byte{21, 3, 1, 0, 2, 2, byte(handshake.ProtocolVersion)})
		_, _ = io.Copy(io.Discard, raw)
		_ = raw.Close()
	}()
	ctx, cancel := context.WithTimeout(t.Context(), deadline)
	defer cancel()
	account, _ := felixtypha.Prober{}.Probe(ctx, l.Addr().String(), "", link.Attempt{Version: link.Clear})
	if account.Claim != handshake.WasRefused || account.AlertReceived != handshake.ProtocolVersion || account.Octets != 0 || account.Phase != handshake.PhaseHandshake {
		t.Errorf("wanted protocol_version and no application data, found %+v", account)
	}
}

// TestAnObserverServesOn: what became of one client is nothing to the next.
func TestAnObserverServesOn(t *testing.T) {
	noLeaks(t)
	l, err := felixtypha.Observer{}.Listen(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for range 3 {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		account, from := l.Serve(ctx, attempt(t, pki.Server, "good", pki.TouchesBoth, link.TLS13))
		cancel()
		if account.Claim != handshake.Failed || account.Phase != handshake.PhaseNone || from != "" {
			t.Errorf("wanted nobody to be served, found %+v from %q", account, from)
		}
		c := attempt(t, pki.Client, "good", pki.TouchesBoth, link.TLS13)
		c.Conduct = synchronising
		done := make(chan handshake.Account, 1)
		go func() {
			a, _ := felixtypha.Prober{}.Probe(t.Context(), l.Address(), "", c)
			done <- a
		}()
		account, _ = l.Serve(t.Context(), attempt(t, pki.Server, "good", pki.TouchesBoth, link.TLS13))
		accepted(t, <-done, account, link.TLS13)
	}
}

// noLeaks fails the test if more goroutines run at its end than did at its beginning. Such a test is not parallel.
func noLeaks(t *testing.T) {
	t.Helper()
	before := runtime.NumGoroutine()
	t.Cleanup(func() {
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for over := time.After(deadline); runtime.NumGoroutine() > before; {
			select {
			case <-tick.C:
			case <-over:
				stacks := make([]byte, 1<<16)
				t.Errorf("wanted %d goroutines in the end, found %d:\n%s", before, runtime.NumGoroutine(), stacks[:runtime.Stack(stacks, true)])
				return
			}
		}
	})
}
