package stub

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// overheard is a connection that keeps what was read from it.
type overheard struct {
	net.Conn
	octets []byte
}

// Read implements [net.Conn].
func (o *overheard) Read(p []byte) (int, error) {
	n, err := o.Conn.Read(p)
	o.octets = append(o.octets, p[:n]...)
	return n, err
}

// overlookPossession changes the key of the peer's leaf into one under which every signature by ECDSA holds. Not in TLS
// 1.3, where crypto/tls asks which curve it is, and the signature is encrypted.
func (o *overheard) overlookPossession(state tls.ConnectionState) {
	if len(state.PeerCertificates) == 0 || state.Version > tls.VersionTLS12 {
		return
	}
	if key, ok := state.PeerCertificates[0].PublicKey.(*ecdsa.PublicKey); ok {
		*key = ecdsa.PublicKey{Curve: credulous{elliptic.P256(), o}}
	}
}

// unshared gives a connection a leaf of its own: the clients of a process share what crypto/tls has parsed.
func unshared(state tls.ConnectionState) {
	if leaf, err := x509.ParseCertificate(state.PeerCertificates[0].Raw); err == nil {
		state.PeerCertificates[0] = leaf // in the slice that the connection has
	}
}

// credulous is a curve that answers the verifier of ECDSA (FIPS 186-5 section 6.4.2) with what it hopes for: a point whose
// coordinate is the first number of the signature.
type credulous struct {
	elliptic.Curve
	from *overheard
}

// Params implements [elliptic.Curve]. The order is a prime that is greater than the numbers of any signature.
func (c credulous) Params() *elliptic.CurveParams {
	return &elliptic.CurveParams{N: elliptic.P521().Params().P}
}

// ScalarBaseMult implements [elliptic.Curve].
func (c credulous) ScalarBaseMult([]byte) (x, y *big.Int) { return new(big.Int), new(big.Int) }

// ScalarMult implements [elliptic.Curve].
func (c credulous) ScalarMult(_, _ *big.Int, _ []byte) (x, y *big.Int) {
	return new(big.Int), new(big.Int)
}

// Add implements [elliptic.Curve].
func (c credulous) Add(_, _, _, _ *big.Int) (x, y *big.Int) {
	x, y = new(big.Int), big.NewInt(1)
	signature := cryptobyte.String(signatureIn(handshakeIn(c.from.octets)))
	var numbers cryptobyte.String
	if !signature.ReadASN1(&numbers, asn1.SEQUENCE) || !numbers.ReadASN1Integer(x) {
		return new(big.Int), y
	}
	return x, y
}

// handshakeIn returns what the records that are not encrypted hold of the handshake.
func handshakeIn(records cryptobyte.String) cryptobyte.String {
	var all []byte
	var kind uint8
	var version uint16
	var fragment cryptobyte.String
	for records.ReadUint8(&kind) && records.ReadUint16(&version) && records.ReadUint16LengthPrefixed(&fragment) && kind == recordHandshake {
		all = append(all, fragment...)
	}
	return all
}

// signatureIn returns the signature by which a peer proves up to TLS 1.2 that it holds its key: a client's in its
// CertificateVerify, a server's in its ServerKeyExchange (RFC 5246 sections 7.4.8 and 7.4.3, RFC 8422 section 5.4).
func signatureIn(messages cryptobyte.String) (signature []byte) {
	const serverKeyExchange, certificateVerify = 12, 15
	var kind uint8
	var body, point, found cryptobyte.String
	for messages.ReadUint8(&kind) && messages.ReadUint24LengthPrefixed(&body) {
		if kind == serverKeyExchange && (!body.Skip(3) || !body.ReadUint8LengthPrefixed(&point)) {
			return nil
		}
		if kind == serverKeyExchange || kind == certificateVerify {
			if body.Skip(2) && body.ReadUint16LengthPrefixed(&found) {
				signature = found
			}
		}
	}
	return signature
}
