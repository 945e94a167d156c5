package stub

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"math/big"
	"time"
)

// What faulty ends show of the certificate that they were given.

func withheld(tls.Certificate) (*tls.Certificate, error) { return &tls.Certificate{}, nil }

func leafAlone(c tls.Certificate) (*tls.Certificate, error) {
	c.Certificate = c.Certificate[:1]
	return &c, nil
}

// selfMade signs a certificate by itself that names whom the one that it was given names.
func selfMade(c tls.Certificate) (*tls.Certificate, error) {
	names := &x509.Certificate{}
	if len(c.Certificate) > 0 {
		var err error
		if names, err = x509.ParseCertificate(c.Certificate[0]); err != nil {
			return nil, err
		}
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("making a key: %w", err)
	}
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: names.Subject, URIs: names.URIs,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}, &x509.Certificate{Subject: names.Subject}, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("signing a certificate: %w", err)
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}

// makeshift is what a faulty end goes on with that has nothing to go on with: a certificate of its own, and no anchors.
func makeshift() (*material, error) {
	own, err := selfMade(tls.Certificate{})
	if err != nil {
		return nil, err
	}
	return &material{own: *own}, nil
}
