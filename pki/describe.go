package pki

import (
	"crypto/x509"
	"fmt"
	"strings"
	"time"
)

// sendings say what is sent of a credential.
var sendings = map[Sending]string{
	SendChain:     "the leaf and the path above it, without the root",
	SendRoot:      "the leaf, the path above it and the root",
	SendLeaf:      "the leaf alone",
	SendNothing:   "no certificate",
	SendMalformed: "the leaf with its DER broken, and the path above it",
}

var usageNames = map[x509.ExtKeyUsage]string{
	x509.ExtKeyUsageAny:         "any usage",
	x509.ExtKeyUsageServerAuth:  "server authentication",
	x509.ExtKeyUsageClientAuth:  "client authentication",
	x509.ExtKeyUsageCodeSigning: "code signing",
}

// digestNames and formNames say what is not as usual.
var (
	digestNames = map[Digest]string{SHA1: "SHA-1", MD5: "MD5"}
	formNames   = map[Form]string{Bare: "X.509 version 3 without any extension", Version1: "X.509 version 1"}
)

// keyUsageNames are in the order of their bits (RFC 5280 section 4.2.1.3).
var keyUsageNames = []struct {
	bit  x509.KeyUsage
	name string
}{
	{x509.KeyUsageDigitalSignature, "digital signature"},
	{x509.KeyUsageContentCommitment, "content commitment"},
	{x509.KeyUsageKeyEncipherment, "key encipherment"},
	{x509.KeyUsageDataEncipherment, "data encipherment"},
	{x509.KeyUsageKeyAgreement, "key agreement"},
	{x509.KeyUsageCertSign, "certificate signing"},
	{x509.KeyUsageCRLSign, "CRL signing"},
	{x509.KeyUsageEncipherOnly, "encipher only"},
	{x509.KeyUsageDecipherOnly, "decipher only"},
}

// Describe says a credential as one would say it, a line for each certificate and for what is odd about it.
func Describe(c Credential) []string {
	if c.Sending == SendNothing {
		return []string{"sent: no certificate"}
	}
	lines := []string{"leaf: " + describe(c.Leaf, atEnd)}
	for i, t := range c.Path {
		lines = append(lines, fmt.Sprintf("issuer %d: %s", i+1, describe(t, above)))
	}
	root := fmt.Sprintf("root: %s", c.Root)
	if t := AuthorityTemplate(c.Root); t.CA {
		root += ": " + describe(t, above)
	} else if c.Root == SelfSigned {
		root = "root: none, the leaf signed itself"
	}
	lines = append(lines, root)

	how, ok := sendings[c.Sending]
	switch {
	case !ok:
		how = fmt.Sprintf("as %q", c.Sending)
	case c.Sending == SendChain && len(c.Path) == 0:
		how = sendings[SendLeaf]
	}
	lines = append(lines, "sent: "+how)
	for _, t := range c.Extra {
		lines = append(lines, "sent after them: a leaf of the trusted authority: "+describe(t, atEnd))
	}
	if c.Padding > 0 {
		lines = append(lines, fmt.Sprintf("sent after them: copies of the root, up to %d octets in all", c.Padding))
	}
	if c.ForeignKey {
		lines = append(lines, "key: not the leaf's, but another of its type")
	}
	return lines
}

func describe(t Template, at position) string {
	said := make([]string, 0, 16)
	add := func(format string, args ...any) { said = append(said, fmt.Sprintf(format, args...)) }
	each := func(kind string, values []string) {
		for _, value := range values {
			add("%s %+q", kind, value) // in ASCII, so that a look-alike shows
		}
	}
	each("CN", t.CommonNames)
	each("O", t.Organizations)
	each("OU", t.OrganizationalUnits)
	each("DNS SAN", t.DNSNames)
	each("e-mail SAN", t.EmailAddresses)
	each("URI SAN", t.URIs)
	each("IP SAN", t.IPAddresses)
	if len(said) == 0 {
		add("no name at all")
	}
	add("valid from %s until %s", moment(t.NotBefore), moment(t.NotAfter))
	if len(t.Usages) == 0 {
		add("no extended key usage")
	} else {
		add("for %s", joinUsages(t.Usages))
	}
	if usage := joinKeyUsage(t.KeyUsage); usage != "" {
		add("key usage %s", usage)
	}
	switch {
	case t.CA && t.PathLen != NoPathLen:
		add("CA with path length %d", t.PathLen)
	case t.CA:
		add("CA")
	case at == above, t.BasicConstraints:
		add("not a CA")
	}
	each("permits URI domain", t.PermittedURIDomains)
	each("excludes URI domain", t.ExcludedURIDomains)
	if t.CriticalUnknown {
		add("critical extension %s, which nobody knows", oidUnknown)
	}
	add("%s key", strings.ToUpper(string(t.Key)))
	if name := digestNames[t.Digest]; name != "" {
		add("signed with %s", name)
	}
	if name := formNames[t.Form]; name != "" {
		add("%s", name)
	}
	if t.Serial != 0 {
		add("serial number %d", t.Serial)
	}
	return strings.Join(said, ", ")
}

// moment says an offset from now: "1h ago", "now", "24h from now".
func moment(offset time.Duration) string {
	switch {
	case offset < 0:
		return span(-offset) + " ago"
	case offset > 0:
		return span(offset) + " from now"
	}
	return "now"
}

func span(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d > day && d%day == 0:
		return fmt.Sprintf("%d days", d/day)
	case d%time.Hour == 0:
		return fmt.Sprintf("%dh", d/time.Hour)
	case d%time.Minute == 0:
		return fmt.Sprintf("%dmin", d/time.Minute)
	}
	return d.String()
}

func joinUsages(usages []x509.ExtKeyUsage) string {
	names := make([]string, len(usages))
	for i, usage := range usages {
		name, ok := usageNames[usage]
		if !ok {
			name = fmt.Sprintf("usage %d", usage)
		}
		names[i] = name
	}
	return strings.Join(names, " and ")
}

func joinKeyUsage(usage x509.KeyUsage) string {
	var names []string
	for _, bit := range keyUsageNames {
		if usage&bit.bit != 0 {
			names = append(names, bit.name)
		}
	}
	return strings.Join(names, " and ")
}
