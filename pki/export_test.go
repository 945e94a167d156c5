package pki

import (
	"crypto"
	"crypto/x509"
)

// What the corners of are tested by themselves: no credential reaches them.
var (
	Shifted   = shifted
	Lookalike = lookalike
)

// InDomain changes the host of a URI.
func InDomain(uri string, change func(string) string) string { return domain(change)(uri) }

// Pad fills up a chain that has one certificate of this many octets, below a root of as many.
func Pad(certificate, to int) (certificates int, err error) {
	der := make([]byte, certificate)
	issued := &Issued{Chain: [][]byte{der}}
	root := &issuer{cert: &x509.Certificate{Raw: der}}
	err = pad(issued, to, []*issuer{root})
	return len(issued.Chain), err
}

// PadAlone fills up a chain that has one certificate of this many octets, and no root.
func PadAlone(certificate, to int) error {
	return pad(&Issued{Chain: [][]byte{make([]byte, certificate)}}, to, nil)
}

// EncodePSS encodes a digest of zeroes for a key of one bit more than these.
func EncodePSS(bits int, hash crypto.Hash) ([]byte, error) {
	return encodePSS(make([]byte, hash.Size()), bits, hash)
}
