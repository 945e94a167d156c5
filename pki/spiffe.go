package pki

import (
	"fmt"
	"strings"
)

const (
	spiffeScheme = "spiffe://"
	// maxSPIFFEID and maxTrustDomain are octets (SPIFFE-ID section 2.3).
	maxSPIFFEID    = 2048
	maxTrustDomain = 255

	lower  = "abcdefghijklmnopqrstuvwxyz"
	digits = "0123456789"
	marks  = ".-_"
)

// SPIFFEID is a SPIFFE ID in its parts. [ParseSPIFFEID] makes a valid one.
type SPIFFEID struct {
	// TrustDomain is the name of the trust domain, as in "k8s.example.com".
	TrustDomain string
	// Path is the path with its leading slash, as in "/typha-client"; "" if there is none.
	Path string
}

// String returns the SPIFFE ID as a URI.
func (id SPIFFEID) String() string { return spiffeScheme + id.TrustDomain + id.Path }

// ParseSPIFFEID reads a SPIFFE ID as the SPIFFE-ID standard wants it (sections 2 to 2.3): the scheme spiffe in lower
// case, a trust domain of lower-case letters, digits, dots, dashes and underscores, and a path of segments of the same
// characters and upper-case letters, none of them empty, "." or "..". User, port, query, fragment and percent-encoding
// have no place in it. It returns an error that says what was wanted and found.
func ParseSPIFFEID(text string) (SPIFFEID, error) {
	id, problem := splitSPIFFEID(text)
	if problem != "" {
		return SPIFFEID{}, fmt.Errorf("parsing SPIFFE ID %.80q: %s", text, problem)
	}
	return id, nil
}

// splitSPIFFEID returns a valid SPIFFE ID, or what was wanted of it and what was found.
func splitSPIFFEID(text string) (id SPIFFEID, problem string) {
	if len(text) > maxSPIFFEID {
		return id, fmt.Sprintf("wanted %d octets at most, found %d", maxSPIFFEID, len(text))
	}
	rest, ok := strings.CutPrefix(text, spiffeScheme)
	if !ok {
		return id, fmt.Sprintf("wanted it to start with %q", spiffeScheme)
	}
	domain, path, hasPath := strings.Cut(rest, "/")
	switch {
	case domain == "":
		return id, "wanted a trust domain, found none"
	case len(domain) > maxTrustDomain:
		return id, fmt.Sprintf("wanted a trust domain of %d octets at most, found %d", maxTrustDomain, len(domain))
	case strings.Trim(domain, lower+digits+marks) != "":
		return id, fmt.Sprintf("wanted lower-case letters, digits, '.', '-' and '_' in the trust domain, found %q", domain)
	case !hasPath:
		return SPIFFEID{TrustDomain: domain}, ""
	}
	for segment := range strings.SplitSeq(path, "/") {
		switch {
		case segment == "":
			return id, "wanted no empty segment in the path, found one"
		case segment == "." || segment == "..":
			return id, fmt.Sprintf("wanted no dot segment in the path, found %q", segment)
		case strings.Trim(segment, lower+strings.ToUpper(lower)+digits+marks) != "":
			return id, fmt.Sprintf("wanted letters, digits, '.', '-' and '_' in the path, found %q", segment)
		}
	}
	return SPIFFEID{TrustDomain: domain, Path: "/" + path}, ""
}
