package harness

import (
	"github.com/calico-tls/conformance/harness/handshake"
	"github.com/calico-tls/conformance/harness/link"
	"github.com/calico-tls/conformance/harness/matrix"
	"github.com/calico-tls/conformance/harness/oracle"
	"github.com/calico-tls/conformance/pki"
)

// bear has a client show the token of a case, if it shows one.
func (t *trial) bear(c matrix.Case, a *link.Attempt) error {
	if t.side == handshake.Client {
		return nil
	}
	_, token, err := oracle.TokenOf(t.link.Link, c)
	if err != nil {
		return err
	}
	if token.Damage == pki.Missing {
		return nil
	}
	a.Bears = true
	a.Token, err = t.lab.authorities.IssueToken(token)
	return err
}
