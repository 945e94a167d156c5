package handshake_test

import (
	"crypto/tls"
	"strings"
	"testing"

	"github.com/calico-tls/conformance/harness/handshake"
)

func TestOther(t *testing.T) {
	t.Parallel()
	for side, want := range map[handshake.Side]handshake.Side{handshake.Client: handshake.Server, handshake.Server: handshake.Client} {
		if got := side.Other(); got != want {
			t.Errorf("opposite the %s: wanted the %s, found the %s", side, want, got)
		}
	}
}

// TestAlertsAreNamed holds the names against those by which crypto/tls calls the same numbers.
func TestAlertsAreNamed(t *testing.T) {
	t.Parallel()
	// Where crypto/tls words it otherwise than RFC 8446.
	otherwise := map[handshake.Alert]string{
		handshake.HandshakeFailure: "handshake failure", handshake.UnsupportedCertificate: "unsupported certificate",
		handshake.CertificateRevoked: "revoked certificate", handshake.CertificateExpired: "expired certificate",
		handshake.CertificateUnknown: "unknown certificate", handshake.UnknownCA: "unknown certificate authority",
		handshake.DecodeError: "error decoding message", handshake.DecryptError: "error decrypting message",
		handshake.ProtocolVersion: "protocol version not supported",
	}
	named := 0
	for n := range 256 {
		alert := handshake.Alert(n)
		name := alert.String()
		if strings.HasPrefix(name, "alert_") {
			continue
		}
		named++
		want, ok := otherwise[alert]
		if !ok {
			want = strings.ReplaceAll(name, "_", " ")
		}
		if says := strings.TrimPrefix(tls.AlertError(n).Error(), "tls: "); says != want {
			t.Errorf("alert %d is named %s: wanted crypto/tls to say %q, found %q", n, name, want, says)
		}
	}
	if named != 19 {
		t.Errorf("wanted 19 alerts that have a name, found %d", named)
	}
	if none, unknown := handshake.NoAlert.String(), handshake.Alert(200).String(); none != "" || unknown != "alert_200" {
		t.Errorf(`wanted "" for no alert and "alert_200" for one that is unknown, found %q and %q`, none, unknown)
	}
}
