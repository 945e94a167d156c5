package stub

import (
	"crypto/tls"
	"crypto/x509"
	"strings"

	"github.com/calico-tls/conformance/harness/handshake"
	"github.com/calico-tls/conformance/pki"
)

// FaultSetting is the setting that puts a fault into a stub, by its name.
const FaultSetting = "TLSCONFORM_FAULT"

// Fault is a deliberate bug in a stub.
type Fault struct {
	// Name is the fault's name in [FaultSetting].
	Name string
	// Breaks are the rules that the stubs break by it.
	Breaks Broken
	// Check is the check that a stub gets wrong, or that its peer must make of it; "" where the fault is about none.
	Check pki.Check
	// Text says what the stub does wrong.
	Text string
	// Precedent names where the like was seen; "" if nowhere in particular.
	Precedent string

	change func(*policy)
}

// Broken are the rules that a fault breaks: in the stub Typha, the server, and in the stub Felix, the client; "" for one
// that cannot have it.
type Broken struct{ Server, Client string }

// By returns the rule that the stub of a side breaks; "" if it cannot have the fault.
func (b Broken) By(side handshake.Side) string {
	if side == handshake.Server {
		return b.Server
	}
	return b.Client
}

func both(rule string) Broken   { return Broken{rule, rule} }
func server(rule string) Broken { return Broken{Server: rule} }
func client(rule string) Broken { return Broken{Client: rule} }

// Faults lists every fault. Unless a fault is about it, the rest is done as the reference does it, to the very alerts.
var Faults = []Fault{
	{"old-versions", Broken{"TYPHA-04", "FELIX-06"}, pki.CheckProtocol, "speaks TLS 1.0 and 1.1", "", func(p *policy) { p.oldest = tls.VersionTLS10 }},
	{"tls12-only", Broken{"TYPHA-05", "IDENT-01"}, "", "does not speak TLS 1.3", "", func(p *policy) { p.newest = tls.VersionTLS12 }},
	{"weak-suites", server("TYPHA-08"), pki.CheckProtocol, "agrees to suites with RSA key exchange, RC4, 3DES or CBC", "", weakSuites},
	{"offers-weak-suites", client("FELIX-08"), "", "offers suites with RSA key exchange, RC4, 3DES or CBC", "", weakSuites},
	{"no-client-certificate", server("TYPHA-02"), pki.CheckPresence, "does not ask for a certificate", "", func(p *policy) { p.insists = tls.NoClientCert }},
	{"client-certificate-optional", server("TYPHA-02"), pki.CheckPresence, "takes a client that sends no certificate", "", func(p *policy) { p.insists = tls.VerifyClientCertIfGiven }},
	{"no-authority-list", server("TYPHA-03"), pki.CheckPresence, "does not say which authorities it trusts", "", func(p *policy) { p.quirk = listsNoAuthorities }},

	{"skip-chain", both("IDENT-40"), pki.CheckChain, "takes a leaf of any issuer", "", func(p *policy) { p.path = func(w *path) { w.anchors = []*x509.Certificate{w.leaf} } }},
	{"intermediates-ignored", both("IDENT-44"), pki.CheckChain, "does not use the intermediates that are sent", "calicoctl#1107", func(p *policy) { p.path = func(w *path) { w.intermediates = nil } }},
	{"skip-validity", both("IDENT-47"), pki.CheckValidity, "takes certificates of any date", "", func(p *policy) { p.path = func(w *path) { w.each(always) } }},
	{"skip-validity-of-issuers", both("IDENT-48"), pki.CheckValidity, "looks at the dates of the leaf only", "golang/go#77217", func(p *policy) { p.path = func(w *path) { w.issuers(always) } }},
	{"skip-eku", Broken{"IDENT-49", "IDENT-50"}, pki.CheckEKU, "takes a leaf of any extended key usage", "", func(p *policy) { p.path = func(w *path) { w.usages = []x509.ExtKeyUsage{x509.ExtKeyUsageAny} } }},
	{"eku-any-role", both("IDENT-26"), pki.CheckEKU, "takes a leaf made for a client or for a server", "", func(p *policy) { p.path = func(w *path) { w.usages = roles } }},
	{"skip-eku-of-issuers", both("IDENT-52"), pki.CheckEKU, "looks at the extended key usage of the leaf only", "", func(p *policy) { p.path = func(w *path) { w.issuers(anyUsage) } }},
	{"skip-basic-constraints", both("IDENT-53"), pki.CheckChain, "takes an issuer that is no authority", "", func(p *policy) { p.path = func(w *path) { w.issuers(authorise) } }},
	{"skip-path-length", both("IDENT-53"), pki.CheckChain, "does not count intermediates", "", func(p *policy) { p.path = func(w *path) { w.issuers(unlimited) } }},
	{"skip-name-constraints", both("IDENT-56"), pki.CheckChain, "ignores the name constraints of issuers", "", func(p *policy) { p.path = func(w *path) { w.issuers(unconstrained) } }},
	{"skip-critical-extensions", both("IDENT-55"), pki.CheckChain, "ignores critical extensions that it does not know", "", func(p *policy) { p.path = func(w *path) { w.each(uncritical) } }},

	{"skip-identity", both("IDENT-02"), pki.CheckIdentity, "takes whoever has a certificate of the authority", "", func(p *policy) { p.suffices = func(_, _ names) bool { return true } }},
	{"refuse-everyone", both("IDENT-01"), pki.CheckIdentity, "takes nobody", "", func(p *policy) { p.suffices = func(_, _ names) bool { return false } }},
	{"and-instead-of-or", both("IDENT-06"), pki.CheckIdentity, "requires both names where either suffices", "", func(p *policy) { p.suffices = func(required, found names) bool { return required == found } }},
	{"cn-only-when-both", both("IDENT-06"), pki.CheckIdentity, "looks at the Common Name only where both names are required", "", func(p *policy) { p.suffices = preferCN }},
	{"uri-only-when-both", both("IDENT-06"), pki.CheckIdentity, "looks at the URI SAN only where both names are required", "", func(p *policy) { p.suffices = preferURI }},
	{"identity-any-certificate", both("IDENT-22"), pki.CheckIdentity, "takes a name of any certificate that is sent", "", func(p *policy) { p.bearers = func(chain []*x509.Certificate) []*x509.Certificate { return chain } }},
	{"identity-any-field", both("IDENT-13"), pki.CheckIdentity, "takes a name in whichever field it stands", "", func(p *policy) { p.commonNames, p.uris = everyName, everyName }},
	{"cn-from-dns-san", both("IDENT-13"), pki.CheckIdentity, "takes a DNS name for a Common Name", "", func(p *policy) { p.commonNames = orDNS }},
	{"cn-first", both("IDENT-16"), pki.CheckIdentity, "of several Common Names looks at the first", "", func(p *policy) { p.commonNames = firstCN }},
	{"uri-first-only", both("IDENT-20"), pki.CheckIdentity, "of several URI SANs looks at the first", "", func(p *policy) { p.uris = func(c *x509.Certificate) []string { return first(uriSANs(c)) } }},
	{"uri-last-only", both("IDENT-20"), pki.CheckIdentity, "of several URI SANs looks at the last", "", func(p *policy) { p.uris = func(c *x509.Certificate) []string { return last(uriSANs(c)) } }},

	{"identity-prefix", both("IDENT-11"), pki.CheckIdentity, "takes a name that begins with the one required", "", compare(strings.HasPrefix)},
	{"identity-suffix", both("IDENT-11"), pki.CheckIdentity, "takes a name that ends with the one required", "", compare(strings.HasSuffix)},
	{"identity-case-insensitive", both("IDENT-11"), pki.CheckIdentity, "does not tell upper from lower case", "", compare(strings.EqualFold)},
	{"identity-trimmed", both("IDENT-11"), pki.CheckIdentity, "does not see spaces around a name", "", compare(func(have, required string) bool { return strings.TrimSpace(have) == required })},
	{"identity-until-nul", both("IDENT-15"), pki.CheckIdentity, "reads a name up to a NUL", "CVE-2009-2408", compare(func(have, required string) bool { return before(have, "\x00") == required })},
	{"cn-wildcard", both("IDENT-12"), pki.CheckIdentity, "takes a Common Name for a pattern, or the one required", "", func(p *policy) { p.sameCN = fits }},
	{"uri-reserialised", both("IDENT-18"), pki.CheckIdentity, "writes a URI anew before it compares it", "Calico v3.31.0", func(p *policy) { p.sameURI = reserialised }},
	{"uri-normalised", both("IDENT-17"), pki.CheckIdentity, "compares URIs without escapes, dot segments and closing slashes", "", func(p *policy) { p.sameURI = normalised }},
	{"uri-ignore-fragment", both("IDENT-17"), pki.CheckIdentity, "does not look at a URI's fragment", "", func(p *policy) { p.sameURI = without("#") }},
	{"uri-ignore-query", both("IDENT-17"), pki.CheckIdentity, "does not look at a URI's query", "", func(p *policy) { p.sameURI = without("?") }},
	{"uri-path-only", both("IDENT-17"), pki.CheckIdentity, "looks at a URI's path, query and fragment only", "", func(p *policy) { p.sameURI = samePath }},
	{"uri-scheme-exact", both("IDENT-18"), pki.CheckIdentity, "tells an upper-case scheme in a certificate from a lower-case one", "", func(p *policy) { p.sameURI = func(have, required string) bool { return have == required } }},

	{"plaintext-fallback", Broken{"TYPHA-01", "FELIX-02"}, pki.CheckProtocol, "speaks plaintext with a peer that does", "", func(p *policy) { p.quirk = acceptsPlaintext }},
	{"plaintext-when-files-missing", both("CONF-06"), "", "speaks plaintext where its files are missing", "Calico v3.31.0", func(p *policy) { p.quirk = plaintextWithoutFiles }},
	{"refuse-silently", server("IDENT-40"), pki.CheckChain, "closes the connection without an alert", "", func(p *policy) { p.quirk = closesSilently }},
	{"speaks-first", server("TYPHA-15"), "", "answers before it has been asked", "", func(p *policy) { p.quirk = speaksFirst }},
	{"one-at-a-time", server("TYPHA-15"), "", "serves nobody else before a client has gone", "CVE-2023-41378", func(p *policy) { p.quirk = oneAtATime }},
	{"counts-refused", server("TYPHA-18"), "", "counts refused clients among those that it serves", "", func(p *policy) { p.quirk = countsRefused }},
	{"sends-before-verify", client("FELIX-01"), pki.CheckChain, "sends its hello before it has verified the server", "", func(p *policy) { p.quirk = sendsBeforeVerification }},
}
