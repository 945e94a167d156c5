package felixtypha

import (
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"strings"

	"github.com/calico-tls/conformance/harness/link"
)

// ErrNotRequired is wrapped by the error for a peer whose certificate lacks the names that are required.
var ErrNotRequired = errors.New("peer certificate does not have required")

// Known returns the name by which the leaf satisfies a verifier: of those required, the Common Name before the URI SAN;
// "" if none is required. Where both are required either suffices. It returns an error that wraps [ErrNotRequired] if
// none is there.
func Known(leaf *x509.Certificate, v link.Verifier) (string, error) {
	if v.CN == "" && v.URISAN == "" {
		return "", nil
	}
	if v.CN != "" && leaf.Subject.CommonName == v.CN {
		return v.CN, nil
	}
	if v.URISAN != "" {
		uris, err := URISANs(leaf)
		if err != nil {
			return "", err
		}
		for _, uri := range uris {
			if SameURI(uri, v.URISAN) {
				return v.URISAN, nil
			}
		}
	}
	return "", NotRequired(v.CN, v.URISAN)
}

// NotRequired returns the error for a peer that has neither name of those required, in the words of Calico's verifier.
func NotRequired(cn, uriSAN string) error {
	what := "CN or URI SAN"
	switch {
	case uriSAN == "":
		what = "CN"
	case cn == "":
		what = "URI SAN"
	}
	return fmt.Errorf("%w %s", ErrNotRequired, what)
}

// SameURI reports whether the URI of a certificate is the one required: octet for octet, but for the scheme of the
// certificate's, which has no case. One required with a scheme in upper case matches nothing, as in Calico.
func SameURI(have, required string) bool { return LowerScheme(have) == required }

// LowerScheme returns a URI with its scheme in lower case, which means the same (RFC 3986 section 3.1), and the rest of
// it octet for octet.
func LowerScheme(uri string) string {
	scheme, rest, ok := strings.Cut(uri, ":")
	if !ok {
		return uri
	}
	return strings.ToLower(scheme) + ":" + rest
}

var oidSubjectAltName = asn1.ObjectIdentifier{2, 5, 29, 17}

// tagURI is the tag of a URI among the subject's alternative names (RFC 5280 section 4.2.1.6).
const tagURI = 6

// URISANs returns the URIs among the certificate's subject alternative names, octet for octet. [x509.Certificate.URIs]
// are parsed, and so have lost the case of their scheme and a fragment that is empty.
func URISANs(cert *x509.Certificate) ([]string, error) {
	var uris []string
	for _, e := range cert.Extensions {
		if !e.Id.Equal(oidSubjectAltName) {
			continue
		}
		var names []asn1.RawValue
		if rest, err := asn1.Unmarshal(e.Value, &names); err != nil {
			return nil, fmt.Errorf("parsing the subject alternative name: %w", err)
		} else if len(rest) > 0 {
			return nil, fmt.Errorf("parsing the subject alternative name: %d octets too many", len(rest))
		}
		for _, n := range names {
			if n.Class == asn1.ClassContextSpecific && n.Tag == tagURI {
				uris = append(uris, string(n.Bytes))
			}
		}
	}
	return uris, nil
}
