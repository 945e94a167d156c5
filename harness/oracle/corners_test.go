package oracle_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/calico-tls/conformance/harness/handshake"
	"github.com/calico-tls/conformance/harness/link"
	"github.com/calico-tls/conformance/harness/link/felixtypha"
	"github.com/calico-tls/conformance/harness/matrix"
	"github.com/calico-tls/conformance/harness/oracle"
	"github.com/calico-tls/conformance/pki"
)

// predicted is what must happen in a case of the link, whether core poses it or not.
func predicted(t *testing.T, id string) (matrix.Case, oracle.Expectation) {
	t.Helper()
	c, err := matrix.Parse(id)
	if err != nil {
		t.Fatal(err)
	}
	e, err := oracle.Predict(felixtypha.Link, c)
	if err != nil {
		t.Fatal(err)
	}
	return c, e
}

// TestAlertsOfEachGo: Go 1.25 says the one or the other where 1.24 and 1.26 differ, and of what is not in the table
// nothing is known.
func TestAlertsOfEachGo(t *testing.T) {
	t.Parallel()
	e := oracle.Expectation{Outcome: handshake.Refuse, By: handshake.Server, Cause: "no-certificate"}
	for stack, want := range map[string][]handshake.Alert{
		"go1.24.9": {handshake.BadCertificate},
		"go1.25":   {handshake.BadCertificate, handshake.HandshakeFailure},
		"go1.26.0": {handshake.HandshakeFailure},
	} {
		if got, known := oracle.Alerts(e, link.TLS12, stack); !known || !slices.Equal(got, want) {
			t.Errorf("%s: wanted %v, found %v", stack, want, got)
		}
	}
	e.Cause = "none-such"
	for _, stack := range []string{"go1.24.9", "", "rustls 0.23", "go2"} {
		if got, known := oracle.Alerts(e, link.TLS12, stack); known || len(got) > 0 {
			t.Errorf("%q: wanted nothing to be known, found %v", stack, got)
		}
	}
}

// TestJudgeOfStarts: a subject that starts though it must not is seen to speak TLS, or plaintext, by what the accounts say.
func TestJudgeOfStarts(t *testing.T) {
	t.Parallel()
	c, e := predicted(t, "felix-typha/cn/typha/client=good/server=good/none/setting=suites-unknown")
	for version, want := range map[string]handshake.Outcome{"": handshake.Plaintext, "tls1.3": handshake.Accept} {
		o := accepted()
		o.Client.Version = version
		if v := oracle.Judge(c, e, o); v.Finding != oracle.Deviates || v.Seen.Outcome != want {
			t.Errorf("version %q: wanted it to deviate by %s, found %+v", version, want, v)
		}
	}
	secured, e := predicted(t, acceptedCase)
	o := accepted()
	o.Client.Version = ""
	if v := oracle.Judge(secured, e, o); v.Seen.Outcome != handshake.Accept {
		t.Errorf("wanted TLS where the case is one of TLS, found %+v", v)
	}
}

// TestJudgeOfWhatTheSubjectShows: a client shows nothing to a server that it has refused, and so none is wanted of it.
func TestJudgeOfWhatTheSubjectShows(t *testing.T) {
	t.Parallel()
	c, e := predicted(t, "felix-typha/cn/typha/client=good/server=expired/tls1.3")
	o := refused(pki.CheckValidity, handshake.BadCertificate)
	o.Client, o.Server = o.Server, o.Client
	o.Client.Shown, o.Server.Shown = "", ""
	if v := oracle.Judge(c, e, o); v.Finding != oracle.Conforms {
		t.Errorf("wanted it to conform, found %s: %s", v.Finding, v.Why)
	}
}

// TestJudgeSaysWhatItFound: a verdict quotes what there is, and names what is missing.
func TestJudgeSaysWhatItFound(t *testing.T) {
	t.Parallel()
	c, e := predicted(t, refusedCase)
	for saying, plant := range map[string]func(*handshake.Observation){
		"found that the server refused for validity and the client was told certificate_expired": func(*handshake.Observation) {},
		"found that the server refused for a cause that it does not name and":                    func(o *handshake.Observation) { o.Server.Checks = nil },
		"refused by its peer, and the server says that it failed (no route)":                     func(o *handshake.Observation) { o.Server.Claim, o.Server.Error = handshake.Failed, "no route" },
		"refused by its peer, and the server says that it failed":                                func(o *handshake.Observation) { o.Server.Claim, o.Server.Error = handshake.Failed, "" },
		"found application data in both directions over tls1.3":                                  func(o *handshake.Observation) { *o = accepted() },
		"found that the subject does not start: \"no\"":                                          func(o *handshake.Observation) { o.NotStarted = "no" },
	} {
		o := refused(pki.CheckValidity, handshake.CertificateExpired)
		plant(&o)
		if v := oracle.Judge(c, e, o); !strings.Contains(v.Why, saying) || strings.Contains(v.Why, "()") {
			t.Errorf("wanted it said that %q, found: %s", saying, v.Why)
		}
	}
}

// TestWanted says each outcome in words.
func TestWanted(t *testing.T) {
	t.Parallel()
	for id, want := range map[string]string{
		acceptedCase: `it to be accepted as "typha-client" (IDENT-01`,
		refusedCase:  "the server to refuse for validity (IDENT-47",
		"felix-typha/plaintext/typha/client=none/server=none/plaintext":            "plaintext to be served (CONF-01",
		"felix-typha/cn/typha/client=good/server=good/none/setting=suites-unknown": "the subject not to start (TYPHA-10",
		"felix-typha/cn-or-uri-san/typha/client=cn-absent/server=good/tls1.3":      `it to be accepted as "spiffe://k8s.example.com/typha-client"`,
		"felix-typha/cn/felix/client=good/server=other-authority/tls1.2":           "the client to refuse for chain (IDENT-40",
		"felix-typha/cn/felix/client=good/server=none/plaintext/conduct=closing":   "the client to refuse for protocol (FELIX-02",
	} {
		if _, e := predicted(t, id); !strings.HasPrefix(e.Wanted(), want) {
			t.Errorf("%s: wanted %q, found %q", id, want, e.Wanted())
		}
	}
}

// TestRulesOfNeighbours: which rules a case is about depends on what is consulted, and on what else the case differs in.
func TestRulesOfNeighbours(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ id, has, lacks string }{
		{"felix-typha/cn/typha/client=uri-absent/server=good/tls1.2", "CONF-12", "CONF-13"},
		{"felix-typha/cn/felix/client=good/server=uri-absent/tls1.2", "CONF-12", "CONF-13"},
		{"felix-typha/uri-san/typha/client=cn-absent/server=good/tls1.2", "CONF-13", "CONF-12"},
		{"felix-typha/cn-or-uri-san/typha/client=uri-absent/server=good/tls1.2", "IDENT-06", "CONF-12"},
		{"felix-typha/cn/typha/client=good/server=good/tls1.2", "IDENT-01", "CONF-12"},
		{"felix-typha/cn/typha/client=uri-absent/server=good/tls1.2/setting=bundle-2", "IDENT-43", "CONF-12"},
		{"felix-typha/cn/typha/client=uri-absent/server=good/tls1.2/conduct=idle-first", "IDENT-01", "CONF-12"},

		{"felix-typha/cn/typha/client=cn-case/server=good/tls1.2", "IDENT-11", "IDENT-09"},
		{"felix-typha/uri-san/typha/client=cn-case/server=good/tls1.2", "IDENT-09", "IDENT-11"},
		{"felix-typha/uri-san/typha/client=uri-percent/server=good/tls1.2", "IDENT-17", "IDENT-09"},
		{"felix-typha/cn/typha/client=uri-percent/server=good/tls1.2", "IDENT-09", "IDENT-17"},

		{"felix-typha/cn/typha/client=good/server=expired/tls1.2", "TYPHA-32", "TYPHA-31"},
		{"felix-typha/cn/typha/client=good/server=intermediate/tls1.2", "TYPHA-31", "TYPHA-32"},
		{"felix-typha/cn/felix/client=intermediate/server=good/tls1.2", "FELIX-03", "TYPHA-31"},
		{"felix-typha/cn/felix/client=good/server=intermediate/tls1.2", "IDENT-44", "FELIX-03"},
		{"felix-typha/cn/typha/client=good/server=intermediate/tls1.2/conduct=idle-first", "IDENT-01", "TYPHA-31"},
		{"felix-typha/cn/typha/client=good/server=intermediate/tls1.2/setting=bundle-2", "IDENT-43", "TYPHA-31"},

		{"felix-typha/cn/typha/client=cn-other/server=good/tls1.2", "IDENT-02", "IDENT-07"},
		{"felix-typha/cn/typha/client=cn-absent/server=good/tls1.2", "IDENT-03", "IDENT-02"},
		{"felix-typha/cn/typha/client=cn-absent/server=good/tls1.2", "IDENT-08", "IDENT-05"},
		{"felix-typha/cn/typha/client=id-absent/server=good/tls1.2", "IDENT-03", "IDENT-08"},
		{"felix-typha/cn/typha/client=id-other/server=good/tls1.2", "IDENT-02", "IDENT-08"},
		{"felix-typha/uri-san/typha/client=uri-other/server=good/tls1.2", "IDENT-08", "IDENT-03"},
		{"felix-typha/uri-san/typha/client=id-other/server=good/tls1.2", "IDENT-05", "IDENT-08"},
		{"felix-typha/cn-or-uri-san/typha/client=id-other/server=good/tls1.2", "IDENT-07", "IDENT-05"},
	} {
		if _, e := predicted(t, c.id); !slices.Contains(e.Rules, c.has) || slices.Contains(e.Rules, c.lacks) {
			t.Errorf("%s: wanted %s and not %s among its rules, found %v", c.id, c.has, c.lacks, e.Rules)
		}
	}
}

// TestStartsByItsOwnSide: what a setting leaves of a mode is asked of the side that is set up, where the two sides require
// different names.
func TestStartsByItsOwnSide(t *testing.T) {
	t.Parallel()
	l := felixtypha.Link
	trust := []pki.AuthorityName{pki.Trusted}
	l.Modes = []link.Mode{{Name: "mixed", Client: link.Verifier{Trust: trust, CN: felixtypha.TyphaCN}, Server: link.Verifier{Trust: trust, URISAN: felixtypha.FelixURISAN}}}
	given := map[link.Parameter]link.Form{link.CommonName: link.FormUnset}
	l.Settings = []link.Setting{{Name: "x", Mode: "mixed", Side: handshake.Server, Given: given}, {Name: "x", Mode: "mixed", Side: handshake.Client, Given: given}}
	for subject, want := range map[string]handshake.Outcome{"typha": handshake.Accept, "felix": handshake.NotStarted} {
		c := matrix.Case{Link: l.Name, Mode: "mixed", Subject: subject, Client: "good", Server: "good", Version: link.TLS13, Setting: "x"}
		if e, err := oracle.Predict(l, c); err != nil || e.Outcome != want {
			t.Errorf("%s without a Common Name to require: wanted %s, found %s (%v)", subject, want, e.Outcome, err)
		}
	}
}

// TestWithheld: a client that goes by the names that the server lists sends what somebody of such a name has signed.
func TestWithheld(t *testing.T) {
	t.Parallel()
	const none = "no-certificate"
	for _, c := range []struct{ shown, setting, cause string }{
		{"good", "", ""},
		{"other-authority", "", none},
		{"self-signed", "", none},
		{"same-name-authority", "", "issuer"},
		{"intermediate", "", ""},
		{"intermediate-omitted", "", none},
		{"intermediate-omitted", "anchor-intermediate", ""},
		{"good", "anchor-intermediate", none},
		{"good", "anchor-leaf", none},
		{"self-signed", "anchor-leaf", "issuer"},
		{"malformed", "", none},
		{"expired", "", "validity"},
	} {
		id := "felix-typha/cn/typha/client=" + c.shown + "/server=good/tls1.3"
		if c.setting != "" {
			id += "/setting=" + c.setting
		}
		if _, e := predicted(t, id+"/conduct=withhold"); e.Cause != c.cause {
			t.Errorf("%s with the setting %q: wanted it refused for %q, found %q", c.shown, c.setting, c.cause, e.Cause)
		}
	}
}
