package pki

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	"math/big"
	"net/netip"
	"time"
)

var (
	oidCommonName         = asn1.ObjectIdentifier{2, 5, 4, 3}
	oidOrganization       = asn1.ObjectIdentifier{2, 5, 4, 10}
	oidOrganizationalUnit = asn1.ObjectIdentifier{2, 5, 4, 11}
	oidSubjectAltName     = asn1.ObjectIdentifier{2, 5, 29, 17}
	// oidUnknown lies in the arc that ITU-T X.660 keeps for examples, so that nobody knows it.
	oidUnknown = asn1.ObjectIdentifier{2, 999, 1}
)

// The tags of the forms of a GeneralName (RFC 5280 section 4.2.1.6).
const (
	tagEmail = 1
	tagDNS   = 2
	tagURI   = 6
	tagIP    = 7
)

// issuer is an authority with its key.
type issuer struct {
	// id tells it from all others of the run.
	id   string
	cert *x509.Certificate
	key  crypto.Signer
}

// position is the place of a certificate in its path.
type position int

const (
	atEnd position = iota
	above
)

// prepare says in the terms of crypto/x509 what a template says.
func prepare(t Template, at position) (*x509.Certificate, error) {
	now := time.Now().Truncate(time.Second)
	subject, err := encodeSubject(t)
	if err != nil {
		return nil, fmt.Errorf("encoding the subject: %w", err)
	}
	cert := &x509.Certificate{
		RawSubject:                  subject,
		NotBefore:                   now.Add(t.NotBefore),
		NotAfter:                    now.Add(t.NotAfter),
		KeyUsage:                    t.KeyUsage,
		ExtKeyUsage:                 t.Usages,
		BasicConstraintsValid:       t.CA || t.BasicConstraints || at == above,
		IsCA:                        t.CA,
		MaxPathLen:                  NoPathLen,
		PermittedURIDomains:         t.PermittedURIDomains,
		ExcludedURIDomains:          t.ExcludedURIDomains,
		PermittedDNSDomainsCritical: true, // of the whole extension, whatever the form of the names
	}
	if t.CA {
		cert.MaxPathLen, cert.MaxPathLenZero = t.PathLen, t.PathLen == 0
	}
	if t.Serial != 0 {
		cert.SerialNumber = big.NewInt(t.Serial)
	}
	if len(t.DNSNames)+len(t.EmailAddresses)+len(t.URIs)+len(t.IPAddresses) > 0 {
		names, err := encodeAltNames(t)
		if err != nil {
			return nil, fmt.Errorf("encoding the subject alternative name: %w", err)
		}
		// Critical where the subject is empty (RFC 5280 section 4.2.1.6).
		critical := len(t.CommonNames)+len(t.Organizations)+len(t.OrganizationalUnits) == 0
		cert.ExtraExtensions = append(cert.ExtraExtensions, pkix.Extension{Id: oidSubjectAltName, Critical: critical, Value: names})
	}
	if t.CriticalUnknown {
		cert.ExtraExtensions = append(cert.ExtraExtensions, pkix.Extension{Id: oidUnknown, Critical: true, Value: asn1.NullBytes})
	}
	return cert, nil
}

// encodeSubject puts each attribute into a set of its own, byte for byte: the Common Names in their order, then the
// organizations and their units.
func encodeSubject(t Template) ([]byte, error) {
	var subject pkix.RDNSequence
	add := func(oid asn1.ObjectIdentifier, values []string) {
		for _, value := range values {
			raw := asn1.RawValue{Tag: asn1.TagUTF8String, Bytes: []byte(value)}
			subject = append(subject, pkix.RelativeDistinguishedNameSET{{Type: oid, Value: raw}})
		}
	}
	add(oidCommonName, t.CommonNames)
	add(oidOrganization, t.Organizations)
	add(oidOrganizationalUnit, t.OrganizationalUnits)
	return asn1.Marshal(subject)
}

// encodeAltNames writes the names by hand: crypto/x509 takes URIs as parsed URLs, which lose the case of the scheme and
// an empty fragment, and cannot be invalid.
func encodeAltNames(t Template) ([]byte, error) {
	var names []asn1.RawValue
	add := func(tag int, values []string) {
		for _, value := range values {
			names = append(names, asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: tag, Bytes: []byte(value)})
		}
	}
	add(tagEmail, t.EmailAddresses)
	add(tagDNS, t.DNSNames)
	add(tagURI, t.URIs)
	for _, text := range t.IPAddresses {
		address, err := netip.ParseAddr(text)
		if err != nil {
			return nil, fmt.Errorf("reading an IP address: %w", err)
		}
		add(tagIP, []string{string(address.AsSlice())})
	}
	return asn1.Marshal(names)
}

// sign makes a leaf with that public key, signed by the issuer; a nil issuer makes it sign itself.
func sign(t Template, key crypto.Signer, by *issuer) ([]byte, error) {
	cert, err := prepare(t, atEnd)
	if err != nil {
		return nil, err
	}
	if by == nil {
		by = &issuer{cert: cert, key: key}
	}
	return create(cert, t, key, by)
}

// signIssuer makes an authority, signed by the one above it; a nil one makes it a root. It has the name and
// the key identifier of its namesake, if it has one.
func signIssuer(id string, t Template, top *issuer, namesake *x509.Certificate) (*issuer, error) {
	key, err := generateKey(t.Key)
	if err != nil {
		return nil, err
	}
	cert, err := prepare(t, above)
	if err != nil {
		return nil, err
	}
	if namesake != nil {
		// With the key identifier of its namesake too, nothing but the signature tells the two apart.
		cert.RawSubject, cert.SubjectKeyId = namesake.RawSubject, namesake.SubjectKeyId
	} else {
		public, err := x509.MarshalPKIXPublicKey(key.Public())
		if err != nil {
			return nil, fmt.Errorf("encoding the public key: %w", err)
		}
		// Not left to crypto/x509, which gives none to a certificate that is no CA.
		sum := sha256.Sum256(public)
		cert.SubjectKeyId = sum[:20]
	}
	if top == nil {
		top = &issuer{cert: cert, key: key}
	}
	der, err := create(cert, t, key, top)
	if err != nil {
		return nil, err
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("reading the certificate of an authority: %w", err)
	}
	return &issuer{id: id, cert: parsed, key: key}, nil
}

// create signs a certificate. The issuer's key must be able to sign with the template's digest.
func create(cert *x509.Certificate, t Template, key crypto.Signer, by *issuer) ([]byte, error) {
	var err error
	if cert.SignatureAlgorithm, err = algorithm(t.Digest, by.key.Public()); err != nil {
		return nil, err
	}
	parent := by.cert
	if t.Form != Extended {
		nameless := *by.cert
		nameless.SubjectKeyId = nil // it would become an extension
		parent = &nameless
	}
	der, err := x509.CreateCertificate(rand.Reader, cert, parent, key.Public(), by.key)
	if err != nil {
		return nil, fmt.Errorf("signing a certificate: %w", err)
	}
	return rewrite(der, t, by.key)
}

// algorithm returns the one to ask crypto/x509 for; 0 leaves the choice to it.
func algorithm(digest Digest, public crypto.PublicKey) (x509.SignatureAlgorithm, error) {
	_, isRSA := public.(*rsa.PublicKey)
	_, isECDSA := public.(*ecdsa.PublicKey)
	switch {
	case digest == SHA256, digest == MD5 && isRSA: // MD5 comes with rewrite: crypto/x509 does not sign with it
		return 0, nil
	case digest == SHA1 && isRSA:
		return x509.SHA1WithRSA, nil
	case digest == SHA1 && isECDSA:
		return x509.ECDSAWithSHA1, nil
	case digest == SHA1:
		return 0, fmt.Errorf("signing with SHA-1: wanted an ECDSA or RSA key, found %T", public)
	case digest == MD5:
		return 0, fmt.Errorf("signing with MD5: wanted an RSA key, found %T", public)
	}
	return 0, fmt.Errorf("signing a certificate: there is no digest %q", digest)
}

// damage returns a copy of a certificate that says SET where its first inner SEQUENCE starts, so that the lengths hold
// and the type does not.
func damage(der []byte) ([]byte, error) {
	var outer asn1.RawValue
	if _, err := asn1.Unmarshal(der, &outer); err != nil {
		return nil, fmt.Errorf("breaking a certificate: %w", err)
	}
	header := len(outer.FullBytes) - len(outer.Bytes)
	if len(outer.Bytes) == 0 {
		return nil, errors.New("breaking a certificate: it is empty")
	}
	broken := append([]byte(nil), der...)
	broken[header] = asn1.TagSet | 0x20
	return broken, nil
}
