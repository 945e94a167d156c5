package stub_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/calico-tls/conformance/harness/handshake"
	"github.com/calico-tls/conformance/harness/link"
	"github.com/calico-tls/conformance/pki"
)

// serverAlerts are the alerts of a server for each check: several where what breaks differs.
var serverAlerts = map[pki.Check][]handshake.Alert{
	pki.CheckPresence:   {handshake.HandshakeFailure, handshake.CertificateRequired},
	pki.CheckEncoding:   {handshake.DecodeError, handshake.InternalError, handshake.BadCertificate},
	pki.CheckChain:      {handshake.UnknownCA, handshake.BadCertificate},
	pki.CheckValidity:   {handshake.CertificateExpired},
	pki.CheckEKU:        {handshake.BadCertificate},
	pki.CheckIdentity:   {handshake.BadCertificate},
	pki.CheckPossession: {handshake.DecryptError},
}

// clientAlerts are those of a client, which verifies by itself.
var clientAlerts = map[pki.Check][]handshake.Alert{
	pki.CheckEncoding:   {handshake.DecodeError, handshake.InternalError, handshake.BadCertificate},
	pki.CheckChain:      {handshake.BadCertificate},
	pki.CheckValidity:   {handshake.BadCertificate},
	pki.CheckEKU:        {handshake.BadCertificate},
	pki.CheckIdentity:   {handshake.BadCertificate},
	pki.CheckPossession: {handshake.DecryptError, handshake.IllegalParameter},
}

func TestTyphaJudgesEveryVariant(t *testing.T) {
	t.Parallel()
	stubs := map[pki.Touched]*running{}
	for _, touched := range []pki.Touched{pki.TouchesNone, pki.TouchesCN, pki.TouchesURI, pki.TouchesBoth} {
		stubs[touched] = typha(t, settings(t, pki.Server, asks(touched, identity(pki.Client))))
	}
	for _, v := range pki.Variants {
		for _, version := range versions(v) {
			t.Run(fmt.Sprintf("%s/%s", v.Name, version), func(t *testing.T) {
				a := attempt(t, pki.Client, v.Name, version)
				client, server := stubs[about(v)].probe(t, a)
				compare(t, outcome(handshake.Server, breaks(v), serverAlerts), client, server)
				if client.Shown != a.Show.Fingerprint() {
					t.Errorf("wanted the certificate %q to be shown, found %q", a.Show.Fingerprint(), client.Shown)
				}
			})
		}
	}
}

func TestFelixJudgesEveryVariant(t *testing.T) {
	t.Parallel()
	type end struct {
		*running
		link.Listener
	}
	posed := map[string]link.Attempt{} // before anybody dials: large keys take long to make, and a client waits for so long
	for _, v := range pki.Variants {
		for _, version := range versions(v) {
			posed[v.Name+" "+string(version)] = attempt(t, pki.Server, v.Name, version)
		}
	}
	stubs := map[pki.Touched]end{}
	for _, touched := range []pki.Touched{pki.TouchesNone, pki.TouchesCN, pki.TouchesURI, pki.TouchesBoth} {
		r, l := felix(t, settings(t, pki.Client, asks(touched, identity(pki.Server))))
		stubs[touched] = end{r, l}
	}
	for _, v := range pki.Variants {
		if v.Name == "none" {
			continue // a server without a certificate cannot shake hands
		}
		for _, version := range versions(v) {
			t.Run(fmt.Sprintf("%s/%s", v.Name, version), func(t *testing.T) {
				a := posed[v.Name+" "+string(version)]
				s := stubs[about(v)]
				client, server := s.serve(t, s.Listener, a)
				compare(t, outcome(handshake.Client, breaks(v), clientAlerts), client, server)
				if server.Shown != a.Show.Fingerprint() {
					t.Errorf("wanted the certificate %q to be shown, found %q", a.Show.Fingerprint(), server.Shown)
				}
			})
		}
	}
}

// about returns which names a variant is about, of those for which Felix and Typha ask: not the host.
func about(v pki.Variant) pki.Touched {
	if v.Touches == pki.TouchesHost {
		return pki.TouchesNone
	}
	return v.Touches
}

// breaks returns the check that a variant fails for Felix and Typha.
func breaks(v pki.Variant) pki.Check {
	if v.Touches == pki.TouchesHost {
		return ""
	}
	return v.Breaks
}

// wanted is what must become of a connection.
type wanted struct {
	by     handshake.Side
	check  pki.Check
	alerts []handshake.Alert
}

func outcome(by handshake.Side, breaks pki.Check, alerts map[pki.Check][]handshake.Alert) wanted {
	if breaks == "" {
		return wanted{}
	}
	return wanted{by, breaks, alerts[breaks]}
}

// compare holds both accounts against what must become of the connection.
func compare(t *testing.T, w wanted, client, server handshake.Account) {
	t.Helper()
	if problem := w.problem(client, server); problem != "" {
		t.Errorf("%s\nclient: %+v\nserver: %+v", problem, client, server)
	}
}

func (w wanted) problem(client, server handshake.Account) string {
	if w.by == "" {
		if client.Claim != handshake.Accepted || server.Claim != handshake.Accepted {
			return fmt.Sprintf("wanted both to accept, found %s and %s", client.Claim, server.Claim)
		}
		return ""
	}
	refuser, refused := client, server
	if w.by == handshake.Server {
		refuser, refused = server, client
	}
	switch {
	case refuser.Claim != handshake.Refused || refused.Claim != handshake.WasRefused:
		return fmt.Sprintf("wanted the %s to refuse, found: client %s, server %s", w.by, client.Claim, server.Claim)
	case !slices.Equal(refuser.Checks, []pki.Check{w.check}):
		return fmt.Sprintf("wanted it to refuse for %s, found %v", w.check, refuser.Checks)
	case !slices.Contains(w.alerts, refused.AlertReceived):
		return fmt.Sprintf("wanted one of the alerts %v, found %v", w.alerts, refused.AlertReceived)
	case refused.Octets != 0:
		return fmt.Sprintf("wanted no application data from a peer that refuses, found %d octets", refused.Octets)
	}
	return ""
}
