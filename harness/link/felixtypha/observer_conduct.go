package felixtypha

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/calico-tls/conformance/harness/evidence"
	"github.com/calico-tls/conformance/harness/handshake"
	"github.com/calico-tls/conformance/harness/link"
	"github.com/calico-tls/conformance/harness/link/instrument"
)

// receptions are the conducts of the observer. They are told about in [Link] as well; a test compares the two.
var receptions = []reception{
	{name: ""},
	{name: "hello", hears: plainHello},
	{name: "hello-suites", hears: listedAlone},
	{name: "suite-unoffered", instead: chooseUnoffered},
	{name: "no-request", asks: func(_ link.Attempt, c *tls.Config) { c.ClientAuth, c.VerifyConnection = tls.NoClientCert, nil }},
	{name: "no-ca-list", asks: listNobody},
	{name: "chain", asks: wantChain},
	{name: "closing", inTheClear: hangUp},
	{name: "silent", inTheClear: func(s service) error { return s.outlast(nil) }},
	{name: "stall-accept", instead: func(s service, _ instrument.Heard) error { return s.outlast(nil) }},
	{name: "stall-hello", instead: drip},
	{name: "stall-certificate", instead: fallSilent},
	{name: "renegotiate", instead: renegotiate},
	{name: "old-hello", answers: oldFlight, after: service.left},
	{name: "no-ready-flag", answers: unreadyFlight, after: service.left},
}

// reception says how the observer behaves. What is left out it does as a well-behaved Typha does.
type reception struct {
	name string
	// hears objects to a ClientHello.
	hears func(instrument.Hello) error
	// asks changes what it asks of the client in the TLS handshake.
	asks func(link.Attempt, *tls.Config)
	// instead is done in the place of everything that comes after the ClientHello, inTheClear after the first octets of a
	// client that speaks TLS to a server that does not.
	instead    func(service, instrument.Heard) error
	inTheClear func(service) error
	// answers is what it says to the client's hello, and after what it waits for then.
	answers func(MsgClientHello) []any
	after   func(service) error
}

func receptionNamed(name string) (reception, bool) {
	i := slices.IndexFunc(receptions, func(r reception) bool { return r.name == name })
	if i < 0 {
		return reception{}, false
	}
	return receptions[i], true
}

// plainHello objects to what a client that dials an address and keeps no sessions has no use for.
func plainHello(h instrument.Hello) error {
	for _, e := range []struct {
		id   uint16
		what string
	}{
		{instrument.ExtensionSessionTicket, "a session ticket"},
		{instrument.ExtensionPreSharedKey, "a pre-shared key"},
		{instrument.ExtensionALPN, "an application protocol"},
		{instrument.ExtensionServerName, "a server name"},
	} {
		if _, ok := h.Extensions[e.id]; ok {
			return fmt.Errorf("%w: the client offers %s", instrument.ErrObjection, e.what)
		}
	}
	return nil
}

// listedAlone objects to suites that are not on Calico's list.
func listedAlone(h instrument.Hello) error {
	for _, id := range h.Suites {
		if !slices.Contains(listedSuites, id) && !slices.Contains(signals, id) {
			return fmt.Errorf("%w: the client offers the suite %#04x, which is not on the list", instrument.ErrObjection, id)
		}
	}
	return nil
}

// listNobody asks for a certificate without saying of which authorities, and looks at it itself.
func listNobody(a link.Attempt, c *tls.Config) {
	c.ClientAuth, c.ClientCAs = tls.RequireAnyClientCert, nil
	c.VerifyConnection = func(state tls.ConnectionState) error {
		return examine(a, x509.ExtKeyUsageClientAuth, state.PeerCertificates)
	}
}

// wantChain asks for the chain as well as for the leaf.
func wantChain(_ link.Attempt, c *tls.Config) {
	verify := c.VerifyConnection
	c.VerifyConnection = func(state tls.ConnectionState) error {
		if len(state.PeerCertificates) < 2 {
			return fmt.Errorf("%w: wanted the leaf with its chain, found the leaf alone", instrument.ErrObjection)
		}
		return verify(state)
	}
}

// unoffered are suites that no client should offer.
var unoffered = map[uint16][]uint16{tls.VersionTLS12: {0x0005, 0x0000}, tls.VersionTLS13: {0x1304, 0x00c6}}

// chooseUnoffered chooses a suite that the client did not offer.
func chooseUnoffered(s service, h instrument.Heard) error {
	version := instrument.Versions[s.attempt.Version]
	for _, suite := range unoffered[version] {
		if !slices.Contains(h.Hello.Suites, suite) {
			return s.choose(h.Hello, version, suite)
		}
	}
	return s.object(fmt.Errorf("%w: the client offers each of the suites %#04x", instrument.ErrObjection, unoffered[version]))
}

// choose answers a ClientHello with a version and a suite that the client must not take, and waits for it to say so.
func (s service) choose(offered instrument.Hello, version, suite uint16) error {
	return s.Session.Choose(offered, version, suite, s.endurance.reaction)
}

// object tells the client that the observer objects to it, in the clear, and returns the objection.
func (s service) object(err error) error { return s.Session.Object(err) }

// hangUp closes its side of the connection, and waits for the client to close the other.
func hangUp(s service) error {
	_ = s.Raw.(interface{ CloseWrite() error }).CloseWrite()
	_, err := io.Copy(io.Discard, s.Raw)
	if err == nil {
		err = io.EOF
	}
	return fmt.Errorf("hanging up on a client that speaks TLS, until it hangs up as well: %w", err)
}

// oldFlight answers as a Typha that does not tell of nodes, unreadyFlight as one whose datastore is not flagged as ready.
func oldFlight(hello MsgClientHello) []any {
	return []any{MsgServerHello{Version: "conformance", SyncerType: syncerOf(hello)}}
}

func unreadyFlight(hello MsgClientHello) []any {
	return slices.DeleteFunc(Flight(hello), func(m any) bool { _, ok := m.(MsgKVs); return ok })
}

// left waits until the client has left, whatever it says before.
func (s service) left() error {
	if err := s.Raw.SetReadDeadline(time.Now().Add(s.endurance.reaction)); err != nil {
		return err
	}
	for {
		_, err := s.reader.Read()
		switch {
		case err == nil:
		case evidence.AlertOf(err) != handshake.NoAlert:
			return fmt.Errorf("waiting for the client to leave: %w", err)
		case instrument.HungUp(err):
			return nil
		case errors.Is(err, os.ErrDeadlineExceeded):
			return fmt.Errorf("%w: the client stays for more than %s", instrument.ErrObjection, s.endurance.reaction)
		default:
			return fmt.Errorf("waiting for the client to leave: %w", err)
		}
	}
}
