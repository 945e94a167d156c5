package pki_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/calico-tls/conformance/pki"
)

// refusals are what crypto/tls says of the credentials that it refuses before anybody looks at the certificates, or
// after that.
var refusals = map[string]string{
	"malformed":       "failed to parse certificate|malformed|decod",
	"key-rsa-8200":    "RSA key larger than 8192 bits",
	"chain-oversized": "handshake message of length \\d+ bytes exceeds maximum of 262144 bytes",
	"wrong-key":       "invalid signature by the (client|server) certificate",
	"none":            "didn't provide a certificate",
}

var versions = map[string]uint16{"tls1.2": tls.VersionTLS12, "tls1.3": tls.VersionTLS13}

// TestCredentialsReachThePeer shakes hands over a socket with a peer that asks nothing of certificates, and compares
// what arrives with what was issued.
func TestCredentialsReachThePeer(t *testing.T) {
	t.Parallel()
	a := authorities()
	for _, v := range pki.Variants {
		for _, o := range originsOf(v) {
			if v.Name == "none" && o.Role == pki.Server {
				continue // a server without a certificate cannot shake hands
			}
			for name, version := range versions {
				posable := len(v.Versions) == 0 || slices.Contains(v.Versions, name)
				t.Run(fmt.Sprintf("%s/%s/%s", v.Name, o.Role, name), func(t *testing.T) {
					issued := issue(t, a, v.Credential(o))
					received, err := shake(t, o.Role, issued, version)
					switch reason := refusals[v.Name]; {
					case !posable:
						if err == nil {
							t.Fatalf("wanted no handshake outside of %q, found that it succeeds", v.Versions)
						}
						return
					case reason == "" && err != nil:
						t.Fatalf("wanted the handshake to succeed, found: %v", err)
					case reason != "" && (err == nil || !regexp.MustCompile(reason).MatchString(err.Error())):
						t.Fatalf("wanted the peer to refuse for %q, found: %v", reason, err)
					}
					if v.Breaks == pki.CheckEncoding {
						return // refused before the certificates are handed on
					}
					if !slices.EqualFunc(received, issued.Chain, bytes.Equal) {
						t.Errorf("received %d certificates that are not the %d issued", len(received), len(issued.Chain))
					}
				})
			}
		}
	}
}

// shake returns what the peer of the end that plays role received, and why the peer refused it.
func shake(t *testing.T, role pki.Role, issued *pki.Issued, version uint16) (received [][]byte, refusal error) {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	good := pki.Good(role.Other(), pki.Identity{CN: "somebody"})
	watch := func(raw [][]byte, _ [][]*x509.Certificate) error {
		received = raw
		return nil
	}
	shown := &tls.Config{MinVersion: version, MaxVersion: version, InsecureSkipVerify: true, SessionTicketsDisabled: true} //nolint:gosec // what arrives is compared, and trusted by nobody
	peer := shown.Clone()
	peer.ClientAuth = tls.RequireAnyClientCert
	peer.VerifyPeerCertificate = watch //nolint:gosec // it checks nothing, and VerifyConnection would come after the proof of possession
	peer.Certificates = []tls.Certificate{*issue(t, authorities(), good).TLS()}

	client, server := shown, peer
	if role == pki.Server {
		client, server = peer, shown
		server.Certificates = []tls.Certificate{*issued.TLS()}
	} else {
		client.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return issued.TLS(), nil }
	}
	errs := make(chan error, 1)
	go func() {
		conn, err := listener.Accept()
		if err == nil {
			err = exchange(t.Context(), tls.Server(conn, server))
		}
		errs <- err
	}()
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	byClient := exchange(t.Context(), tls.Client(conn, client))
	byServer := <-errs
	if role == pki.Server {
		return received, byClient
	}
	return received, byServer
}

// exchange shakes hands and swaps an octet, without which a TLS 1.3 client does not know whether it was accepted.
func exchange(ctx context.Context, conn *tls.Conn) error {
	defer func() { _ = conn.Close() }() // the peer may have closed it first
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		return err
	}
	if err := conn.HandshakeContext(ctx); err != nil {
		return err
	}
	if _, err := conn.Write([]byte{1}); err != nil {
		return err
	}
	_, err := io.ReadFull(conn, make([]byte, 1))
	return err
}
