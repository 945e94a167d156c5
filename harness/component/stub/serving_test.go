package stub_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/calico-tls/conformance/harness/component/stub"
	"github.com/calico-tls/conformance/harness/launch"
	"github.com/calico-tls/conformance/harness/link"
	"github.com/calico-tls/conformance/harness/link/felixtypha"
	"github.com/calico-tls/conformance/pki"
)

// TestTyphaOutlivesItsClients lets clients misbehave, before TLS and within, and asks what the stub says of each, and
// whether it serves the next.
func TestTyphaOutlivesItsClients(t *testing.T) {
	t.Parallel()
	s := settings(t, pki.Server, asks(pki.TouchesBoth, identity(pki.Client)))
	s["TYPHA_SERVERHANDSHAKETIMEOUTSECS"] = "1"
	r := typha(t, s)
	write := func(octets []byte) func(net.Conn) { return func(c net.Conn) { _, _ = c.Write(octets) } }
	encoded := func(m any) []byte {
		octets, err := felixtypha.Encode(m)
		if err != nil {
			t.Fatal(err)
		}
		return octets
	}
	for name, c := range map[string]struct {
		within bool
		do     func(net.Conn)
		says   string
	}{
		"silence":              {false, func(net.Conn) {}, "i/o timeout"},
		"half a hello":         {false, write([]byte{22, 3, 1}), "i/o timeout"},
		"garbage":              {false, write([]byte("GET / HTTP/1.1\r\n\r\n")), "first record does not look like a TLS handshake"},
		"the end":              {false, func(c net.Conn) { _ = c.(*net.TCPConn).CloseWrite() }, "Client closed the connection."},
		"silence within":       {true, func(net.Conn) {}, "i/o timeout"},
		"garbage within":       {true, write(bytes.Repeat([]byte{0x7f, 'x'}, 1000)), "not a message of Typha"},
		"a huge message":       {true, write([]byte{0xfc, 0x40, 0, 0, 0}), "longer than 1048576 octets"},
		"another first":        {true, write(encoded(felixtypha.MsgPing{})), "wanted MsgClientHello as the first message, found felixtypha.MsgPing"},
		"an unknown syncer":    {true, write(encoded(felixtypha.MsgClientHello{SyncerType: "none-such"})), `found \"none-such\"`},
		"the end within":       {true, func(c net.Conn) { _ = c.Close() }, "Client closed the connection."},
		"a hello without type": {true, write(encoded(felixtypha.MsgClientHello{})), "syncer=felix"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			raw, err := net.Dial("tcp", r.address)
			if err != nil {
				t.Fatal(err)
			}
			defer raw.Close()
			a := attempt(t, pki.Client, "good", link.TLS13)
			conn := raw
			if c.within {
				secured := tls.Client(raw, &tls.Config{Certificates: []tls.Certificate{*a.Show.TLS()}, InsecureSkipVerify: true}) //nolint:gosec // it is the server that judges
				if err := secured.Handshake(); err != nil {
					t.Fatal(err)
				}
				conn = secured
			}
			c.do(conn)
			ctx, cancel := context.WithTimeout(t.Context(), deadline)
			defer cancel()
			from := "client=" + raw.LocalAddr().String() + " "
			line, err := r.log.Wait(ctx, func(line string) bool { return strings.Contains(line, from) })
			if err != nil || !strings.Contains(line, c.says) {
				t.Errorf("wanted it to say %q, found %q and %v", c.says, line, err)
			}
			begun := time.Now()
			client, server := r.probe(t, a)
			compare(t, wanted{}, client, server)
			if took := time.Since(begun); took > deadline/4 {
				t.Errorf("wanted the next to be served at once, found that it took %s", took)
			}
		})
	}
}

// TestTyphaPings: one ping comes at once, and another after each interval.
func TestTyphaPings(t *testing.T) {
	t.Parallel()
	s := settings(t, pki.Server, link.Verifier{})
	s["TYPHA_SERVERPINGINTERVALSECS"] = "1"
	r := typha(t, s)
	conn, err := net.Dial("tcp", r.address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(deadline)); err != nil {
		t.Fatal(err)
	}
	reader, writer := felixtypha.NewReader(conn), felixtypha.NewWriter(conn)
	if err := writer.Write(felixtypha.MsgClientHello{}); err != nil {
		t.Fatal(err)
	}
	var pings []time.Time
	for len(pings) < 3 {
		m, err := reader.Read()
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := m.(felixtypha.MsgPing); ok {
			pings = append(pings, time.Now())
			if err := writer.Write(felixtypha.MsgPong{}); err != nil {
				t.Fatal(err)
			}
		}
	}
	if second := pings[2].Sub(pings[1]); second < 900*time.Millisecond {
		t.Errorf("wanted a second between the pings, found %s", second)
	}
}

// TestTyphaDropsWhoDoesNotAnswer: a client that answers no ping is dropped.
func TestTyphaDropsWhoDoesNotAnswer(t *testing.T) {
	t.Parallel()
	s := settings(t, pki.Server, link.Verifier{})
	s["TYPHA_SERVERPONGTIMEOUTSECS"] = "1"
	r := typha(t, s)
	conn, err := net.Dial("tcp", r.address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(deadline)); err != nil {
		t.Fatal(err)
	}
	if err := felixtypha.NewWriter(conn).Write(felixtypha.MsgClientHello{}); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, conn); err != nil {
		t.Errorf("wanted the connection to be closed, found: %v", err)
	}
}

// TestMetrics: who is refused is accepted by the listener, and never served.
func TestMetrics(t *testing.T) {
	t.Parallel()
	s := settings(t, pki.Server, asks(pki.TouchesBoth, identity(pki.Client)))
	s["TYPHA_PROMETHEUSMETRICSENABLED"], s["TYPHA_PROMETHEUSMETRICSHOST"], s["TYPHA_PROMETHEUSMETRICSPORT"] = "true", "127.0.0.1", freePort(t)
	r := typha(t, s)
	series := func(lines ...string) {
		t.Helper()
		text := scrape(t, s)
		for _, line := range lines {
			if !strings.Contains(text, "\n"+line+"\n") {
				t.Errorf("wanted %q, found:\n%s", line, text)
			}
		}
	}
	series("typha_connections_accepted 0", `typha_connections_streaming{syncer="felix"} 0`)
	r.probe(t, attempt(t, pki.Client, "cn-absent-uri-other", link.TLS13))
	series("typha_connections_accepted 1", `typha_connections_streaming{syncer="felix"} 0`)
	a := attempt(t, pki.Client, "good", link.TLS13)
	a.Accepted = func() {
		series("typha_connections_accepted 2", `typha_connections_streaming{syncer="felix"} 1`, `typha_connections_streaming{syncer="bgp"} 0`)
	}
	r.probe(t, a)
	if n := streaming(t, s, "0"); n != "0" {
		t.Errorf("wanted nobody to be served in the end, found %s", n)
	}
}

// TestHealth: a Typha is ready once it listens, and a Felix while it is in sync.
func TestHealth(t *testing.T) {
	t.Parallel()
	ask := func(port string) int {
		t.Helper()
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://127.0.0.1:"+port+"/readiness", nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		return response.StatusCode
	}
	of := func(s map[string]string, prefix string) string {
		s[prefix+"HEALTHENABLED"], s[prefix+"HEALTHHOST"], s[prefix+"HEALTHPORT"] = "true", "127.0.0.1", freePort(t)
		return s[prefix+"HEALTHPORT"]
	}
	s := settings(t, pki.Server, link.Verifier{})
	port := of(s, "TYPHA_")
	typha(t, s)
	if status := ask(port); status != http.StatusOK {
		t.Errorf("wanted a Typha that listens to be ready, found status %d", status)
	}

	s = settings(t, pki.Client, asks(pki.TouchesBoth, identity(pki.Server)))
	port = of(s, "FELIX_")
	r, l := felix(t, s)
	a := attempt(t, pki.Server, "cn-absent-uri-other", link.TLS13)
	r.serve(t, l, a)
	if status := ask(port); status != http.StatusServiceUnavailable {
		t.Errorf("wanted a Felix that was never served not to be ready, found status %d", status)
	}
	a = attempt(t, pki.Server, "good", link.TLS13)
	a.Accepted = func() {
		ctx, cancel := context.WithTimeout(t.Context(), deadline)
		defer cancel()
		for ask(port) != http.StatusOK {
			if ctx.Err() != nil {
				t.Error("wanted a Felix in sync to be ready, found that it never is")
				return
			}
		}
	}
	r.serve(t, l, a)
	if _, err := r.log.Wait(t.Context(), func(line string) bool { return strings.Contains(line, "Lost the connection") }); err != nil {
		t.Fatal(err)
	}
	if status := ask(port); status != http.StatusServiceUnavailable {
		t.Errorf("wanted a Felix that lost its Typha not to be ready, found status %d", status)
	}
}

// TestFelixOutlivesItsServers lets servers misbehave.
func TestFelixOutlivesItsServers(t *testing.T) {
	t.Parallel()
	s := settings(t, pki.Client, asks(pki.TouchesBoth, identity(pki.Server)))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	s["FELIX_TYPHAADDR"] = l.Addr().String()
	s["FELIX_TYPHAREADTIMEOUT"] = "1"
	r := start(t, stub.RunFelix, stub.Felix().Reader, s)
	a := attempt(t, pki.Server, "good", link.TLS13)
	secure := &tls.Config{Certificates: []tls.Certificate{*a.Show.TLS()}, ClientAuth: tls.RequireAnyClientCert}
	for _, c := range []struct {
		name   string
		within bool
		do     func(net.Conn)
		says   string
	}{
		{"garbage", false, func(c net.Conn) { _, _ = c.Write([]byte("HTTP/1.1 400 Bad Request\r\n\r\n")) }, "first record does not look like a TLS handshake"},
		{"the end", false, func(c net.Conn) { _ = c.Close() }, "error="},
		{"silence within", true, func(net.Conn) {}, "i/o timeout"},
		{"garbage within", true, func(c net.Conn) { _, _ = c.Write(bytes.Repeat([]byte{0x7f, 'x'}, 1000)) }, "not a message of Typha"},
		{"another first", true, func(c net.Conn) { _ = felixtypha.NewWriter(c).Write(felixtypha.MsgPing{}) }, "wanted MsgServerHello as the first message, found felixtypha.MsgPing"},
		{"the end within", true, func(c net.Conn) { _ = c.Close() }, "error=EOF"},
		{"silence after the hello", true, func(c net.Conn) {
			_ = felixtypha.NewWriter(c).Write(felixtypha.MsgServerHello{SupportsNodeResourceUpdates: true})
		}, "Successfully connected to Typha"},
	} {
		raw, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		conn := raw
		if c.within {
			secured := tls.Server(raw, secure)
			if err := secured.Handshake(); err != nil {
				t.Fatal(err)
			}
			conn = secured
		}
		c.do(conn)
		ctx, cancel := context.WithTimeout(t.Context(), deadline)
		from := "local=" + raw.RemoteAddr().String() + " "
		line, err := r.log.Wait(ctx, func(line string) bool { return strings.Contains(line, from) })
		if err != nil || !strings.Contains(line, c.says) {
			t.Errorf("%s: wanted it to say %q, found %q and %v", c.name, c.says, line, err)
		}
		if strings.HasPrefix(c.says, "Success") {
			lost, err := r.log.Wait(ctx, func(line string) bool { return strings.Contains(line, from) && strings.Contains(line, "Lost") })
			if err != nil || !strings.Contains(lost, "i/o timeout") {
				t.Errorf("%s: wanted it to give up, found %q and %v", c.name, lost, err)
			}
		}
		cancel()
		_ = raw.Close()
	}
}

// TestNothingGoesOn: stubs end with their context whatever goes on, and leave no goroutine. Not parallel, as it counts.
func TestNothingGoesOn(t *testing.T) {
	before := runtime.NumGoroutine()
	ctx, cancel := context.WithCancel(t.Context())
	s := settings(t, pki.Server, asks(pki.TouchesBoth, identity(pki.Client)))
	s["TYPHA_PROMETHEUSMETRICSENABLED"], s["TYPHA_PROMETHEUSMETRICSHOST"], s["TYPHA_PROMETHEUSMETRICSPORT"] = "true", "127.0.0.1", freePort(t)
	log := &launch.Log{}
	ended := make(chan int, 2)
	go func() { ended <- stub.RunTypha(ctx, s, log) }()
	line, err := log.Wait(ctx, stub.Typha().Reader.Ready)
	if err != nil {
		t.Fatal(err)
	}
	address := readyPort.FindStringSubmatch(line)[1]
	silent, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	f := settings(t, pki.Client, asks(pki.TouchesBoth, identity(pki.Server)))
	f["FELIX_TYPHAADDR"] = address
	go func() { ended <- stub.RunFelix(ctx, f, io.Discard) }()
	if _, err := log.Wait(ctx, func(line string) bool { return strings.Contains(line, "Received Hello") }); err != nil {
		t.Fatal(err)
	}
	cancel()
	for range 2 {
		select {
		case code := <-ended:
			if code != 0 {
				t.Errorf("wanted exit code 0, found %d", code)
			}
		case <-time.After(deadline):
			t.Fatal("wanted the stubs to end, found that they go on")
		}
	}
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for over := time.After(deadline); runtime.NumGoroutine() > before; {
		select {
		case <-tick.C:
		case <-over:
			stacks := make([]byte, 1<<16)
			t.Fatalf("wanted %d goroutines in the end, found %d:\n%s", before, runtime.NumGoroutine(), stacks[:runtime.Stack(stacks, true)])
		}
	}
	if strings.Contains(strings.Join(log.Tail(100), "\n"), "use of closed network connection") {
		t.Errorf("wanted no complaint about its own end, found %q", log.Tail(100))
	}
}
