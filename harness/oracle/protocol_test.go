package oracle_test

import (
	"slices"
	"testing"

	"github.com/calico-tls/conformance/harness/handshake"
	"github.com/calico-tls/conformance/harness/link/felixtypha"
	"github.com/calico-tls/conformance/harness/matrix"
	"github.com/calico-tls/conformance/harness/oracle"
	"github.com/calico-tls/conformance/pki"
)

// TestPredictProtocol: what becomes of versions, of suites, and of the variables by which one chooses among them.
func TestPredictProtocol(t *testing.T) {
	t.Parallel()
	const (
		typha  = "felix-typha/cn/typha/client=good/server=good/"
		rsa    = "felix-typha/cn/typha/client=good/server=key-rsa-2048/"
		felix  = "felix-typha/cn/felix/client=good/server=good/"
		clear  = "felix-typha/cn/felix/client=good/server=none/plaintext"
		listed = "conduct=suite-ecdhe-ecdsa-with-aes-128-gcm-sha256"
	)
	accept, out := oracle.Expectation{Outcome: handshake.Accept}, oracle.Expectation{Outcome: handshake.NotStarted}
	refuse := func(by handshake.Side, cause string) oracle.Expectation {
		return oracle.Expectation{Outcome: handshake.Refuse, By: by, Check: pki.CheckProtocol, Cause: cause}
	}
	for _, c := range []struct {
		id string
		oracle.Expectation
		rule, level string
		alert       handshake.Alert
	}{
		{typha + "tls1.1", refuse(handshake.Server, "version"), "TYPHA-04", "", handshake.ProtocolVersion},

		{typha + "tls1.2/" + listed, accept, "TYPHA-08", "OBS", handshake.NoAlert},
		{rsa + "tls1.2/conduct=suite-ecdhe-rsa-with-aes-128-cbc-sha", accept, "TYPHA-08", "OBS", handshake.NoAlert},
		{typha + "tls1.2/conduct=suite-ecdhe-ecdsa-with-aes-128-ccm", refuse(handshake.Server, "suite"), "TYPHA-08", "OBS", handshake.HandshakeFailure},
		{rsa + "tls1.2/conduct=suite-rsa-with-aes-128-gcm-sha256", refuse(handshake.Server, "suite"), "TYPHA-08", "", handshake.HandshakeFailure},
		{rsa + "tls1.2/conduct=suite-null-with-null-null", refuse(handshake.Server, "suite"), "TYPHA-08", "", handshake.HandshakeFailure},
		{typha + "tls1.3/conduct=suite-aes-128-ccm-sha256", refuse(handshake.Server, "suite"), "TYPHA-08", "OBS", handshake.HandshakeFailure},

		{typha + "tls1.2/setting=suites-one", accept, "TYPHA-09", "", handshake.NoAlert},
		{typha + "tls1.3/setting=suites-one", accept, "TYPHA-09", "", handshake.NoAlert},
		{typha + "tls1.2/setting=suites-one/conduct=suite-ecdhe-ecdsa-with-aes-256-gcm-sha384", accept, "TYPHA-09", "", handshake.NoAlert},
		{typha + "tls1.2/setting=suites-one/" + listed, refuse(handshake.Server, "suite"), "TYPHA-09", "", handshake.HandshakeFailure},
		{rsa + "tls1.2/setting=suites-rsa/conduct=suite-rsa-with-aes-128-gcm-sha256", accept, "TYPHA-09", "OBS", handshake.NoAlert},
		{rsa + "tls1.2/setting=suites-rsa/conduct=suite-ecdhe-rsa-with-aes-256-gcm-sha384", refuse(handshake.Server, "suite"), "TYPHA-09", "OBS", handshake.HandshakeFailure},
		{typha + "tls1.2/setting=suites-tls13", refuse(handshake.Server, "suite"), "TYPHA-09", "", handshake.HandshakeFailure},
		{typha + "tls1.3/setting=suites-tls13", accept, "TYPHA-09", "", handshake.NoAlert},
		{typha + "none/setting=suites-unknown", out, "TYPHA-10", "", handshake.NoAlert},
		{felix + "none/setting=client-suites-unknown", out, "FELIX-08", "", handshake.NoAlert},

		{typha + "tls1.2/setting=min-version-1.3", refuse(handshake.Server, "version"), "TYPHA-06", "", handshake.ProtocolVersion},
		{typha + "tls1.3/setting=min-version-1.3", accept, "TYPHA-06", "", handshake.NoAlert},
		{typha + "tls1.2/setting=min-version-unknown", accept, "TYPHA-07", "", handshake.NoAlert},
		{felix + "tls1.2/setting=client-min-version-1.3", refuse(handshake.Client, "version"), "FELIX-07", "", handshake.ProtocolVersion},

		{felix + "tls1.0", refuse(handshake.Client, "version"), "FELIX-06", "", handshake.ProtocolVersion},
		{felix + "tls1.3/conduct=hello", accept, "FELIX-18", "", handshake.NoAlert},
		{felix + "tls1.2/conduct=hello-suites", accept, "FELIX-08", "", handshake.NoAlert},
		{felix + "tls1.2/conduct=suite-unoffered", refuse(handshake.Client, "suite-unoffered"), "FELIX-08", "", handshake.HandshakeFailure},
		{felix + "tls1.3/conduct=suite-unoffered", refuse(handshake.Client, "suite-unoffered"), "FELIX-08", "", handshake.IllegalParameter},
		{felix + "tls1.2/conduct=no-request", accept, "FELIX-04", "", handshake.NoAlert},
		{felix + "tls1.2/conduct=no-ca-list", accept, "FELIX-03", "", handshake.NoAlert},
		{"felix-typha/cn/felix/client=intermediate/server=good/tls1.2/conduct=chain", accept, "FELIX-03", "", handshake.NoAlert},
		{clear, refuse(handshake.Client, "plaintext-on-tls"), "FELIX-02", "", handshake.NoAlert},
		{clear + "/conduct=closing", refuse(handshake.Client, "hang-up"), "FELIX-02", "", handshake.NoAlert},
		{clear + "/conduct=silent", refuse(handshake.Client, "stall"), "FELIX-02", "", handshake.NoAlert},
		{felix + "tls1.2/conduct=stall-accept", refuse(handshake.Client, "stall"), "FELIX-14", "", handshake.NoAlert},
		{felix + "tls1.2/conduct=renegotiate", refuse(handshake.Client, "renegotiation"), "FELIX-19", "", handshake.NoRenegotiation},
		{felix + "tls1.2/conduct=old-hello", accept, "FELIX-21", "", handshake.NoAlert},
	} {
		parsed, err := matrix.Parse(c.id)
		if err != nil {
			t.Fatal(err)
		}
		e, err := oracle.Predict(felixtypha.Link, parsed)
		if err != nil {
			t.Fatal(err)
		}
		if e.Outcome != c.Outcome || e.By != c.By || e.Check != c.Check || e.Cause != c.Cause || e.Rules[0] != c.rule || e.Level != c.level {
			t.Errorf("%s: wanted %+v by rule %s of level %q, found %+v", c.id, c.Expectation, c.rule, c.level, e)
		}
		if e.Outcome != handshake.Refuse {
			continue
		}
		for _, stack := range []string{"go1.24.9", "go1.26.8"} {
			if alerts, known := oracle.Alerts(e, parsed.Version, stack); !known || !slices.Equal(alerts, []handshake.Alert{c.alert}) {
				t.Errorf("%s: wanted the alert %s of %s, found %v", c.id, c.alert, stack, alerts)
			}
		}
	}
}
