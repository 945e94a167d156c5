package oracle

import (
	"github.com/calico-tls/conformance/harness/handshake"
	"github.com/calico-tls/conformance/harness/link"
	"github.com/calico-tls/conformance/pki"
)

// Objection is what an end has against what its peer shows: the check that fails, and the row of the oracle's table that
// says so. The zero Objection is none.
type Objection struct {
	Check pki.Check
	Cause string
}

// Examine returns the first objection of an end that requires asked to the certificates that the opposite end, which plays
// side, shows, and nothing beside them: no token. good is the good credential of that end, whose leaf a trust bundle can hold.
func Examine(asked link.Verifier, side handshake.Side, shown, good pki.Credential) Objection {
	s := showing{side: side, cred: shown, asked: asked, good: good, token: pki.Token{Damage: pki.Missing}}
	if r := s.fails(); r != nil {
		return Objection{Check: r.check, Cause: r.name}
	}
	return Objection{}
}
