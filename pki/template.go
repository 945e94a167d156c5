package pki

import (
	"crypto/x509"
	"time"
)

// Role is the end for which a credential is made.
type Role string

// The two roles.
const (
	Client Role = "client"
	Server Role = "server"
)

// Usage returns the extended key usage that a relying party asks of a peer in this role (RFC 5280 section 4.2.1.12).
func (r Role) Usage() x509.ExtKeyUsage {
	if r == Server {
		return x509.ExtKeyUsageServerAuth
	}
	return x509.ExtKeyUsageClientAuth
}

// Other returns the opposite role.
func (r Role) Other() Role {
	if r == Server {
		return Client
	}
	return Server
}

// Identity is what names one end: a Common Name and a SPIFFE ID, the two forms that the page allows between Felix and
// Typha; where it is dialled; and the organization that it belongs to. "" for nothing.
type Identity struct {
	CN     string
	URISAN string
	// DNSName and IPAddress are those by which a server is dialled.
	DNSName, IPAddress string
	// Organization is what a kube-apiserver takes for a group.
	Organization string
}

// Template describes one certificate by value. A zero field means that the attribute or extension is absent.
type Template struct {
	// CommonNames are the CN attributes of the subject, in the order in which they are encoded.
	CommonNames         []string
	Organizations       []string
	OrganizationalUnits []string
	// DNSNames, EmailAddresses and URIs go into the subject alternative name, byte for byte.
	DNSNames       []string
	EmailAddresses []string
	URIs           []string
	// IPAddresses go there too; they are written as [net/netip.ParseAddr] reads them.
	IPAddresses []string
	// NotBefore and NotAfter are offsets from the moment of issue.
	NotBefore time.Duration
	NotAfter  time.Duration
	Usages    []x509.ExtKeyUsage
	KeyUsage  x509.KeyUsage
	// CA sets basic constraints CA:TRUE. Without it a certificate of a path says CA:FALSE, and a leaf says nothing.
	CA bool
	// BasicConstraints makes a leaf that is no CA say so: CA:FALSE.
	BasicConstraints bool
	// PathLen limits the number of intermediates below a CA; NoPathLen sets no limit. It means nothing without CA.
	PathLen int
	// PermittedURIDomains and ExcludedURIDomains are the name constraints of a CA (RFC 5280 section 4.2.1.10).
	PermittedURIDomains []string
	ExcludedURIDomains  []string
	// CriticalUnknown adds a critical extension that nobody knows.
	CriticalUnknown bool
	// Form is the form of the certificate. Those that hold no extension take no template that asks for one.
	Form Form
	// Key is the type of the certificate's own key.
	Key KeyType
	// Digest is the hash of the signature over this certificate, which its issuer's key makes.
	Digest Digest
	// Serial is the serial number; 0 takes a random one.
	Serial int64
}

// NoPathLen is the PathLen of a CA without a limit.
const NoPathLen = -1

// KeyType is a public key algorithm with its size.
type KeyType string

// The key types. RSA8200 is longer than the 8192 bits that Go's crypto/tls bears. Its modulus is a product of many small
// primes, as two large ones take half a minute to find: it signs and verifies like any other, and protects nothing.
const (
	P224    KeyType = "p224"
	P256    KeyType = "p256"
	P384    KeyType = "p384"
	P521    KeyType = "p521"
	Ed25519 KeyType = "ed25519"
	RSA1024 KeyType = "rsa-1024"
	RSA2048 KeyType = "rsa-2048"
	RSA3072 KeyType = "rsa-3072"
	RSA4096 KeyType = "rsa-4096"
	RSA8200 KeyType = "rsa-8200"
)

// Digest is the hash function of a signature.
type Digest string

// The digests.
const (
	// SHA256 is SHA-256, or what goes with the issuer's key: SHA-384 for P-384, SHA-512 for P-521 and Ed25519.
	SHA256 Digest = ""
	// SHA1 is SHA-1. Ed25519 keys cannot sign with it.
	SHA1 Digest = "sha1"
	// MD5 is MD5. Only RSA keys can sign with it.
	MD5 Digest = "md5"
)

// Form is the version of a certificate, and whether it holds extensions.
type Form string

// The forms.
const (
	// Extended is X.509 version 3 with extensions: those of the template, and the issuer's key identifier.
	Extended Form = ""
	// Bare is X.509 version 3 without a single extension.
	Bare Form = "bare"
	// Version1 is X.509 version 1, which knows no extensions (RFC 5280 section 4.1.2.1).
	Version1 Form = "version-1"
)

// Sending says which certificates of a credential are sent.
type Sending string

// The ways to send a credential.
const (
	// SendChain sends the leaf and the path above it, but for the root: what a well-behaved end does.
	SendChain Sending = ""
	// SendRoot sends the root as well.
	SendRoot Sending = "root"
	// SendLeaf sends the leaf alone.
	SendLeaf Sending = "leaf"
	// SendNothing sends an empty Certificate message.
	SendNothing Sending = "nothing"
	// SendMalformed sends a leaf whose DER is broken, and the path above it.
	SendMalformed Sending = "malformed"
)

// Credential describes by value what one end of a connection shows. Equal values are issued as the same bytes.
type Credential struct {
	Leaf Template
	// Path holds the intermediates between the leaf and the root, the leaf's issuer first. Equal templates below the
	// same issuer are the same authority, with the same key: so a path whose topmost template is that of
	// [Intermediate], below Trusted, runs through that very authority.
	Path []Template
	// Root names the authority that signs the top of Path, or the leaf where Path is empty.
	Root AuthorityName
	// Sending says which of these are sent.
	Sending Sending
	// Extra are leaves of the trusted authority that are sent after the chain though they do not belong to it.
	Extra []Template
	// Padding is the number of octets of DER to which the chain is filled up, at least, with copies of the root; 0 adds
	// none.
	Padding int
	// ForeignKey makes the end sign with a key of the right type that is not the leaf's.
	ForeignKey bool
}

// Good returns the credential that a relying party of the page must accept from the end that plays role as id: signed
// by the trusted authority, valid now, with the extended key usage of the role alone, with the names of id, with a
// P-256 key.
func Good(role Role, id Identity) Credential {
	leaf := Template{
		NotBefore: -time.Hour,
		NotAfter:  24 * time.Hour,
		Usages:    []x509.ExtKeyUsage{role.Usage()},
		KeyUsage:  x509.KeyUsageDigitalSignature,
		PathLen:   NoPathLen,
		Key:       P256,
	}
	names := []struct {
		is   string
		into *[]string
	}{
		{id.CN, &leaf.CommonNames},
		{id.URISAN, &leaf.URIs},
		{id.DNSName, &leaf.DNSNames},
		{id.IPAddress, &leaf.IPAddresses},
		{id.Organization, &leaf.Organizations},
	}
	for _, n := range names {
		if n.is != "" {
			*n.into = []string{n.is}
		}
	}
	return Credential{Leaf: leaf, Root: Trusted}
}
