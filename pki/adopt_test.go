package pki_test

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"testing"

	"github.com/calico-tls/conformance/pki"
)

// elsewhere returns an authority of other authorities, with its key, in PEM.
func elsewhere(t *testing.T, change func(*pki.Template)) (certificate, key []byte) {
	t.Helper()
	leaf := pki.Good(pki.Client, pki.Identity{CN: "authority elsewhere"})
	leaf.Root, leaf.Leaf.CA, leaf.Leaf.PathLen, leaf.Leaf.Usages, leaf.Leaf.KeyUsage = pki.SelfSigned, true, pki.NoPathLen, nil, x509.KeyUsageCertSign
	change(&leaf.Leaf)
	issued, err := pki.NewAuthorities().Issue(leaf)
	if err != nil {
		t.Fatal(err)
	}
	if key, err = issued.KeyPEM(pki.PKCS8); err != nil {
		t.Fatal(err)
	}
	return issued.CertificatePEM(), key
}

// TestAdoptedAuthority: what an adopted authority signs is trusted by who trusts that, and what its namesake signs is not.
func TestAdoptedAuthority(t *testing.T) {
	t.Parallel()
	certificate, key := elsewhere(t, func(*pki.Template) {})
	a, err := pki.Adopt(certificate, key)
	if err != nil {
		t.Fatal(err)
	}
	pool, err := pki.Anchors(certificate)
	if err != nil {
		t.Fatal(err)
	}
	origin := pki.Origin{Role: pki.Client, Own: pki.Identity{CN: "client"}}
	for name, wanted := range map[string]bool{"good": true, "intermediate": true, "expired": false, "same-name-authority": false, "other-authority": false} {
		v, ok := pki.VariantNamed(name)
		if !ok {
			t.Fatalf("there is no variant %q", name)
		}
		issued, err := a.Issue(v.Credential(origin))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if _, err := verified(t, issued, pool); (err == nil) != wanted {
			t.Errorf("%s: wanted it to be trusted: %v, found %v", name, wanted, err)
		}
		if name == "same-name-authority" {
			block, _ := pem.Decode(certificate)
			trusted := parse(t, block.Bytes)
			if made := parse(t, issued.Chain[0]); !bytes.Equal(made.RawIssuer, trusted.RawSubject) {
				t.Errorf("%s: wanted the issuer %q, found %q", name, trusted.Subject, made.Issuer)
			}
		}
	}
}

// TestAuthoritiesBeyondReach: what an adopted authority cannot sign is said, and why.
func TestAuthoritiesBeyondReach(t *testing.T) {
	t.Parallel()
	origin := pki.Origin{Role: pki.Client, Own: pki.Identity{CN: "client"}}
	issue := func(a *pki.Authorities, name string) error {
		v, _ := pki.VariantNamed(name)
		_, err := a.Issue(v.Credential(origin))
		return err
	}
	certificate, _ := elsewhere(t, func(*pki.Template) {})
	keyless, err := pki.Adopt(certificate, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"good", "intermediate", "expired"} {
		if err := issue(keyless, name); !errors.Is(err, pki.ErrNoKey) {
			t.Errorf("%s without the authority's key: wanted %v, found %v", name, pki.ErrNoKey, err)
		}
	}
	for _, name := range []string{"none", "other-authority", "self-signed"} {
		if err := issue(keyless, name); err != nil {
			t.Errorf("%s without the authority's key: %v", name, err)
		}
	}
	certificate, key := elsewhere(t, func(t *pki.Template) { t.PathLen = 0 })
	flat, err := pki.Adopt(certificate, key)
	if err != nil {
		t.Fatal(err)
	}
	if err := issue(flat, "good"); err != nil {
		t.Error(err)
	}
	if err := issue(flat, "intermediate"); err == nil {
		t.Error("an authority that allows none below it: wanted an error, found an intermediate")
	}
	certificate, key = elsewhere(t, func(t *pki.Template) { t.CA = false })
	if _, err := pki.Adopt(certificate, key); err == nil {
		t.Error("a certificate that is no authority: wanted an error, found none")
	}
	_, other := elsewhere(t, func(*pki.Template) {})
	if _, err := pki.Adopt(certificate, other); err == nil {
		t.Error("the key of another: wanted an error, found none")
	}
}

// verified returns what crypto/x509 makes of a client's chain.
func verified(t *testing.T, issued *pki.Issued, roots *x509.CertPool) ([][]*x509.Certificate, error) {
	t.Helper()
	between := x509.NewCertPool()
	for _, der := range issued.Chain[1:] {
		between.AddCert(parse(t, der))
	}
	return parse(t, issued.Chain[0]).Verify(x509.VerifyOptions{Roots: roots, Intermediates: between, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
}
