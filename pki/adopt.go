package pki

import (
	"bytes"
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
)

// ErrNoKey says that an authority was adopted without its key, so that it can be trusted and signs nothing.
var ErrNoKey = errors.New("the authority's key was not given")

// Adopt returns authorities of which [Trusted] is not made here: its certificate and its private key (PKCS#8, PKCS#1 or
// SEC 1) are given, in PEM. Without a key, nil, [Authorities.Issue] returns an error that wraps [ErrNoKey] for what Trusted
// would have to sign. It returns an error for what is no authority, and for a key that is not the certificate's.
func Adopt(certificate, key []byte) (*Authorities, error) {
	adopted, err := readIssuer(certificate, key)
	if err != nil {
		return nil, fmt.Errorf("reading an authority: %w", err)
	}
	if !adopted.cert.IsCA {
		return nil, fmt.Errorf("reading an authority: wanted a certificate that may sign others, found that of %s, which may not", adopted.cert.Subject)
	}
	return &Authorities{adopted: adopted}, nil
}

// Anchors returns the certificates of a trust bundle, in PEM. It returns an error if there is none in it.
func Anchors(bundle []byte) (*x509.CertPool, error) {
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(bundle) {
		return nil, errors.New("reading a trust bundle: wanted certificates in PEM, found none")
	}
	return pool, nil
}

// ReadCredential returns a credential that was issued elsewhere: its certificates, the leaf's first, and its private key,
// in PEM.
func ReadCredential(certificates, key []byte) (*Issued, error) {
	pair, err := tls.X509KeyPair(certificates, key)
	if err != nil {
		return nil, fmt.Errorf("reading a credential: %w", err)
	}
	signer, ok := pair.PrivateKey.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("reading a credential: wanted a key that signs, found %T", pair.PrivateKey)
	}
	return &Issued{Chain: pair.Certificate, Key: signer}, nil
}

func readIssuer(certificate, key []byte) (*issuer, error) {
	if key != nil {
		pair, err := ReadCredential(certificate, key)
		if err != nil {
			return nil, err
		}
		cert, err := x509.ParseCertificate(pair.Chain[0])
		if err != nil {
			return nil, err
		}
		return &issuer{id: string(Trusted), cert: cert, key: pair.Key}, nil
	}
	block, _ := pem.Decode(bytes.TrimSpace(certificate))
	if block == nil || block.Type != pemCertificate {
		return nil, errors.New("wanted a certificate in PEM, found none")
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, err
	}
	return &issuer{id: string(Trusted), cert: cert}, nil
}

// suits returns an error if what an adopted authority is to sign is beyond it: it has no key, or allows fewer authorities
// below it.
func (i *issuer) suits(below int) error {
	if i.key == nil {
		return ErrNoKey
	}
	if limit := i.cert.MaxPathLen; (limit > 0 || limit == 0 && i.cert.MaxPathLenZero) && below > limit {
		return fmt.Errorf("the authority allows %d authorities below it, and the credential has %d", limit, below)
	}
	return nil
}
