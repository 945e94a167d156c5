package felixtypha

import (
	"github.com/calico-tls/conformance/harness/handshake"
	"github.com/calico-tls/conformance/harness/link"
)

// What holds an end to more than Calico enforces: a variable that Calico does not know, and its values. The reference
// heeds it, so that what is asked of others is seen to be possible.
const (
	StrictSetting = "TLSCONFORM_STRICT"
	// X509SVID: a leaf must be an X509-SVID to the letter.
	X509SVID = "x509-svid"
)

// SPIFFEStrict is the profile of what X509-SVIDs ask and Calico does not enforce.
const SPIFFEStrict = "spiffe-strict"

// strict are the settings in which a side is held to more than Calico enforces.
func strict(side handshake.Side) []link.Setting {
	return []link.Setting{{
		Name: X509SVID, Mode: "uri-san", Side: side, Profile: SPIFFEStrict, Level: "SHOULD", Env: map[string]string{StrictSetting: X509SVID},
		Change: func(v link.Verifier) link.Verifier {
			v.X509SVID = true
			return v
		},
		Text:     "it is asked to take nothing but X509-SVIDs",
		Variants: []string{"good", "spiffe-svid", "uri-good-first", "uri-good-last", "ca-leaf", "key-usage-cert-sign"},
	}}
}
