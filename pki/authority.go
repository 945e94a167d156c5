package pki

import (
	"crypto/x509"
	"time"
)

// AuthorityName names a certificate authority of a run.
type AuthorityName string

// The authorities of a run. All are roots but [Intermediate], which Trusted signs.
const (
	// Trusted is the authority that both ends trust unless a setting says otherwise.
	Trusted AuthorityName = "trusted"
	// Second to Fifth are further authorities, for trust bundles.
	Second AuthorityName = "second"
	Third  AuthorityName = "third"
	Fourth AuthorityName = "fourth"
	Fifth  AuthorityName = "fifth"
	// Untrusted is an authority that no end trusts.
	Untrusted AuthorityName = "untrusted"
	// SameName has the subject and the key identifier of Trusted, and another key. No end trusts it.
	SameName AuthorityName = "same-name"
	// ExpiredRoot is a root whose own certificate has expired.
	ExpiredRoot AuthorityName = "expired-root"
	// HardWayRoot is a root as the manual installation makes it: RSA of 4096 bits, for a year, without a key usage.
	HardWayRoot AuthorityName = "hard-way-root"
	// SelfSigned stands for the leaf itself: it is signed with its own key.
	SelfSigned AuthorityName = "self-signed"
	// Intermediate is an intermediate authority under Trusted. In a Credential it never stands as the Root; a
	// trust bundle may hold it in the place of a root.
	Intermediate AuthorityName = "intermediate"
	// PeerLeaf stands in a trust bundle for the peer's own good leaf.
	PeerLeaf AuthorityName = "peer-leaf"
)

// BundleStyle says how a trust bundle is written.
type BundleStyle string

// The styles.
const (
	// BundlePlain is one PEM block after the other.
	BundlePlain BundleStyle = ""
	// BundleCommented puts comments and PEM blocks of other types before, between and after them.
	BundleCommented BundleStyle = "commented"
	// BundleRevoking adds a CRL of the trusted authority that lists the serial number of the variant "revoked".
	BundleRevoking BundleStyle = "revoking"
	// BundleBroken puts [JunkCertificate] and a certificate whose base64 is cut before the last certificate.
	BundleBroken BundleStyle = "broken"
	// BundleEmpty is a file without octets, whatever it is to hold.
	BundleEmpty BundleStyle = "empty"
)

// Issuer returns the authority that signs this one: [Trusted] for [Intermediate], "" for all others.
func (n AuthorityName) Issuer() AuthorityName {
	if n == Intermediate {
		return Trusted
	}
	return ""
}

// subjects are the Common Names of the authorities.
var subjects = map[AuthorityName]string{
	Trusted:      "conformance trusted authority",
	Second:       "conformance second authority",
	Third:        "conformance third authority",
	Fourth:       "conformance fourth authority",
	Fifth:        "conformance fifth authority",
	Untrusted:    "conformance untrusted authority",
	SameName:     "conformance trusted authority",
	ExpiredRoot:  "conformance expired authority",
	HardWayRoot:  "conformance hard way authority",
	Intermediate: "conformance intermediate authority",
}

// AuthorityTemplate describes an authority's own certificate by value. It returns the zero Template for names that
// stand for a leaf, SelfSigned and PeerLeaf, and for names that do not exist.
func AuthorityTemplate(name AuthorityName) Template {
	subject, ok := subjects[name]
	if !ok {
		return Template{}
	}
	t := Template{
		CommonNames: []string{subject},
		NotBefore:   -24 * time.Hour,
		NotAfter:    10 * 365 * 24 * time.Hour,
		KeyUsage:    x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		CA:          true,
		PathLen:     NoPathLen,
		Key:         P256,
	}
	if name == ExpiredRoot {
		t.NotAfter = past
	}
	if name == HardWayRoot {
		t.Key, t.KeyUsage, t.NotAfter = RSA4096, 0, hardWayDays*24*time.Hour
	}
	return t
}
