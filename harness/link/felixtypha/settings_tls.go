package felixtypha

import (
	"github.com/calico-tls/conformance/harness/handshake"
	"github.com/calico-tls/conformance/harness/link"
)

// tlsSettings are those of the variables TLS_CIPHER_SUITES and TLS_MIN_VERSION, which every component of Calico reads.
// Where a client has one like the server's it needs a name of its own, as their modes are the same.
var tlsSettings = []link.Setting{
	{
		Name: "suites-one", Mode: "cn", Side: handshake.Server, Suites: "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
		Text:     "TLS_CIPHER_SUITES names one suite of TLS 1.2",
		Variants: []string{"good"}, Conducts: []string{"suite-ecdhe-ecdsa-with-aes-256-gcm-sha384", twinECDSA}, Rules: []string{"TYPHA-09"},
	},
	{
		Name: "suites-rsa", Mode: "cn", Side: handshake.Server, Own: ownRSA, Level: "OBS",
		Suites:   "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, TLS_RSA_WITH_AES_128_GCM_SHA256",
		Text:     "TLS_CIPHER_SUITES names a suite with RSA key exchange, beside one that is fit for use",
		Variants: []string{"good"}, Conducts: []string{twinRSA, "suite-rsa-with-aes-128-gcm-sha256", "suite-ecdhe-rsa-with-aes-256-gcm-sha384"}, Rules: []string{"TYPHA-09"},
	},
	{
		Name: "suites-tls13", Mode: "cn", Side: handshake.Server, Suites: "TLS_AES_128_GCM_SHA256,TLS_AES_256_GCM_SHA384",
		Text:     "TLS_CIPHER_SUITES names suites of TLS 1.3 alone",
		Variants: []string{"good"}, Rules: []string{"TYPHA-09"},
	},
	{
		Name: "suites-unknown", Mode: "cn", Side: handshake.Server, Suites: "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,TLS_NONE_SUCH",
		Text:     "TLS_CIPHER_SUITES has a name that nobody knows",
		Versions: []link.Version{link.None}, Rules: []string{"TYPHA-10"},
	},
	{
		Name: "min-version-1.3", Mode: "cn", Side: handshake.Server, MinVersion: "1.3", Since: minVersionSince,
		Text:     "TLS_MIN_VERSION is 1.3",
		Variants: []string{"good"}, Rules: []string{"TYPHA-06"},
	},
	{
		Name: "min-version-unknown", Mode: "cn", Side: handshake.Server, MinVersion: "1.1", Since: minVersionSince,
		Text:     "TLS_MIN_VERSION is one that may not be chosen",
		Variants: []string{"good"}, Rules: []string{"TYPHA-07"},
	},
	{
		Name: "client-suites-unknown", Mode: "cn", Side: handshake.Client, Suites: "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,TLS_NONE_SUCH",
		Text:     "TLS_CIPHER_SUITES has a name that nobody knows",
		Versions: []link.Version{link.None}, Rules: []string{"FELIX-08"},
	},
	{
		Name: "client-min-version-1.3", Mode: "cn", Side: handshake.Client, MinVersion: "1.3", Since: minVersionSince,
		Text:     "TLS_MIN_VERSION is 1.3",
		Variants: []string{"good"}, Rules: []string{"FELIX-07"},
	},
}

// minVersionSince is the first version of Calico that reads TLS_MIN_VERSION.
const minVersionSince = "v3.32.0"
