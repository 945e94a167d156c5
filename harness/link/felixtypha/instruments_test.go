package felixtypha_test

import (
	"context"
	"fmt"
	"net"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/calico-tls/conformance/harness/handshake"
	"github.com/calico-tls/conformance/harness/link"
	"github.com/calico-tls/conformance/harness/link/felixtypha"
	"github.com/calico-tls/conformance/pki"
)

// deadline bounds every wait of these tests.
const deadline = 20 * time.Second

// authorities are those of the whole run: large keys are made once.
var authorities = pki.NewAuthorities()

// attempt is what an instrument in a role does: it shows a variant, and requires the names that its peer's variant is
// about.
func attempt(t *testing.T, role pki.Role, variant string, touched pki.Touched, version link.Version) link.Attempt {
	t.Helper()
	own, peer := felixtypha.Link.Client.Identity, felixtypha.Link.Server.Identity
	if role == pki.Server {
		own, peer = peer, own
	}
	v, ok := pki.VariantNamed(variant)
	if !ok {
		t.Fatalf("there is no variant %q", variant)
	}
	show, err := authorities.Issue(v.Credential(pki.Origin{Role: role, Own: own, Peer: peer}))
	if err != nil {
		t.Fatal(err)
	}
	trust := []pki.AuthorityName{pki.Trusted, pki.ExpiredRoot, pki.HardWayRoot}
	pool, err := authorities.Pool(trust, pki.Credential{})
	if err != nil {
		t.Fatal(err)
	}
	require := link.Verifier{Trust: trust, CN: peer.CN, URISAN: peer.URISAN}
	switch touched {
	case pki.TouchesCN:
		require.URISAN = ""
	case pki.TouchesURI:
		require.CN = ""
	case pki.TouchesNone, pki.TouchesBoth, pki.TouchesHost:
	}
	return link.Attempt{Show: show, Roots: pool, Require: require, Version: version}
}

// meet lets the two instruments meet.
func meet(t *testing.T, client, server link.Attempt) (c, s handshake.Account) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), deadline)
	defer cancel()
	l, err := felixtypha.Observer{}.Listen(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	served := make(chan string, 1)
	go func() {
		var from string
		s, from = l.Serve(ctx, server)
		served <- from
	}()
	c, from := felixtypha.Prober{}.Probe(ctx, l.Address(), "", client)
	if seen := <-served; seen != from {
		t.Errorf("wanted the observer to see the prober's address %q, found %q", from, seen)
	}
	return c, s
}

// synchronising is the conduct of a prober that stays until the observer has its pong.
const synchronising = "sync"

func TestInstrumentsAgreeOnEveryVariant(t *testing.T) {
	t.Parallel()
	for _, v := range pki.Variants {
		for _, role := range []pki.Role{pki.Client, pki.Server} {
			for _, version := range []link.Version{link.TLS12, link.TLS13} {
				if len(v.Versions) > 0 && !slices.Contains(v.Versions, string(version)) || v.Name == "none" && role == pki.Server {
					continue
				}
				t.Run(fmt.Sprintf("%s/%s/%s", v.Name, role, version), func(t *testing.T) {
					shown := map[pki.Role]string{role: v.Name, role.Other(): "good"}
					a := attempt(t, pki.Client, shown[pki.Client], v.Touches, version)
					b := attempt(t, pki.Server, shown[pki.Server], v.Touches, version)
					a.Conduct = synchronising
					client, server := meet(t, a, b)
					refuser, refused := server, client
					if role == pki.Server {
						refuser, refused = client, server
					}
					if v.Breaks == "" || v.Touches == pki.TouchesHost { // neither asks for a host
						accepted(t, client, server, version)
						return
					}
					if refuser.Claim != handshake.Refused || refused.Claim != handshake.WasRefused {
						t.Fatalf("wanted one to refuse the other, found\n%+v\n%+v", refuser, refused)
					}
					if d := cmp.Diff([]pki.Check{v.Breaks}, refuser.Checks); d != "" {
						t.Errorf("wanted check -, found + (%s):\n%s", refuser.Error, d)
					}
					if refused.AlertReceived == handshake.NoAlert || refused.Octets != 0 || refused.Phase != handshake.PhaseHandshake || len(refused.Checks) > 0 {
						t.Errorf("wanted an alert in the handshake and nothing else, found %+v", refused)
					}
					if client.Shown != a.Show.Fingerprint() && refuser.Claim == server.Claim || server.Shown != b.Show.Fingerprint() {
						t.Errorf("wanted what was issued to be shown, found %q and %q", client.Shown, server.Shown)
					}
				})
			}
		}
	}
}

func accepted(t *testing.T, client, server handshake.Account, version link.Version) {
	t.Helper()
	for _, a := range []handshake.Account{client, server} {
		if a.Claim != handshake.Accepted || a.Phase != handshake.PhaseApplication || a.Octets == 0 || a.AlertReceived != handshake.NoAlert {
			t.Fatalf("wanted an accepted connection, found %+v", a)
		}
		if a.Version != string(version) {
			t.Errorf("wanted %q, found %q", version, a.Version)
		}
		if a.Identity != "" {
			t.Errorf("wanted an instrument to leave the identity to the subject, found %q", a.Identity)
		}
	}
}

func TestInstrumentsInTheClear(t *testing.T) {
	t.Parallel()
	clear := link.Attempt{Version: link.Clear}
	synchronised := clear
	synchronised.Conduct = synchronising
	client, server := meet(t, synchronised, clear)
	accepted(t, client, server, "")

	client, server = meet(t, clear, attempt(t, pki.Server, "good", pki.TouchesBoth, link.TLS13))
	if client.Claim != handshake.WasRefused || client.AlertReceived != handshake.NoAlert || client.Octets != 0 {
		t.Errorf("wanted a plaintext client to be refused without a word, found %+v", client)
	}
	if server.Claim != handshake.Refused || !slices.Equal(server.Checks, []pki.Check{pki.CheckProtocol}) {
		t.Errorf("wanted the server to refuse for the protocol, found %+v", server)
	}

	client, server = meet(t, attempt(t, pki.Client, "good", pki.TouchesBoth, link.TLS13), clear)
	if client.Claim != handshake.Refused || !slices.Equal(client.Checks, []pki.Check{pki.CheckProtocol}) {
		t.Errorf("wanted the client to refuse for the protocol, found %+v", client)
	}
	if server.Claim != handshake.WasRefused || server.Octets != 0 {
		t.Errorf("wanted the server to be refused, found %+v", server)
	}
}

func TestInstrumentsSpeakOneVersionOnly(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ client, server link.Version }{
		{link.TLS10, link.TLS12}, {link.TLS11, link.TLS13}, {link.TLS12, link.TLS13}, {link.TLS13, link.TLS12},
	} {
		t.Run(fmt.Sprintf("%s to %s", c.client, c.server), func(t *testing.T) {
			client, server := meet(t, attempt(t, pki.Client, "good", pki.TouchesBoth, c.client), attempt(t, pki.Server, "good", pki.TouchesBoth, c.server))
			// The observer chooses its version whatever it is offered: it is a client that is to refuse.
			if server.Claim != handshake.WasRefused || server.AlertReceived != handshake.ProtocolVersion {
				t.Errorf("wanted protocol_version, found %+v", server)
			}
			if client.Claim != handshake.Refused || !slices.Equal(client.Checks, []pki.Check{pki.CheckProtocol}) {
				t.Errorf("wanted the client to refuse for the protocol, found %+v", client)
			}
		})
	}
	for _, old := range []link.Version{link.TLS10, link.TLS11} {
		a := attempt(t, pki.Client, "good", pki.TouchesBoth, old)
		a.Conduct = synchronising
		client, server := meet(t, a, attempt(t, pki.Server, "good", pki.TouchesBoth, old))
		accepted(t, client, server, old)
	}
}

func TestAcceptedIsCalledWhileTheConnectionIsOpen(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(client, server *link.Attempt, called func()){
		"prober":   func(c, _ *link.Attempt, called func()) { c.Accepted = called },
		"observer": func(_, s *link.Attempt, called func()) { s.Accepted = called },
	} {
		t.Run(name, func(t *testing.T) {
			calls := 0
			for _, variant := range []string{"good", "expired"} {
				c, s := attempt(t, pki.Client, variant, pki.TouchesBoth, link.TLS13), attempt(t, pki.Server, "good", pki.TouchesBoth, link.TLS13)
				c.Conduct = synchronising
				change(&c, &s, func() { calls++ })
				meet(t, c, s)
			}
			if calls != 1 {
				t.Errorf("wanted 1 call, for the connection that is accepted, found %d", calls)
			}
		})
	}
}

// TestWhatCannotBeConnected: nothing of this is a refusal.
func TestWhatCannotBeConnected(t *testing.T) {
	t.Parallel()
	good := attempt(t, pki.Client, "good", pki.TouchesBoth, link.TLS13)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = closed.Close()
	with := func(change func(*link.Attempt)) link.Attempt {
		a := good
		change(&a)
		return a
	}
	for name, c := range map[string]struct {
		address, local string
		attempt        link.Attempt
		phase          handshake.Phase
	}{
		"nobody listens":     {closed.Addr().String(), "", good, handshake.PhaseDial},
		"no address":         {"nowhere", "", good, handshake.PhaseDial},
		"no local address":   {l.Addr().String(), "localhost", good, handshake.PhaseDial},
		"a foreign address":  {l.Addr().String(), "192.0.2.1", good, handshake.PhaseDial},
		"an unknown conduct": {l.Addr().String(), "", with(func(a *link.Attempt) { a.Conduct = "none-such" }), handshake.PhaseNone},
		"no version":         {l.Addr().String(), "", with(func(a *link.Attempt) { a.Version = link.None }), handshake.PhaseHandshake},
		"a silent server":    {l.Addr().String(), "", good, handshake.PhaseHandshake},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
			defer cancel()
			account, _ := felixtypha.Prober{}.Probe(ctx, c.address, c.local, c.attempt)
			if account.Claim != handshake.Failed || account.Phase != c.phase || account.Error == "" || account.AlertReceived != handshake.NoAlert {
				t.Errorf("wanted it to fail in phase %q, found %+v", c.phase, account)
			}
		})
	}
}

func TestConductsAreThoseOfTheLink(t *testing.T) {
	t.Parallel()
	for side, played := range map[handshake.Side][]string{
		handshake.Client: felixtypha.ConductNames(), handshake.Server: felixtypha.ReceptionNames(),
	} {
		var told []string
		for _, c := range felixtypha.Link.Conducts {
			if c.Side == side && c.Persists == "" && !c.AwaitsReady { // those the lab plays, with a well-behaved instrument
				told = append(told, c.Name)
			}
		}
		slices.Sort(told)
		slices.Sort(played)
		if d := cmp.Diff(told, played); d != "" {
			t.Errorf("wanted the conducts of the link -, found those that the %s can play +:\n%s", side, d)
		}
	}
}
