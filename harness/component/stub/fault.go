package stub

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/url"
	stdpath "path"
	"slices"
	"strings"
	"time"

	"github.com/calico-tls/conformance/harness/handshake"
	"github.com/calico-tls/conformance/harness/link/felixtypha"
)

// FaultSetting is the setting that puts a fault into a stub, by its name.
const FaultSetting = "TLSCONFORM_FAULT"

// Fault is a deliberate bug in a stub.
type Fault struct {
	// Name is the fault's name in [FaultSetting].
	Name string
	// Sides are the stubs that can have it: Server for the stub Typha, Client for the stub Felix.
	Sides []handshake.Side
	// Text says what the stub does wrong.
	Text string
	// Precedent names where the like was seen; "" if nowhere in particular.
	Precedent string

	change func(*policy)
}

var (
	either = []handshake.Side{handshake.Server, handshake.Client}
	server = []handshake.Side{handshake.Server}
	client = []handshake.Side{handshake.Client}
)

// Faults lists every fault. Unless a fault is about it, the rest is done as the reference does it, to the very alerts.
var Faults = []Fault{
	{"old-versions", either, "speaks TLS 1.0 and 1.1", "", func(p *policy) { p.oldest = tls.VersionTLS10 }},
	{"tls12-only", either, "does not speak TLS 1.3", "", func(p *policy) { p.newest = tls.VersionTLS12 }},
	{"weak-suites", server, "agrees to suites with RSA key exchange, RC4, 3DES or CBC", "", weakSuites},
	{"offers-weak-suites", client, "offers suites with RSA key exchange, RC4, 3DES or CBC", "", weakSuites},
	{"no-client-certificate", server, "does not ask for a certificate", "", func(p *policy) { p.insists = tls.NoClientCert }},
	{"client-certificate-optional", server, "takes a client that sends no certificate", "", func(p *policy) { p.insists = tls.VerifyClientCertIfGiven }},
	{"no-authority-list", server, "does not say which authorities it trusts", "", func(p *policy) { p.quirk = listsNoAuthorities }},

	{"skip-chain", either, "takes a leaf of any issuer", "", func(p *policy) { p.path = func(w *path) { w.anchors = []*x509.Certificate{w.leaf} } }},
	{"intermediates-ignored", either, "does not use the intermediates that are sent", "calicoctl#1107", func(p *policy) { p.path = func(w *path) { w.intermediates = nil } }},
	{"skip-validity", either, "takes certificates of any date", "", func(p *policy) { p.path = func(w *path) { w.each(always) } }},
	{"skip-validity-of-issuers", either, "looks at the dates of the leaf only", "golang/go#77217", func(p *policy) { p.path = func(w *path) { w.issuers(always) } }},
	{"skip-eku", either, "takes a leaf of any extended key usage", "", func(p *policy) { p.path = func(w *path) { w.usages = []x509.ExtKeyUsage{x509.ExtKeyUsageAny} } }},
	{"eku-any-role", either, "takes a leaf made for a client or for a server", "", func(p *policy) { p.path = func(w *path) { w.usages = roles } }},
	{"skip-eku-of-issuers", either, "looks at the extended key usage of the leaf only", "", func(p *policy) { p.path = func(w *path) { w.issuers(anyUsage) } }},
	{"skip-basic-constraints", either, "takes an issuer that is no authority", "", func(p *policy) { p.path = func(w *path) { w.issuers(authorise) } }},
	{"skip-path-length", either, "does not count intermediates", "", func(p *policy) { p.path = func(w *path) { w.issuers(unlimited) } }},
	{"skip-name-constraints", either, "ignores the name constraints of issuers", "", func(p *policy) { p.path = func(w *path) { w.issuers(unconstrained) } }},
	{"skip-critical-extensions", either, "ignores critical extensions that it does not know", "", func(p *policy) { p.path = func(w *path) { w.each(uncritical) } }},

	{"skip-identity", either, "takes whoever has a certificate of the authority", "", func(p *policy) { p.suffices = func(_, _ names) bool { return true } }},
	{"refuse-everyone", either, "takes nobody", "", func(p *policy) { p.suffices = func(_, _ names) bool { return false } }},
	{"and-instead-of-or", either, "requires both names where either suffices", "", func(p *policy) { p.suffices = func(required, found names) bool { return required == found } }},
	{"cn-only-when-both", either, "looks at the Common Name only where both names are required", "", func(p *policy) { p.suffices = preferCN }},
	{"uri-only-when-both", either, "looks at the URI SAN only where both names are required", "", func(p *policy) { p.suffices = preferURI }},
	{"identity-any-certificate", either, "takes a name of any certificate that is sent", "", func(p *policy) { p.bearers = func(chain []*x509.Certificate) []*x509.Certificate { return chain } }},
	{"identity-any-field", either, "takes a name in whichever field it stands", "", func(p *policy) { p.commonNames, p.uris = everyName, everyName }},
	{"cn-from-dns-san", either, "takes a DNS name for a Common Name", "", func(p *policy) { p.commonNames = orDNS }},
	{"cn-first", either, "of several Common Names looks at the first", "", func(p *policy) { p.commonNames = firstCN }},
	{"uri-first-only", either, "of several URI SANs looks at the first", "", func(p *policy) { p.uris = func(c *x509.Certificate) []string { return first(uriSANs(c)) } }},
	{"uri-last-only", either, "of several URI SANs looks at the last", "", func(p *policy) { p.uris = func(c *x509.Certificate) []string { return last(uriSANs(c)) } }},

	{"identity-prefix", either, "takes a name that begins with the one required", "", compare(strings.HasPrefix)},
	{"identity-suffix", either, "takes a name that ends with the one required", "", compare(strings.HasSuffix)},
	{"identity-case-insensitive", either, "does not tell upper from lower case", "", compare(strings.EqualFold)},
	{"identity-trimmed", either, "does not see spaces around a name", "", compare(func(have, required string) bool { return strings.TrimSpace(have) == required })},
	{"identity-until-nul", either, "reads a name up to a NUL", "CVE-2009-2408", compare(func(have, required string) bool { return before(have, "\x00") == required })},
	{"cn-wildcard", either, "takes a Common Name for a pattern, or the one required", "", func(p *policy) { p.sameCN = fits }},
	{"uri-reserialised", either, "writes a URI anew before it compares it", "Calico v3.31.0", func(p *policy) { p.sameURI = reserialised }},
	{"uri-normalised", either, "compares URIs without escapes, dot segments and closing slashes", "", func(p *policy) { p.sameURI = normalised }},
	{"uri-ignore-fragment", either, "does not look at a URI's fragment", "", func(p *policy) { p.sameURI = without("#") }},
	{"uri-ignore-query", either, "does not look at a URI's query", "", func(p *policy) { p.sameURI = without("?") }},
	{"uri-path-only", either, "looks at a URI's path, query and fragment only", "", func(p *policy) { p.sameURI = samePath }},
	{"uri-scheme-exact", either, "tells an upper-case scheme in a certificate from a lower-case one", "", func(p *policy) { p.sameURI = func(have, required string) bool { return have == required } }},

	{"plaintext-fallback", either, "speaks plaintext with a peer that does", "", func(p *policy) { p.quirk = acceptsPlaintext }},
	{"plaintext-when-files-missing", either, "speaks plaintext where its files are missing", "Calico v3.31.0", func(p *policy) { p.quirk = plaintextWithoutFiles }},
	{"refuse-silently", server, "closes the connection without an alert", "", func(p *policy) { p.quirk = closesSilently }},
	{"speaks-first", server, "answers before it has been asked", "", func(p *policy) { p.quirk = speaksFirst }},
	{"one-at-a-time", server, "serves nobody else before a client has gone", "CVE-2023-41378", func(p *policy) { p.quirk = oneAtATime }},
	{"counts-refused", server, "counts refused clients among those that it serves", "", func(p *policy) { p.quirk = countsRefused }},
	{"sends-before-verify", client, "sends its hello before it has verified the server", "", func(p *policy) { p.quirk = sendsBeforeVerification }},
}

// FaultNamed returns the fault of that name.
func FaultNamed(name string) (Fault, bool) {
	i := slices.IndexFunc(Faults, func(f Fault) bool { return f.Name == name })
	if i < 0 {
		return Fault{}, false
	}
	return Faults[i], true
}

// policy returns what a stub asks of its peer and does, with the fault that its settings name, if any.
func (e environment) policy(side handshake.Side) (policy, error) {
	p := reference()
	p.oldest = e.floor()
	var err error
	if p.suites, err = e.suites(); err != nil {
		return p, err
	}
	if err := e.strictly(&p); err != nil {
		return p, err
	}
	name := e[FaultSetting]
	if name == "" {
		return p, nil
	}
	f, ok := FaultNamed(name)
	if !ok || !slices.Contains(f.Sides, side) {
		return p, fmt.Errorf("%s: wanted a fault of the %s, found %q", FaultSetting, side, name)
	}
	f.change(&p)
	return p, nil
}

var roles = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth}

func always(c *x509.Certificate) {
	c.NotBefore, c.NotAfter = time.Unix(0, 0), time.Unix(1<<40, 0)
}

func anyUsage(c *x509.Certificate) { c.ExtKeyUsage, c.UnknownExtKeyUsage = nil, nil }

func authorise(c *x509.Certificate) {
	c.BasicConstraintsValid, c.IsCA, c.KeyUsage = true, true, c.KeyUsage|x509.KeyUsageCertSign
}

func unlimited(c *x509.Certificate) { c.MaxPathLen, c.MaxPathLenZero = -1, false }

func unconstrained(c *x509.Certificate) {
	c.PermittedURIDomains, c.ExcludedURIDomains, c.PermittedDNSDomains, c.ExcludedDNSDomains = nil, nil, nil, nil
}

func uncritical(c *x509.Certificate) { c.UnhandledCriticalExtensions = nil }

func preferCN(required, found names) bool {
	if required.cn != "" {
		return found.cn != ""
	}
	return found.uriSAN != ""
}

func preferURI(required, found names) bool {
	if required.uriSAN != "" {
		return found.uriSAN != ""
	}
	return found.cn != ""
}

func everyName(c *x509.Certificate) []string {
	s := c.Subject
	return slices.Concat([]string{s.CommonName}, s.Organization, s.OrganizationalUnit, c.DNSNames, c.EmailAddresses, uriSANs(c))
}

func orDNS(c *x509.Certificate) []string {
	return append([]string{c.Subject.CommonName}, c.DNSNames...)
}

func firstCN(c *x509.Certificate) []string {
	var all []string
	for _, attribute := range c.Subject.Names {
		if text, ok := attribute.Value.(string); ok && attribute.Type.String() == oidCommonName {
			all = append(all, text)
		}
	}
	return first(all)
}

// oidCommonName is the attribute type of a Common Name (RFC 5280 appendix A).
const oidCommonName = "2.5.4.3"

func first(all []string) []string { return all[:min(1, len(all))] }

func last(all []string) []string { return all[max(0, len(all)-1):] }

// compare makes a fault that compares both names so.
func compare(same func(have, required string) bool) func(*policy) {
	return func(p *policy) {
		p.sameCN = same
		p.sameURI = func(have, required string) bool { return same(felixtypha.LowerScheme(have), required) }
	}
}

func before(s, separator string) string {
	s, _, _ = strings.Cut(s, separator)
	return s
}

func fits(have, required string) bool {
	asPattern, _ := stdpath.Match(have, required)
	toPattern, _ := stdpath.Match(required, have)
	return asPattern || toPattern
}

func reserialised(have, required string) bool {
	u, err := url.Parse(have)
	return err == nil && u.String() == required
}

func normalised(have, required string) bool {
	u, err := url.Parse(have)
	if err != nil {
		return false
	}
	u.RawPath, u.Path = "", stdpath.Clean(u.Path)
	return felixtypha.SameURI(u.String(), required)
}

func without(separator string) func(have, required string) bool {
	return func(have, required string) bool {
		return felixtypha.SameURI(before(have, separator), before(required, separator))
	}
}

func samePath(have, required string) bool {
	a, err := url.Parse(have)
	if err != nil {
		return false
	}
	b, err := url.Parse(required)
	return err == nil && a.Path == b.Path && a.RawQuery == b.RawQuery && a.Fragment == b.Fragment
}
