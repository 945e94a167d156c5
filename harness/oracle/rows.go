package oracle

import (
	"crypto/x509"
	"maps"
	"net/netip"
	"reflect"
	"slices"
	"strings"

	"github.com/calico-tls/conformance/harness/handshake"
	"github.com/calico-tls/conformance/harness/link"
	"github.com/calico-tls/conformance/harness/matrix"
	"github.com/calico-tls/conformance/pki"
)

// row is one question that a relying party asks. Which rule wants it asked, the link says.
type row struct {
	// name is the cause in expectations: alerts, and the decisions of links, are keyed by it.
	name  string
	check pki.Check
	// fails reports whether what is shown does not hold.
	fails func(showing) bool
}

// rows are asked in this order, which counts only where several fail: a certificate is looked at, and whether it is of the
// host, before its issuer is looked for, and its usage once there is a whole path.
var rows = []row{
	{"no-certificate", pki.CheckPresence, showing.sendsNothing},
	{"malformed", pki.CheckEncoding, showing.isMalformed},
	{"oversized", pki.CheckEncoding, showing.isOversized},
	{"key-size", pki.CheckEncoding, showing.keyIsHuge},
	{"critical-extension", pki.CheckChain, showing.hasUnknownCritical},
	{"validity", pki.CheckValidity, showing.isOutOfDate},
	{"host", pki.CheckIdentity, showing.isAnotherHost},
	{"name-constraints", pki.CheckChain, showing.breaksNameConstraint},
	{"path-length", pki.CheckChain, showing.breaksPathLength},
	{"digest", pki.CheckChain, showing.hasWeakDigest},
	{"basic-constraints", pki.CheckChain, showing.issuerIsNoCA},
	{"issuer", pki.CheckChain, showing.hasUnknownIssuer},
	{"eku", pki.CheckEKU, showing.usageIsNotAllowed},
	{"identity", pki.CheckIdentity, showing.isSomebodyElse},
	{"svid-names", pki.CheckIdentity, showing.hasOtherThanOneURI},
	{"svid-usage", pki.CheckIdentity, showing.isIssuer},
	{"possession", pki.CheckPossession, func(s showing) bool { return s.cred.ForeignKey }},
	{"revocation", pki.CheckRevocation, showing.isRevoked},
}

// Causes lists the causes for which an end can refuse its peer, as decisions of links name them.
func Causes() []string {
	var names []string
	for _, r := range slices.Concat([]row{clearOnTLS, tlsOnClear, oldVersion, noSuite, unknown, anonymous}, rows, tokenCauses(), slices.Collect(maps.Values(offences))) {
		names = append(names, r.name)
	}
	return names
}

// levels are the levels of cases that are not those of their rule: SHOULD where the rule records what is and says
// what should be, OBS where a rule that binds has a case that only records.
var levels = map[string]string{
	"uri-fragment-empty":     "SHOULD",
	"eku-any":                "OBS",
	"chain-long":             "OBS",
	"key-rsa-1024":           "OBS",
	"key-p224":               "OBS",
	"root-expired":           "OBS",
	"constraint-leading-dot": "OBS",
}

// decided are the rules that follow from what is asked and what is shown, whichever variant it is that shows it; a
// variant's row may name them too.
var decided = []string{
	"IDENT-01", "IDENT-02", "IDENT-03", "IDENT-04", "IDENT-05", "IDENT-06", "IDENT-07", "IDENT-08", "IDENT-09",
	"IDENT-21", "IDENT-46", "IDENT-49", "IDENT-50",
}

// bindOne are the rules that bind one side alone, though either can be shown the variant that was made for them.
var bindOne = map[string]handshake.Side{"FELIX-05": handshake.Client}

// walkthroughs are the cases that are the page's examples, to the letter.
var walkthroughs = []walkthrough{
	{mode: "cn", variant: "uri-absent", rule: "CONF-12"},
	{mode: "uri-san", variant: "cn-absent", rule: "CONF-13"},
}

type walkthrough struct{ mode, variant, rule string }

func (w walkthrough) matches(c matrix.Case) bool {
	return c.Mode == w.mode && (c.Client == w.variant || c.Server == w.variant) && c.Setting == "" && c.Conduct == ""
}

// maxHandshakeMessage is the number of octets of a Certificate message that a peer must bear at most; Go's crypto/tls
// draws the line there.
const maxHandshakeMessage = 256 << 10

// deciding returns the rules that decide when a side refuses what is shown. Who the peer is, Felix and Typha tell by
// rules that depend on what is asked, and on what the leaf has instead.
func (q question) deciding(by handshake.Side, r *row, s showing) []string {
	rules := q.link.Decides(by, r.name)
	if r.name != "identity" || !q.link.Binds("IDENT-02") {
		return rules
	}
	leaf := s.cred.Leaf
	switch {
	case s.asked.CN != "" && s.asked.URISAN != "":
		return []string{"IDENT-07"}
	case s.asked.URISAN != "" && slices.Equal(leaf.CommonNames, s.good.Leaf.CommonNames):
		return []string{"IDENT-05", "IDENT-08"}
	case s.asked.URISAN != "":
		return []string{"IDENT-05"}
	case len(leaf.CommonNames) == 0 && slices.Equal(leaf.URIs, s.good.Leaf.URIs):
		return []string{"IDENT-03", "IDENT-08"}
	case len(leaf.CommonNames) == 0:
		return []string{"IDENT-03"}
	case slices.Equal(leaf.URIs, s.good.Leaf.URIs):
		return append(rules, "IDENT-08")
	}
	return rules
}

// fails returns the first row that fails; nil if the peer must accept.
func (s showing) fails() *row {
	switch s.asked.Asking {
	case link.Ignores:
		return nil
	case link.Blindly:
		for i := range rows {
			if c := rows[i].check; (c == pki.CheckEncoding || c == pki.CheckPossession) && rows[i].fails(s) {
				return &rows[i] // it must be read all the same
			}
		}
		return nil
	case link.Invites:
		_, r := s.recognise()
		return r
	case link.Insists, link.Anybody:
	}
	for i := range rows {
		if rows[i].fails(s) {
			return &rows[i]
		}
	}
	return nil
}

func (s showing) sendsNothing() bool { return s.cred.Sending == pki.SendNothing }
func (s showing) isMalformed() bool  { return s.cred.Sending == pki.SendMalformed }
func (s showing) isOversized() bool  { return s.cred.Padding > maxHandshakeMessage }
func (s showing) keyIsHuge() bool    { return s.cred.Leaf.Key == pki.RSA8200 }

// path returns the certificates that lead from the leaf to a trust anchor, the leaf first and the anchor not among
// them, and whether there is such a path. The anchor is the root, or an intermediate, or the leaf itself.
func (s showing) path() ([]pki.Template, bool) {
	if s.asked.Trusts(pki.PeerLeaf) && reflect.DeepEqual(s.cred, s.good) { // another credential is another certificate
		return []pki.Template{s.cred.Leaf}, true
	}
	path := []pki.Template{s.cred.Leaf}
	for i := range s.cred.Path {
		if s.asked.Trusts(pki.Intermediate) && s.isIntermediate(i) {
			return path, true
		}
		if s.cred.Sending == pki.SendLeaf {
			return path, false // the issuer is neither known nor sent
		}
		path = append(path, s.cred.Path[i])
	}
	return path, s.asked.Trusts(s.cred.Root)
}

// isIntermediate reports whether an issuer is the authority [pki.Intermediate], and none that is like it below another.
func (s showing) isIntermediate(i int) bool {
	return i == len(s.cred.Path)-1 && s.cred.Root == pki.Intermediate.Issuer() &&
		reflect.DeepEqual(s.cred.Path[i], pki.AuthorityTemplate(pki.Intermediate))
}

func (s showing) hasUnknownIssuer() bool {
	_, found := s.path()
	return !found
}

// isListed reports whether the trust bundle has an authority of the same name as one that signed what is sent: a server
// lists names and no keys (RFC 8446 section 4.2.4), and by them a client of Go decides whether to send anything. What
// cannot be parsed has no issuer.
func (s showing) isListed() bool {
	if s.isMalformed() {
		return false
	}
	issuers := append(slices.Clone(s.cred.Path), pki.AuthorityTemplate(s.cred.Root))
	if s.cred.Root == pki.SelfSigned {
		issuers = []pki.Template{s.cred.Leaf}
	}
	if s.cred.Sending == pki.SendLeaf {
		issuers = issuers[:1]
	}
	for _, name := range s.asked.Trust {
		anchor := pki.AuthorityTemplate(name)
		if name == pki.PeerLeaf {
			anchor = s.good.Leaf
		}
		if slices.ContainsFunc(issuers, func(t pki.Template) bool { return slices.Equal(t.CommonNames, anchor.CommonNames) }) {
			return true
		}
	}
	return false
}

func (s showing) hasWeakDigest() bool {
	return slices.ContainsFunc(s.all(), func(t pki.Template) bool { return t.Digest != pki.SHA256 })
}

func (s showing) issuerIsNoCA() bool {
	return slices.ContainsFunc(s.issuers(), func(t pki.Template) bool { return !t.CA })
}

func (s showing) hasUnknownCritical() bool {
	return slices.ContainsFunc(s.all(), func(t pki.Template) bool { return t.CriticalUnknown })
}

func (s showing) isOutOfDate() bool {
	all := s.all()
	if s.asked.Trusts(s.cred.Root) {
		all = append(all, pki.AuthorityTemplate(s.cred.Root))
	}
	return slices.ContainsFunc(all, func(t pki.Template) bool { return t.NotBefore > 0 || t.NotAfter < 0 })
}

// breaksPathLength: a CA's limit counts the intermediates between it and the leaf (RFC 5280 section 4.2.1.9).
func (s showing) breaksPathLength() bool {
	for below, issuer := range s.issuers() {
		if issuer.PathLen != pki.NoPathLen && below > issuer.PathLen {
			return true
		}
	}
	return false
}

// breaksNameConstraint: each URI SAN of the leaf must have a host that every issuer permits and none excludes
// (RFC 5280 section 4.2.1.10). A leaf without URI SANs is not constrained.
func (s showing) breaksNameConstraint() bool {
	for _, issuer := range s.issuers() {
		for _, uri := range s.cred.Leaf.URIs {
			host := hostOf(uri)
			in := func(domain string) bool {
				return host == domain || strings.HasPrefix(domain, ".") && strings.HasSuffix(host, domain)
			}
			if slices.ContainsFunc(issuer.ExcludedURIDomains, in) {
				return true
			}
			if len(issuer.PermittedURIDomains) > 0 && !slices.ContainsFunc(issuer.PermittedURIDomains, in) {
				return true
			}
		}
	}
	return false
}

// usageIsNotAllowed: a certificate of the path that restricts its usages must name the one that is asked for, or any.
func (s showing) usageIsNotAllowed() bool {
	role := pki.Client
	if s.side == handshake.Server {
		role = pki.Server
	}
	return slices.ContainsFunc(s.all(), func(t pki.Template) bool {
		return len(t.Usages) > 0 && !slices.Contains(t.Usages, role.Usage()) && !slices.Contains(t.Usages, x509.ExtKeyUsageAny)
	})
}

// hasOtherThanOneURI: an X509-SVID has exactly one URI SAN (SPIFFE X509-SVID section 2).
func (s showing) hasOtherThanOneURI() bool { return s.asked.X509SVID && len(s.cred.Leaf.URIs) != 1 }

// isIssuer: the leaf of an X509-SVID is no authority, and is there to sign, but not to sign certificates or revocation
// lists (SPIFFE X509-SVID sections 4.1 and 4.3).
func (s showing) isIssuer() bool {
	const issuing = x509.KeyUsageCertSign | x509.KeyUsageCRLSign
	leaf := s.cred.Leaf
	return s.asked.X509SVID && (leaf.CA || leaf.KeyUsage&issuing != 0 || leaf.KeyUsage&x509.KeyUsageDigitalSignature == 0)
}

// isAnotherHost: the host that was dialled stands in a SAN of its own kind, an address in an IP SAN and a name in a DNS
// SAN, and nowhere else (RFC 9525 section 6).
func (s showing) isAnotherHost() bool {
	if s.asked.Host == "" {
		return false
	}
	if _, err := netip.ParseAddr(s.asked.Host); err == nil {
		return !slices.Contains(s.cred.Leaf.IPAddresses, s.asked.Host)
	}
	return !slices.Contains(s.cred.Leaf.DNSNames, s.asked.Host)
}

func (s showing) isRevoked() bool { return s.asked.Revokes && s.cred.Leaf.Serial == pki.RevokedSerial }

func (s showing) isSomebodyElse() bool {
	name, _ := s.knownAs()
	return name == "" && s.asked.Host == "" && s.asked.Asking != link.Anybody
}

// knownAs returns the name by which the peer is accepted, and the rule that says so; "" if it is not. Names are
// compared whole, byte for byte, but for the scheme of a URI, which has no case (RFC 3986 section 3.1). Of several
// Common Names the last counts, of several URI SANs any.
func (s showing) knownAs() (name, rule string) {
	leaf := s.cred.Leaf
	both := s.asked.CN != "" && s.asked.URISAN != ""
	if cn := s.asked.CN; cn != "" && len(leaf.CommonNames) > 0 && leaf.CommonNames[len(leaf.CommonNames)-1] == cn {
		if both {
			return cn, "IDENT-06"
		}
		return cn, "IDENT-01"
	}
	if uri := s.asked.URISAN; uri != "" && slices.ContainsFunc(leaf.URIs, func(u string) bool { return lowerScheme(u) == uri }) {
		if both {
			return uri, "IDENT-06"
		}
		return uri, "IDENT-04"
	}
	return "", ""
}

// consults reports whether the peer's relying party looks at what the variant changes.
func (s showing) consults() bool {
	switch s.variant.Touches {
	case pki.TouchesCN:
		return s.asked.CN != ""
	case pki.TouchesURI:
		return s.asked.URISAN != ""
	case pki.TouchesHost:
		return s.asked.Host != ""
	case pki.TouchesBoth, pki.TouchesNone:
	}
	return true
}

// all are the certificates of the path, the leaf first.
func (s showing) all() []pki.Template {
	path, _ := s.path()
	return path
}

// issuers are the certificates of the path above the leaf.
func (s showing) issuers() []pki.Template { return s.all()[1:] }

// hostOf returns the host of a URI in lower case, without a user before it or a port after it (RFC 3986 section 3.2).
func hostOf(uri string) string {
	_, rest, _ := strings.Cut(uri, "://")
	authority := rest
	if end := strings.IndexAny(rest, "/?#"); end >= 0 {
		authority = rest[:end]
	}
	host := authority[strings.LastIndex(authority, "@")+1:]
	host, _, _ = strings.Cut(host, ":")
	return strings.ToLower(host)
}

func lowerScheme(uri string) string {
	scheme, rest, ok := strings.Cut(uri, ":")
	if !ok {
		return uri
	}
	return strings.ToLower(scheme) + ":" + rest
}
