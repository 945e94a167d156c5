package pki_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/calico-tls/conformance/pki"
)

var (
	felix = pki.Identity{CN: "typha-client", URISAN: "spiffe://k8s.example.com/typha-client"}
	typha = pki.Identity{CN: "typha-server", URISAN: "spiffe://k8s.example.com/typha-server"}

	origins = []pki.Origin{{Role: pki.Client, Own: felix, Peer: typha}, {Role: pki.Server, Own: typha, Peer: felix}}
)

// originsOf are those from which a variant is made. One that is about a host has one.
func originsOf(v pki.Variant) []pki.Origin {
	all := slices.Clone(origins)
	if v.Touches == pki.TouchesHost {
		for i := range all {
			all[i].Own.DNSName, all[i].Own.IPAddress = "localhost", "127.0.0.1"
		}
	}
	return all
}

// anchors are the trust bundle for which a variant's row says what it breaks.
var anchors = []pki.AuthorityName{pki.Trusted, pki.ExpiredRoot, pki.HardWayRoot}

// What crypto/tls bears: octets of a Certificate message, and bits of an RSA key.
const (
	bearableMessage = 262144
	bearableRSA     = 8192
)

// party is a relying party that judges with crypto/x509 alone.
type party struct {
	roots         *x509.CertPool
	role          pki.Role
	cn, uri, host string
}

// parties returns the relying parties to which a variant's row speaks.
func parties(t *testing.T, a *pki.Authorities, v pki.Variant, o pki.Origin) map[string]party {
	t.Helper()
	roots, err := a.Pool(anchors, pki.Credential{})
	if err != nil {
		t.Fatal(err)
	}
	cn, uri := party{roots, o.Role, o.Own.CN, "", ""}, party{roots, o.Role, "", o.Own.URISAN, ""}
	either := party{roots, o.Role, o.Own.CN, o.Own.URISAN, ""}
	switch v.Touches {
	case pki.TouchesCN:
		return map[string]party{"cn": cn}
	case pki.TouchesURI:
		return map[string]party{"uri": uri}
	case pki.TouchesBoth:
		return map[string]party{"either": either}
	case pki.TouchesHost:
		return map[string]party{"host": {roots, o.Role, "", "", o.Own.IPAddress}}
	case pki.TouchesNone:
		return map[string]party{"cn": cn, "uri": uri, "either": either}
	}
	t.Fatalf("variant %s touches %q, which is no name", v.Name, v.Touches)
	return nil
}

// findings are the checks that fail, each with its reason.
type findings map[pki.Check]error

func (f findings) checks() []pki.Check {
	var failed []pki.Check
	for _, check := range pki.Checks {
		if f[check] != nil {
			failed = append(failed, check)
		}
	}
	return failed
}

// judge asks each question by itself, also where an earlier one has failed.
func (p party) judge(issued *pki.Issued) findings {
	f := findings{}
	if len(issued.Chain) == 0 {
		f[pki.CheckPresence] = errors.New("no certificate was sent")
		return f
	}
	certs, err := p.read(issued.Chain)
	f[pki.CheckEncoding] = err
	leaf := certs[0]

	// The moment at which the youngest certificate has just become valid: there the chain can be judged without regard
	// to what has expired since.
	moment := leaf.NotBefore
	for _, cert := range certs {
		if cert.NotBefore.After(moment) {
			moment = cert.NotBefore
		}
	}
	chains, err := p.verify(certs, moment, x509.ExtKeyUsageAny)
	f[pki.CheckChain] = err
	path := certs
	if err == nil {
		path = chains[0]
		_, f[pki.CheckEKU] = p.verify(certs, moment, p.role.Usage())
	} else {
		f[pki.CheckEKU] = p.usage(certs)
	}
	f[pki.CheckValidity] = inTime(path)
	f[pki.CheckIdentity] = p.names(leaf)
	f[pki.CheckPossession] = holds(issued.Key, leaf.PublicKey)
	return f
}

// read parses the certificates. A leaf that cannot be parsed is mended first, so that all else can be judged.
func (p party) read(chain [][]byte) ([]*x509.Certificate, error) {
	var problem error
	size := 3
	certs := make([]*x509.Certificate, len(chain))
	for i, der := range chain {
		size += 3 + len(der)
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			problem = err
			mended := bytes.Clone(der)
			mended[4] = 0x30
			if cert, err = x509.ParseCertificate(mended); err != nil {
				panic(fmt.Sprintf("certificate %d cannot be read even when mended: %v", i, err))
			}
		}
		certs[i] = cert
	}
	if size > bearableMessage {
		problem = fmt.Errorf("the message has %d octets", size)
	}
	if key, ok := certs[0].PublicKey.(*rsa.PublicKey); ok && key.N.BitLen() > bearableRSA {
		problem = fmt.Errorf("the key has %d bits", key.N.BitLen())
	}
	return certs, problem
}

func (p party) verify(certs []*x509.Certificate, at time.Time, usage x509.ExtKeyUsage) ([][]*x509.Certificate, error) {
	between := x509.NewCertPool()
	for _, cert := range certs[1:] {
		between.AddCert(cert)
	}
	return certs[0].Verify(x509.VerifyOptions{
		Roots: p.roots, Intermediates: between, CurrentTime: at, KeyUsages: []x509.ExtKeyUsage{usage},
	})
}

func (p party) usage(certs []*x509.Certificate) error {
	for _, cert := range certs {
		if len(cert.ExtKeyUsage) > 0 && !slices.Contains(cert.ExtKeyUsage, p.role.Usage()) && !slices.Contains(cert.ExtKeyUsage, x509.ExtKeyUsageAny) {
			return fmt.Errorf("%s allows %v", cert.Subject, cert.ExtKeyUsage)
		}
	}
	return nil
}

func inTime(certs []*x509.Certificate) error {
	now := time.Now()
	for _, cert := range certs {
		if now.Before(cert.NotBefore) || now.After(cert.NotAfter) {
			return fmt.Errorf("%s is valid from %s to %s", cert.Subject, cert.NotBefore, cert.NotAfter)
		}
	}
	return nil
}

// names compares the last Common Name and, but for the scheme's case, the octets of each URI SAN.
func (p party) names(leaf *x509.Certificate) error {
	if p.host != "" {
		return leaf.VerifyHostname(p.host)
	}
	uris, err := rawURIs(leaf)
	if err != nil {
		return err
	}
	for i, uri := range uris {
		scheme, rest, _ := strings.Cut(uri, ":")
		uris[i] = strings.ToLower(scheme) + ":" + rest
	}
	if p.cn != "" && leaf.Subject.CommonName == p.cn || p.uri != "" && slices.Contains(uris, p.uri) {
		return nil
	}
	return fmt.Errorf("wanted CN %q or URI %q, found CN %q and URIs %q", p.cn, p.uri, leaf.Subject.CommonName, uris)
}

// rawURIs reads the URI SANs from the DER, as they lose octets on their way through a parsed URL.
func rawURIs(cert *x509.Certificate) ([]string, error) {
	var uris []string
	for _, extension := range cert.Extensions {
		if !extension.Id.Equal(asn1.ObjectIdentifier{2, 5, 29, 17}) {
			continue
		}
		var names []asn1.RawValue
		if _, err := asn1.Unmarshal(extension.Value, &names); err != nil {
			return nil, err
		}
		for _, name := range names {
			if name.Tag == 6 {
				uris = append(uris, string(name.Bytes))
			}
		}
	}
	return uris, nil
}

// holds reports why a signature of the key is not one of the public key in the leaf.
func holds(key crypto.Signer, public crypto.PublicKey) error {
	digest := sha256.Sum256([]byte("possession"))
	var ok bool
	switch public := public.(type) {
	case *ecdsa.PublicKey:
		signature, err := key.Sign(rand.Reader, digest[:], crypto.SHA256)
		ok = err == nil && ecdsa.VerifyASN1(public, digest[:], signature)
	case *rsa.PublicKey:
		signature, err := key.Sign(rand.Reader, digest[:], &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: crypto.SHA256})
		ok = err == nil && rsa.VerifyPSS(public, crypto.SHA256, digest[:], signature, nil) == nil
	case ed25519.PublicKey:
		signature, err := key.Sign(rand.Reader, digest[:], crypto.Hash(0))
		ok = err == nil && ed25519.Verify(public, digest[:], signature)
	}
	if !ok {
		return fmt.Errorf("a signature of the key (%T) does not verify with the leaf's", key)
	}
	return nil
}
