package audit_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/calico-tls/conformance/harness"
	"github.com/calico-tls/conformance/harness/handshake"
	"github.com/calico-tls/conformance/harness/link"
	"github.com/calico-tls/conformance/harness/matrix"
	"github.com/calico-tls/conformance/harness/oracle"
	"github.com/calico-tls/conformance/pki"
)

// judgement is one question that a case puts to one of its ends: what it makes of what its peer shows. Others than the
// oracle can be asked it too.
type judgement struct {
	// cases are the IDs of the cases that put it, the first few; variants name what is shown.
	cases    []string
	variants []string
	// side is the side that shows, asked what the other one requires, style how its trust bundle is written.
	side  handshake.Side
	asked link.Verifier
	style pki.BundleStyle
	// shown is what is shown, good the good credential of that side.
	shown, good pki.Credential
}

// role is the role in which the credential is shown.
func (j judgement) role() pki.Role {
	if j.side == handshake.Server {
		return pki.Server
	}
	return pki.Client
}

// asker says who is asked: whatever the relying party needs to be told is in it, but for the names.
func (j judgement) asker() string {
	return fmt.Sprint(j.side, j.asked.Trust, j.style, j.asked.Host, j.asked.Revokes)
}

// oracle returns the oracle's objection.
func (j judgement) oracle() oracle.Objection { return oracle.Examine(j.asked, j.side, j.shown, j.good) }

func (j judgement) String() string {
	text := fmt.Sprintf("the %s shows %v to one that trusts %v and requires %q or %q", j.side, j.variants, j.asked.Trust, j.asked.CN, j.asked.URISAN)
	if j.asked.Host != "" {
		text += fmt.Sprintf(" of the host %s", j.asked.Host)
	}
	if len(j.cases) > 0 {
		text += " as in " + j.cases[0]
	}
	return text
}

// judgements are all the questions that the cases of core put where certificates are shown, none twice.
func judgements(t testing.TB) []judgement {
	t.Helper()
	var all []judgement
	seen := map[string]int{}
	for _, l := range harness.Links {
		for _, c := range matrix.Core(l.Link) {
			for _, j := range of(t, l.Link, c) {
				key := fmt.Sprintf("%v %v %v %v", j.variants, j.side, j.asked, j.style)
				if i, ok := seen[key]; ok {
					all[i].cases = append(all[i].cases, j.cases...)
					continue
				}
				seen[key] = len(all)
				all = append(all, j)
			}
		}
	}
	if len(all) < 200 {
		t.Fatalf("wanted hundreds of questions, found %d", len(all))
	}
	return all
}

// of returns the questions that a case puts to its two ends: what the client makes of the server, and what the server makes
// of the client where it has nothing but the client's certificate to go by; none where no certificate is shown.
func of(t testing.TB, l link.Link, c matrix.Case) []judgement {
	t.Helper()
	e, err := oracle.Predict(l, c)
	if err != nil {
		t.Fatal(err)
	}
	if c.Version == link.Clear || e.Outcome == handshake.NotStarted || e.Check == pki.CheckProtocol {
		return nil
	}
	byClient, byServer, err := oracle.Verifiers(l, c)
	if err != nil {
		t.Fatal(err)
	}
	setting, _ := l.Setting(c.Setting, c.Mode, c.Subject)
	ask := func(side handshake.Side, name string, asked link.Verifier) judgement {
		v, ok := pki.VariantNamed(name)
		good, _ := pki.VariantNamed("good")
		if !ok {
			t.Fatalf("%s: there is no variant %q", c.ID(), name)
		}
		j := judgement{
			cases: []string{c.ID()}, variants: []string{name}, side: side, asked: asked,
			shown: oracle.Credential(l, side, v), good: oracle.Credential(l, side, good),
		}
		if setting.Side == side.Other() {
			j.style = setting.Bundle
		}
		return j
	}
	fromServer, fromClient := ask(handshake.Server, c.Server, byClient), ask(handshake.Client, c.Client, byServer)
	conduct, _ := l.Conduct(c.Conduct)
	if _, token, err := oracle.TokenOf(l, c); err != nil {
		t.Fatal(err)
	} else if token.Damage != pki.Missing || conduct.Forwards != "" {
		return []judgement{fromServer}
	}
	if (conduct.Withholds || c.Subject == l.Both()) && withheld(t, fromClient) {
		fromClient.variants, fromClient.shown.Sending = []string{"none"}, pki.SendNothing
	}
	return []judgement{fromServer, fromClient}
}

// shown are the questions in which a certificate is shown to one who looks at it: whoever asks for none is of no opinion on
// any, nor is who takes each. Others than the oracle are put these alone; that it accepts whatever such an end would not
// see, [TestNobodySeesWhatIsNotAsked] holds.
func shown(all []judgement) []judgement {
	return slices.DeleteFunc(all, func(j judgement) bool { return !looks(j.asked) })
}

func looks(v link.Verifier) bool { return v.Asking != link.Ignores && v.Asking != link.Blindly }

// TestNobodySeesWhatIsNotAsked: an end that asks for no certificate, or looks at none, objects to none.
func TestNobodySeesWhatIsNotAsked(t *testing.T) {
	t.Parallel()
	all := judgements(t)
	met := map[link.Asking]int{}
	for _, j := range all {
		if looks(j.asked) {
			continue
		}
		met[j.asked.Asking]++
		if o := j.oracle(); o != (oracle.Objection{}) {
			t.Errorf("%s: it looks at none, and the oracle objects %+v", j, o)
		}
	}
	for _, asking := range []link.Asking{link.Ignores, link.Blindly} {
		if met[asking] == 0 {
			t.Errorf("wanted questions to an end that %s, found none", asking)
		}
	}
}

// authorities are those of all opinions, as large keys take long to make.
var authorities = sync.OnceValue(pki.NewAuthorities)

// withheld asks crypto/tls whether a client of Go keeps its certificate back from a server that lists these roots.
func withheld(t testing.TB, j judgement) bool {
	t.Helper()
	issued, err := authorities().Issue(j.shown)
	if err != nil {
		t.Fatal(err)
	}
	bundle, err := authorities().Bundle(j.asked.Trust, j.good)
	if err != nil {
		t.Fatal(err)
	}
	request := &tls.CertificateRequestInfo{Version: tls.VersionTLS13, SignatureSchemes: schemes}
	for block, rest := pem.Decode(bundle); block != nil; block, rest = pem.Decode(rest) {
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		request.AcceptableCAs = append(request.AcceptableCAs, cert.RawSubject)
	}
	return request.SupportsCertificate(issued.TLS()) != nil
}

// schemes are those that a server of Go asks for, as far as the keys of withheld certificates go.
var schemes = []tls.SignatureScheme{tls.ECDSAWithP256AndSHA256, tls.PSSWithSHA256}

// disagreement is a kind of credential of which somebody thinks otherwise than the oracle.
type disagreement struct {
	who string
	// variants show it, finds is what the other makes of them.
	variants []string
	finds    handshake.Outcome
	// about is the oracle's cause where the other accepts, and a part of what the other says where it refuses.
	about string
	why   string
}

// who can be asked.
const (
	cryptoX509     = "crypto/x509 with Calico's rule of names"
	composedX509   = "crypto/x509 of random compositions"
	opensslVerify  = "openssl verify"
	opensslInTLS12 = "OpenSSL in a handshake of TLS 1.2"
	opensslInTLS13 = "OpenSSL in a handshake of TLS 1.3"
)

// ledger holds opinions against the oracle's, and keeps count of the disagreements that are known.
type ledger struct {
	who   string
	known []disagreement
	mu    sync.Mutex
	met   []int
	asked int
}

func newLedger(who string) *ledger {
	l := &ledger{who: who}
	for _, d := range disagreements {
		if d.who == who {
			l.known = append(l.known, d)
		}
	}
	l.met = make([]int, len(l.known))
	return l
}

// hold compares an opinion, nil where it accepts, with the oracle's objection.
func (l *ledger) hold(t reporter, j judgement, objection oracle.Objection, opinion error) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.asked++
	if (objection == oracle.Objection{}) == (opinion == nil) {
		return
	}
	finds, says := handshake.Accept, objection.Cause
	if opinion != nil {
		finds, says = handshake.Refuse, opinion.Error()
	}
	for i, d := range l.known {
		if d.finds == finds && strings.Contains(says, d.about) && intersects(d.variants, j.variants) {
			l.met[i]++
			return
		}
	}
	t.Errorf("%s: the oracle objects %+v, and %s finds: %v\n%s", j, objection, l.who, opinion, strings.Join(pki.Describe(j.shown), "\n"))
}

func intersects(a, b []string) bool {
	return slices.ContainsFunc(a, func(v string) bool { return slices.Contains(b, v) })
}

// close reports disagreements that are no more.
func (l *ledger) close(t reporter) {
	t.Helper()
	for i, d := range l.known {
		if l.met[i] == 0 {
			t.Errorf("stale: %s is said to %s %v (%s), and agrees with the oracle", d.who, d.finds, d.variants, d.why)
		}
	}
	if l.asked == 0 {
		t.Errorf("%s was asked nothing", l.who)
	}
}

// reporter is what a test and a property have in common.
type reporter interface {
	Helper()
	Errorf(format string, args ...any)
}
