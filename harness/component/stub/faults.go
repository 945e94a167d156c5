package stub

import (
	"crypto/tls"
	"crypto/x509"
	"net/url"
	"strings"

	"github.com/golang-jwt/jwt/v5"

	"github.com/calico-tls/conformance/harness/handshake"
	"github.com/calico-tls/conformance/harness/link/etcd"
	"github.com/calico-tls/conformance/harness/link/felixtypha"
	"github.com/calico-tls/conformance/harness/link/kubeapiserver"
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

// Seat is an end of a link that a stub plays.
type Seat struct {
	Link string
	Side handshake.Side
}

// The seats that stubs play.
var (
	onTypha         = Seat{felixtypha.Link.Name, handshake.Server}
	onFelix         = Seat{felixtypha.Link.Name, handshake.Client}
	onEtcdClient    = Seat{etcd.Link.Name, handshake.Client}
	onKubeAPIServer = Seat{kubeapiserver.Link.Name, handshake.Server}
	onKubeClient    = Seat{kubeapiserver.Link.Name, handshake.Client}
)

// Seats lists them.
var Seats = []Seat{onTypha, onFelix, onEtcdClient, onKubeAPIServer, onKubeClient}

// Broken are the rules that a fault breaks, by the seat of the stub that has it; a seat that cannot have it is not there.
type Broken map[Seat]string

func both(rule string) Broken   { return Broken{onTypha: rule, onFelix: rule} }
func server(rule string) Broken { return Broken{onTypha: rule} }
func client(rule string) Broken { return Broken{onFelix: rule} }
func dialling(ofEtcd, ofKubeAPIServer string) Broken {
	return Broken{}.clients(ofEtcd, ofKubeAPIServer)
}
func apiserver(rule string) Broken { return Broken{onKubeAPIServer: rule} }

// clients are the rules that are broken in the clients of etcd and of kube-apiserver; "" where one cannot have the fault.
func (b Broken) clients(ofEtcd, ofKubeAPIServer string) Broken {
	return b.and(onEtcdClient, ofEtcd).and(onKubeClient, ofKubeAPIServer)
}

// apiserver is the rule that is broken in kube-apiserver.
func (b Broken) apiserver(rule string) Broken { return b.and(onKubeAPIServer, rule) }

func (b Broken) and(s Seat, rule string) Broken {
	if rule != "" {
		b[s] = rule
	}
	return b
}

// Faults lists every fault. Unless a fault is about it, the rest is done as the reference does it, to the very alerts.
var Faults = []Fault{
	{"old-versions", Broken{onTypha: "TYPHA-04", onFelix: "FELIX-06"}.clients("", "KAPI-03").apiserver("KAPI-08"), pki.CheckProtocol, "speaks TLS 1.0 and 1.1", "CVE-2011-3389", func(p *policy) { p.oldest = tls.VersionTLS10 }},
	{"tls12-only", Broken{onTypha: "TYPHA-05", onFelix: "IDENT-01"}, "", "does not speak TLS 1.3", "", func(p *policy) { p.newest = tls.VersionTLS12 }},
	{"tls13-only", both("IDENT-01"), "", "does not speak TLS 1.2", "", func(p *policy) { p.oldest = tls.VersionTLS13 }},
	{"weak-suites", server("TYPHA-08"), pki.CheckProtocol, "agrees to suites with RSA key exchange, RC4, 3DES or CBC", "CVE-2016-2183", weakSuites},
	{"offers-weak-suites", client("FELIX-08"), "", "offers suites with RSA key exchange, RC4, 3DES or CBC", "", weakSuites},
	{"no-client-certificate", server("TYPHA-02"), pki.CheckPresence, "does not ask for a certificate", "", func(p *policy) { p.insists = tls.NoClientCert }},
	{"client-certificate-optional", server("TYPHA-02"), pki.CheckPresence, "takes a client that sends no certificate", "", func(p *policy) { p.insists = tls.VerifyClientCertIfGiven }},
	{"no-authority-list", server("TYPHA-03"), pki.CheckPresence, "does not say which authorities it trusts", "", func(p *policy) { p.quirk = listsNoAuthorities }},

	{"skip-chain", both("IDENT-40").clients("ETCD-09", "KAPI-03").apiserver("KAPI-09"), pki.CheckChain, "takes a leaf of any issuer", "CVE-2008-5077", func(p *policy) { p.path = func(w *path) { w.anchors = []*x509.Certificate{w.leaf} } }},
	{"unverified", both("IDENT-40").clients("ETCD-09", "KAPI-03").apiserver("KAPI-09"), pki.CheckChain, "asks for a certificate and takes any: of whatever issuer, date and usage", "CVE-2014-0092", func(p *policy) { p.path = unverified }},
	{"intermediates-ignored", both("IDENT-44").clients("ETCD-01", "KAPI-01").apiserver("KAPI-01"), pki.CheckChain, "does not use the intermediates that are sent", "calicoctl#1107", func(p *policy) { p.path = func(w *path) { w.intermediates = nil } }},
	{"intermediates-as-anchors", both("IDENT-10").clients("ETCD-09", "KAPI-03").apiserver("KAPI-09"), pki.CheckChain, "trusts the authorities that its peer sends", "", func(p *policy) { p.path = func(w *path) { w.anchors = append(w.anchors, w.intermediates...) } }},
	{"system-roots", both("IDENT-40"), pki.CheckChain, "trusts the authorities of the system besides its own", "etcd, without --trusted-ca-file", func(p *policy) { p.quirk = trustsSystem }},
	{"first-authority-only", both("IDENT-43").clients("ETCD-20", ""), pki.CheckChain, "of a trust bundle reads the first authority", "Calico, of etcd's CA given inline", func(p *policy) { p.path = func(w *path) { w.anchors = w.anchors[:1] } }},
	{"skip-validity", both("IDENT-47").clients("ETCD-11", "KAPI-03").apiserver("KAPI-09"), pki.CheckValidity, "takes certificates of any date", "", func(p *policy) { p.path = func(w *path) { w.each(always) } }},
	{"skip-validity-of-leaf", both("IDENT-47"), pki.CheckValidity, "looks at the dates of the issuers only", "", func(p *policy) { p.path = func(w *path) { w.leafOnly(always) } }},
	{"skip-validity-of-issuers", both("IDENT-48"), pki.CheckValidity, "looks at the dates of the leaf only", "golang/go#77217", func(p *policy) { p.path = func(w *path) { w.issuers(always) } }},
	{"skip-eku", Broken{onTypha: "IDENT-49", onFelix: "IDENT-50"}.clients("ETCD-11", "KAPI-03").apiserver("KAPI-09"), pki.CheckEKU, "takes a leaf of any extended key usage", "", func(p *policy) { p.path = func(w *path) { w.usages = []x509.ExtKeyUsage{x509.ExtKeyUsageAny} } }},
	{"eku-any-role", both("IDENT-26"), pki.CheckEKU, "takes a leaf made for a client or for a server", "", func(p *policy) { p.path = func(w *path) { w.usages = roles } }},
	{"skip-eku-of-issuers", both("IDENT-52"), pki.CheckEKU, "looks at the extended key usage of the leaf only", "", func(p *policy) { p.path = func(w *path) { w.issuers(anyUsage) } }},
	{"skip-basic-constraints", both("IDENT-53"), pki.CheckChain, "takes an issuer that is no authority", "CVE-2002-0862, CVE-2021-3450", func(p *policy) { p.path = func(w *path) { w.issuers(authorise) } }},
	{"skip-path-length", both("IDENT-53"), pki.CheckChain, "does not count intermediates", "", func(p *policy) { p.path = func(w *path) { w.issuers(unlimited) } }},
	{"skip-name-constraints", both("IDENT-56"), pki.CheckChain, "ignores the name constraints of issuers", "CVE-2024-45341", func(p *policy) { p.path = func(w *path) { w.issuers(unconstrained) } }},
	{"skip-critical-extensions", both("IDENT-55"), pki.CheckChain, "ignores critical extensions that it does not know", "", func(p *policy) { p.path = func(w *path) { w.each(uncritical) } }},
	{"skip-possession", both("IDENT-24"), pki.CheckPossession, "up to TLS 1.2 does not verify that its peer holds the key of its certificate", "CVE-2014-1266", func(p *policy) { p.quirk = skipsPossession }},

	{"skip-identity", both("IDENT-02"), pki.CheckIdentity, "takes whoever has a certificate of the authority", "CVE-2012-5783", func(p *policy) { p.suffices = func(_, _ names) bool { return true } }},
	{"refuse-everyone", both("IDENT-01"), pki.CheckIdentity, "takes nobody", "", func(p *policy) { p.suffices = func(_, _ names) bool { return false } }},
	{"and-instead-of-or", both("IDENT-06"), pki.CheckIdentity, "requires both names where either suffices", "", func(p *policy) { p.suffices = func(required, found names) bool { return required == found } }},
	{"cn-only-when-both", both("IDENT-06"), pki.CheckIdentity, "looks at the Common Name only where both names are required", "", func(p *policy) { p.suffices = preferCN }},
	{"uri-only-when-both", both("IDENT-06"), pki.CheckIdentity, "looks at the URI SAN only where both names are required", "", func(p *policy) { p.suffices = preferURI }},
	{"identity-any-certificate", both("IDENT-22"), pki.CheckIdentity, "takes a name of any certificate that is sent", "", func(p *policy) { p.bearers = func(chain []*x509.Certificate) []*x509.Certificate { return chain } }},
	{"identity-second-certificate", both("IDENT-23"), pki.CheckIdentity, "takes the names of the second certificate, where one is sent", "", func(p *policy) {
		p.bearers = func(chain []*x509.Certificate) []*x509.Certificate { return last(chain[:min(2, len(chain))]) }
	}},
	{"identity-any-field", both("IDENT-13"), pki.CheckIdentity, "takes a name in whichever field it stands", "CVE-2014-3577", func(p *policy) { p.commonNames, p.uris = everyName, everyName }},
	{"cn-from-dns-san", both("IDENT-13"), pki.CheckIdentity, "takes a DNS name for a Common Name", "", func(p *policy) { p.commonNames = orDNS }},
	{"cn-first", both("IDENT-16"), pki.CheckIdentity, "of several Common Names looks at the first", "", func(p *policy) { p.commonNames = firstCN }},
	{"uri-first-only", both("IDENT-20"), pki.CheckIdentity, "of several URI SANs looks at the first", "", func(p *policy) { p.uris = func(c *x509.Certificate) []string { return first(uriSANs(c)) } }},
	{"uri-last-only", both("IDENT-20"), pki.CheckIdentity, "of several URI SANs looks at the last", "", func(p *policy) { p.uris = func(c *x509.Certificate) []string { return last(uriSANs(c)) } }},

	{"identity-prefix", both("IDENT-11"), pki.CheckIdentity, "takes a name that begins with the one required", "", compare(strings.HasPrefix)},
	{"identity-suffix", both("IDENT-11"), pki.CheckIdentity, "takes a name that ends with the one required", "", compare(strings.HasSuffix)},
	{"identity-substring", both("IDENT-11"), pki.CheckIdentity, "takes a name that has the one required somewhere in it", "", compare(strings.Contains)},
	{"identity-case-insensitive", both("IDENT-11"), pki.CheckIdentity, "does not tell upper from lower case", "", compare(strings.EqualFold)},
	{"identity-trimmed", both("IDENT-11"), pki.CheckIdentity, "does not see spaces around a name", "", compare(func(have, required string) bool { return strings.TrimSpace(have) == required })},
	{"identity-until-nul", both("IDENT-15"), pki.CheckIdentity, "reads a name up to a NUL", "CVE-2009-2408", compare(func(have, required string) bool { return before(have, "\x00") == required })},
	{"cn-wildcard", both("IDENT-12"), pki.CheckIdentity, "takes a Common Name for a pattern, or the one required", "CVE-2010-3170", func(p *policy) { p.sameCN = fits }},
	{"uri-reserialised", both("IDENT-18"), pki.CheckIdentity, "writes a URI anew before it compares it", "Calico v3.31.0", func(p *policy) { p.sameURI = reserialised }},
	{"uri-normalised", both("IDENT-17"), pki.CheckIdentity, "compares URIs without escapes, dot segments and closing slashes", "", func(p *policy) { p.sameURI = normalised }},
	{"uri-decoded", both("IDENT-17"), pki.CheckIdentity, "compares URIs with their escapes decoded", "", func(p *policy) { p.sameURI = decoded }},
	{"uri-ignore-fragment", both("IDENT-17"), pki.CheckIdentity, "does not look at a URI's fragment", "", func(p *policy) { p.sameURI = without("#") }},
	{"uri-ignore-query", both("IDENT-17"), pki.CheckIdentity, "does not look at a URI's query", "", func(p *policy) { p.sameURI = without("?") }},
	{"uri-path-only", both("IDENT-17"), pki.CheckIdentity, "looks at a URI's path, query and fragment only", "", func(p *policy) {
		p.sameURI = alike(func(u *url.URL) string { return u.Path + "?" + u.RawQuery + "#" + u.Fragment })
	}},
	{"uri-without-path", both("IDENT-17"), pki.CheckIdentity, "does not look at a URI's path", "", func(p *policy) {
		p.sameURI = alike(func(u *url.URL) string { return u.Scheme + "://" + u.Host + "?" + u.RawQuery + "#" + u.Fragment })
	}},
	{"uri-trust-domain-only", both("IDENT-05"), pki.CheckIdentity, "of a URI looks at the trust domain only", "", func(p *policy) { p.sameURI = alike(func(u *url.URL) string { return u.Host }) }},
	{"uri-scheme-exact", both("IDENT-18"), pki.CheckIdentity, "tells an upper-case scheme in a certificate from a lower-case one", "", func(p *policy) { p.sameURI = func(have, required string) bool { return have == required } }},

	{"plaintext-fallback", Broken{onTypha: "TYPHA-01", onFelix: "FELIX-02"}.clients("ETCD-15", "").apiserver("KAPI-07"), pki.CheckProtocol, "speaks plaintext with a peer that does", "CVE-2021-39272", func(p *policy) { p.quirk = acceptsPlaintext }},
	{"plaintext-when-files-missing", both("CONF-06"), "", "speaks plaintext where its files are missing", "Calico v3.31.0", func(p *policy) { p.quirk = plaintextWithoutFiles }},
	{"starts-anyway", Broken{onTypha: "CONF-02", onFelix: "CONF-03"}, "", "listens, or dials, though its configuration is incomplete or of no use", "", func(p *policy) { p.quirk = startsAnyway }},
	{"refuse-silently", both("IDENT-40"), pki.CheckChain, "closes the connection without an alert", "", func(p *policy) { p.quirk = closesSilently }},
	{"refuse-with-another-alert", both("IDENT-40"), pki.CheckChain, "says access_denied, whatever it refuses for", "", func(p *policy) { p.quirk = deniesAccess }},
	{"refuse-through-the-peer", both("IDENT-40"), pki.CheckChain, "sends garbage in the place of an alert, so that it is its peer that refuses", "", func(p *policy) { p.quirk = provokes }},
	{"speaks-first", server("TYPHA-15"), "", "answers before it has been asked", "", func(p *policy) { p.quirk = speaksFirst }},
	{"accepts-and-closes", both("IDENT-01"), "", "shakes hands and closes the connection", "", func(p *policy) { p.quirk = closesAtOnce }},
	{"verdict-remembered", both("IDENT-47"), pki.CheckValidity, "gives each peer the verdict on the one before", "CVE-2025-68121", func(p *policy) { p.quirk = remembers }},
	{"refusal-blocks-the-next", server("TYPHA-11"), "", "refuses whoever comes after one that it has refused", "", func(p *policy) { p.quirk = blocksNext }},
	{"one-at-a-time", server("TYPHA-12"), "", "serves nobody else before a client has gone", "CVE-2023-41378", func(p *policy) { p.quirk = oneAtATime }},
	{"counts-refused", server("TYPHA-18"), "", "counts refused clients among those that it serves", "", func(p *policy) { p.quirk = countsRefused }},
	{"sends-before-verify", Broken{onTypha: "TYPHA-15", onFelix: "FELIX-01"}.clients("", "KAPI-03"), pki.CheckChain, "sends application data before it has verified its peer", "", func(p *policy) { p.quirk = sendsBeforeVerification }},
	{"first-endpoint-only", client("FELIX-13"), "", "tries the first endpoint again and again, and no other", "", quirky(keepsToFirst)},
	{"next-endpoint-unverified", client("FELIX-13"), pki.CheckChain, "takes the next endpoint for what it says it is, where it has refused the first", "", quirky(verifiesFirst)},
	{"certificate-withheld", client("FELIX-03"), pki.CheckPresence, "does not send its certificate", "crypto/tls of Go, to a server that does not list its issuer", func(p *policy) { p.shows = withheld }},
	{"certificate-without-chain", Broken{onTypha: "TYPHA-31", onFelix: "FELIX-03"}, pki.CheckChain, "sends its leaf without the intermediates of its file", "", func(p *policy) { p.shows = leafAlone }},
	{"certificate-of-its-own", both("IDENT-01"), pki.CheckChain, "shows a certificate that it made itself, with the names of the one that it was given", "", func(p *policy) { p.shows = selfMade }},

	{"missing-files-as-none", dialling("ETCD-18", ""), "", "goes on without a file that is missing", "Calico's Typha v3.31.0, of its files for etcd", func(p *policy) { p.quirk = goesWithoutFiles }},
	{"first-scheme-for-all", dialling("ETCD-16", ""), "", "goes by the scheme of its first endpoint", "Calico v3.31.0", func(p *policy) { p.quirk = goesByFirstScheme }},
	{"first-host-for-all", dialling("ETCD-12", ""), "", "knows each server by the host of its first endpoint", "", func(p *policy) { p.quirk = goesByFirstHost }},
	{"certificate-kept", dialling("ETCD-24", ""), "", "reads its certificate once, and no more when it was replaced", "", func(p *policy) { p.quirk = keepsCertificate }},
	{"host-unchecked", dialling("ETCD-10", "KAPI-03"), pki.CheckIdentity, "takes a server of whatever name", "CVE-2014-3604", func(p *policy) { p.host = anyHost }},
	{"host-from-cn", dialling("ETCD-10", "KAPI-03"), pki.CheckIdentity, "takes the Common Name of a server for the host that it is", "golang/go#24151", func(p *policy) { p.host = hostOrCN }},
	{"host-address-as-name", dialling("ETCD-10", "KAPI-03"), pki.CheckIdentity, "takes an address that stands among the DNS names", "CVE-2021-22901", func(p *policy) { p.host = hostOrText }},
	{"trusts-without-bundle", dialling("", "KAPI-04"), pki.CheckChain, "takes any server where it is told of no authority", "", quirky(trustsWithoutBundle)},
	{"heeds-variables", dialling("", "KAPI-20"), "", "heeds TLS_MIN_VERSION and TLS_CIPHER_SUITES", "", quirky(heedsVariables)},
	{"token-of-another-variable", dialling("", "KAPI-16"), "", "shows the token of K8S_API_TOKEN", "", quirky(readsOtherToken)},
	{"pod-unverified", dialling("", "KAPI-17"), pki.CheckChain, "takes any server where the ca.crt of its pod is bad", "", quirky(trustsAnyInPod)},
	{"pod-in-the-clear", dialling("", "KAPI-17"), "", "asks in the clear where the ca.crt of its pod is bad, and shows its token", "", quirky(inTheClearInPod)},
	{"panics-without-version", dialling("", "KAPI-19"), "", "ends where it is denied the version of its server", "Calico v3.31.0", quirky(needsVersion)},
	{"asks-in-the-clear", dialling("", "KAPI-06"), "", "asks an address that begins with http://, and shows its token", "CVE-2023-45142", quirky(asksInTheClear)},

	{"token-unsigned", apiserver("KAPI-10"), pki.CheckSignature, "does not verify who signed a token", "CVE-2024-54150", unless(func(string, *jwt.Token, []any) bool { return true })},
	{"token-none", apiserver("KAPI-10"), pki.CheckSignature, "takes a token that says that it is not signed", "CVE-2015-9235", unless(saysUnsigned)},
	{"token-confused", apiserver("KAPI-10"), pki.CheckSignature, "takes the issuer's public key for a secret, where a token says so", "CVE-2016-10555", unless(signedByWhatAllKnow)},
	{"token-own-key", apiserver("KAPI-10"), pki.CheckSignature, "verifies a token by the key that it brings along", "CVE-2018-0114", unless(signedByItsOwnKey)},
	{"token-key-id-ignored", apiserver("KAPI-10"), pki.CheckSignature, "does not look at which key a token names", "", unless(signedWhateverItNames)},
	{"token-any-issuer", apiserver("KAPI-10"), pki.CheckIssuer, "does not look at who issued a token", "", quirky(takesAnyIssuer)},
	{"token-any-audience", apiserver("KAPI-10"), pki.CheckAudience, "does not look at whom a token is for", "CVE-2024-33883", unasked(pki.CheckAudience)},
	{"token-any-time", apiserver("KAPI-10"), pki.CheckValidity, "does not look at when a token is valid", "", unasked(pki.CheckValidity)},
	{"token-unbound", apiserver("KAPI-10"), pki.CheckBinding, "does not look whether that is there to which a token is bound", "CVE-2019-11243", unasked(pki.CheckBinding)},
	{"token-first", apiserver("KAPI-11"), "", "takes the identity of a token where a certificate is shown as well", "", quirky(tokenFirst)},
	{"bad-token-is-none", apiserver("KAPI-10"), pki.CheckSignature, "takes a client with a bad token for one that shows nothing", "", quirky(badTokenIsNone)},
	{"bad-certificate-is-none", apiserver("KAPI-09"), pki.CheckChain, "takes a client with a bad certificate for one that shows nothing", "", quirky(badCertificateIsNone)},
	{"refuses-in-handshake", apiserver("KAPI-09"), pki.CheckChain, "refuses bad certificates before there is anybody to answer to", "", quirky(refusesInHandshake)},
	{"trusts-headers", apiserver("KAPI-14"), "", "takes a client for whom its headers say it is", "CVE-2022-2385", quirky(trustsHeaders)},
	{"trusts-every-proxy", apiserver("KAPI-14"), "", "takes every client that it knows for a front proxy", "CVE-2018-1002105", quirky(trustsEveryProxy)},
	{"serves-anonymous", apiserver("KAPI-12"), pki.CheckPresence, "knows a client that shows nothing, though it must not", "", quirky(servesAnonymous)},
	{"serves-everybody", apiserver("KAPI-13"), pki.CheckIdentity, "gives everybody what it has", "", quirky(servesEverybody)},
	{"forgets-groups", apiserver("KAPI-01"), "", "forgets the groups of whom it knows", "", quirky(forgetsGroups)},
	{"knows-nobody", apiserver("KAPI-01"), pki.CheckIdentity, "gives nothing to whom it knows", "", quirky(knowsNobody)},
}
