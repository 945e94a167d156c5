package stub

import (
	"crypto/tls"
	"fmt"
	"slices"
	"strings"

	"github.com/calico-tls/conformance/harness/link"
	"github.com/calico-tls/conformance/harness/link/felixtypha"
)

// The variables of TLS that every component of Calico reads, whatever its own parameters are called.
const (
	suitesSetting     = "TLS_CIPHER_SUITES"
	minVersionSetting = "TLS_MIN_VERSION"
)

// legacySuites are agreed to if they are asked for by name (Calico crypto/pkg/tls/tls.go).
var legacySuites = []uint16{tls.TLS_RSA_WITH_AES_128_GCM_SHA256, tls.TLS_RSA_WITH_AES_256_GCM_SHA384}

// floors are the values of [minVersionSetting]; any other means the first.
var floors = map[string]uint16{"": tls.VersionTLS12, "1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13}

// floor returns the oldest version of TLS that is spoken.
func (e environment) floor() uint16 {
	if v, ok := floors[e[minVersionSetting]]; ok {
		return v
	}
	return floors[""]
}

// suites returns the suites that are agreed to up to TLS 1.2: those that are named, between commas, or those of
// Calico's list. It returns an error for a name that is not known.
func (e environment) suites() ([]uint16, error) {
	text := e[suitesSetting]
	var all []uint16
	for name := range strings.SplitSeq(text, ",") {
		name = strings.TrimSpace(name)
		i := slices.IndexFunc(felixtypha.Suites, func(s link.Suite) bool {
			return s.Name == name && (s.Standing == link.Listed || slices.Contains(legacySuites, s.ID))
		})
		switch {
		case i >= 0:
			all = append(all, felixtypha.Suites[i].ID)
		case text != "":
			return nil, fmt.Errorf("%s: there is no suite %q", suitesSetting, name)
		}
	}
	if text != "" {
		return all, nil
	}
	for _, s := range felixtypha.Suites {
		if s.Standing == link.Listed {
			all = append(all, s.ID)
		}
	}
	return all, nil
}

// weakSuites adds to the suites all that crypto/tls can speak with.
func weakSuites(p *policy) {
	for _, s := range slices.Concat(tls.CipherSuites(), tls.InsecureCipherSuites()) {
		p.suites = append(p.suites, s.ID)
	}
}
