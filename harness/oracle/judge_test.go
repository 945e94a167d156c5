package oracle_test

import (
	"strings"
	"testing"

	"github.com/calico-tls/conformance/harness/handshake"
	"github.com/calico-tls/conformance/harness/link/felixtypha"
	"github.com/calico-tls/conformance/harness/matrix"
	"github.com/calico-tls/conformance/harness/oracle"
	"github.com/calico-tls/conformance/pki"
)

const (
	acceptedCase = "felix-typha/cn/typha/client=good/server=good/tls1.3"
	refusedCase  = "felix-typha/cn/typha/client=expired/server=good/tls1.3"
	silentCase   = "felix-typha/cn/typha/client=none/server=good/plaintext"
	noCertCase   = "felix-typha/cn/typha/client=none/server=good/tls1.2"
	felixCase    = "felix-typha/cn/felix/client=good/server=expired/tls1.3"
	stallCase    = "felix-typha/cn/felix/client=good/server=good/tls1.3/conduct=stall-accept"
	closingCase  = "felix-typha/cn/felix/client=good/server=none/plaintext/conduct=closing"
	againCase    = "felix-typha/cn/felix/client=good/server=good/tls1.2/conduct=renegotiate"
	leaf         = "aabbccddeeff00112233"
)

// accepted is the observation of a case in which each side accepted the other.
func accepted() handshake.Observation {
	side := handshake.Account{Claim: handshake.Accepted, Phase: handshake.PhaseApplication, AlertReceived: handshake.NoAlert}
	o := handshake.Observation{Client: side, Server: side, Evidence: handshake.Both, Issued: leaf, Stack: "go1.24.9"}
	o.Client.Shown, o.Client.Version, o.Client.Octets = leaf, "tls1.3", 40
	return o
}

// refused is the observation of a case in which the server refused for a check, and the client was told so.
func refused(check pki.Check, alert handshake.Alert) handshake.Observation {
	return handshake.Observation{
		Client: handshake.Account{Claim: handshake.WasRefused, Phase: handshake.PhaseHandshake, AlertReceived: alert, Shown: leaf, Version: "tls1.3"},
		Server: handshake.Account{
			Claim: handshake.Refused, Phase: handshake.PhaseHandshake, Checks: []pki.Check{check}, AlertReceived: handshake.NoAlert, Error: "x509: …",
		},
		Evidence: handshake.Both, Issued: leaf, Stack: "go1.24.9",
	}
}

// left is the observation of a client that gave up on a server, by its own account because it was left or waited in vain.
func left(claim handshake.Claim) handshake.Observation {
	return handshake.Observation{
		Client:   handshake.Account{Claim: claim, Phase: handshake.PhaseHandshake, AlertReceived: handshake.NoAlert, Error: "i/o timeout"},
		Server:   handshake.Account{Claim: handshake.WasRefused, Phase: handshake.PhaseHandshake, AlertReceived: handshake.NoAlert, Error: "EOF"},
		Evidence: handshake.Both, Stack: "go1.24.9",
	}
}

// TestJudge plants mistakes of a subject, and of our own side, into observations that are as they must be.
func TestJudge(t *testing.T) {
	t.Parallel()
	expired := func() handshake.Observation { return refused(pki.CheckValidity, handshake.CertificateExpired) }
	tests := []struct {
		name   string
		id     string
		of     func() handshake.Observation
		plant  func(*handshake.Observation)
		want   oracle.Finding
		saying string
	}{
		{"as it must be", acceptedCase, accepted, func(*handshake.Observation) {}, oracle.Conforms, ""},
		{"as it must be", refusedCase, expired, func(*handshake.Observation) {}, oracle.Conforms, ""},

		{"refused instead of accepted", acceptedCase, expired, func(*handshake.Observation) {}, oracle.Deviates, "outcome refuse instead of accept"},
		{"accepted instead of refused", refusedCase, accepted, func(*handshake.Observation) {}, oracle.Deviates, "outcome accept instead of refuse"},
		{"another check", refusedCase, expired, func(o *handshake.Observation) { o.Server.Checks = []pki.Check{pki.CheckChain} }, oracle.Deviates, "for chain instead of validity"},
		{"another alert", refusedCase, expired, func(o *handshake.Observation) { o.Client.AlertReceived = handshake.BadCertificate }, oracle.Deviates, "told bad_certificate instead of certificate_expired"},
		{"no alert", refusedCase, expired, func(o *handshake.Observation) { o.Client.AlertReceived = handshake.NoAlert }, oracle.Deviates, "told nothing instead of certificate_expired"},
		{"no alert from a stack that is not known", refusedCase, expired, func(o *handshake.Observation) { o.Client.AlertReceived, o.Stack = handshake.NoAlert, "" }, oracle.Deviates, "instead of a fatal alert"},
		{"any alert from a stack that is not known", refusedCase, expired, func(o *handshake.Observation) { o.Client.AlertReceived, o.Stack = handshake.AccessDenied, "" }, oracle.Conforms, ""},
		{"data before the refusal", refusedCase, expired, func(o *handshake.Observation) { o.Client.Octets = 3 }, oracle.Deviates, "3 octets"},
		{"an older version", acceptedCase, accepted, func(o *handshake.Observation) { o.Client.Version = "tls1.2" }, oracle.Deviates, "spoke tls1.2 instead of tls1.3"},
		{"another identity", acceptedCase, accepted, func(o *handshake.Observation) { o.Server.Identity = "somebody" }, oracle.Deviates, `took its peer for "somebody"`},
		{"what is against the rule besides", acceptedCase, accepted, func(o *handshake.Observation) { o.Against = "it counts otherwise" }, oracle.Deviates, "it counts otherwise"},
		{"not started", acceptedCase, accepted, func(o *handshake.Observation) { *o = handshake.Observation{NotStarted: "partial"} }, oracle.Deviates, "outcome not-started"},
		{"TLS where plaintext must be refused without an alert", silentCase, func() handshake.Observation {
			o := refused(pki.CheckProtocol, handshake.NoAlert)
			o.Client.Shown, o.Issued = "", ""
			return o
		}, func(*handshake.Observation) {}, oracle.Conforms, ""},
		{"plaintext served", silentCase, accepted, func(o *handshake.Observation) { o.Client.Shown, o.Issued = "", "" }, oracle.Deviates, "outcome plaintext instead of refuse"},
		{"the alert of Go 1.24", noCertCase, func() handshake.Observation {
			o := refused(pki.CheckPresence, handshake.BadCertificate)
			o.Client.Shown, o.Issued = "", ""
			return o
		}, func(*handshake.Observation) {}, oracle.Conforms, ""},
		{"the alert of Go 1.26", noCertCase, func() handshake.Observation {
			o := refused(pki.CheckPresence, handshake.HandshakeFailure)
			o.Client.Shown, o.Issued = "", ""
			return o
		}, func(*handshake.Observation) {}, oracle.Deviates, "told handshake_failure instead of bad_certificate"},

		{"it gave up in time", stallCase, func() handshake.Observation { return left(handshake.Failed) }, func(*handshake.Observation) {}, oracle.Conforms, ""},
		{"it gave up in time, once it had seen the certificate", stallCase, func() handshake.Observation { return left(handshake.Failed) }, func(o *handshake.Observation) { o.Issued, o.Server.Shown = leaf, leaf }, oracle.Conforms, ""},
		{"it gave up in time, and was shown another certificate", stallCase, func() handshake.Observation { return left(handshake.Failed) }, func(o *handshake.Observation) { o.Issued, o.Server.Shown = leaf, "001122334455667788" }, oracle.Unproven, "not aabbccddeeff"},
		{"it gave up too late", stallCase, func() handshake.Observation { return left(handshake.Failed) }, func(o *handshake.Observation) {
			o.Server.Claim, o.Server.Error = handshake.Refused, "held on for 13.0 s"
		}, oracle.Deviates, "held on for 13.0 s"},
		{"it never gave up", stallCase, func() handshake.Observation { return left(handshake.WasRefused) }, func(o *handshake.Observation) {
			o.Server.Claim, o.Server.Error = handshake.Refused, "held on for 13.0 s"
		}, oracle.Deviates, "held on for 13.0 s"},
		{"it says that it was left, and was not", stallCase, func() handshake.Observation { return left(handshake.WasRefused) }, func(*handshake.Observation) {}, oracle.Unproven, "tell no story"},
		{"it says nothing of giving up", stallCase, func() handshake.Observation { return left(handshake.Silent) }, func(*handshake.Observation) {}, oracle.Unproven, "says nothing"},
		{"the observer failed", stallCase, func() handshake.Observation { return left(handshake.Failed) }, func(o *handshake.Observation) { o.Server.Claim = handshake.Failed }, oracle.Broken, "failed"},
		{"a timeout where nobody stalls", felixCase, func() handshake.Observation { return left(handshake.Failed) }, func(*handshake.Observation) {}, oracle.Broken, "failed"},
		{"it was left", closingCase, func() handshake.Observation { return left(handshake.WasRefused) }, func(*handshake.Observation) {}, oracle.Conforms, ""},
		{"it fell back to plaintext", closingCase, accepted, func(o *handshake.Observation) { o.Client.Shown, o.Issued = "", "" }, oracle.Deviates, "outcome plaintext instead of refuse"},
		{"it sent data to a server that renegotiates", againCase, func() handshake.Observation {
			o := refused(pki.CheckProtocol, handshake.NoRenegotiation)
			o.Client, o.Server = o.Server, o.Client
			return o
		}, func(o *handshake.Observation) { o.Server.Octets = 12 }, oracle.Conforms, ""},

		// Mistakes of our own side: none of them may pass, and none may count against the subject.
		{"sides swapped", refusedCase, expired, func(o *handshake.Observation) {
			o.Client.Claim, o.Server.Claim = o.Server.Claim, o.Client.Claim
			o.Client.Checks = o.Server.Checks
		}, oracle.Deviates, "refused by the client instead of the server"},
		{"the server says nothing", refusedCase, expired, func(o *handshake.Observation) { o.Server = handshake.Account{} }, oracle.Unproven, "the server says nothing"},
		{"the client says nothing", acceptedCase, accepted, func(o *handshake.Observation) { o.Client = handshake.Account{} }, oracle.Unproven, "the client says nothing"},
		{"accounts contradict each other", refusedCase, expired, func(o *handshake.Observation) { o.Client.Claim = handshake.Accepted }, oracle.Unproven, "tell no story"},
		{"both say that they refused", refusedCase, expired, func(o *handshake.Observation) { o.Client.Claim = handshake.Refused }, oracle.Unproven, "tell no story"},
		{"both say that they were refused", refusedCase, expired, func(o *handshake.Observation) { o.Server.Claim = handshake.WasRefused }, oracle.Unproven, "tell no story"},
		{"a cause that nobody can read", refusedCase, expired, func(o *handshake.Observation) { o.Server.Checks = nil }, oracle.Unproven, "does not say for which check"},
		{"a timeout", refusedCase, expired, func(o *handshake.Observation) { o.Client.Claim = handshake.Failed }, oracle.Broken, "failed"},
		{"the certificate was never sent", refusedCase, expired, func(o *handshake.Observation) { o.Client.Shown = "" }, oracle.Unproven, "never asked for the certificate"},
		{"another certificate was sent", refusedCase, expired, func(o *handshake.Observation) { o.Client.Shown = "001122334455667788" }, oracle.Unproven, "not aabbccddeeff"},
		{"a certificate was never asked for", acceptedCase, accepted, func(o *handshake.Observation) { o.Client.Shown = "" }, oracle.Unproven, "never asked for the certificate"},
		{"a doubt about the whole batch", refusedCase, expired, func(o *handshake.Observation) { o.Doubt = "it accepts nobody any more" }, oracle.Unproven, "it accepts nobody any more"},
		{"broken", refusedCase, expired, func(o *handshake.Observation) { o.Broken = "the engine died" }, oracle.Broken, "the engine died"},
		{"nothing at all", acceptedCase, accepted, func(o *handshake.Observation) { *o = handshake.Observation{} }, oracle.Unproven, "says nothing"},
		{"the observer was sent data by a client that refused", felixCase, func() handshake.Observation {
			o := refused(pki.CheckValidity, handshake.BadCertificate)
			o.Client, o.Server = o.Server, o.Client
			return o
		}, func(o *handshake.Observation) { o.Server.Octets = 12 }, oracle.Deviates, "12 octets"},
	}
	for _, test := range tests {
		t.Run(test.name+"/"+test.id, func(t *testing.T) {
			t.Parallel()
			c, err := matrix.Parse(test.id)
			if err != nil {
				t.Fatal(err)
			}
			e, err := oracle.Predict(felixtypha.Link, c)
			if err != nil {
				t.Fatal(err)
			}
			o := test.of()
			test.plant(&o)
			v := oracle.Judge(c, e, o)
			if v.Finding != test.want || !strings.Contains(v.Why, test.saying) {
				t.Errorf("wanted %s, saying %q; found %s: %s", test.want, test.saying, v.Finding, v.Why)
			}
		})
	}
}

// TestJudgeNeedsTwin: where causes look alike, the verdict rests on the twin.
func TestJudgeNeedsTwin(t *testing.T) {
	t.Parallel()
	c, err := matrix.Parse(refusedCase)
	if err != nil {
		t.Fatal(err)
	}
	e, err := oracle.Predict(felixtypha.Link, c)
	if err != nil {
		t.Fatal(err)
	}
	o := refused(pki.CheckValidity, handshake.CertificateExpired)
	if v := oracle.Judge(c, e, o); v.NeedsTwin {
		t.Error("wanted one cause to stand for itself")
	}
	o.Server.Checks = []pki.Check{pki.CheckChain, pki.CheckValidity}
	if v := oracle.Judge(c, e, o); !v.NeedsTwin || v.Finding != oracle.Conforms {
		t.Errorf("wanted a verdict that needs the twin, found %+v", v)
	}
}
