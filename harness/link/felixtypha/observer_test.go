package felixtypha_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/calico-tls/conformance/harness/handshake"
	"github.com/calico-tls/conformance/harness/link"
	"github.com/calico-tls/conformance/harness/link/felixtypha"
	"github.com/calico-tls/conformance/harness/link/instrument"
	"github.com/calico-tls/conformance/pki"
)

// TestReceptions lets the prober meet the observer in each of its conducts but those that stall.
func TestReceptions(t *testing.T) {
	t.Parallel()
	accept, refuse, wasRefused := handshake.Accepted, handshake.Refused, handshake.WasRefused
	both, in12, in13 := []link.Version{link.TLS12, link.TLS13}, []link.Version{link.TLS12}, []link.Version{link.TLS13}
	const none = handshake.NoAlert
	for _, c := range []struct {
		observer, prober, variant string
		versions                  []link.Version
		client, server            handshake.Claim
		// alert is what was told to whom was refused, saying what the observer says of it.
		alert  handshake.Alert
		saying string
	}{
		{"hello", "sync", "good", both, accept, accept, none, ""},
		{"hello", "sni-other", "good", both, wasRefused, refuse, handshake.HandshakeFailure, "a server name"},
		{"hello", "alpn-other", "good", both, wasRefused, refuse, handshake.HandshakeFailure, "an application protocol"},
		{"hello-suites", "sync", "good", in13, accept, accept, none, ""},
		{"hello-suites", "sync", "good", in12, wasRefused, refuse, handshake.HandshakeFailure, "which is not on the list"},
		{"suite-unoffered", "", "good", in12, refuse, wasRefused, handshake.HandshakeFailure, ""},
		{"suite-unoffered", "", "good", in13, refuse, wasRefused, handshake.IllegalParameter, ""},
		{"no-request", "sync", "good", both, accept, accept, none, ""},
		{"no-ca-list", "sync", "good", both, accept, accept, none, ""},
		{"no-ca-list", "sync", "other-authority", both, wasRefused, refuse, handshake.BadCertificate, "unknown authority"},
		{"no-ca-list", "sync", "cn-other", both, wasRefused, refuse, handshake.BadCertificate, "does not have required"},
		{"chain", "sync", "intermediate", both, accept, accept, none, ""},
		{"chain", "sync", "good", both, wasRefused, refuse, handshake.BadCertificate, "found the leaf alone"},
		{"renegotiate", "", "good", in12, refuse, wasRefused, handshake.NoRenegotiation, ""},
		{"old-hello", "", "good", both, accept, accept, none, ""},
		{"old-hello", "sync", "good", in13, wasRefused, refuse, none, "the client stays"},
		{"no-ready-flag", "sync", "good", both, accept, accept, none, ""},
	} {
		for _, version := range c.versions {
			t.Run(strings.Join([]string{c.observer, c.prober, c.variant, string(version)}, "/"), func(t *testing.T) {
				t.Parallel()
				a := attempt(t, pki.Client, c.variant, pki.TouchesCN, version)
				b := attempt(t, pki.Server, "good", pki.TouchesCN, version)
				a.Conduct, b.Conduct = c.prober, c.observer
				client, server := meetAt(t, felixtypha.Hurried(0, time.Second, time.Second), a, b)
				told := server
				if c.server == refuse {
					told = client
				}
				if client.Claim != c.client || server.Claim != c.server || told.AlertReceived != c.alert || !strings.Contains(server.Error, c.saying) {
					t.Errorf("wanted the client to be %s, the server %s saying %q, and %q to be told, found\n%+v\n%+v", c.client, c.server, c.saying, c.alert, client, server)
				}
				if c.client == refuse && !slices.Equal(client.Checks, []pki.Check{pki.CheckProtocol}) {
					t.Errorf("wanted the client to refuse for the protocol, found %+v", client)
				}
			})
		}
	}
}

// meetAt lets the prober meet an observer.
func meetAt(t *testing.T, o felixtypha.Observer, client, server link.Attempt) (c, s handshake.Account) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), deadline)
	defer cancel()
	l, err := o.Listen(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	done := make(chan struct{})
	go func() {
		defer close(done)
		s, _ = l.Serve(ctx, server)
	}()
	c, _ = felixtypha.Prober{}.Probe(ctx, l.Address(), "", client)
	<-done
	return c, s
}

// serveTo lets a client that does as it is told meet an observer.
func serveTo(t *testing.T, o felixtypha.Observer, a link.Attempt, do func(net.Conn)) handshake.Account {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), deadline)
	defer cancel()
	l, err := o.Listen(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	done := make(chan struct{})
	go func() {
		defer close(done)
		raw, err := net.Dial("tcp", l.Address())
		if err != nil {
			return
		}
		do(raw)
		_ = raw.Close()
	}()
	account, _ := l.Serve(ctx, a)
	<-done
	return account
}

// TestOnlyTLSIsHungUpOn: a client that speaks plaintext to an observer in the clear is served, and so has accepted it.
func TestOnlyTLSIsHungUpOn(t *testing.T) {
	t.Parallel()
	for _, conduct := range []string{"closing", "silent"} {
		clear := link.Attempt{Version: link.Clear, Conduct: conduct}
		o := felixtypha.Hurried(0, time.Second, time.Second)
		client, server := meetAt(t, o, link.Attempt{Version: link.Clear, Conduct: synchronising}, clear)
		accepted(t, client, server, "")
		server = serveTo(t, o, clear, func(c net.Conn) {
			_ = c.SetDeadline(time.Now().Add(time.Second / 4))
			_ = tls.Client(c, &tls.Config{InsecureSkipVerify: true}).Handshake() //nolint:gosec // there is nobody to verify
		})
		if server.Claim != handshake.WasRefused || server.Octets != 0 || server.AlertReceived != handshake.NoAlert {
			t.Errorf("%s: wanted nothing of TLS to be taken for data, and the client to leave, found %+v", conduct, server)
		}
	}
}

// TestStalls: a client that gives up too soon or too late is objected to.
func TestStalls(t *testing.T) {
	t.Parallel()
	o := felixtypha.Hurried(400*time.Millisecond, 3*time.Second, time.Second)
	for _, d := range felixtypha.Link.Conducts {
		if d.Offence != link.Stall {
			continue
		}
		versions := d.Versions
		if len(versions) == 0 {
			versions = []link.Version{link.TLS12, link.TLS13}
		}
		for _, version := range versions {
			for holds, want := range map[time.Duration]struct {
				claim  handshake.Claim
				saying string
			}{
				50 * time.Millisecond:   {handshake.Refused, "the client gave up after 0."},
				1200 * time.Millisecond: {handshake.WasRefused, "the client gave up after "},
				10 * time.Second:        {handshake.Refused, "the client held on for "},
			} {
				t.Run(strings.Join([]string{d.Name, string(version), holds.String()}, "/"), func(t *testing.T) {
					t.Parallel()
					a := attempt(t, pki.Server, "good", pki.TouchesCN, version)
					a.Conduct = d.Name
					account := serveTo(t, o, a, func(c net.Conn) {
						_ = c.SetDeadline(time.Now().Add(holds))
						_ = tls.Client(c, &tls.Config{InsecureSkipVerify: true}).Handshake() //nolint:gosec // there is nobody to verify
					})
					if account.Claim != want.claim || !strings.Contains(account.Error, want.saying) || account.AlertReceived != handshake.NoAlert {
						t.Errorf("wanted %s, saying %q, found %+v", want.claim, want.saying, account)
					}
				})
			}
		}
	}
}

// TestStallsAreEndedByTheAlert: what is random in a client's hello may look like one wherever one begins to read.
func TestStallsAreEndedByTheAlert(t *testing.T) {
	t.Parallel()
	o := felixtypha.Hurried(200*time.Millisecond, 20*time.Second, time.Second)
	alert := instrument.AlertRecord(byte(handshake.UnknownCA))
	for shift := range len(alert) {
		t.Run(strconv.Itoa(shift), func(t *testing.T) {
			t.Parallel()
			account := serveTo(t, o, link.Attempt{Version: link.Clear, Conduct: "silent"}, func(c net.Conn) {
				body := append(make([]byte, shift), bytes.Repeat(alert, 300)...)
				say(c, append([]byte{instrument.RecordHandshake, 3, 1, byte(len(body) >> 8), byte(len(body))}, body...))
				<-time.After(400 * time.Millisecond)
				say(c, instrument.AlertRecord(byte(handshake.ProtocolVersion)))
				_, _ = io.Copy(io.Discard, c)
			})
			if account.Claim != handshake.WasRefused || account.AlertReceived != handshake.ProtocolVersion {
				t.Errorf("wanted it refused by %v, found %+v", handshake.ProtocolVersion, account)
			}
		})
	}
}

// TestClientsThatRenegotiate, and ones that leave without a word.
func TestClientsThatRenegotiate(t *testing.T) {
	t.Parallel()
	a := attempt(t, pki.Server, "good", pki.TouchesCN, link.TLS12)
	a.Conduct = "renegotiate"
	own := attempt(t, pki.Client, "good", pki.TouchesCN, link.TLS12).Show.TLS()
	for name, c := range map[string]struct {
		support tls.RenegotiationSupport
		do      func(*tls.Conn)
		claim   handshake.Claim
		alert   handshake.Alert
	}{
		"never":          {tls.RenegotiateNever, func(c *tls.Conn) { _, _ = c.Read(make([]byte, 1)) }, handshake.WasRefused, handshake.NoRenegotiation},
		"after its data": {tls.RenegotiateNever, func(c *tls.Conn) { say(c, []byte("data")); _, _ = c.Read(make([]byte, 1)) }, handshake.WasRefused, handshake.NoRenegotiation},
		"freely":         {tls.RenegotiateFreelyAsClient, func(c *tls.Conn) { _, _ = c.Read(make([]byte, 1)) }, handshake.Refused, handshake.NoAlert},
		"no word":        {tls.RenegotiateNever, func(c *tls.Conn) { _ = c.NetConn().Close() }, handshake.WasRefused, handshake.NoAlert},
	} {
		t.Run(name, func(t *testing.T) {
			account := serveTo(t, felixtypha.Observer{}, a, func(raw net.Conn) {
				conn := tls.Client(raw, &tls.Config{
					InsecureSkipVerify: true, Renegotiation: c.support, Certificates: []tls.Certificate{*own}, MaxVersion: tls.VersionTLS12, //nolint:gosec // there is nobody to verify
				})
				if err := conn.Handshake(); err != nil {
					t.Error(err)
				}
				c.do(conn)
			})
			if account.Claim != c.claim || account.AlertReceived != c.alert {
				t.Errorf("wanted %s with %q, found %+v", c.claim, c.alert, account)
			}
		})
	}
}

// TestClientsThatTakeAnything do not refuse what they must: the observer objects.
func TestClientsThatTakeAnything(t *testing.T) {
	t.Parallel()
	const old, new = "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "TLS_AES_128_GCM_SHA256"
	for name, do := range map[string]func(net.Conn){
		"it waits":   func(c net.Conn) { _, _ = io.Copy(io.Discard, c) },
		"it goes on": func(c net.Conn) { say(c, []byte{22, 3, 3, 0, 4, 16, 0, 0, 0}); _, _ = io.Copy(io.Discard, c) },
	} {
		for _, c := range []struct {
			version        link.Version
			conduct, suite string
		}{
			{link.TLS10, "", new},
			{link.TLS11, "", new},
			{link.TLS12, "", new},
			{link.TLS12, "suite-unoffered", old},
			{link.TLS13, "suite-unoffered", new},
			{link.TLS13, "", old}, // which says nothing of versions but what stands in its head
		} {
			t.Run(strings.Join([]string{name, string(c.version), c.conduct}, "/"), func(t *testing.T) {
				a := attempt(t, pki.Server, "good", pki.TouchesCN, c.version)
				a.Conduct = c.conduct
				s, _ := felixtypha.Link.Suite(c.suite)
				offer, err := felixtypha.Offering(s)
				if err != nil {
					t.Fatal(err)
				}
				account := serveTo(t, felixtypha.Hurried(0, time.Second, time.Second/4), a, func(c net.Conn) {
					say(c, offer)
					do(c)
				})
				if account.Claim != handshake.Refused || !strings.Contains(account.Error, "objection: the client") {
					t.Errorf("wanted an objection, found %+v", account)
				}
			})
		}
	}
}
