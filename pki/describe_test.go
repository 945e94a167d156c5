package pki_test

import (
	"crypto/x509"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/calico-tls/conformance/pki"
)

func TestDescribeTellsVariantsApart(t *testing.T) {
	t.Parallel()
	for i := range origins {
		seen := map[string]string{}
		for _, v := range pki.Variants {
			o := originsOf(v)[i]
			text := strings.Join(pki.Describe(v.Credential(o)), "\n") + fmt.Sprintf("\nof %#v", o.Own)
			if other, ok := seen[text]; ok {
				t.Errorf("%s/%s: described like %s:\n%s", v.Name, o.Role, other, text)
			}
			seen[text] = v.Name
		}
	}
}

func TestDescribe(t *testing.T) {
	t.Parallel()
	odd := pki.Credential{
		Leaf: pki.Template{
			DNSNames: []string{"t\u0443pha"}, EmailAddresses: []string{"a\x00"}, IPAddresses: []string{"192.0.2.1"}, BasicConstraints: true, Form: pki.Version1, Organizations: []string{"o"}, OrganizationalUnits: []string{"u"},
			NotBefore: -90 * time.Second, NotAfter: 48 * time.Hour, Usages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny, 13},
			Key: pki.Ed25519, Digest: pki.SHA1, Serial: 7, CriticalUnknown: true,
		},
		Root: pki.SelfSigned, Sending: "by-post", Padding: 9, ForeignKey: true, Extra: []pki.Template{{NotAfter: 30 * time.Minute}},
	}
	wanted := []string{
		`leaf: O "o", OU "u", DNS SAN "t\u0443pha", e-mail SAN "a\x00", IP SAN "192.0.2.1", valid from 1m30s ago until 2 days from now, for any usage and usage 13, ` +
			`not a CA, critical extension 2.999.1, which nobody knows, ED25519 key, signed with SHA-1, X.509 version 1, serial number 7`,
		"root: none, the leaf signed itself",
		`sent: as "by-post"`,
		"sent after them: a leaf of the trusted authority: no name at all, valid from now until 30min from now, no extended key usage,  key",
		"sent after them: copies of the root, up to 9 octets in all",
		"key: not the leaf's, but another of its type",
	}
	if diff := cmp.Diff(wanted, pki.Describe(odd)); diff != "" {
		t.Errorf("(-wanted +found):\n%s", diff)
	}
	if found := pki.Describe(pki.Credential{Sending: pki.SendNothing}); !slices.Equal(found, []string{"sent: no certificate"}) {
		t.Errorf("found %q", found)
	}
	v, _ := pki.VariantNamed("issuer-not-ca")
	if text := strings.Join(pki.Describe(v.Credential(origins[0])), "\n"); !strings.Contains(text, "not a CA") {
		t.Errorf("wanted it to say that the issuer is no CA:\n%s", text)
	}
}

// TestDescribeSaysWhatIsSent: without an intermediate there is no path to speak of.
func TestDescribeSaysWhatIsSent(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		variant string
		sending pki.Sending
		wanted  string
	}{
		{"good", pki.SendChain, "sent: the leaf alone"},
		{"good", pki.SendLeaf, "sent: the leaf alone"},
		{"good", pki.SendRoot, "sent: the leaf, the path above it and the root"},
		{"intermediate", pki.SendChain, "sent: the leaf and the path above it, without the root"},
		{"intermediate", pki.SendLeaf, "sent: the leaf alone"},
	} {
		v, _ := pki.VariantNamed(row.variant)
		c := v.Credential(origins[0])
		c.Sending = row.sending
		if found := pki.Describe(c); !slices.Contains(found, row.wanted) {
			t.Errorf("%s, sent as %q: wanted %q, found %q", row.variant, row.sending, row.wanted, found)
		}
	}
}
