package pki

import (
	"crypto"
	_ "crypto/md5" //nolint:gosec // a certificate signed with it must be refused
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"math/big"
)

// oidMD5WithRSA is md5WithRSAEncryption (RFC 3279 section 2.2.1).
var oidMD5WithRSA = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 4}

// digests are the hashes of the signatures that crypto/x509 makes. Ed25519 signs the message itself.
var digests = map[x509.SignatureAlgorithm]crypto.Hash{
	x509.SHA1WithRSA: crypto.SHA1, x509.SHA256WithRSA: crypto.SHA256, x509.PureEd25519: 0,
	x509.ECDSAWithSHA1: crypto.SHA1, x509.ECDSAWithSHA256: crypto.SHA256, x509.ECDSAWithSHA384: crypto.SHA384, x509.ECDSAWithSHA512: crypto.SHA512,
}

// signed is a certificate, and body the part of it over which the signature goes (RFC 5280 section 4.1).
type signed struct {
	Body      body
	Algorithm pkix.AlgorithmIdentifier
	Signature asn1.BitString
}

type body struct {
	Version    int `asn1:"optional,explicit,tag:0,default:0"`
	Serial     *big.Int
	Algorithm  pkix.AlgorithmIdentifier
	Issuer     asn1.RawValue
	Validity   asn1.RawValue
	Subject    asn1.RawValue
	PublicKey  asn1.RawValue
	Extensions []pkix.Extension `asn1:"optional,explicit,tag:3,omitempty"`
}

// rewrite returns the certificate with what crypto/x509 does not make: version 1, and signatures with MD5. The key is
// the issuer's. It returns an error for a certificate whose form holds no extensions and that has some.
func rewrite(der []byte, t Template, key crypto.Signer) ([]byte, error) {
	if t.Form == Extended && t.Digest != MD5 {
		return der, nil
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("rewriting a certificate: %w", err)
	}
	hash, ok := digests[cert.SignatureAlgorithm]
	if !ok {
		return nil, fmt.Errorf("rewriting a certificate: wanted a signature that can be made again, found %s", cert.SignatureAlgorithm)
	}
	if t.Form != Extended && len(cert.Extensions) > 0 {
		return nil, fmt.Errorf("rewriting a certificate: the form %q holds no extension, found %d", t.Form, len(cert.Extensions))
	}
	var s signed
	if _, err := asn1.Unmarshal(der, &s); err != nil {
		return nil, fmt.Errorf("rewriting a certificate: %w", err)
	}
	if t.Form == Version1 {
		s.Body.Version = 0
	}
	if t.Digest == MD5 {
		hash = crypto.MD5
		s.Algorithm = pkix.AlgorithmIdentifier{Algorithm: oidMD5WithRSA, Parameters: asn1.NullRawValue}
		s.Body.Algorithm = s.Algorithm
	}
	message, err := asn1.Marshal(s.Body)
	if err != nil {
		return nil, fmt.Errorf("rewriting a certificate: %w", err)
	}
	signature, err := crypto.SignMessage(key, rand.Reader, message, hash)
	if err != nil {
		return nil, fmt.Errorf("signing a certificate anew: %w", err)
	}
	s.Signature = asn1.BitString{Bytes: signature, BitLength: 8 * len(signature)}
	return asn1.Marshal(s)
}
