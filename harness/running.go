package harness

import (
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/calico-tls/conformance/harness/handshake"
	"github.com/calico-tls/conformance/harness/launch"
	"github.com/calico-tls/conformance/harness/link"
	"github.com/calico-tls/conformance/harness/matrix"
	"github.com/calico-tls/conformance/harness/oracle"
	"github.com/calico-tls/conformance/pki"
)

// Running is a server that runs already, and is not started with what the cases ask for: an endpoint. Those that need
// something else than it was started with are Skipped.
type Running struct {
	// Launcher finds the server.
	Launcher launch.Launcher
	// Mode is the mode of its link in which it runs.
	Mode string
	// Authorities issue what the instrument shows. Where they cannot, the case is Skipped.
	Authorities *pki.Authorities
	// Given is the good credential of a client, where that is not issued here; nil elsewhere.
	Given *pki.Issued
	// Roots are the trust anchors by which its own certificate is verified.
	Roots *x509.CertPool
	// Mute says that its log cannot be had, so that the alert which it sends stands for its account.
	Mute bool
}

// fixed says why none of a batch's cases can be posed to what it is for, as that runs already; "" if they can.
func (b *Batch) fixed() string {
	for role := range strings.SplitSeq(b.Subject, "+") {
		part, err := b.lab.part(b.Link, role)
		if err != nil || part.Running == nil {
			continue
		}
		at := role + " is an endpoint, which is not started here: "
		l, _ := LinkNamed(b.Link)
		side, _ := l.Side(role)
		switch {
		case side == handshake.Client:
			return at + "it cannot be told whom to dial"
		case role != b.Subject:
			return at + "it does not meet another subject"
		case b.Cases[0].Version == link.None:
			return at + "this asks for a start"
		case b.Mode != part.Running.Mode:
			return at + "it runs in the mode " + part.Running.Mode
		case b.Setting != "":
			return at + "this asks for a start with the setting " + b.Setting
		case b.Own != "good" && b.Own != "none":
			return at + "this asks for a start in which it shows the variant " + b.Own
		case b.Alone != "":
			return at + "this asks for a start of its own"
		}
	}
	return ""
}

// skipped is for cases that cannot be posed.
func (b *Batch) skipped(why string) {
	b.seen = map[string]handshake.Observation{}
	for _, c := range b.Cases {
		b.seen[c.ID()] = handshake.Observation{Skipped: why}
	}
}

// beyond says why a case of a batch that can be posed to a running server cannot; "" if it can.
func (t *trial) beyond(c matrix.Case) string {
	r := t.part.Running
	if r == nil {
		return ""
	}
	at := t.Subject + " is an endpoint: "
	if d, ok := t.link.Conduct(c.Conduct); ok && (d.Metered || d.AwaitsReady || d.AsksHealth) {
		return at + "its counters and its health are not known here"
	}
	_, token, err := oracle.TokenOf(t.link.Link, c)
	if err == nil && token.Damage != pki.Missing {
		return at + "it does not know the keys of our tokens"
	}
	v, _ := pki.VariantNamed(c.Client)
	root := oracle.Credential(t.link.Link, handshake.Client, v).Root
	if asked := t.asked(); root != pki.Trusted && slices.Contains(slices.Concat(asked.Trust, asked.Proxies), root) {
		return at + fmt.Sprintf("it does not know our authority %q", root)
	}
	if c.Version != link.Clear {
		switch _, err := t.show(c.Client); {
		case errors.Is(err, pki.ErrNoKey):
			return at + "without the key of its authority no credential can be issued for it but the one that was given"
		case err != nil:
			return at + "the credential cannot be made: " + err.Error()
		}
	}
	return ""
}

// authorities are those that issue what the instrument shows.
func (t *trial) authorities() *pki.Authorities {
	if r := t.part.Running; r != nil {
		return r.Authorities
	}
	return t.lab.authorities
}

// show returns what the instrument shows as a variant.
func (t *trial) show(name string) (*pki.Issued, error) {
	if r := t.part.Running; r != nil && r.Given != nil && name == "good" {
		return r.Given, nil
	}
	return issueBy(t.authorities(), t.link, t.side.Other(), name)
}

// heard is the account of a server whose log cannot be had, as its client has it: its alert, or that it answered. It is
// silent where neither came. An alert says less than a log of the check that failed, so that the twin must tell.
func heard(client handshake.Account) handshake.Account {
	a := handshake.Account{AlertReceived: handshake.NoAlert}
	switch {
	case client.Claim == handshake.Accepted:
		a.Claim, a.Phase = handshake.Accepted, handshake.PhaseApplication
	case client.Claim == handshake.WasRefused && client.Phase == handshake.PhaseApplication && len(client.Checks) > 0:
		a.Claim, a.Phase, a.Checks = handshake.Refused, handshake.PhaseApplication, client.Checks
	case client.Claim == handshake.WasRefused && (client.Phase == handshake.PhaseApplication || client.AlertReceived != handshake.NoAlert):
		a.Claim, a.Phase, a.Checks = handshake.Refused, client.Phase, pki.Checks
	}
	return a
}
