package oracle_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/calico-tls/conformance/harness/handshake"
	"github.com/calico-tls/conformance/harness/link"
	"github.com/calico-tls/conformance/harness/link/etcd"
	"github.com/calico-tls/conformance/harness/link/felixtypha"
	"github.com/calico-tls/conformance/harness/link/kubeapiserver"
	"github.com/calico-tls/conformance/harness/matrix"
	"github.com/calico-tls/conformance/harness/oracle"
	"github.com/calico-tls/conformance/pki"
)

// TestDecisionsNameCauses: a rule of a link whose cause is misspelt would never decide anything.
func TestDecisionsNameCauses(t *testing.T) {
	t.Parallel()
	known := append(oracle.Causes(), "", link.Accepting, link.Bare, link.InTheClear, link.Refusing, link.BeingRefused, link.MeetingRefused)
	for _, l := range []link.Link{felixtypha.Link, etcd.Link, kubeapiserver.Link} {
		for _, d := range l.Decisions {
			if !slices.Contains(known, d.Cause) {
				t.Errorf("%s: %q decides for %q, which is no cause", l.Name, d.Rules, d.Cause)
			}
			for _, rule := range d.Rules {
				if !l.Binds(rule) {
					t.Errorf("%s: %s decides for %q, and does not bind the link", l.Name, rule, d.Cause)
				}
			}
		}
	}
}

// TestExamineWhatEtcdAsks: hosts, revocation lists, and ends that ask for no name, or for nothing.
func TestExamineWhatEtcdAsks(t *testing.T) {
	t.Parallel()
	trust := []pki.AuthorityName{pki.Trusted}
	named := pki.Identity{CN: "etcd", DNSName: "localhost", IPAddress: "127.0.0.1"}
	same := func(*pki.Credential) {}
	for _, c := range []struct {
		name   string
		asked  link.Verifier
		change func(*pki.Credential)
		cause  string
	}{
		{"the address that was dialled", link.Verifier{Trust: trust, Host: "127.0.0.1"}, same, ""},
		{"the name that was dialled", link.Verifier{Trust: trust, Host: "localhost"}, same, ""},
		{"another address", link.Verifier{Trust: trust, Host: "127.0.0.2"}, same, "host"},
		{"another name", link.Verifier{Trust: trust, Host: "localhost2"}, same, "host"},
		{"an address that is a name", link.Verifier{Trust: trust, Host: "127.0.0.1"}, func(c *pki.Credential) { c.Leaf.DNSNames, c.Leaf.IPAddresses = c.Leaf.IPAddresses, nil }, "host"},
		{"a name that is a Common Name", link.Verifier{Trust: trust, Host: "localhost"}, func(c *pki.Credential) { c.Leaf.CommonNames, c.Leaf.DNSNames = c.Leaf.DNSNames, nil }, "host"},
		{"revoked", link.Verifier{Trust: trust, Asking: link.Anybody, Revokes: true}, func(c *pki.Credential) { c.Leaf.Serial = pki.RevokedSerial }, "revocation"},
		{"revoked, and there is no list", link.Verifier{Trust: trust, Asking: link.Anybody}, func(c *pki.Credential) { c.Leaf.Serial = pki.RevokedSerial }, ""},
		{"nobody, to one that takes anybody", link.Verifier{Trust: trust, Asking: link.Anybody}, func(c *pki.Credential) { c.Leaf.CommonNames = nil }, ""},
		{"no certificate, to one that takes anybody", link.Verifier{Trust: trust, Asking: link.Anybody}, func(c *pki.Credential) { c.Sending = pki.SendNothing }, "no-certificate"},
		{"no certificate, to one that asks for none", link.Verifier{Asking: link.Ignores}, func(c *pki.Credential) { c.Sending = pki.SendNothing }, ""},
		{"another authority, to one that asks for none", link.Verifier{Asking: link.Ignores}, func(c *pki.Credential) { c.Root = pki.Untrusted }, ""},
	} {
		good := pki.Good(pki.Server, named)
		shown := good
		c.change(&shown)
		if got := oracle.Examine(c.asked, handshake.Server, shown, good); got.Cause != c.cause {
			t.Errorf("%s: wanted the cause %q, found %q", c.name, c.cause, got.Cause)
		}
	}
}

// TestJudgeAnswers: who must be refused by an answer was let in first, and was told no alert.
func TestJudgeAnswers(t *testing.T) {
	t.Parallel()
	c, err := matrix.Parse("etcd/cn-user/etcd/client=cn-other/server=good/tls1.3")
	if err != nil {
		t.Fatal(err)
	}
	e, err := oracle.Predict(etcd.Link, c)
	if err != nil {
		t.Fatal(err)
	}
	if e.Phase != handshake.PhaseApplication || e.Check != pki.CheckIdentity {
		t.Fatalf("wanted a refusal for the identity by an answer, found %+v", e)
	}
	denied := refused(pki.CheckIdentity, handshake.NoAlert)
	denied.Client.Phase, denied.Client.Octets = handshake.PhaseApplication, 100
	for name, tt := range map[string]struct {
		plant  func(*handshake.Observation)
		want   oracle.Finding
		saying string
	}{
		"as it must be":           {func(*handshake.Observation) {}, oracle.Conforms, ""},
		"refused by an alert":     {func(o *handshake.Observation) { *o = refused(pki.CheckIdentity, handshake.BadCertificate) }, oracle.Deviates, "in the handshake, with bad_certificate, instead of by an answer"},
		"accepted":                {func(o *handshake.Observation) { *o = accepted() }, oracle.Deviates, "outcome accept instead of refuse"},
		"refused for its issuer":  {func(o *handshake.Observation) { o.Server.Checks = []pki.Check{pki.CheckChain} }, oracle.Deviates, "for chain instead of identity"},
		"the server says nothing": {func(o *handshake.Observation) { o.Server = handshake.Account{} }, oracle.Unproven, "says nothing"},
	} {
		o := denied
		tt.plant(&o)
		if v := oracle.Judge(c, e, o); v.Finding != tt.want || !strings.Contains(v.Why, tt.saying) {
			t.Errorf("%s: wanted %s, saying %q, found %s: %s", name, tt.want, tt.saying, v.Finding, v.Why)
		}
	}
}
