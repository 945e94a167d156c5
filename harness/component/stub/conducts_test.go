package stub_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/calico-tls/conformance/harness/component/stub"
	"github.com/calico-tls/conformance/harness/handshake"
	"github.com/calico-tls/conformance/harness/link"
	"github.com/calico-tls/conformance/harness/link/felixtypha"
	"github.com/calico-tls/conformance/pki"
)

// TestConducts plays each conduct with each of its variants against the reference.
func TestConducts(t *testing.T) {
	t.Parallel()
	for _, d := range felixtypha.Link.Conducts {
		if d.Side != handshake.Client || d.Suite != "" {
			continue
		}
		spoken := d.Versions
		if len(spoken) == 0 {
			spoken = []link.Version{link.TLS12, link.TLS13}
		}
		for _, name := range d.Modes {
			mode, _ := felixtypha.Link.Mode(name)
			r := typha(t, settings(t, pki.Server, mode.Server))
			for _, variant := range d.Variants {
				for _, version := range spoken {
					t.Run(fmt.Sprintf("%s/%s/%s/%s", d.Name, name, variant, version), func(t *testing.T) {
						a := attempt(t, pki.Client, variant, version)
						a.Conduct, a.Require = d.Name, mode.Client
						if d.Require != nil {
							a.Require = d.Require(a.Require)
						}
						v, _ := pki.VariantNamed(variant)
						breaks, shown := v.Breaks, a.Show.Fingerprint()
						if d.Withholds && v.Breaks == pki.CheckChain {
							breaks, shown = pki.CheckPresence, ""
						}
						client, server := r.probe(t, a)
						compare(t, outcome(handshake.Server, breaks, serverAlerts), client, server)
						if client.Shown != shown {
							t.Errorf("wanted the certificate %q to be shown, found %q", shown, client.Shown)
						}
						if client.Claim == handshake.Accepted && client.Version != string(version) {
							t.Errorf("wanted %s, found %q", version, client.Version)
						}
						if syncer, ok := strings.CutPrefix(d.Name, "syncer-"); ok && client.Claim == handshake.Accepted {
							if line := server.Log[0]; !strings.Contains(line, " syncer="+syncer+" ") {
								t.Errorf("wanted the syncer %s, found %q", syncer, line)
							}
						}
					})
				}
			}
		}
	}
}

// TestConductsOnTheWire looks at what a server is offered.
func TestConductsOnTheWire(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		conduct  string
		name     string
		protos   []string
		versions []uint16
	}{
		{"", "", nil, []uint16{tls.VersionTLS13}},
		{"sni-other", "nobody.invalid", nil, []uint16{tls.VersionTLS13}},
		{"alpn-other", "", []string{"h2", "x"}, []uint16{tls.VersionTLS13}},
		{"offer-all", "", nil, []uint16{tls.VersionTLS13, tls.VersionTLS12, tls.VersionTLS11, tls.VersionTLS10}},
	} {
		t.Run(c.conduct, func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			offered := make(chan *tls.ClientHelloInfo, 1)
			go func() {
				conn, err := l.Accept()
				if err != nil {
					return
				}
				defer conn.Close()
				_ = tls.Server(conn, &tls.Config{GetConfigForClient: func(h *tls.ClientHelloInfo) (*tls.Config, error) {
					offered <- h
					return nil, nil
				}}).Handshake()
			}()
			a := attempt(t, pki.Client, "good", link.TLS13)
			a.Conduct = c.conduct
			ctx, cancel := context.WithTimeout(t.Context(), deadline)
			defer cancel()
			felixtypha.Prober{}.Probe(ctx, l.Addr().String(), "", a)
			h := <-offered
			if h.ServerName != c.name || !slices.Equal(h.SupportedProtos, c.protos) || !slices.Equal(h.SupportedVersions, c.versions) {
				t.Errorf("wanted %+v, found the name %q, the protocols %q and the versions %x", c, h.ServerName, h.SupportedProtos, h.SupportedVersions)
			}
		})
	}
}

// TestCrowd counts the connections, and lets the stub do what the crowd must notice.
func TestCrowd(t *testing.T) {
	t.Parallel()
	for fault, want := range map[string]handshake.Claim{
		"":                            handshake.Accepted,
		"client-certificate-optional": handshake.Refused,
		"no-client-certificate":       handshake.Refused,
		"refuse-everyone":             handshake.WasRefused,
		"tls12-only":                  handshake.WasRefused,
	} {
		t.Run(fault, func(t *testing.T) {
			s := settings(t, pki.Server, asks(pki.TouchesBoth, identity(pki.Client)))
			s[stub.FaultSetting] = fault
			s["TYPHA_PROMETHEUSMETRICSENABLED"], s["TYPHA_PROMETHEUSMETRICSHOST"], s["TYPHA_PROMETHEUSMETRICSPORT"] = "true", "127.0.0.1", freePort(t)
			r := typha(t, s)
			a := attempt(t, pki.Client, "good", link.TLS13)
			a.Conduct = "amid-refusals"
			if client, _ := r.probe(t, a); client.Claim != want {
				t.Errorf("wanted %s, found %+v", want, client)
			}
			if text := scrape(t, s); !strings.Contains(text, "\ntypha_connections_accepted 120\n") {
				t.Errorf("wanted 120 connections, found:\n%s", text)
			}
		})
	}
}

// TestSynchronising: without a ping, or without being in sync, the prober waits in vain.
func TestSynchronising(t *testing.T) {
	t.Parallel()
	hello := felixtypha.MsgServerHello{SyncerType: felixtypha.SyncerFelix}
	ping := felixtypha.MsgPing{Timestamp: time.Unix(1, 0).UTC()}
	for name, c := range map[string]struct {
		says  []any
		claim handshake.Claim
		pongs int
	}{
		"in sync, then a ping":      {[]any{hello, felixtypha.MsgSyncStatus{SyncStatus: felixtypha.InSync}, ping}, handshake.Accepted, 1},
		"a ping, then in sync":      {[]any{hello, ping, felixtypha.MsgSyncStatus{SyncStatus: felixtypha.InSync}}, handshake.Accepted, 1},
		"no ping":                   {[]any{hello, felixtypha.MsgSyncStatus{SyncStatus: felixtypha.InSync}}, handshake.Failed, 0},
		"not in sync":               {[]any{hello, felixtypha.MsgSyncStatus{SyncStatus: felixtypha.ResyncInProgress}, ping, ping}, handshake.Failed, 2},
		"another message at first":  {[]any{ping, hello}, handshake.Refused, 0},
		"nothing after the hello":   {[]any{hello}, handshake.Failed, 0},
		"in sync, and then no more": {[]any{hello, felixtypha.MsgSyncStatus{SyncStatus: felixtypha.InSync}, felixtypha.MsgSyncStatus{SyncStatus: felixtypha.ResyncInProgress}, ping}, handshake.Failed, 1},
	} {
		t.Run(name, func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			heard := make(chan []any, 1)
			go func() {
				conn, err := l.Accept()
				if err != nil {
					heard <- nil
					return
				}
				defer conn.Close()
				r, w := felixtypha.NewReader(conn), felixtypha.NewWriter(conn)
				_ = w.Write(c.says...)
				var all []any
				for {
					m, err := r.Read()
					if err != nil {
						heard <- all
						return
					}
					all = append(all, m)
				}
			}()
			ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
			defer cancel()
			account, _ := felixtypha.Prober{}.Probe(ctx, l.Addr().String(), "", link.Attempt{Version: link.Clear, Conduct: "sync"})
			if account.Claim != c.claim {
				t.Errorf("wanted %s, found %+v", c.claim, account)
			}
			all := <-heard
			var pongs []time.Time
			for _, m := range all[1:] {
				pongs = append(pongs, m.(felixtypha.MsgPong).PingTimestamp)
			}
			if d := cmp.Diff(slices.Repeat([]time.Time{ping.Timestamp}, c.pongs), pongs); d != "" && c.pongs+len(pongs) > 0 {
				t.Errorf("wanted pongs -, found +:\n%s", d)
			}
		})
	}
}
