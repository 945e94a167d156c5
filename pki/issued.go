package pki

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"fmt"
)

// Issued is a credential as signed bytes with a key: what an end sends, and what it signs with.
type Issued struct {
	// Chain holds the certificates as they are sent, in DER, the leaf first; empty if none is sent.
	Chain [][]byte
	// Key is the key that the end signs with; nil if it sends no certificate. It is not always the leaf's own.
	Key crypto.Signer
}

// Fingerprint returns the SHA-256 of the first certificate sent, in hexadecimal; "" if none is sent.
func (i *Issued) Fingerprint() string {
	if i == nil || len(i.Chain) == 0 {
		return ""
	}
	sum := sha256.Sum256(i.Chain[0])
	return hex.EncodeToString(sum[:])
}

// TLS returns the credential in the form that crypto/tls takes; an empty one if nothing is sent.
func (i *Issued) TLS() *tls.Certificate {
	if i == nil || len(i.Chain) == 0 {
		return &tls.Certificate{}
	}
	return &tls.Certificate{Certificate: i.Chain, PrivateKey: i.Key}
}

// KeyFormat is a way to write a private key in PEM.
type KeyFormat string

// The formats.
const (
	// PKCS8 holds every type of key (RFC 5958).
	PKCS8 KeyFormat = "pkcs8"
	// PKCS1 holds RSA keys only (RFC 8017 appendix A.1.2).
	PKCS1 KeyFormat = "pkcs1"
	// SEC1 holds ECDSA keys only (RFC 5915).
	SEC1 KeyFormat = "sec1"
	// Encrypted is PKCS1 or SEC1, encrypted with [Passphrase] and AES-128 as "openssl rsa -aes128 -traditional" does: with
	// the header DEK-Info (RFC 1421 section 4.6.1.3). It holds RSA and ECDSA keys.
	Encrypted KeyFormat = "encrypted"
)

// Passphrase opens keys in the format [Encrypted]. It keeps no secret: such keys are there to be refused.
const Passphrase = "conformance"

// FormatError says that a key cannot be written in a format.
type FormatError struct {
	Format KeyFormat
	// Key is the key's type in Go.
	Key string
}

func (e *FormatError) Error() string {
	return fmt.Sprintf("encoding a private key: format %q does not hold a key of type %s", e.Format, e.Key)
}

// Hint says what to do.
func (e *FormatError) Hint() string {
	return "pkcs8 holds every type of key, pkcs1 holds RSA keys, sec1 holds ECDSA keys and encrypted holds both of these"
}

// CertificatePEM returns the certificates as they are sent, in PEM, the leaf first; nil if none is sent.
func (i *Issued) CertificatePEM() []byte {
	var out []byte
	for _, der := range i.Chain {
		out = append(out, encodePEM(pemCertificate, der)...)
	}
	return out
}

// KeyPEM returns the key that the end signs with, in PEM. It returns a [*FormatError] where the format does not hold
// the key, or is none.
func (i *Issued) KeyPEM(format KeyFormat) ([]byte, error) {
	key := i.Key
	if wide, ok := key.(*wideKey); ok {
		key = wide.private
	}
	switch format {
	case PKCS8:
		if key == nil {
			break
		}
		der, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			return nil, fmt.Errorf("encoding a private key: %w", err)
		}
		return encodePEM(pemPrivateKey, der), nil
	case PKCS1:
		if key, ok := key.(*rsa.PrivateKey); ok {
			return encodePEM("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(key)), nil
		}
	case SEC1:
		if key, ok := key.(*ecdsa.PrivateKey); ok {
			der, err := x509.MarshalECPrivateKey(key)
			if err != nil {
				return nil, fmt.Errorf("encoding a private key: %w", err)
			}
			return encodePEM("EC PRIVATE KEY", der), nil
		}
	case Encrypted:
		for _, plain := range []KeyFormat{PKCS1, SEC1} {
			if text, err := i.KeyPEM(plain); err == nil {
				return encrypt(text)
			}
		}
	}
	return nil, &FormatError{Format: format, Key: fmt.Sprintf("%T", key)}
}

func encrypt(key []byte) ([]byte, error) {
	plain, _ := pem.Decode(key)
	//nolint:staticcheck // deprecated as it protects badly; what is asked here is what becomes of it
	block, err := x509.EncryptPEMBlock(rand.Reader, plain.Type, plain.Bytes, []byte(Passphrase), x509.PEMCipherAES128)
	if err != nil {
		return nil, fmt.Errorf("encrypting a private key: %w", err)
	}
	return pem.EncodeToMemory(block), nil
}
