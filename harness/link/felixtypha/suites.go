package felixtypha

import (
	"regexp"
	"slices"
	"strings"

	"github.com/calico-tls/conformance/harness/handshake"
	"github.com/calico-tls/conformance/harness/link"
)

// suiteRow is a run of cipher suites in IANA's registry: each key exchange with each cipher, in the order in which they
// are numbered.
type suiteRow struct {
	first              uint16
	exchanges, ciphers string
}

// The key exchanges that come in this order more than once, and ciphers that do.
const (
	classic   = "RSA DH_DSS DH_RSA DHE_DSS DHE_RSA DH_anon"
	classicII = "RSA DHE_RSA DH_RSA DHE_DSS DH_DSS DH_anon"
	curves    = "ECDHE_ECDSA ECDH_ECDSA ECDHE_RSA ECDH_RSA"
	keyed     = "PSK DHE_PSK RSA_PSK"
	gcm       = "AES_128_GCM_SHA256 AES_256_GCM_SHA384"
)

// suiteRows are the suites up to TLS 1.2 (https://www.iana.org/assignments/tls-parameters, "TLS Cipher Suites").
var suiteRows = []suiteRow{
	{0x0000, "NULL", "NULL_NULL"},
	{0x0001, "RSA", "NULL_MD5 NULL_SHA"},
	{0x0003, "RSA_EXPORT", "RC4_40_MD5"},
	{0x0004, "RSA", "RC4_128_MD5 RC4_128_SHA"},
	{0x0006, "RSA_EXPORT", "RC2_CBC_40_MD5"},
	{0x0007, "RSA", "IDEA_CBC_SHA"},
	{0x0008, "RSA_EXPORT", "DES40_CBC_SHA"},
	{0x0009, "RSA", "DES_CBC_SHA 3DES_EDE_CBC_SHA"},
	{0x000b, "DH_DSS_EXPORT", "DES40_CBC_SHA"},
	{0x000c, "DH_DSS", "DES_CBC_SHA 3DES_EDE_CBC_SHA"},
	{0x000e, "DH_RSA_EXPORT", "DES40_CBC_SHA"},
	{0x000f, "DH_RSA", "DES_CBC_SHA 3DES_EDE_CBC_SHA"},
	{0x0011, "DHE_DSS_EXPORT", "DES40_CBC_SHA"},
	{0x0012, "DHE_DSS", "DES_CBC_SHA 3DES_EDE_CBC_SHA"},
	{0x0014, "DHE_RSA_EXPORT", "DES40_CBC_SHA"},
	{0x0015, "DHE_RSA", "DES_CBC_SHA 3DES_EDE_CBC_SHA"},
	{0x0017, "DH_anon_EXPORT", "RC4_40_MD5"},
	{0x0018, "DH_anon", "RC4_128_MD5"},
	{0x0019, "DH_anon_EXPORT", "DES40_CBC_SHA"},
	{0x001a, "DH_anon", "DES_CBC_SHA 3DES_EDE_CBC_SHA"},
	{0x001e, "KRB5", "DES_CBC_SHA 3DES_EDE_CBC_SHA RC4_128_SHA IDEA_CBC_SHA DES_CBC_MD5 3DES_EDE_CBC_MD5 RC4_128_MD5 IDEA_CBC_MD5"},
	{0x0026, "KRB5_EXPORT", "DES_CBC_40_SHA RC2_CBC_40_SHA RC4_40_SHA DES_CBC_40_MD5 RC2_CBC_40_MD5 RC4_40_MD5"},
	{0x002c, keyed, "NULL_SHA"},
	{0x002f, classic, "AES_128_CBC_SHA"},
	{0x0035, classic, "AES_256_CBC_SHA"},
	{0x003b, "RSA", "NULL_SHA256 AES_128_CBC_SHA256 AES_256_CBC_SHA256"},
	{0x003e, "DH_DSS DH_RSA DHE_DSS", "AES_128_CBC_SHA256"},
	{0x0041, classic, "CAMELLIA_128_CBC_SHA"},
	{0x0067, "DHE_RSA", "AES_128_CBC_SHA256"},
	{0x0068, "DH_DSS DH_RSA DHE_DSS DHE_RSA", "AES_256_CBC_SHA256"},
	{0x006c, "DH_anon", "AES_128_CBC_SHA256 AES_256_CBC_SHA256"},
	{0x0084, classic, "CAMELLIA_256_CBC_SHA"},
	{0x008a, keyed, "RC4_128_SHA 3DES_EDE_CBC_SHA AES_128_CBC_SHA AES_256_CBC_SHA"},
	{0x0096, classic, "SEED_CBC_SHA"},
	{0x009c, classicII, gcm},
	{0x00a8, keyed, gcm},
	{0x00ae, keyed, "AES_128_CBC_SHA256 AES_256_CBC_SHA384 NULL_SHA256 NULL_SHA384"},
	{0x00ba, classic, "CAMELLIA_128_CBC_SHA256"},
	{0x00c0, classic, "CAMELLIA_256_CBC_SHA256"},
	{0xc001, "ECDH_ECDSA ECDHE_ECDSA ECDH_RSA ECDHE_RSA ECDH_anon", "NULL_SHA RC4_128_SHA 3DES_EDE_CBC_SHA AES_128_CBC_SHA AES_256_CBC_SHA"},
	{0xc01a, "SRP_SHA SRP_SHA_RSA SRP_SHA_DSS", "3DES_EDE_CBC_SHA"},
	{0xc01d, "SRP_SHA SRP_SHA_RSA SRP_SHA_DSS", "AES_128_CBC_SHA"},
	{0xc020, "SRP_SHA SRP_SHA_RSA SRP_SHA_DSS", "AES_256_CBC_SHA"},
	{0xc023, curves, "AES_128_CBC_SHA256 AES_256_CBC_SHA384"},
	{0xc02b, curves, gcm},
	{0xc033, "ECDHE_PSK", "RC4_128_SHA 3DES_EDE_CBC_SHA AES_128_CBC_SHA AES_256_CBC_SHA AES_128_CBC_SHA256 AES_256_CBC_SHA384 NULL_SHA NULL_SHA256 NULL_SHA384"},
	{0xc03c, classic + " " + curves, "ARIA_128_CBC_SHA256 ARIA_256_CBC_SHA384"},
	{0xc050, classicII + " " + curves, "ARIA_128_GCM_SHA256 ARIA_256_GCM_SHA384"},
	{0xc064, keyed, "ARIA_128_CBC_SHA256 ARIA_256_CBC_SHA384"},
	{0xc06a, keyed, "ARIA_128_GCM_SHA256 ARIA_256_GCM_SHA384"},
	{0xc070, "ECDHE_PSK", "ARIA_128_CBC_SHA256 ARIA_256_CBC_SHA384"},
	{0xc072, curves, "CAMELLIA_128_CBC_SHA256 CAMELLIA_256_CBC_SHA384"},
	{0xc07a, classicII + " " + curves + " " + keyed, "CAMELLIA_128_GCM_SHA256 CAMELLIA_256_GCM_SHA384"},
	{0xc094, keyed + " ECDHE_PSK", "CAMELLIA_128_CBC_SHA256 CAMELLIA_256_CBC_SHA384"},
	{0xc09c, "RSA DHE_RSA", "AES_128_CCM AES_256_CCM"},
	{0xc0a0, "RSA DHE_RSA", "AES_128_CCM_8 AES_256_CCM_8"},
	{0xc0a4, "PSK DHE_PSK", "AES_128_CCM AES_256_CCM"},
	{0xc0a8, "PSK PSK_DHE", "AES_128_CCM_8 AES_256_CCM_8"},
	{0xc0ac, "ECDHE_ECDSA", "AES_128_CCM AES_256_CCM AES_128_CCM_8 AES_256_CCM_8"},
	{0xc0b0, "ECCPWD", "AES_128_GCM_SHA256 AES_256_GCM_SHA384 AES_128_CCM_SHA256 AES_256_CCM_SHA384"},
	{0xc100, "GOSTR341112_256", "KUZNYECHIK_CTR_OMAC MAGMA_CTR_OMAC 28147_CNT_IMIT"},
	{0xcca8, "ECDHE_RSA ECDHE_ECDSA DHE_RSA PSK ECDHE_PSK DHE_PSK RSA_PSK", "CHACHA20_POLY1305_SHA256"},
	{0xd001, "ECDHE_PSK", "AES_128_GCM_SHA256 AES_256_GCM_SHA384 AES_128_CCM_8_SHA256"},
	{0xd005, "ECDHE_PSK", "AES_128_CCM_SHA256"},
}

// suiteRows13 are those of TLS 1.3, which leave the key exchange open.
var suiteRows13 = []suiteRow{
	{0x00c6, "", "SM4_GCM_SM3 SM4_CCM_SM3"},
	{0x1301, "", "AES_128_GCM_SHA256 AES_256_GCM_SHA384 CHACHA20_POLY1305_SHA256 AES_128_CCM_SHA256 AES_128_CCM_8_SHA256 AEGIS_256_SHA512 AEGIS_128L_SHA256"},
	{0xc0b4, "", "SHA256_SHA256 SHA384_SHA384"},
	{0xc103, "GOSTR341112_256", "KUZNYECHIK_MGM_L MAGMA_MGM_L KUZNYECHIK_MGM_S MAGMA_MGM_S"},
}

// listedSuites are those that Calico's components agree to by themselves (Calico crypto/pkg/tls/tls.go): nine up to
// TLS 1.2, and three of TLS 1.3.
var listedSuites = []uint16{
	0xc02c, 0xc030, 0xcca8, 0xcca9, 0xc02f, 0xc02b, 0xc00a, 0xc014, 0xc013,
	0x1301, 0x1302, 0x1303,
}

// forward matches the key exchanges that are authenticated and leave no key by which a recording could be read later;
// weak what a suite must not consist of.
var (
	forward = regexp.MustCompile(`^TLS_(ECDHE_|DHE_|PSK_DHE_|ECCPWD_|SRP_)`)
	weak    = regexp.MustCompile(`_(EXPORT|NULL|RC2|RC4|DES|DES40|3DES|IDEA)_`)
)

// Suites are the cipher suites of IANA's registry that can be offered, in the order of their numbers.
var Suites = slices.SortedFunc(slices.Values(slices.Concat(suitesOf(suiteRows, link.TLS12), suitesOf(suiteRows13, link.TLS13))),
	func(a, b link.Suite) int { return int(a.ID) - int(b.ID) })

// alone are the suites that are offered alone: all but those of TLS 1.3 that are listed, as crypto/tls cannot be made to
// offer one of them, and nobody else could prove that it was accepted.
var alone = slices.DeleteFunc(slices.Clone(Suites), func(s link.Suite) bool {
	return s.Version == link.TLS13 && s.Standing == link.Listed
})

func suitesOf(rows []suiteRow, version link.Version) []link.Suite {
	var all []link.Suite
	for _, r := range rows {
		id := r.first
		for exchange := range strings.SplitSeq(r.exchanges, " ") {
			prefix := "TLS_"
			if exchange != "" {
				prefix += exchange + "_WITH_"
			}
			for cipher := range strings.SplitSeq(r.ciphers, " ") {
				s := link.Suite{Name: prefix + cipher, ID: id, Version: version, Key: keyOf(exchange)}
				s.Standing = standingOf(s)
				all = append(all, s)
				id++
			}
		}
	}
	return all
}

func keyOf(exchange string) link.SuiteKey {
	switch exchange {
	case "RSA", "RSA_EXPORT", "RSA_PSK", "DHE_RSA", "DHE_RSA_EXPORT", "ECDHE_RSA", "SRP_SHA_RSA":
		return link.KeyRSA
	case "ECDHE_ECDSA", "ECDH_ECDSA", "":
		return link.KeyECDSA
	}
	return link.KeyNone
}

func standingOf(s link.Suite) link.Standing {
	switch {
	case slices.Contains(listedSuites, s.ID):
		return link.Listed
	case s.Version == link.TLS13 || forward.MatchString(s.Name) && !weak.MatchString(s.Name):
		return link.Unlisted
	}
	return link.Unsound
}

// suiteToken is how a suite is called in case IDs, as in "suite-ecdhe-rsa-with-aes-128-gcm-sha256".
func suiteToken(s link.Suite) string {
	return "suite-" + strings.ReplaceAll(strings.ToLower(strings.TrimPrefix(s.Name, "TLS_")), "_", "-")
}

// The variant that a server shows where a suite needs no ECDSA key, and the conducts that each of the two keys accepts.
const (
	ownRSA    = "key-rsa-2048"
	twinECDSA = "suite-ecdhe-ecdsa-with-aes-128-gcm-sha256"
	twinRSA   = "suite-ecdhe-rsa-with-aes-128-gcm-sha256"
)

// suiteConducts offer each suite by itself to a Typha whose key is fit for it.
func suiteConducts() []link.Conduct {
	var all []link.Conduct
	for _, s := range alone {
		c := link.Conduct{
			Name: suiteToken(s), Side: handshake.Client, Text: "offers no other suite than " + s.Name, Suite: s.Name,
			Modes: []string{"cn"}, Variants: []string{"good"}, Versions: []link.Version{s.Version}, Own: ownRSA, Twin: twinRSA,
			Rules: []string{"TYPHA-08"},
		}
		if s.Key == link.KeyECDSA {
			c.Own, c.Twin = "", twinECDSA
		}
		if s.Version == link.TLS13 {
			c.Twin = ""
		}
		if s.Standing != link.Unsound {
			c.Level = "OBS"
		}
		all = append(all, c)
	}
	return all
}
