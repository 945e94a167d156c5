package pki_test

import (
	"crypto/x509"
	"testing"
	"time"

	"github.com/calico-tls/conformance/pki"
)

// TestAltNames gives a leaf one kind of name after the other: each brings the extension, which is critical where the
// subject is empty (RFC 5280 section 4.2.1.6).
func TestAltNames(t *testing.T) {
	t.Parallel()
	const absent, plain, critical = "absent", "plain", "critical"
	a := authorities()
	one := []string{"192.0.2.1"} // which any kind takes
	for name, row := range map[string]struct {
		leaf   pki.Template
		wanted string
	}{
		"no name":                            {pki.Template{}, absent},
		"a subject alone":                    {pki.Template{CommonNames: one}, absent},
		"a DNS name":                         {pki.Template{DNSNames: one}, critical},
		"an e-mail address":                  {pki.Template{EmailAddresses: one}, critical},
		"a URI":                              {pki.Template{URIs: one}, critical},
		"an IP address":                      {pki.Template{IPAddresses: one}, critical},
		"beside a Common Name":               {pki.Template{URIs: one, CommonNames: one}, plain},
		"beside an organization":             {pki.Template{URIs: one, Organizations: one}, plain},
		"beside a unit":                      {pki.Template{URIs: one, OrganizationalUnits: one}, plain},
		"beside a name and its organization": {pki.Template{URIs: one, CommonNames: one, Organizations: one}, plain},
		"beside a name and its unit":         {pki.Template{URIs: one, CommonNames: one, OrganizationalUnits: one}, plain},
	} {
		row.leaf.Key, row.leaf.NotAfter = pki.P256, time.Hour
		found := absent
		switch san := extension(parse(t, issue(t, a, pki.Credential{Leaf: row.leaf, Root: pki.Trusted}).Chain[0]), "2.5.29.17"); {
		case san != nil && san.Critical:
			found = critical
		case san != nil:
			found = plain
		}
		if found != row.wanted {
			t.Errorf("%s: wanted the extension %s, found it %s", name, row.wanted, found)
		}
	}
}

// TestDigests finds the algorithm that goes with the digest and the issuer's key; TestIssueRefuses has what goes with none.
func TestDigests(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		issuer pki.KeyType
		digest pki.Digest
		wanted x509.SignatureAlgorithm
	}{
		{pki.RSA2048, pki.SHA256, x509.SHA256WithRSA},
		{pki.RSA2048, pki.SHA1, x509.SHA1WithRSA},
		{pki.RSA2048, pki.MD5, x509.MD5WithRSA},
		{pki.P256, pki.SHA256, x509.ECDSAWithSHA256},
		{pki.P256, pki.SHA1, x509.ECDSAWithSHA1},
		{pki.P384, pki.SHA256, x509.ECDSAWithSHA384},
		{pki.P521, pki.SHA256, x509.ECDSAWithSHA512},
		{pki.Ed25519, pki.SHA256, x509.PureEd25519},
	} {
		issuer := pki.AuthorityTemplate(pki.Intermediate)
		issuer.Key = row.issuer
		c := pki.Good(pki.Client, felix)
		c.Path, c.Leaf.Digest = []pki.Template{issuer}, row.digest
		if found := parse(t, issue(t, authorities(), c).Chain[0]).SignatureAlgorithm; found != row.wanted {
			t.Errorf("digest %q by a key of type %s: wanted %s, found %s", row.digest, row.issuer, row.wanted, found)
		}
	}
}
