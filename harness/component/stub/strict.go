package stub

import (
	"crypto/x509"
	"fmt"

	"github.com/calico-tls/conformance/harness/link/felixtypha"
)

// strictly makes a policy stricter than the rules that bind ask, as the setting [felixtypha.StrictSetting] says. It
// returns an error for a strictness that it does not know.
func (e environment) strictly(p *policy) error {
	switch strictness := e[felixtypha.StrictSetting]; strictness {
	case "":
	case felixtypha.X509SVID:
		p.bearers = func(chain []*x509.Certificate) []*x509.Certificate {
			if !isX509SVID(chain[0]) {
				return nil
			}
			return chain[:1]
		}
	default:
		return fmt.Errorf("%s: wanted %s, found %q", felixtypha.StrictSetting, felixtypha.X509SVID, strictness)
	}
	return nil
}

// isX509SVID reports whether a leaf has exactly one URI SAN, is no authority, and is there to sign and neither
// certificates nor revocation lists (SPIFFE X509-SVID sections 2, 4.1 and 4.3).
func isX509SVID(leaf *x509.Certificate) bool {
	const issuing = x509.KeyUsageCertSign | x509.KeyUsageCRLSign
	return len(uriSANs(leaf)) == 1 && !leaf.IsCA && leaf.KeyUsage&issuing == 0 && leaf.KeyUsage&x509.KeyUsageDigitalSignature != 0
}
