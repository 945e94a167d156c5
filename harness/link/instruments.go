package link

import (
	"context"
	"crypto/x509"

	"github.com/calico-tls/conformance/harness/handshake"
	"github.com/calico-tls/conformance/pki"
)

// Attempt is one connection that an instrument makes or serves.
type Attempt struct {
	// Show is the credential that the instrument shows; nil for none.
	Show *pki.Issued
	// Bears says that a client shows a token: Token, which may be empty. An observer knows its client by it.
	Bears bool
	Token string
	// Roots are the anchors that the instrument trusts; Require is what else it asks of its peer.
	Roots   *x509.CertPool
	Require Verifier
	Version Version
	Conduct string
	// Behind is the address of the program that answers for an observer, as "IP:port"; "" where it answers itself.
	Behind string
	// Vouch is the credential by which an observer vouches for its client to the program behind; nil if it need not.
	Vouch *pki.Issued
	// Accepted is called once the peer has accepted, before the connection is closed; nil if nobody asks.
	Accepted func()
}

// Prober is an instrument that plays the client.
type Prober interface {
	// Probe connects from the local IP address ("" for any) to address and returns the client's account, and the
	// address from which it connected ("IP:port"). It ends within the deadline of ctx.
	Probe(ctx context.Context, address, local string, a Attempt) (account handshake.Account, from string)
}

// Observer is an instrument that plays the server.
type Observer interface {
	// Listen starts to listen on a loopback port and returns its address. It serves nobody yet.
	Listen(ctx context.Context) (Listener, error)
}

// Movable is an Observer that can be told where to listen.
type Movable interface {
	Observer
	// At returns one that listens at another address of this machine.
	At(ip string) Observer
}

// Listener is a listening observer.
type Listener interface {
	// Address is where it listens, as "IP:port".
	Address() string
	// Serve accepts one connection, plays the attempt and returns the server's account, and the address from which the
	// client connected ("IP:port").
	Serve(ctx context.Context, a Attempt) (account handshake.Account, from string)
	// Waiting sends away whoever has dialled and was not served, and returns how many connections those were. The error
	// is that of a listener that cannot tell.
	Waiting(ctx context.Context) (int, error)
	// Quiet reports whether nobody has dialled who was not served; whoever has is sent away.
	Quiet(ctx context.Context) (bool, error)
	// Close stops listening.
	Close() error
}
