package stub

import (
	"bytes"
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io"
	"net"

	"golang.org/x/crypto/chacha20poly1305"

	"github.com/calico-tls/conformance/harness/handshake"
)

// takesOver are the quirks with which a Typha asks for the path itself.
var takesOver = []quirk{listsNoAuthorities, closesSilently, deniesAccess, provokes, remembers, sendsBeforeVerification}

// takeOver makes a faulty Typha ask for the path itself, in the place of crypto/tls, and returns the connection to use.
//
// crypto/tls tells a client bad_certificate whenever a callback objects, whatever the reason. A fault must change
// nothing but what it is about, or cases would find it that have nothing to do with it; so the alert is restated as the
// one that crypto/tls sends where it asks for the path itself.
func (t *typha) takeOver(settings *tls.Config, raw net.Conn) net.Conn {
	conn := restate(raw, settings, handshake.Server)
	if settings.ClientAuth == tls.RequireAndVerifyClientCert {
		settings.ClientAuth = tls.RequireAnyClientCert
	}
	if t.policy.quirk == listsNoAuthorities {
		settings.ClientCAs = nil
	}
	if t.policy.quirk == closesSilently {
		settings.ClientAuth = tls.RequestClientCert
	}
	if t.policy.quirk == sendsBeforeVerification {
		settings.VerifyConnection = nil // it verifies later
		return conn
	}
	settings.VerifyConnection = func(state tls.ConnectionState) error {
		err := t.verdicts.on(t.policy, t.judge(state.PeerCertificates))
		conn.restate(state, err)
		return conn.refuse(t.policy.quirk, err)
	}
	return conn
}

// errProvoked is the verdict of an end that has its peer refuse.
var errProvoked = errors.New("the peer is to refuse")

// refuse makes a faulty end tell its peer of a refusal as it does, and returns the error to refuse with.
func (r *restating) refuse(q quirk, err error) error {
	switch {
	case err == nil:
	case q == closesSilently:
		_ = r.Close() // so that the alert goes nowhere
	case q == deniesAccess:
		r.alert = handshake.AccessDenied
	case q == provokes:
		r.garbage = true
		return errProvoked
	}
	return err
}

// judge asks everything of a client's chain.
func (t *typha) judge(chain []*x509.Certificate) error {
	if len(chain) == 0 {
		return errors.New("tls: client didn't provide a certificate")
	}
	if err := t.policy.walk(chain, t.material.anchors, x509.ExtKeyUsageClientAuth); err != nil {
		return &tls.CertificateVerificationError{UnverifiedCertificates: chain, Err: err}
	}
	_, err := t.policy.identify(chain, t.required)
	return err
}

// restating is a connection on which one alert is replaced.
type restating struct {
	net.Conn
	// alert is what the next record is to say; 0 leaves it as it is.
	alert handshake.Alert
	// garbage says that it is to be garbage instead.
	garbage bool
	suite   suite
	// label says which secret it is that encrypts the alert.
	label  string
	secret []byte
}

// labels are those of the secrets that encrypt the alert of an end that refuses its peer (RFC 8446 section 7.1): a client
// has not finished then, and a server has.
var labels = map[handshake.Side]string{handshake.Client: "CLIENT_HANDSHAKE_TRAFFIC_SECRET", handshake.Server: "SERVER_TRAFFIC_SECRET_0"}

// restate returns the connection to use for a side with these settings.
func restate(raw net.Conn, settings *tls.Config, side handshake.Side) *restating {
	conn := &restating{Conn: raw, label: labels[side]}
	settings.KeyLogWriter = keyLog{conn}
	return conn
}

// suite is what a cipher suite of TLS 1.3 encrypts with.
type suite struct {
	hash crypto.Hash
	key  int
	aead func(key []byte) (cipher.AEAD, error)
}

var suites = map[uint16]suite{
	tls.TLS_AES_128_GCM_SHA256:       {crypto.SHA256, 16, gcm},
	tls.TLS_AES_256_GCM_SHA384:       {crypto.SHA384, 32, gcm},
	tls.TLS_CHACHA20_POLY1305_SHA256: {crypto.SHA256, 32, chacha20poly1305.New},
}

func gcm(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// restate chooses the alert for an error as crypto/tls does (crypto/tls, processCertsFromClient).
func (r *restating) restate(state tls.ConnectionState, err error) {
	var unknown x509.UnknownAuthorityError
	var invalid x509.CertificateInvalidError
	switch {
	case errors.As(err, &unknown):
		r.alert = handshake.UnknownCA
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		r.alert = handshake.CertificateExpired
	}
	r.suite = suites[state.CipherSuite]
}

// keyLog takes the secret that a connection needs to restate an alert. It goes nowhere else.
type keyLog struct{ to *restating }

// Write implements [io.Writer].
func (k keyLog) Write(line []byte) (int, error) {
	if fields := bytes.Fields(line); len(fields) == 3 && string(fields[0]) == k.to.label {
		k.to.secret = make([]byte, hex.DecodedLen(len(fields[2])))
		if _, err := hex.Decode(k.to.secret, fields[2]); err != nil {
			return 0, err
		}
	}
	return len(line), nil
}

// Write implements [net.Conn].
func (r *restating) Write(p []byte) (int, error) {
	if r.garbage {
		return len(p), r.provoke()
	}
	if r.alert == 0 {
		return r.Conn.Write(p)
	}
	record, err := r.record()
	if err != nil {
		return 0, err
	}
	if _, err := r.Conn.Write(record); err != nil {
		return 0, err
	}
	return len(p), nil
}

// provoke sends a record that no peer can read, and waits until the peer has objected and gone.
func (r *restating) provoke() error {
	const applicationData = 23
	r.garbage = false
	if _, err := r.Conn.Write([]byte{applicationData, 3, 3, 0, 2, 0, 0}); err != nil {
		return err
	}
	_, _ = io.Copy(io.Discard, r.Conn)
	return r.Close()
}

// record returns the alert as a record: in the clear before TLS 1.3, where the server has not begun to encrypt, else the
// first under its application traffic secret (RFC 8446 sections 5.2 and 7.3).
func (r *restating) record() ([]byte, error) {
	const alert, applicationData, fatal = 21, 23, 2
	if r.secret == nil {
		return []byte{alert, 3, 3, 0, 2, fatal, byte(r.alert)}, nil
	}
	key, err := r.expand("key", r.suite.key)
	if err != nil {
		return nil, err
	}
	iv, err := r.expand("iv", 12)
	if err != nil {
		return nil, err
	}
	aead, err := r.suite.aead(key)
	if err != nil {
		return nil, err
	}
	inner := []byte{fatal, byte(r.alert), alert}
	header := []byte{applicationData, 3, 3, 0, byte(len(inner) + aead.Overhead())}
	return aead.Seal(header, iv, inner, header), nil
}

// expand is HKDF-Expand-Label with an empty context (RFC 8446 section 7.1).
func (r *restating) expand(label string, length int) ([]byte, error) {
	label = "tls13 " + label
	info := binary.BigEndian.AppendUint16(nil, uint16(length))
	info = append(append(append(info, byte(len(label))), label...), 0)
	return hkdf.Expand(r.suite.hash.New, r.secret, string(info), length)
}
