package evidence

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/calico-tls/conformance/harness/handshake"
	"github.com/calico-tls/conformance/pki"
)

// recorded is what Go 1.24.9 said in the handshakes of this test.
var recorded = map[string]pki.Check{
	`tls: failed to verify certificate: x509: a root or intermediate certificate is not authorized to sign for this name: URI "spiffe://d.example/own" is excluded by constraint "d.example"`:                                                            pki.CheckChain,
	`x509: a root or intermediate certificate is not authorized to sign for this name: URI "spiffe://d.example/own" is not permitted by any constraint`:                                                                                                  pki.CheckChain,
	`tls: failed to verify certificate: x509: too many intermediates for path length constraint`:                                                                                                                                                         pki.CheckChain,
	`tls: failed to verify certificate: x509: unhandled critical extension`:                                                                                                                                                                              pki.CheckChain,
	`tls: failed to verify certificate: x509: certificate signed by unknown authority`:                                                                                                                                                                   pki.CheckChain,
	`x509: certificate signed by unknown authority (possibly because of "x509: cannot verify signature: insecure algorithm ECDSA-SHA1" while trying to verify candidate authority certificate "conformance trusted authority")`:                          pki.CheckChain,
	`x509: certificate signed by unknown authority (possibly because of "x509: invalid signature: parent certificate cannot sign this kind of certificate" while trying to verify candidate authority certificate "conformance intermediate authority")`: pki.CheckChain,
	`tls: failed to verify certificate: x509: certificate specifies an incompatible key usage`:                                                                                                                                                           pki.CheckEKU,
	`local error: tls: unexpected message`:                                          pki.CheckEncoding,
	`tls: client sent certificate containing RSA key larger than 8192 bits`:         pki.CheckEncoding,
	`tls: failed to parse certificate from server: x509: malformed tbs certificate`: pki.CheckEncoding,
	`tls: failed to parse client certificate: x509: malformed tbs certificate`:      pki.CheckEncoding,
	`tls: handshake message of length 352689 bytes exceeds maximum of 262144 bytes`: pki.CheckEncoding,
	`tls: invalid signature by the client certificate: ECDSA verification failure`:  pki.CheckPossession,
	`tls: invalid signature by the server certificate: ECDSA verification failure`:  pki.CheckPossession,
	`tls: client didn't provide a certificate`:                                      pki.CheckPresence,
	`tls: client offered only unsupported versions: [301]`:                          pki.CheckProtocol,
	`tls: first record does not look like a TLS handshake`:                          pki.CheckProtocol,
	`http: server gave HTTP response to HTTPS client`:                               pki.CheckProtocol,
	`client sent an HTTP request to an HTTPS server`:                                pki.CheckProtocol,
	`tls: no cipher suite supported by both client and server`:                      pki.CheckProtocol,
	`tls: server chose an unconfigured cipher suite`:                                pki.CheckProtocol,
	"transport: certificate serial 5245564f4b4544 revoked":                          pki.CheckRevocation,
	`x509: certificate is not valid for any names, but wanted to match localhost`:   pki.CheckIdentity,
	`x509: certificate relies on legacy Common Name field, use SANs instead`:        pki.CheckIdentity,
	`x509: certificate is valid for other.example.org, not localhost`:               pki.CheckIdentity,
	`local error: tls: no renegotiation`:                                            pki.CheckProtocol,
	`tls: failed to verify certificate: x509: certificate has expired or is not yet valid: current time 2025-10-21T09:05:26Z is after 2025-10-20T09:05:26Z`: pki.CheckValidity,
}

// TestCausesOfRealHandshakes lets crypto/tls refuse each variant, and asks what its words tell.
func TestCausesOfRealHandshakes(t *testing.T) {
	t.Parallel()
	hit := &hits{of: map[string]bool{}}
	for reason, check := range invalid {
		expect(t, hit, x509.CertificateInvalidError{Reason: reason}.Error(), check)
	}
	for text, check := range recorded {
		expect(t, hit, text, check)
	}
	trust := []pki.AuthorityName{pki.Trusted, pki.ExpiredRoot, pki.HardWayRoot}
	authorities := pki.NewAuthorities()
	pool, err := authorities.Pool(trust, pki.Credential{})
	if err != nil {
		t.Fatal(err)
	}
	for _, role := range []pki.Role{pki.Client, pki.Server} {
		for _, v := range pki.Variants {
			for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
				if v.Breaks == "" || v.Name == "none" && role == pki.Server {
					continue
				}
				t.Run(fmt.Sprintf("%s/%s/%s", role, v.Name, tls.VersionName(version)), func(t *testing.T) {
					from := pki.Origin{Role: role, Own: pki.Identity{CN: "own", URISAN: "spiffe://d.example/own", DNSName: "localhost", IPAddress: host}, Peer: pki.Identity{CN: "peer", URISAN: "spiffe://d.example/peer"}}
					issued, err := authorities.Issue(v.Credential(from))
					if err != nil {
						t.Fatal(err)
					}
					good, err := authorities.Issue(pki.Good(role.Other(), from.Peer))
					if err != nil {
						t.Fatal(err)
					}
					judging := judge(v, role, pool, version)
					judging.Certificates = []tls.Certificate{*good.TLS()}
					refuser, refused := shake(t, role, issued, judging)
					expect(t, hit, refuser.Error(), v.Breaks)
					if AlertOf(refused) == handshake.NoAlert {
						t.Fatalf("wanted the alert of the peer, found none in %v (%T)", refused, refused)
					}
					if from, in := AlertOf(refused), AlertIn("remote: "+refused.Error()+" more"); from != in {
						t.Errorf("wanted the same alert of the error %q and of its text, found %v and %v", refused, from, in)
					}
					if causes := CausesOf(refused.Error()); causes != nil {
						t.Errorf("wanted no cause of the peer's alert %q, found %v", refused, causes)
					}
					if alert := AlertOf(refuser); alert != handshake.NoAlert {
						t.Errorf("wanted no alert of the peer in %q, found %v", refuser, alert)
					}
				})
			}
		}
	}
	for name, speech := range garbage {
		t.Run(name, func(t *testing.T) {
			expect(t, hit, speech.hear(t, authorities).Error(), speech.check)
		})
	}
	t.Run("TLS to a decoder of gob", func(t *testing.T) {
		clientHello := append([]byte{0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3}, make([]byte, 500)...)
		err := gob.NewDecoder(bytes.NewReader(clientHello)).Decode(&struct{ Message any }{})
		expect(t, hit, err.Error(), pki.CheckProtocol)
	})
	for _, c := range causes {
		if !hit.of[c.text] {
			t.Errorf("wanted each row of causes to fit some text, found none for %q", c.text)
		}
	}
}

func TestEveryAlertIsTold(t *testing.T) {
	t.Parallel()
	for n := range 256 {
		text := fmt.Sprintf(`level=WARN msg="Failed to connect" error="remote error: %v" attempt=1`, tls.AlertError(n))
		if got := AlertIn(text); got != handshake.Alert(n) {
			t.Errorf("wanted alert %d in %q, found %d", n, text, got)
		}
	}
	for _, text := range []string{"", "EOF", "tls: bad certificate", "local error: tls: bad certificate", "remote error: something else"} {
		if got := AlertIn(text); got != handshake.NoAlert {
			t.Errorf("wanted no alert in %q, found %v", text, got)
		}
	}
}

// hits are the rows of causes that have fitted.
type hits struct {
	mu sync.Mutex
	of map[string]bool
}

func expect(t *testing.T, h *hits, text string, check pki.Check) {
	t.Helper()
	if got := CausesOf(text); !slices.Equal(got, []pki.Check{check}) {
		t.Errorf("wanted %q to tell of %s, found %v", text, check, got)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, c := range causes {
		if strings.Contains(text, c.text) {
			h.of[c.text] = true
			return
		}
	}
}

// invalid are the reasons of crypto/x509 into which no handshake of ours runs.
var invalid = map[x509.InvalidReason]pki.Check{
	x509.NotAuthorizedToSign:           pki.CheckChain,
	x509.NameMismatch:                  pki.CheckChain,
	x509.UnconstrainedName:             pki.CheckChain,
	x509.NoValidChains:                 pki.CheckChain,
	x509.CANotAuthorizedForExtKeyUsage: pki.CheckEKU,
}

// host is where both ends are dialled.
const host = "127.0.0.1"

// judge makes the settings of an end that judges its peer, which plays role, as Calico's ends do. Whether the peer
// has the names required is known from the table.
func judge(v pki.Variant, role pki.Role, pool *x509.CertPool, version uint16) *tls.Config {
	settings := &tls.Config{MinVersion: version, MaxVersion: version}
	settings.VerifyConnection = func(state tls.ConnectionState) error {
		if role == pki.Server {
			intermediates := x509.NewCertPool()
			for _, c := range state.PeerCertificates[1:] {
				intermediates.AddCert(c)
			}
			if _, err := state.PeerCertificates[0].Verify(x509.VerifyOptions{Roots: pool, Intermediates: intermediates}); err != nil {
				return err
			}
		}
		if v.Touches == pki.TouchesHost {
			return state.PeerCertificates[0].VerifyHostname(host)
		}
		if v.Breaks == pki.CheckIdentity {
			return errors.New("peer certificate does not have required CN or URI SAN")
		}
		return nil
	}
	if role == pki.Client {
		settings.ClientAuth, settings.ClientCAs = tls.RequireAndVerifyClientCert, pool
	} else {
		settings.InsecureSkipVerify = true
	}
	return settings
}

// shake lets an end that plays role show a credential to one that judges it, and returns the errors of both.
func shake(t *testing.T, role pki.Role, shown *pki.Issued, judging *tls.Config) (refuser, refused error) {
	t.Helper()
	showing := &tls.Config{
		MinVersion: judging.MinVersion, MaxVersion: judging.MaxVersion, InsecureSkipVerify: true, //nolint:gosec // it is the other end that judges
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return shown.TLS(), nil },
		GetCertificate:       func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return shown.TLS(), nil },
	}
	a, b := pair(t)
	judge, judged := tls.Server(b, judging), tls.Client(a, showing)
	if role == pki.Server {
		judge, judged = tls.Client(b, judging), tls.Server(a, showing)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		refuser = converse(judge)
		_, _ = io.Copy(io.Discard, b) // a connection that is closed too early can lose the alert
	})
	refused = converse(judged)
	_ = a.Close()
	wg.Wait()
	if refuser == nil || refused == nil {
		t.Fatalf("wanted both ends to fail, found %v and %v", refuser, refused)
	}
	return refuser, refused
}

// converse exchanges an octet: under TLS 1.3 a client learns of its refusal only when it reads.
func converse(c *tls.Conn) error {
	if err := c.Handshake(); err != nil {
		return err
	}
	_, _ = c.Write([]byte{1})
	_, err := io.ReadFull(c, make([]byte, 1))
	return err
}

// garbage is what somebody may say who does not speak TLS as he should.
var garbage = map[string]speech{
	"plaintext":   {pki.Server, []byte("GET / HTTP/1.1\r\n\r\n"), pki.CheckProtocol},
	"SSL 2":       {pki.Server, []byte{0x80, 0x2e, 1, 0, 2, 0}, pki.CheckProtocol},
	"huge record": {pki.Server, []byte{22, 3, 1, 0xff, 0xff}, pki.CheckProtocol},
	"bad hello":   {pki.Server, []byte{22, 3, 1, 0, 5, 1, 0, 0, 1, 9}, pki.CheckEncoding},
	"old client":  {pki.Server, clientHello(), pki.CheckProtocol},
	"old server":  {pki.Client, serverHello(), pki.CheckProtocol},
	"clear reply": {pki.Client, []byte("HTTP/1.1 400 Bad Request\r\n\r\n"), pki.CheckProtocol},
}

// speech is what is said to an end that plays role.
type speech struct {
	role  pki.Role
	says  []byte
	check pki.Check
}

// hear returns what the end makes of it.
func (s speech) hear(t *testing.T, authorities *pki.Authorities) error {
	t.Helper()
	good, err := authorities.Issue(pki.Good(s.role, pki.Identity{CN: "own"}))
	if err != nil {
		t.Fatal(err)
	}
	a, b := pair(t)
	if _, err := a.Write(s.says); err != nil {
		t.Fatal(err)
	}
	if s.role == pki.Client {
		return tls.Client(b, &tls.Config{InsecureSkipVerify: true}).Handshake() //nolint:gosec // what it hears is no certificate
	}
	return tls.Server(b, &tls.Config{Certificates: []tls.Certificate{*good.TLS()}}).Handshake()
}

// clientHello is that of a client that speaks TLS 1.0 and no later version (RFC 5246 section 7.4.1.2).
func clientHello() []byte {
	body := slices.Concat([]byte{3, 1}, make([]byte, 32), []byte{0, 0, 2, 0xc0, 0x13, 1, 0})
	return slices.Concat([]byte{22, 3, 1, 0, byte(len(body) + 4), 1, 0, 0, byte(len(body))}, body)
}

// serverHello is that of a server that chooses TLS 1.0, whatever was offered (RFC 5246 section 7.4.1.3).
func serverHello() []byte {
	body := slices.Concat([]byte{3, 1}, make([]byte, 32), []byte{0, 0xc0, 0x13, 0})
	return slices.Concat([]byte{22, 3, 1, 0, byte(len(body) + 4), 2, 0, 0, byte(len(body))}, body)
}

// pair returns both ends of a TCP connection.
func pair(t *testing.T) (client, server net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if client, err = net.Dial("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if server, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []net.Conn{client, server} {
		t.Cleanup(func() { _ = c.Close() })
		if err := c.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
			t.Fatal(err)
		}
	}
	return client, server
}
