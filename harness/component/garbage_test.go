package component_test

import (
	"bytes"
	"net"
	"testing"

	"github.com/calico-tls/conformance/harness/component"
)

// FuzzAskReady: whatever answers on a health port, it is an answer or an error, and nobody is ready who does not say so.
func FuzzAskReady(f *testing.F) {
	for _, answer := range []string{
		"", "SSH-2.0-somebody-else\r\n", "HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 204 No Content\r\n\r\n", "HTTP/1.0 503 x\r\n\r\n",
		"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 301 x\r\nLocation: /\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n",
	} {
		f.Add([]byte(answer))
	}
	address := answer(f)
	f.Fuzz(func(t *testing.T, octets []byte) {
		said, err := component.AskReady("health")(t.Context(), answering{address: address(octets)})
		switch {
		case said == component.IsReady && !bytes.Contains(octets, []byte(" 200")) && !bytes.Contains(octets, []byte(" 204")):
			t.Errorf("wanted nobody ready by %q", octets)
		case said == component.IsNotReady && !bytes.Contains(octets, []byte(" 503")):
			t.Errorf("wanted nobody to say by %q that it is not ready", octets)
		case said != component.NoAnswer && err != nil:
			t.Errorf("wanted an answer or an error by %q, found %q and %v", octets, said, err)
		}
	})
}

// answer listens on a port and answers each connection with the octets that it was given last, without being asked.
func answer(f *testing.F) func(octets []byte) (address string) {
	f.Helper()
	l, err := new(net.ListenConfig).Listen(f.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = l.Close() })
	next := make(chan []byte, 1)
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = conn.Write(<-next)
			_ = conn.Close()
		}
	}()
	return func(octets []byte) string {
		select {
		case <-next: // nobody came for it
		default:
		}
		next <- octets
		return l.Addr().String()
	}
}
