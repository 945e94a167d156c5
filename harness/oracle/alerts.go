package oracle

import (
	"regexp"
	"slices"
	"strconv"

	"github.com/calico-tls/conformance/harness/handshake"
	"github.com/calico-tls/conformance/harness/link"
)

// alertRow says which alert a side made with Go's crypto/tls sends when it refuses for a cause.
type alertRow struct {
	cause    string
	by       handshake.Side
	versions []link.Version // nil for any
	since    int            // the first minor version of Go of which it holds; 0 for any
	until    int            // the last one; 0 for any
	alert    handshake.Alert
}

var (
	in12 = []link.Version{link.TLS12}
	in13 = []link.Version{link.TLS13}
)

// goAlerts are the alerts of Go. Where two rows fit, either alert is right. A server maps its verifier's errors to
// alerts; a client that verifies by a callback of its own says bad_certificate for each of them.
var goAlerts = []alertRow{
	{"version", handshake.Server, nil, 0, 0, handshake.ProtocolVersion},
	{"version", handshake.Client, nil, 0, 0, handshake.ProtocolVersion},
	{"suite", handshake.Server, nil, 0, 0, handshake.HandshakeFailure},
	{"suite-unoffered", handshake.Client, in12, 0, 0, handshake.HandshakeFailure},
	{"suite-unoffered", handshake.Client, in13, 0, 0, handshake.IllegalParameter},
	{"renegotiation", handshake.Client, in12, 0, 0, handshake.NoRenegotiation},
	{"no-certificate", handshake.Server, in13, 0, 0, handshake.CertificateRequired},
	{"no-certificate", handshake.Server, in12, 0, 25, handshake.BadCertificate},
	{"no-certificate", handshake.Server, in12, 25, 0, handshake.HandshakeFailure},
	{"malformed", handshake.Server, nil, 0, 25, handshake.BadCertificate},
	{"malformed", handshake.Server, nil, 25, 0, handshake.DecodeError},
	{"malformed", handshake.Client, nil, 0, 25, handshake.BadCertificate},
	{"malformed", handshake.Client, nil, 25, 0, handshake.DecodeError},
	{"oversized", handshake.Server, nil, 0, 0, handshake.InternalError},
	{"oversized", handshake.Client, nil, 0, 0, handshake.InternalError},
	{"key-size", handshake.Server, nil, 0, 0, handshake.BadCertificate},
	{"key-size", handshake.Client, nil, 0, 0, handshake.BadCertificate},
	{"digest", handshake.Server, nil, 0, 0, handshake.UnknownCA},
	{"issuer", handshake.Server, nil, 0, 0, handshake.UnknownCA},
	{"basic-constraints", handshake.Server, nil, 0, 0, handshake.UnknownCA},
	{"critical-extension", handshake.Server, nil, 0, 0, handshake.BadCertificate},
	{"name-constraints", handshake.Server, nil, 0, 0, handshake.BadCertificate},
	{"path-length", handshake.Server, nil, 0, 0, handshake.BadCertificate},
	{"validity", handshake.Server, nil, 0, 0, handshake.CertificateExpired},
	{"eku", handshake.Server, nil, 0, 0, handshake.BadCertificate},
	{"identity", handshake.Server, nil, 0, 0, handshake.BadCertificate},
	{"svid-names", handshake.Server, nil, 0, 0, handshake.BadCertificate},
	{"svid-usage", handshake.Server, nil, 0, 0, handshake.BadCertificate},
	{"possession", handshake.Server, nil, 0, 0, handshake.DecryptError},
	{"digest", handshake.Client, nil, 0, 0, handshake.BadCertificate},
	{"issuer", handshake.Client, nil, 0, 0, handshake.BadCertificate},
	{"basic-constraints", handshake.Client, nil, 0, 0, handshake.BadCertificate},
	{"critical-extension", handshake.Client, nil, 0, 0, handshake.BadCertificate},
	{"name-constraints", handshake.Client, nil, 0, 0, handshake.BadCertificate},
	{"path-length", handshake.Client, nil, 0, 0, handshake.BadCertificate},
	{"validity", handshake.Client, nil, 0, 0, handshake.BadCertificate},
	{"eku", handshake.Client, nil, 0, 0, handshake.BadCertificate},
	{"host", handshake.Client, nil, 0, 0, handshake.BadCertificate},
	{"identity", handshake.Client, nil, 0, 0, handshake.BadCertificate},
	{"svid-names", handshake.Client, nil, 0, 0, handshake.BadCertificate},
	{"svid-usage", handshake.Client, nil, 0, 0, handshake.BadCertificate},
	{"possession", handshake.Client, in13, 0, 0, handshake.DecryptError},
	{"possession", handshake.Client, in12, 0, 0, handshake.IllegalParameter},
}

// silentCauses are refused without an alert: nobody speaks TLS to whom one could be sent, or nobody who sends one, or who
// waits for one; or it is asked once both have shaken hands, and the connection just closed.
var silentCauses = []string{clearOnTLS.name, tlsOnClear.name, "revocation", string(link.HangUp), string(link.Stall)}

// Alerts returns the alerts with which a side built with the stack ("go1.24.9") may refuse for a cause, in a version.
// ok is false if any fatal alert will do, as nothing is known of the stack.
func Alerts(e Expectation, version link.Version, stack string) (alerts []handshake.Alert, ok bool) {
	if slices.Contains(silentCauses, e.Cause) {
		return []handshake.Alert{handshake.NoAlert}, true
	}
	minor, ok := goMinor(stack)
	if !ok {
		return nil, false
	}
	for _, r := range goAlerts {
		if r.cause == e.Cause && r.by == e.By && (r.versions == nil || slices.Contains(r.versions, version)) &&
			(r.since == 0 || minor >= r.since) && (r.until == 0 || minor <= r.until) {
			alerts = append(alerts, r.alert)
		}
	}
	return alerts, len(alerts) > 0
}

var goRelease = regexp.MustCompile(`^go1\.(\d+)`)

// goMinor returns 24 for "go1.24.9".
func goMinor(stack string) (int, bool) {
	m := goRelease.FindStringSubmatch(stack)
	if m == nil {
		return 0, false
	}
	minor, err := strconv.Atoi(m[1])
	return minor, err == nil
}
