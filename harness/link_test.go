package harness_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"slices"
	"testing"
	"time"

	"github.com/calico-tls/conformance/harness"
	"github.com/calico-tls/conformance/harness/handshake"
	"github.com/calico-tls/conformance/harness/link"
	"github.com/calico-tls/conformance/harness/link/instrument"
)

// TestObserversFindTheAlert: what is random in a client's hello may look like an alert wherever one begins to read, and the
// client that speaks TLS to a server in the clear says its own after that.
func TestObserversFindTheAlert(t *testing.T) {
	t.Parallel()
	alert := instrument.AlertRecord(byte(handshake.UnknownCA))
	for _, l := range harness.Links {
		for shift := range len(alert) {
			t.Run(fmt.Sprintf("%s/%d", l.Name, shift), func(t *testing.T) {
				t.Parallel()
				body := append(make([]byte, shift), bytes.Repeat(alert, 300)...)
				hello := slices.Concat([]byte{instrument.RecordHandshake, 3, 1, byte(len(body) >> 8), byte(len(body))}, body)
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				listener, err := l.Observer.Listen(ctx)
				if err != nil {
					t.Fatal(err)
				}
				defer listener.Close()
				client, err := net.Dial("tcp", listener.Address())
				if err != nil {
					t.Fatal(err)
				}
				defer client.Close()
				go func() {
					_, _ = client.Write(hello)
					_, _ = client.Read(make([]byte, 1)) // it is answered, in the clear
					_, _ = client.Write(instrument.AlertRecord(byte(handshake.ProtocolVersion)))
				}()
				account, _ := listener.Serve(ctx, link.Attempt{Version: link.Clear})
				if account.Claim != handshake.WasRefused || account.AlertReceived != handshake.ProtocolVersion {
					t.Errorf("wanted it refused by %v, found %+v", handshake.ProtocolVersion, account)
				}
			})
		}
	}
}
