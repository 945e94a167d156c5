package pki_test

import (
	"crypto/x509"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/calico-tls/conformance/pki"
)

func TestGood(t *testing.T) {
	t.Parallel()
	wanted := pki.Credential{
		Leaf: pki.Template{
			CommonNames: []string{"typha-client"},
			URIs:        []string{"spiffe://k8s.example.com/typha-client"},
			NotBefore:   -time.Hour,
			NotAfter:    24 * time.Hour,
			Usages:      []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
			KeyUsage:    x509.KeyUsageDigitalSignature,
			PathLen:     pki.NoPathLen,
			Key:         pki.P256,
		},
		Root: pki.Trusted,
	}
	if diff := cmp.Diff(wanted, pki.Good(pki.Client, felix)); diff != "" {
		t.Errorf("the good credential of a client (-wanted +found):\n%s", diff)
	}
	nameless := pki.Good(pki.Server, pki.Identity{}).Leaf
	if nameless.CommonNames != nil || nameless.URIs != nil || nameless.Usages[0] != x509.ExtKeyUsageServerAuth {
		t.Errorf("wanted a server's leaf without a name, found %+v", nameless)
	}
}

func TestRoles(t *testing.T) {
	t.Parallel()
	if pki.Client.Other() != pki.Server || pki.Server.Other() != pki.Client {
		t.Error("wanted each role to be the other's other")
	}
}

// fuzzed are the values that a fuzzed template is made of.
type fuzzed struct {
	cn, o, ou, dns, email, uri, constraint string
	notBefore, notAfter, serial            int64
	usage, keyUsage, pathLen, flags        uint8
}

func (f fuzzed) template() pki.Template {
	const year = 365 * 24 * time.Hour
	t := pki.Template{
		NotBefore: time.Duration(f.notBefore) % (50 * year),
		NotAfter:  time.Duration(f.notAfter) % (50 * year),
		KeyUsage:  x509.KeyUsage(f.keyUsage),
		PathLen:   int(f.pathLen) - 1,
		Key:       pki.P256,
		Serial:    f.serial & (1<<62 - 1),
		CA:        f.flags&1 != 0,
	}
	if f.flags&2 != 0 {
		t.CriticalUnknown = true
	}
	if f.flags&4 != 0 {
		t.Digest = pki.SHA1
	}
	t.BasicConstraints = f.flags&8 != 0
	if f.usage > 0 {
		t.Usages = []x509.ExtKeyUsage{x509.ExtKeyUsage(f.usage % 14)}
	}
	fill := func(into *[]string, value string) {
		if value != "" {
			*into = []string{value, "next to " + value}
		}
	}
	fill(&t.CommonNames, f.cn)
	fill(&t.Organizations, f.o)
	fill(&t.OrganizationalUnits, f.ou)
	fill(&t.DNSNames, f.dns)
	fill(&t.EmailAddresses, f.email)
	fill(&t.URIs, f.uri)
	if f.constraint != "" {
		t.PermittedURIDomains = []string{f.constraint}
		t.ExcludedURIDomains = []string{f.constraint}
	}
	return t
}

func FuzzTemplate(f *testing.F) {
	f.Add("typha-client", "", "", "", "", "spiffe://k8s.example.com/typha-client", "", int64(-time.Hour), int64(time.Hour), int64(0), uint8(3), uint8(1), uint8(0), uint8(0))
	f.Add("", "o", "ou", "a.example.com", "a@example.com", "SPIFFE://x#", "example.com", int64(0), int64(1), int64(-1), uint8(1), uint8(0xff), uint8(4), uint8(7))
	f.Add("\x00", "\xff", "*", "*", "\xff", "::", "\xff", int64(1)<<62, int64(-1)<<62, int64(7), uint8(0), uint8(0), uint8(0), uint8(2))
	f.Fuzz(func(t *testing.T, cn, o, ou, dns, email, uri, constraint string, notBefore, notAfter, serial int64, usage, keyUsage, pathLen, flags uint8) {
		template := fuzzed{cn, o, ou, dns, email, uri, constraint, notBefore, notAfter, serial, usage, keyUsage, pathLen, flags}.template()
		before := time.Now().Truncate(time.Second)
		issued, err := pki.NewAuthorities().Issue(pki.Credential{Leaf: template, Root: pki.Trusted})
		if err != nil {
			if ascii(constraint) {
				t.Fatalf("wanted any template to be issued, but for constraints that are not ASCII: %v", err)
			}
			return
		}
		wanted := subjectAndNames{
			attributes: slices.Concat(prefixed("2.5.4.3=", template.CommonNames), prefixed("2.5.4.10=", template.Organizations), prefixed("2.5.4.11=", template.OrganizationalUnits)),
			altNames:   slices.Concat(prefixed("1=", template.EmailAddresses), prefixed("2=", template.DNSNames), prefixed("6=", template.URIs)),
		}
		if diff := cmp.Diff(wanted, decode(t, issued.Chain[0]), cmp.AllowUnexported(subjectAndNames{})); diff != "" {
			t.Errorf("names in the DER (-wanted +found):\n%s", diff)
		}
		cert, err := x509.ParseCertificate(issued.Chain[0])
		if err != nil {
			return // names that crypto/x509 cannot read are ours to send
		}
		compare(t, template, cert, before)
	})
}

// compare finds what a template says in the certificate that was made of it.
func compare(t *testing.T, template pki.Template, cert *x509.Certificate, before time.Time) {
	t.Helper()
	for name, moments := range map[string][2]time.Time{
		"notBefore": {before.Add(template.NotBefore), cert.NotBefore},
		"notAfter":  {before.Add(template.NotAfter), cert.NotAfter},
	} {
		if off := moments[1].Sub(moments[0]); off < -time.Second || off > time.Since(before)+time.Second {
			t.Errorf("%s: wanted about %s, found %s", name, moments[0], moments[1])
		}
	}
	if cert.KeyUsage != template.KeyUsage || !slices.Equal(cert.ExtKeyUsage, template.Usages) {
		t.Errorf("wanted the usages %v and %v, found %v and %v", template.KeyUsage, template.Usages, cert.KeyUsage, cert.ExtKeyUsage)
	}
	if cert.IsCA != template.CA || cert.BasicConstraintsValid != (template.CA || template.BasicConstraints) {
		t.Errorf("wanted CA %t, and that it is said: %t, found %t and %t", template.CA, template.CA || template.BasicConstraints, cert.IsCA, cert.BasicConstraintsValid)
	}
	if template.CA && cert.MaxPathLen != template.PathLen {
		t.Errorf("wanted the path length %d, found %d", template.PathLen, cert.MaxPathLen)
	}
	if !slices.Equal(cert.PermittedURIDomains, template.PermittedURIDomains) || !slices.Equal(cert.ExcludedURIDomains, template.ExcludedURIDomains) {
		t.Errorf("wanted the constraints %q and %q, found %q and %q", template.PermittedURIDomains, template.ExcludedURIDomains, cert.PermittedURIDomains, cert.ExcludedURIDomains)
	}
	if (extension(cert, "2.999.1") != nil) != template.CriticalUnknown {
		t.Errorf("wanted an unknown critical extension: %t", template.CriticalUnknown)
	}
	if (cert.SignatureAlgorithm == x509.ECDSAWithSHA1) != (template.Digest == pki.SHA1) {
		t.Errorf("wanted the digest %q, found %s", template.Digest, cert.SignatureAlgorithm)
	}
	if template.Serial != 0 && cert.SerialNumber.Int64() != template.Serial || cert.SerialNumber.Sign() < 0 {
		t.Errorf("wanted the serial number %d, found %v", template.Serial, cert.SerialNumber)
	}
}

func prefixed(prefix string, values []string) []string {
	var made []string
	for _, value := range values {
		made = append(made, prefix+value)
	}
	return made
}

func ascii(text string) bool {
	for _, octet := range []byte(text) {
		if octet > 127 {
			return false
		}
	}
	return true
}
