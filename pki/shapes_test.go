package pki_test

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"slices"
	"testing"
	"time"

	"github.com/calico-tls/conformance/pki"
)

// TestFormsHoldNoExtensions takes the certificates apart by hand, as crypto/x509 does not tell the first version from
// one that is left out.
func TestFormsHoldNoExtensions(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		root    pki.AuthorityName
		key     pki.KeyType
		form    pki.Form
		version int
	}{
		{pki.Trusted, pki.P256, pki.Bare, 3},
		{pki.Trusted, pki.P256, pki.Version1, 1},
		{pki.SelfSigned, pki.Ed25519, pki.Version1, 1},
		{pki.SelfSigned, pki.RSA2048, pki.Version1, 1},
		{pki.SelfSigned, pki.P384, pki.Bare, 3},
	} {
		c := pki.Credential{Root: row.root, Leaf: pki.Template{CommonNames: []string{"calico-typha"}, NotAfter: time.Hour, Key: row.key, Form: row.form}}
		der := issue(t, authorities(), c).Chain[0]
		cert := parse(t, der)
		if cert.Version != row.version || len(cert.Extensions) != 0 {
			t.Errorf("%+v: found version %d with %d extensions", row, cert.Version, len(cert.Extensions))
		}
		var first asn1.RawValue
		for range 3 { // the certificate, the part that is signed, and what stands first in it
			if _, err := asn1.Unmarshal(der, &first); err != nil {
				t.Fatal(err)
			}
			der = first.Bytes
		}
		if written := first.Class == asn1.ClassContextSpecific; written != (row.version > 1) {
			t.Errorf("%+v: wanted the version to be written where it is not the first, found that it is: %t", row, written)
		}
		by := cert
		if row.root == pki.Trusted {
			by = anchor(t, authorities(), pki.Trusted)
		}
		if err := by.CheckSignature(cert.SignatureAlgorithm, cert.RawTBSCertificate, cert.Signature); err != nil {
			t.Errorf("%+v: %v", row, err)
		}
	}
}

// TestHardWayIsWhatTheManualInstallationMakes looks at the leaf and its authority together.
func TestHardWayIsWhatTheManualInstallationMakes(t *testing.T) {
	t.Parallel()
	root := anchor(t, authorities(), pki.HardWayRoot)
	for name, version := range map[string]int{"hard-way": 3, "hard-way-v1": 1} {
		for _, o := range origins {
			v, _ := pki.VariantNamed(name)
			issued := issue(t, authorities(), v.Credential(o))
			leaf := parse(t, issued.Chain[0])
			if len(issued.Chain) != 1 || leaf.Version != version || len(leaf.Extensions) != 0 || leaf.Subject.String() != "CN="+o.Own.CN {
				t.Errorf("%s: wanted a leaf of version %d with its Common Name alone, found %d certificates, version %d, %d extensions, %q",
					name, version, len(issued.Chain), leaf.Version, len(leaf.Extensions), leaf.Subject)
			}
			for _, cert := range []*x509.Certificate{leaf, root} {
				key, ok := cert.PublicKey.(*rsa.PublicKey)
				if !ok || key.N.BitLen() != 4096 || cert.SignatureAlgorithm != x509.SHA256WithRSA || daysLeft(cert) != 365 {
					t.Errorf("%s: wanted RSA of 4096 bits for a year, signed with SHA-256, found a %T signed with %s until %s", cert.Subject, cert.PublicKey, cert.SignatureAlgorithm, cert.NotAfter)
				}
			}
			if err := leaf.CheckSignatureFrom(root); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

// TestOperatorShapeIsWhatTheOperatorMakes: tigera/operator pkg/tls.
func TestOperatorShapeIsWhatTheOperatorMakes(t *testing.T) {
	t.Parallel()
	v, _ := pki.VariantNamed("operator-shape")
	for _, o := range origins {
		issued := issue(t, authorities(), v.Credential(o))
		leaf := parse(t, issued.Chain[0])
		if key, ok := leaf.PublicKey.(*rsa.PublicKey); !ok || key.N.BitLen() != 2048 || daysLeft(leaf) != 825 || len(issued.Chain) != 2 {
			t.Errorf("wanted RSA of 2048 bits for 825 days, and the root beside it, found a %T for %d days and %d certificates", leaf.PublicKey, daysLeft(leaf), len(issued.Chain))
		}
		if len(leaf.URIs) != 0 || !slices.Equal(leaf.DNSNames, []string{o.Own.CN}) || leaf.Subject.String() != "CN="+o.Own.CN {
			t.Errorf("wanted the Common Name in a DNS SAN too, and no URI SAN, found %q, %q and %v", leaf.Subject, leaf.DNSNames, leaf.URIs)
		}
		if !slices.Equal(leaf.ExtKeyUsage, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}) || leaf.KeyUsage != x509.KeyUsageDigitalSignature|x509.KeyUsageKeyEncipherment {
			t.Errorf("found the usages %v and the key usage %v", leaf.ExtKeyUsage, leaf.KeyUsage)
		}
	}
}

// daysLeft counts the days for which a certificate is still valid, today as a whole one.
func daysLeft(cert *x509.Certificate) int {
	return int(time.Until(cert.NotAfter).Round(24*time.Hour) / (24 * time.Hour))
}

// TestJustPassedBoundaries: the two seconds of IDENT-62, either way.
func TestJustPassedBoundaries(t *testing.T) {
	t.Parallel()
	for name, wanted := range map[string][2]time.Duration{
		"just-valid":   {-2 * time.Second, 24 * time.Hour},
		"just-expired": {-time.Hour, -2 * time.Second},
	} {
		v, _ := pki.VariantNamed(name)
		if leaf := v.Credential(origins[0]).Leaf; leaf.NotBefore != wanted[0] || leaf.NotAfter != wanted[1] {
			t.Errorf("%s: wanted it valid from %s until %s from now, found %s and %s", name, wanted[0], wanted[1], leaf.NotBefore, leaf.NotAfter)
		}
	}
}

// TestSVIDKeepsToTheLetter: SPIFFE X509-SVID sections 2 to 4.
func TestSVIDKeepsToTheLetter(t *testing.T) {
	t.Parallel()
	v, _ := pki.VariantNamed("spiffe-svid")
	for _, o := range origins {
		leaf := parse(t, issue(t, authorities(), v.Credential(o)).Chain[0])
		if len(leaf.URIs) != 1 || leaf.URIs[0].String() != o.Own.URISAN || len(leaf.DNSNames) != 0 || leaf.Subject.String() != "" {
			t.Errorf("wanted one URI SAN and nothing else, found %v, %q and the subject %q", leaf.URIs, leaf.DNSNames, leaf.Subject)
		}
		if leaf.KeyUsage != x509.KeyUsageDigitalSignature || len(leaf.ExtKeyUsage) != 2 || !leaf.BasicConstraintsValid || leaf.IsCA {
			t.Errorf("found key usage %v, usages %v, and CA %t, which is said: %t", leaf.KeyUsage, leaf.ExtKeyUsage, leaf.IsCA, leaf.BasicConstraintsValid)
		}
		for _, id := range []string{"2.5.29.15", "2.5.29.17", "2.5.29.19"} { // key usage, names (of an empty subject), basic constraints
			if found := extension(leaf, id); found == nil || !found.Critical {
				t.Errorf("wanted the extension %s to be critical, found %+v", id, found)
			}
		}
	}
}

// TestHostOtherNamesAnotherHost finds the one name and the one address in the certificate.
func TestHostOtherNamesAnotherHost(t *testing.T) {
	t.Parallel()
	v, _ := pki.VariantNamed("host-other")
	leaf := parse(t, issue(t, authorities(), v.Credential(origins[1])).Chain[0])
	if leaf.VerifyHostname("host.other.example.org") != nil || leaf.VerifyHostname("192.0.2.1") != nil {
		t.Errorf("wanted the names of another host, found %q and %v", leaf.DNSNames, leaf.IPAddresses)
	}
	if leaf.VerifyHostname("127.0.0.1") == nil || leaf.VerifyHostname("localhost") == nil {
		t.Error("wanted it not to name this host")
	}
}
