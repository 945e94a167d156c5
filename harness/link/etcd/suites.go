package etcd

import "github.com/calico-tls/conformance/harness/link"

// suites are those that settings name, and one of TLS 1.3, where the key does not count.
var suites = []link.Suite{
	{Name: "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", ID: 0xc02c, Version: link.TLS12, Key: link.KeyECDSA, Standing: link.Listed},
	{Name: "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", ID: 0xc030, Version: link.TLS12, Key: link.KeyRSA, Standing: link.Listed},
	{Name: "TLS_AES_128_GCM_SHA256", ID: 0x1301, Version: link.TLS13, Key: link.KeyNone, Standing: link.Listed},
}

// suited are the settings of clients that name suites, or the lowest version.
var suited = each(everybody, func(c client) []link.Setting {
	return []link.Setting{
		c.of(link.Setting{
			Name: "client-suites-rsa", Suites: "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", Versions: []link.Version{link.TLS12},
			Text: "TLS_CIPHER_SUITES names a suite that needs a server with an RSA key", Variants: []string{"key-rsa-2048", "good"}, Rules: []string{"ETCD-27"},
		}),
		c.of(link.Setting{
			Name: "client-suites-unknown", Suites: "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,TLS_NONE_SUCH", Versions: nowhere,
			Text: "TLS_CIPHER_SUITES has a name that nobody knows", Says: "TLS_NONE_SUCH", Rules: []string{"ETCD-27"},
		}),
		c.of(link.Setting{
			Name: "client-min-version-1.3", MinVersion: "1.3", Since: "v3.32.0",
			Text: "TLS_MIN_VERSION is 1.3", Variants: []string{"good"}, Rules: []string{"ETCD-27"},
		}),
	}
})
