package pki

import (
	"bytes"
	"crypto/rand"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"time"
)

const (
	pemCertificate = "CERTIFICATE"
	pemCRL         = "X509 CRL"
	pemPublicKey   = "PUBLIC KEY"
	pemParameters  = "EC PARAMETERS"
	pemPrivateKey  = "PRIVATE KEY"
)

// Bundle returns a trust bundle in PEM that holds these authorities in this order. PeerLeaf stands for the first
// certificate that peer sends.
func (a *Authorities) Bundle(names []AuthorityName, peer Credential) ([]byte, error) {
	certs, err := a.anchors(names, peer)
	if err != nil {
		return nil, err
	}
	var out []byte
	for _, cert := range certs {
		out = append(out, encodePEM(pemCertificate, cert.Raw)...)
	}
	return out, nil
}

// BundleIn returns a trust bundle as [Authorities.Bundle] does, written in a style.
func (a *Authorities) BundleIn(style BundleStyle, names []AuthorityName, peer Credential) ([]byte, error) {
	switch style {
	case BundlePlain:
		return a.Bundle(names, peer)
	case BundleCommented:
		certs, err := a.anchors(names, peer)
		if err != nil {
			return nil, err
		}
		return comment(certs)
	case BundleRevoking:
		bundle, err := a.Bundle(names, peer)
		if err != nil {
			return nil, err
		}
		crl, err := a.CRL(RevokedSerial)
		return append(bundle, crl...), err
	case BundleBroken:
		certs, err := a.anchors(names, peer)
		if err != nil {
			return nil, err
		}
		return spoil(certs), nil
	case BundleEmpty:
		return []byte{}, nil
	}
	return nil, fmt.Errorf("writing a trust bundle: there is no style %q", style)
}

// Pool returns the same trust anchors as [Authorities.Bundle], for crypto/x509.
func (a *Authorities) Pool(names []AuthorityName, peer Credential) (*x509.CertPool, error) {
	certs, err := a.anchors(names, peer)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	for _, cert := range certs {
		pool.AddCert(cert)
	}
	return pool, nil
}

// CRL returns a revocation list in PEM, signed by Trusted and good for a day, that lists these serial numbers.
func (a *Authorities) CRL(serials ...int64) ([]byte, error) {
	der, err := a.RevocationList(serials...)
	return encodePEM(pemCRL, der), err
}

// RevocationList returns the same list as [Authorities.CRL] in DER.
func (a *Authorities) RevocationList(serials ...int64) ([]byte, error) {
	trusted, err := a.authority(Trusted)
	if err != nil {
		return nil, err
	}
	now := time.Now().Truncate(time.Second)
	list := &x509.RevocationList{Number: big.NewInt(1), ThisUpdate: now.Add(-time.Hour), NextUpdate: now.Add(24 * time.Hour)}
	for _, serial := range serials {
		entry := x509.RevocationListEntry{SerialNumber: big.NewInt(serial), RevocationTime: list.ThisUpdate}
		list.RevokedCertificateEntries = append(list.RevokedCertificateEntries, entry)
	}
	der, err := x509.CreateRevocationList(rand.Reader, list, trusted.cert, trusted.key)
	if err != nil {
		return nil, fmt.Errorf("signing a revocation list: %w", err)
	}
	return der, nil
}

func (a *Authorities) anchors(names []AuthorityName, peer Credential) ([]*x509.Certificate, error) {
	certs := make([]*x509.Certificate, 0, len(names))
	for _, name := range names {
		cert, err := a.anchor(name, peer)
		if err != nil {
			return nil, fmt.Errorf("putting together a trust bundle: %w", err)
		}
		certs = append(certs, cert)
	}
	return certs, nil
}

func (a *Authorities) anchor(name AuthorityName, peer Credential) (*x509.Certificate, error) {
	if name != PeerLeaf {
		by, err := a.authority(name)
		if err != nil {
			return nil, err
		}
		return by.cert, nil
	}
	issued, err := a.Issue(peer)
	if err != nil {
		return nil, err
	}
	if len(issued.Chain) == 0 {
		return nil, errors.New("wanted the leaf of the peer, found that it sends none")
	}
	cert, err := x509.ParseCertificate(issued.Chain[0])
	if err != nil {
		return nil, fmt.Errorf("reading the leaf of the peer: %w", err)
	}
	return cert, nil
}

// comment writes a bundle as people keep it: explanations, the names of curves and public keys around the certificates.
func comment(certs []*x509.Certificate) ([]byte, error) {
	parameters, err := asn1.Marshal(asn1.ObjectIdentifier{1, 2, 840, 10045, 3, 1, 7}) // P-256
	if err != nil {
		return nil, fmt.Errorf("encoding the name of a curve: %w", err)
	}
	var out bytes.Buffer
	fmt.Fprintf(&out, "# Trust bundle with %d certificates.\n\n", len(certs))
	out.Write(encodePEM(pemParameters, parameters))
	for _, cert := range certs {
		fmt.Fprintf(&out, "\n# Subject: %q\nvalid until: %s\n", cert.Subject.String(), cert.NotAfter.Format(time.DateOnly))
		out.Write(encodePEM(pemCertificate, cert.Raw))
		fmt.Fprintf(&out, "its public key:\n")
		out.Write(encodePEM(pemPublicKey, cert.RawSubjectPublicKeyInfo))
	}
	fmt.Fprintf(&out, "\n# End of the trust bundle.\n")
	return out.Bytes(), nil
}

// spoil writes a bundle of which a reader that stops at what it cannot read never sees the last certificate.
func spoil(certs []*x509.Certificate) []byte {
	var out []byte
	for i, cert := range certs {
		text := encodePEM(pemCertificate, cert.Raw)
		if i == len(certs)-1 {
			out = append(out, JunkCertificate.PEM()...)
			out = append(out, shorten(text)...)
		}
		out = append(out, text...)
	}
	return out
}

func encodePEM(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}
