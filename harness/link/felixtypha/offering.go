package felixtypha

import (
	"crypto/tls"
	"strings"

	"github.com/calico-tls/conformance/harness/link"
	"github.com/calico-tls/conformance/harness/link/instrument"
)

// Suites by which a client says something and that nobody can agree to (RFC 5746, RFC 7507).
var signals = []uint16{0x00ff, 0x5600}

// signatureAlgorithms are all that a server could want to sign with, those of old included: that there is none in common
// must not be why it refuses. groups are those in which keys are agreed upon, of elliptic curves and of a finite field.
var (
	signatureAlgorithms = []uint16{
		0x0403, 0x0503, 0x0603, 0x0804, 0x0805, 0x0806, 0x0807, 0x0401, 0x0501, 0x0601, 0x0402, 0x0203, 0x0201, 0x0202,
	}
	groups = []uint16{uint16(tls.X25519), uint16(tls.CurveP256), uint16(tls.CurveP384), uint16(tls.CurveP521), 0x0100, 0x0101}
)

// offering returns a ClientHello that offers one suite, in the version of TLS in which it can be had, and what a server
// may need to agree to it.
func offering(s link.Suite) (instrument.Hello, error) {
	h, err := instrument.NewHello(tls.VersionTLS12, s.ID)
	if err != nil {
		return h, err
	}
	h.Extensions = map[uint16][]byte{
		instrument.ExtensionGroups:              instrument.Octets16(instrument.Numbers(groups...)),
		instrument.ExtensionSignatureAlgorithms: instrument.Octets16(instrument.Numbers(signatureAlgorithms...)),
		instrument.ExtensionPointFormats:        {1, 0},
		instrument.ExtensionMasterSecret:        {},
		instrument.ExtensionRenegotiation:       {0},
	}
	if strings.HasPrefix(s.Name, "TLS_SRP_") {
		h.Extensions[instrument.ExtensionSRP] = instrument.Octets8([]byte(FelixCN))
	}
	if s.Version == link.TLS13 {
		share, err := instrument.KeyShare()
		if err != nil {
			return h, err
		}
		h.Extensions[instrument.ExtensionVersions] = instrument.Octets8(instrument.Numbers(tls.VersionTLS13))
		h.Extensions[instrument.ExtensionKeyShare] = instrument.Octets16(share)
	}
	return h, nil
}
