package audit_test

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/calico-tls/conformance/harness"
	"github.com/calico-tls/conformance/harness/handshake"
	"github.com/calico-tls/conformance/harness/link"
	"github.com/calico-tls/conformance/harness/link/felixtypha"
	"github.com/calico-tls/conformance/harness/matrix"
	"github.com/calico-tls/conformance/harness/oracle"
	"github.com/calico-tls/conformance/pki"
)

// refusalByX509 asks crypto/x509 as Calico does, of the chain as it is sent, with the roots, the usage and the time of
// the case; then Calico's rule of names. It returns why it refuses, or an error where the question cannot be put.
func refusalByX509(a *pki.Authorities, j judgement) (refusal, err error) {
	issued, err := a.Issue(j.shown)
	if err != nil {
		return nil, err
	}
	bundle, err := a.BundleIn(j.style, j.asked.Trust, j.good)
	if err != nil {
		return nil, err
	}
	roots, between := x509.NewCertPool(), x509.NewCertPool()
	roots.AppendCertsFromPEM(bundle)
	var leaf *x509.Certificate
	for _, der := range issued.Chain {
		cert, err := x509.ParseCertificate(der)
		switch {
		case err != nil:
			return fmt.Errorf("parsing: %w", err), nil
		case leaf == nil:
			leaf = cert
		default:
			between.AddCert(cert)
		}
	}
	if leaf == nil {
		return errors.New("no certificate was sent"), nil
	}
	_, refusal = leaf.Verify(x509.VerifyOptions{
		Roots: roots, Intermediates: between, CurrentTime: time.Now(), KeyUsages: []x509.ExtKeyUsage{j.role().Usage()},
	})
	if refusal == nil && j.asked.Host != "" {
		refusal = leaf.VerifyHostname(j.asked.Host)
	}
	if refusal != nil {
		return refusal, nil
	}
	if j.asked.Revokes {
		if refusal, err = revokedBy(a, leaf); refusal != nil || err != nil {
			return refusal, err
		}
	}
	return namedOtherwise(leaf, j.asked.CN, j.asked.URISAN), nil
}

// revokedBy looks for a leaf on the revocation list, as etcd does (client/pkg/transport/listener_tls.go).
func revokedBy(a *pki.Authorities, leaf *x509.Certificate) (refusal, err error) {
	der, err := a.RevocationList(pki.RevokedSerial)
	if err != nil {
		return nil, err
	}
	list, err := x509.ParseRevocationList(der)
	if err != nil {
		return nil, err
	}
	for _, entry := range list.RevokedCertificateEntries {
		if entry.SerialNumber.Cmp(leaf.SerialNumber) == 0 {
			return fmt.Errorf("the serial number %v is on the revocation list", entry.SerialNumber), nil
		}
	}
	return nil, nil
}

// namedOtherwise is Calico's rule (typha/pkg/tlsutils/tlsutils.go): the Common Name, or one of the URI SANs as Go writes
// it, is the one required.
func namedOtherwise(leaf *x509.Certificate, cn, uri string) error {
	if cn != "" && leaf.Subject.CommonName == cn ||
		uri != "" && slices.ContainsFunc(leaf.URIs, func(u *url.URL) bool { return u.String() == uri }) ||
		cn == "" && uri == "" {
		return nil
	}
	return fmt.Errorf("wanted the name %q or %q, found %q and %v", cn, uri, leaf.Subject.CommonName, leaf.URIs)
}

// TestX509Agrees asks crypto/x509 about what each case of core shows.
func TestX509Agrees(t *testing.T) {
	t.Parallel()
	l := newLedger(cryptoX509)
	for _, j := range shown(judgements(t)) {
		refusal, err := refusalByX509(authorities(), j)
		if err != nil {
			t.Fatalf("%s: %v", j, err)
		}
		l.hold(t, j, j.oracle(), refusal)
	}
	l.close(t)
}

// TestPredictFollowsExamine: what is expected of a case is what its two ends make of each other, the client first, as it
// sees the server's certificate before it shows its own. Where the client is known by a token, others are asked about that.
func TestPredictFollowsExamine(t *testing.T) {
	t.Parallel()
	alone := 0
	for _, l := range harness.Links {
		for _, c := range matrix.Core(l.Link) {
			asked := of(t, l.Link, c)
			if asked == nil {
				continue
			}
			e, err := oracle.Predict(l.Link, c)
			if err != nil {
				t.Fatal(err)
			}
			var by handshake.Side
			var first oracle.Objection
			for _, j := range slices.Backward(asked) {
				if o := j.oracle(); o != (oracle.Objection{}) {
					by, first = j.side.Other(), o
				}
			}
			if len(asked) == 1 && by == "" {
				alone++
				continue
			}
			if e.By != by || e.Check != first.Check || e.Cause != first.Cause {
				t.Errorf("%s: wanted it refused by the %s for %+v, found by the %s for %s (%s)", c.ID(), by, first, e.By, e.Check, e.Cause)
			}
		}
	}
	if alone == 0 {
		t.Error("wanted cases in which a token tells who the client is, found none")
	}
}

// TestWithholdingFollowsGo asks crypto/tls of each variant whether a client keeps it back from a server that lists these
// roots, and holds the oracle against it.
func TestWithholdingFollowsGo(t *testing.T) {
	t.Parallel()
	l := felixtypha.Link
	var kept, sent int
	for _, trust := range [][]pki.AuthorityName{
		{pki.Trusted}, {pki.SameName}, {pki.Second, pki.Third}, {pki.Intermediate}, {pki.PeerLeaf}, {pki.Second, pki.Trusted},
	} {
		l.Settings = []link.Setting{{Name: "x", Mode: "cn", Side: handshake.Server, Change: func(v link.Verifier) link.Verifier {
			v.Trust = trust
			return v
		}}}
		for _, v := range quick {
			c := matrix.Case{Link: l.Name, Mode: "cn", Subject: "typha", Client: v.Name, Server: "good", Version: link.TLS13, Setting: "x", Conduct: "withhold"}
			e, err := oracle.Predict(l, c)
			if err != nil {
				t.Fatal(err)
			}
			o := origin(handshake.Client)
			j := judgement{variants: []string{v.Name}, side: handshake.Client, asked: link.Verifier{Trust: trust}, shown: v.Credential(o), good: pki.Good(o.Role, o.Own)}
			if j.shown.Sending == pki.SendNothing || !slices.Contains([]pki.KeyType{pki.P256, pki.RSA2048}, j.shown.Leaf.Key) {
				continue // there is nothing to keep back, or it is kept back for its key
			}
			is := withheld(t, j)
			if is {
				kept++
			} else {
				sent++
			}
			if is != (e.Check == pki.CheckPresence) {
				t.Errorf("%s: crypto/tls keeps it back: %t; the oracle wants it refused for %q (%s)", j, is, e.Check, e.Cause)
			}
		}
	}
	if kept == 0 || sent == 0 {
		t.Errorf("wanted some kept back and some sent, found %d and %d", kept, sent)
	}
}
