package harness

import (
	"context"
	"fmt"

	"github.com/calico-tls/conformance/harness/handshake"
	"github.com/calico-tls/conformance/pki"
)

// reason waits for what a client says of a connection that it has refused. Where it is given a time for it and says nothing,
// its alert stands for its account, and its silence is against it.
func (t *trial) reason(ctx context.Context, o *handshake.Observation) handshake.Account {
	if t.setting.Within == 0 {
		return t.journal.Account(ctx, "")
	}
	within, cancel := context.WithTimeout(ctx, t.setting.Within)
	defer cancel()
	a := t.journal.Account(within, "")
	if a.Claim != handshake.Silent || o.Server.Claim != handshake.WasRefused || o.Server.AlertReceived == handshake.NoAlert {
		return a
	}
	o.Evidence = handshake.Wire
	o.Against = fmt.Sprintf("it has not said within %s why it refused its server", t.setting.Within)
	return handshake.Account{
		Claim: handshake.Refused, Phase: handshake.PhaseHandshake, AlertReceived: handshake.NoAlert, Log: a.Log,
		Checks: []pki.Check{pki.CheckChain, pki.CheckValidity, pki.CheckEKU, pki.CheckIdentity},
	}
}
