package pki_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"math/big"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/calico-tls/conformance/pki"
)

var roots = []pki.AuthorityName{
	pki.Trusted, pki.Second, pki.Third, pki.Fourth, pki.Fifth, pki.Untrusted, pki.SameName, pki.ExpiredRoot,
	pki.HardWayRoot,
}

func TestIssueMakesEqualCredentialsOnce(t *testing.T) {
	t.Parallel()
	a := pki.NewAuthorities()
	var wg sync.WaitGroup
	made := make([]*pki.Issued, 50)
	for i := range made {
		wg.Go(func() { made[i], _ = a.Issue(pki.Good(pki.Client, felix)) })
	}
	wg.Wait()
	for _, issued := range made {
		if issued == nil || issued != made[0] {
			t.Fatalf("wanted equal credentials to be the same *Issued, found %p and %p", made[0], issued)
		}
	}
	other := issue(t, a, pki.Good(pki.Client, typha))
	if other == made[0] || other.Fingerprint() == made[0].Fingerprint() {
		t.Error("wanted different credentials to be issued apart")
	}
	again := issue(t, pki.NewAuthorities(), pki.Good(pki.Client, felix))
	if again.Fingerprint() == made[0].Fingerprint() {
		t.Error("wanted each run to have authorities of its own")
	}
}

// TestIssueTellsInvalidUTF8Apart would fail if the key were JSON, which writes each invalid octet alike.
func TestIssueTellsInvalidUTF8Apart(t *testing.T) {
	t.Parallel()
	a := pki.NewAuthorities()
	one, other := pki.Good(pki.Client, felix), pki.Good(pki.Client, felix)
	one.Leaf.URIs, other.Leaf.URIs = []string{"spiffe://a/\xfe"}, []string{"spiffe://a/\xff"}
	if issue(t, a, one) == issue(t, a, other) {
		t.Error("wanted credentials that differ in one octet to be issued apart")
	}
}

func TestIssueAll(t *testing.T) {
	t.Parallel()
	a := pki.NewAuthorities()
	fine, wrong := pki.Good(pki.Client, felix), pki.Good(pki.Client, felix)
	wrong.Root = "nobody"
	if err := a.IssueAll([]pki.Credential{fine, wrong, fine}); err == nil || !strings.Contains(err.Error(), `"nobody"`) {
		t.Errorf("wanted the error of the second credential, found: %v", err)
	}
	if err := a.IssueAll([]pki.Credential{fine, pki.Good(pki.Server, typha)}); err != nil {
		t.Error(err)
	}
}

func TestIssueRefuses(t *testing.T) {
	t.Parallel()
	rows := map[string]struct {
		change func(*pki.Credential)
		wanted string
	}{
		"unknown authority":       {func(c *pki.Credential) { c.Root = "nobody" }, `none named "nobody"`},
		"no authority":            {func(c *pki.Credential) { c.Root = "" }, `none named ""`},
		"peer leaf as root":       {func(c *pki.Credential) { c.Root = pki.PeerLeaf }, `none named "peer-leaf"`},
		"intermediate as root":    {func(c *pki.Credential) { c.Root = pki.Intermediate }, `stands below "trusted"`},
		"self-signed with a path": {func(c *pki.Credential) { c.Root, c.Path = pki.SelfSigned, []pki.Template{{}} }, "found 1 intermediates"},
		"self-signed and padded":  {func(c *pki.Credential) { c.Root, c.Padding = pki.SelfSigned, 9999 }, "no root"},
		"unknown key":             {func(c *pki.Credential) { c.Leaf.Key = "p999" }, `no key type "p999"`},
		"unknown sending":         {func(c *pki.Credential) { c.Sending = "by-post" }, `no way "by-post"`},
		"sha-1 with ed25519": {func(c *pki.Credential) {
			c.Root, c.Leaf.Key, c.Leaf.Digest = pki.SelfSigned, pki.Ed25519, pki.SHA1
		}, "wanted an ECDSA or RSA key"},
		"md5 with ecdsa":          {func(c *pki.Credential) { c.Leaf.Digest = pki.MD5 }, "wanted an RSA key"},
		"unknown digest":          {func(c *pki.Credential) { c.Leaf.Digest = "crc32" }, `no digest "crc32"`},
		"extensions in a bare":    {func(c *pki.Credential) { c.Leaf.Form = pki.Bare }, `"bare" holds no extension, found 3`},
		"extensions in a v1":      {func(c *pki.Credential) { c.Leaf.Form = pki.Version1 }, `"version-1" holds no extension, found 3`},
		"an address that is none": {func(c *pki.Credential) { c.Leaf.IPAddresses = []string{"localhost"} }, "reading an IP address"},
	}
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := pki.Good(pki.Client, felix)
			row.change(&c)
			if _, err := pki.NewAuthorities().Issue(c); err == nil || !strings.Contains(err.Error(), row.wanted) {
				t.Errorf("wanted an error with %q, found: %v", row.wanted, err)
			}
		})
	}
}

func TestAuthoritiesAreWhatTheirTemplatesSay(t *testing.T) {
	t.Parallel()
	a := pki.NewAuthorities()
	subjects := map[string]pki.AuthorityName{}
	for _, name := range append(slices.Clone(roots), pki.Intermediate) {
		cert, template := anchor(t, a, name), pki.AuthorityTemplate(name)
		if other, ok := subjects[cert.Subject.CommonName]; ok && name != pki.SameName {
			t.Errorf("%s has the subject of %s", name, other)
		}
		subjects[cert.Subject.CommonName] = name
		expired := name == pki.ExpiredRoot
		if time.Now().After(cert.NotAfter) != expired || (template.NotAfter < 0) != expired {
			t.Errorf("%s: its certificate is valid until %s, its template says %s", name, cert.NotAfter, template.NotAfter)
		}
		if !cert.IsCA || !template.CA || cert.Subject.CommonName != template.CommonNames[0] {
			t.Errorf("%s: found the subject %q and CA %t", name, cert.Subject, cert.IsCA)
		}
		by := cert
		if issuer := name.Issuer(); issuer != "" {
			by = anchor(t, a, issuer)
		}
		if err := cert.CheckSignatureFrom(by); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, name := range []pki.AuthorityName{pki.SelfSigned, pki.PeerLeaf, "nobody"} {
		if diff := cmp.Diff(pki.Template{}, pki.AuthorityTemplate(name)); diff != "" {
			t.Errorf("%s: wanted the zero template:\n%s", name, diff)
		}
	}
}

// TestSameNameDiffersInTheKeyAlone looks at all that a relying party can find an issuer by.
func TestSameNameDiffersInTheKeyAlone(t *testing.T) {
	t.Parallel()
	a := pki.NewAuthorities()
	trusted, same := anchor(t, a, pki.Trusted), anchor(t, a, pki.SameName)
	c := pki.Good(pki.Client, felix)
	c.Root = pki.SameName
	leaf := parse(t, issue(t, a, c).Chain[0])
	for _, cert := range []*x509.Certificate{same, leaf} {
		if !bytes.Equal(cert.RawIssuer, trusted.RawSubject) {
			t.Errorf("%s: wanted its issuer to be %s, found %s", cert.Subject, trusted.Subject, cert.Issuer)
		}
	}
	if !bytes.Equal(leaf.AuthorityKeyId, trusted.SubjectKeyId) || len(trusted.SubjectKeyId) == 0 {
		t.Errorf("wanted the key identifier %x in the leaf, found %x", trusted.SubjectKeyId, leaf.AuthorityKeyId)
	}
	if bytes.Equal(trusted.RawSubjectPublicKeyInfo, same.RawSubjectPublicKeyInfo) {
		t.Error("wanted another key")
	}
	if err := leaf.CheckSignatureFrom(same); err != nil {
		t.Errorf("wanted the leaf to be signed by its own authority: %v", err)
	}
	if err := leaf.CheckSignatureFrom(trusted); err == nil {
		t.Error("wanted the signature to fail with the trusted authority's key")
	}
}

// TestIntermediateInAPathIsTheAuthority lets a leaf's path lead to the Intermediate of a trust bundle.
func TestIntermediateInAPathIsTheAuthority(t *testing.T) {
	t.Parallel()
	a := pki.NewAuthorities()
	v, _ := pki.VariantNamed("intermediate-omitted")
	leaf := parse(t, issue(t, a, v.Credential(origins[0])).Chain[0])
	pool, err := a.Pool([]pki.AuthorityName{pki.Intermediate}, pki.Credential{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := leaf.Verify(x509.VerifyOptions{Roots: pool, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}); err != nil {
		t.Errorf("wanted a leaf whose issuer is the anchor to be accepted: %v", err)
	}
}

func TestSending(t *testing.T) {
	t.Parallel()
	a := pki.NewAuthorities()
	v, _ := pki.VariantNamed("intermediate")
	rows := map[pki.Sending][]string{
		pki.SendChain:     {"typha-client", "conformance intermediate authority"},
		pki.SendRoot:      {"typha-client", "conformance intermediate authority", "conformance trusted authority"},
		pki.SendLeaf:      {"typha-client"},
		pki.SendMalformed: {"unreadable", "conformance intermediate authority"},
		pki.SendNothing:   nil,
	}
	for how, wanted := range rows {
		c := v.Credential(origins[0])
		c.Sending = how
		issued := issue(t, a, c)
		var found []string
		for _, der := range issued.Chain {
			name := "unreadable"
			if cert, err := x509.ParseCertificate(der); err == nil {
				name = cert.Subject.CommonName
			}
			found = append(found, name)
		}
		if diff := cmp.Diff(wanted, found); diff != "" {
			t.Errorf("%q sends (-wanted +found):\n%s", how, diff)
		}
		if (issued.Key == nil) != (how == pki.SendNothing) || (issued.Fingerprint() == "") != (how == pki.SendNothing) {
			t.Errorf("%q: found the key %T and the fingerprint %q", how, issued.Key, issued.Fingerprint())
		}
	}
}

func TestExtraLeavesAreSentAfterTheChain(t *testing.T) {
	t.Parallel()
	a := pki.NewAuthorities()
	trusted := anchor(t, a, pki.Trusted)
	for variant, wanted := range map[string][]string{
		"first-certificate":  {"typha-client", "stranger"},
		"second-certificate": {"stranger", "typha-client"},
	} {
		v, _ := pki.VariantNamed(variant)
		var found []string
		for _, der := range issue(t, a, v.Credential(origins[0])).Chain {
			cert := parse(t, der)
			found = append(found, cert.Subject.CommonName)
			if err := cert.CheckSignatureFrom(trusted); err != nil {
				t.Errorf("%s: %s: %v", variant, cert.Subject, err)
			}
		}
		if diff := cmp.Diff(wanted, found); diff != "" {
			t.Errorf("%s sends (-wanted +found):\n%s", variant, diff)
		}
	}
}

func TestPaddingFillsUp(t *testing.T) {
	t.Parallel()
	a := pki.NewAuthorities()
	root := anchor(t, a, pki.Trusted).Raw
	for _, octets := range []int{1, 5_000, 42_000} {
		c := pki.Good(pki.Client, felix)
		c.Padding = octets
		chain := issue(t, a, c).Chain
		size := len(bytes.Join(chain, nil))
		if size < octets || size >= octets+len(root)+len(chain[0]) {
			t.Errorf("wanted %d octets, found %d", octets, size)
		}
		for _, der := range chain[1:] {
			if !bytes.Equal(der, root) {
				t.Fatal("wanted copies of the root")
			}
		}
	}
}

func TestKeysAreOfTheirType(t *testing.T) {
	t.Parallel()
	a := authorities()
	describe := func(key any) (string, int) {
		switch key := key.(type) {
		case *ecdsa.PublicKey:
			return key.Curve.Params().Name, 0
		case *rsa.PublicKey:
			return "RSA", key.N.BitLen()
		case ed25519.PublicKey:
			return "Ed25519", 0
		}
		return "unknown", 0
	}
	rows := map[pki.KeyType]struct {
		name string
		bits int
	}{
		pki.P224: {elliptic.P224().Params().Name, 0}, pki.P256: {elliptic.P256().Params().Name, 0},
		pki.P384: {elliptic.P384().Params().Name, 0}, pki.P521: {elliptic.P521().Params().Name, 0}, pki.Ed25519: {"Ed25519", 0},
		pki.RSA1024: {"RSA", 1024}, pki.RSA2048: {"RSA", 2048}, pki.RSA3072: {"RSA", 3072}, pki.RSA4096: {"RSA", 4096}, pki.RSA8200: {"RSA", 8200},
	}
	for kind, wanted := range rows {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			c := pki.Good(pki.Client, felix)
			c.Leaf.Key = kind
			issued := issue(t, a, c)
			leaf := parse(t, issued.Chain[0])
			if name, bits := describe(leaf.PublicKey); name != wanted.name || bits != wanted.bits {
				t.Errorf("wanted %s with %d bits, found %s with %d", wanted.name, wanted.bits, name, bits)
			}
			if err := holds(issued.Key, leaf.PublicKey); err != nil {
				t.Error(err)
			}
			if kind == pki.RSA4096 || kind == pki.RSA8200 {
				return // a second key of these takes long, and the type of a key decides nothing here
			}
			c.ForeignKey = true
			foreign := issue(t, a, c)
			if name, bits := describe(foreign.Key.Public()); name != wanted.name || bits != wanted.bits {
				t.Errorf("wanted a foreign key of the same type, found %s with %d bits", name, bits)
			}
			if err := holds(foreign.Key, parse(t, foreign.Chain[0]).PublicKey); err == nil {
				t.Error("wanted a foreign key not to be the leaf's")
			}
		})
	}
}

// TestNamesReachTheDER reads the octets of the leaf without the help of crypto/x509.
func TestNamesReachTheDER(t *testing.T) {
	t.Parallel()
	c := pki.Good(pki.Client, pki.Identity{})
	c.Leaf.CommonNames = []string{"b\x00c", "a", "*", "not UTF-8: \xff", "typha-\u0441lient"}
	c.Leaf.Organizations = []string{"o2", "o1"}
	c.Leaf.OrganizationalUnits = []string{"u"}
	c.Leaf.DNSNames = []string{"typha client"}
	c.Leaf.EmailAddresses = []string{"no at sign"}
	c.Leaf.URIs = []string{"SPIFFE://K8S/a#", "spiffe://a/%zz", "::", "\xff", ""}
	names := decode(t, issue(t, pki.NewAuthorities(), c).Chain[0])
	wanted := subjectAndNames{
		attributes: []string{"2.5.4.3=b\x00c", "2.5.4.3=a", "2.5.4.3=*", "2.5.4.3=not UTF-8: \xff", "2.5.4.3=typha-\u0441lient", "2.5.4.10=o2", "2.5.4.10=o1", "2.5.4.11=u"},
		altNames:   []string{"1=no at sign", "2=typha client", "6=SPIFFE://K8S/a#", "6=spiffe://a/%zz", "6=::", "6=\xff", "6="},
	}
	if diff := cmp.Diff(wanted, names, cmp.AllowUnexported(subjectAndNames{})); diff != "" {
		t.Errorf("names in the DER (-wanted +found):\n%s", diff)
	}
}

func TestExtensions(t *testing.T) {
	t.Parallel()
	a := pki.NewAuthorities()
	c := pki.Good(pki.Server, typha)
	c.Leaf.CommonNames = nil
	c.Leaf.CriticalUnknown = true
	c.Leaf.Serial = 77
	leaf := parse(t, issue(t, a, c).Chain[0])
	if len(leaf.UnhandledCriticalExtensions) != 1 || leaf.SerialNumber.Int64() != 77 || leaf.BasicConstraintsValid {
		t.Errorf("found critical extensions %v, serial %v, basic constraints %t", leaf.UnhandledCriticalExtensions, leaf.SerialNumber, leaf.BasicConstraintsValid)
	}
	if san := extension(leaf, "2.5.29.17"); san == nil || !san.Critical {
		t.Error("wanted a critical SAN where the subject is empty")
	}
	v, _ := pki.VariantNamed("issuer-not-ca")
	issuer := parse(t, issue(t, a, v.Credential(origins[0])).Chain[1])
	if !issuer.BasicConstraintsValid || issuer.IsCA || len(issuer.SubjectKeyId) == 0 {
		t.Error("wanted an issuer with CA:FALSE and a key identifier")
	}
	v, _ = pki.VariantNamed("constraint-excluded")
	issuer = parse(t, issue(t, a, v.Credential(origins[0])).Chain[1])
	if nc := extension(issuer, "2.5.29.30"); nc == nil || !nc.Critical || !slices.Equal(issuer.ExcludedURIDomains, []string{"k8s.example.com"}) {
		t.Errorf("wanted critical name constraints, found %v excluding %q", nc, issuer.ExcludedURIDomains)
	}
}

func TestSelfSignedLeafSignsItself(t *testing.T) {
	t.Parallel()
	c := pki.Good(pki.Client, felix)
	c.Root = pki.SelfSigned
	leaf := parse(t, issue(t, pki.NewAuthorities(), c).Chain[0])
	if err := leaf.CheckSignature(leaf.SignatureAlgorithm, leaf.RawTBSCertificate, leaf.Signature); err != nil || !bytes.Equal(leaf.RawIssuer, leaf.RawSubject) {
		t.Errorf("wanted it to be its own issuer, found %s: %v", leaf.Issuer, err)
	}
}

// subjectAndNames are attributes as "OID=value" and names as "tag=value".
type subjectAndNames struct{ attributes, altNames []string }

func decode(t *testing.T, der []byte) subjectAndNames {
	t.Helper()
	var cert struct {
		TBS struct {
			Version    int `asn1:"explicit,tag:0"`
			Serial     *big.Int
			Algorithm  asn1.RawValue
			Issuer     asn1.RawValue
			Validity   asn1.RawValue
			Subject    asn1.RawValue
			Key        asn1.RawValue
			Extensions []pkix.Extension `asn1:"explicit,tag:3"`
		}
		Algorithm asn1.RawValue
		Signature asn1.BitString
	}
	unmarshal(t, der, &cert)
	var found subjectAndNames
	var sets []asn1.RawValue
	unmarshal(t, cert.TBS.Subject.FullBytes, &sets)
	for _, set := range sets {
		var attribute struct {
			Type  asn1.ObjectIdentifier
			Value asn1.RawValue
		}
		unmarshal(t, set.Bytes, &attribute)
		found.attributes = append(found.attributes, attribute.Type.String()+"="+string(attribute.Value.Bytes))
	}
	for _, extension := range cert.TBS.Extensions {
		if extension.Id.String() != "2.5.29.17" {
			continue
		}
		var names []asn1.RawValue
		unmarshal(t, extension.Value, &names)
		for _, name := range names {
			found.altNames = append(found.altNames, string(rune('0'+name.Tag))+"="+string(name.Bytes))
		}
	}
	return found
}

func unmarshal(t *testing.T, der []byte, into any) {
	t.Helper()
	if rest, err := asn1.Unmarshal(der, into); err != nil || len(rest) > 0 {
		t.Fatalf("reading %x: %v, with %d octets left", der, err, len(rest))
	}
}

func extension(cert *x509.Certificate, oid string) *pkix.Extension {
	for i := range cert.Extensions {
		if cert.Extensions[i].Id.String() == oid {
			return &cert.Extensions[i]
		}
	}
	return nil
}

func anchor(t *testing.T, a *pki.Authorities, name pki.AuthorityName) *x509.Certificate {
	t.Helper()
	bundle, err := a.Bundle([]pki.AuthorityName{name}, pki.Credential{})
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(bundle)
	return parse(t, block.Bytes)
}

func parse(t *testing.T, der []byte) *x509.Certificate {
	t.Helper()
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}
