// Package evidence turns what programs say, in errors, alerts and log lines, into accounts of connections. What the
// words are is data: tables here for Go's own, patterns for the log of a component.
package evidence

import (
	"crypto/tls"
	"errors"
	"net"
	"reflect"
	"strings"

	"github.com/calico-tls/conformance/harness/handshake"
	"github.com/calico-tls/conformance/pki"
)

// cause is a part of an error text, and the check of which it tells.
type cause struct {
	text  string
	check pki.Check
}

// causes are the words of crypto/tls, of crypto/x509 and of Calico's own verifier for what they refuse. The first row
// that fits counts: texts that quote another one stand first. They are those of Go 1.24 to 1.26.
var causes = []cause{
	// What could not be parsed quotes why, and a signature by nobody known quotes what else was tried.
	{"tls: failed to parse client certificate", pki.CheckEncoding},
	{"tls: failed to parse certificate from server", pki.CheckEncoding},
	{"tls: invalid signature by the client certificate", pki.CheckPossession},
	{"tls: invalid signature by the server certificate", pki.CheckPossession},
	{"x509: certificate signed by unknown authority", pki.CheckChain},
	// A path that leads to an anchor but may not be walked.
	{"x509: certificate has expired or is not yet valid", pki.CheckValidity},
	{"x509: certificate specifies an incompatible key usage", pki.CheckEKU},
	{"x509: a root or intermediate certificate is not authorized for an extended key usage", pki.CheckEKU},
	{"x509: a root or intermediate certificate is not authorized to sign for this name", pki.CheckChain},
	{"x509: issuer has name constraints but leaf", pki.CheckChain},
	{"x509: issuer name does not match subject from issuing certificate", pki.CheckChain},
	{"x509: certificate is not authorized to sign other certificates", pki.CheckChain},
	{"x509: too many intermediates for path length constraint", pki.CheckChain},
	{"x509: unhandled critical extension", pki.CheckChain},
	{"x509: no valid chains built", pki.CheckChain},
	// The host that was dialled.
	{"x509: certificate is valid for", pki.CheckIdentity},
	{"x509: certificate is not valid for any names", pki.CheckIdentity},
	{"x509: cannot validate certificate for", pki.CheckIdentity},
	{"x509: certificate relies on legacy Common Name field", pki.CheckIdentity},
	// A revocation list that etcd heeds.
	{"transport: certificate serial", pki.CheckRevocation},
	// Calico's own verifier.
	{"peer certificate does not have required", pki.CheckIdentity},
	// What never came, or is too big to bear.
	{"tls: client didn't provide a certificate", pki.CheckPresence},
	{"certificate containing RSA key larger than", pki.CheckEncoding},
	{"tls: handshake message of length", pki.CheckEncoding},
	{"local error: tls: error decoding message", pki.CheckEncoding},
	{"local error: tls: unexpected message", pki.CheckEncoding},
	// What is no TLS, or none that is spoken here.
	{"tls: first record does not look like a TLS handshake", pki.CheckProtocol},
	{"http: server gave HTTP response to HTTPS client", pki.CheckProtocol},
	{"client sent an HTTP request to an HTTPS server", pki.CheckProtocol},
	{"tls: client offered only unsupported versions", pki.CheckProtocol},
	{"tls: server selected unsupported protocol version", pki.CheckProtocol},
	{"tls: no cipher suite supported by both client and server", pki.CheckProtocol},
	{"tls: server chose an unconfigured cipher suite", pki.CheckProtocol},
	{"local error: tls: no renegotiation", pki.CheckProtocol},
	{"tls: unsupported SSLv2 handshake received", pki.CheckProtocol},
	{"tls: oversized record received", pki.CheckProtocol},
	// A client that speaks TLS to a server that does not: Typha's messages are gob.
	{"gob: ", pki.CheckProtocol},
}

// told is how crypto/tls introduces an alert of the peer.
const told = "remote error: "

// CausesOf returns the checks that an error text of a program made with Go tells of: one, or none if it names no
// cause. An alert of the peer tells of none, as it is the peer who judged.
func CausesOf(text string) []pki.Check {
	for _, table := range [][]cause{causes, tokenCauses} {
		for _, c := range table {
			if strings.Contains(text, c.text) {
				return []pki.Check{c.check}
			}
		}
	}
	return nil
}

// AlertOf returns the alert of the peer that err holds; NoAlert if it holds none. Go's crypto/tls reports a received
// alert as a [net.OpError] around a number of an unexported type.
func AlertOf(err error) handshake.Alert {
	var op *net.OpError
	if !errors.As(err, &op) || op.Op != strings.TrimSuffix(told, ": ") {
		return handshake.NoAlert
	}
	if v := reflect.ValueOf(op.Err); v.Kind() == reflect.Uint8 {
		return handshake.Alert(v.Uint())
	}
	return handshake.NoAlert
}

// AlertIn returns the alert of the peer of which an error text of a program made with Go tells, as in "remote error:
// tls: bad certificate"; NoAlert if it tells of none.
func AlertIn(text string) handshake.Alert {
	_, rest, ok := strings.Cut(text, told)
	if !ok {
		return handshake.NoAlert
	}
	alert, longest := handshake.NoAlert, 0
	for n := range 256 {
		// One text may begin with another: "bad certificate status response".
		if t := tls.AlertError(n).Error(); len(t) > longest && strings.HasPrefix(rest, t) {
			alert, longest = handshake.Alert(n), len(t)
		}
	}
	return alert
}
