package oracle_test

import (
	"testing"
	"time"

	"github.com/calico-tls/conformance/harness/handshake"
	"github.com/calico-tls/conformance/harness/link"
	"github.com/calico-tls/conformance/harness/oracle"
	"github.com/calico-tls/conformance/pki"
)

// TestExamine asks about shapes that no variant has: paths that only look like those that lead to an anchor, hosts that
// are written in other ways, and limits that are just kept.
func TestExamine(t *testing.T) {
	t.Parallel()
	var (
		none      = oracle.Objection{}
		issuer    = oracle.Objection{Check: pki.CheckChain, Cause: "issuer"}
		validity  = oracle.Objection{Check: pki.CheckValidity, Cause: "validity"}
		length    = oracle.Objection{Check: pki.CheckChain, Cause: "path-length"}
		names     = oracle.Objection{Check: pki.CheckChain, Cause: "name-constraints"}
		oversized = oracle.Objection{Check: pki.CheckEncoding, Cause: "oversized"}
		identity  = oracle.Objection{Check: pki.CheckIdentity, Cause: "identity"}
	)
	between := func(edit func(*pki.Template)) []pki.Template {
		it := pki.AuthorityTemplate(pki.Intermediate)
		edit(&it)
		return []pki.Template{it}
	}
	as := func(*pki.Template) {}
	under := func(edit func(*pki.Template)) func(*pki.Credential) {
		return func(c *pki.Credential) { c.Path = between(edit) }
	}
	constrained := func(uri string, edit func(*pki.Template)) func(*pki.Credential) {
		return func(c *pki.Credential) { c.Leaf.URIs, c.Path = []string{uri}, between(edit) }
	}
	permits := func(domain string) func(*pki.Template) {
		return func(t *pki.Template) { t.PermittedURIDomains = []string{domain} }
	}
	excludes := func(domain string) func(*pki.Template) {
		return func(t *pki.Template) { t.ExcludedURIDomains = []string{domain} }
	}
	chain := func(limit int, below ...pki.Template) func(*pki.Credential) {
		return func(c *pki.Credential) {
			c.Path = append(below, between(func(t *pki.Template) { t.PathLen = limit })...)
		}
	}
	lower := between(func(t *pki.Template) { t.CommonNames = []string{"lower"} })[0]
	for _, c := range []struct {
		name   string
		trust  []pki.AuthorityName
		change func(*pki.Credential)
		want   oracle.Objection
	}{
		{"as it should be", []pki.AuthorityName{pki.Trusted}, func(*pki.Credential) {}, none},
		{"nobody is trusted", nil, func(*pki.Credential) {}, issuer},

		{"the leaf is the anchor", []pki.AuthorityName{pki.PeerLeaf}, func(*pki.Credential) {}, none},
		{"a leaf like the anchor, of another authority", []pki.AuthorityName{pki.PeerLeaf}, func(c *pki.Credential) { c.Root = pki.Second }, issuer},
		{"a leaf like the anchor, of an intermediate", []pki.AuthorityName{pki.PeerLeaf}, under(as), issuer},

		{"the intermediate is the anchor", []pki.AuthorityName{pki.Intermediate}, under(as), none},
		{"the intermediate is the anchor, and the root has expired", []pki.AuthorityName{pki.Intermediate, pki.ExpiredRoot}, under(as), none},
		{"one like the anchor, below another root", []pki.AuthorityName{pki.Intermediate}, func(c *pki.Credential) { c.Path, c.Root = between(as), pki.Second }, issuer},
		{"one like the anchor, below another intermediate", []pki.AuthorityName{pki.Intermediate}, func(c *pki.Credential) { c.Path = append(between(as), lower) }, issuer},
		{"the anchor above another intermediate", []pki.AuthorityName{pki.Intermediate}, func(c *pki.Credential) { c.Path = append([]pki.Template{lower}, between(as)...) }, none},
		{"the anchor above one that is not sent", []pki.AuthorityName{pki.Intermediate}, func(c *pki.Credential) {
			c.Path, c.Sending = append([]pki.Template{lower}, between(as)...), pki.SendLeaf
		}, issuer},
		{"an expired root among the anchors", []pki.AuthorityName{pki.Trusted, pki.ExpiredRoot}, func(c *pki.Credential) { c.Root = pki.ExpiredRoot }, validity},
		{"an expired root that is none", []pki.AuthorityName{pki.Trusted}, func(c *pki.Credential) { c.Root = pki.ExpiredRoot }, issuer},

		{"valid from this moment on", []pki.AuthorityName{pki.Trusted}, func(c *pki.Credential) { c.Leaf.NotBefore = 0 }, none},
		{"valid from the next one on", []pki.AuthorityName{pki.Trusted}, func(c *pki.Credential) { c.Leaf.NotBefore = time.Nanosecond }, validity},
		{"valid up to this moment", []pki.AuthorityName{pki.Trusted}, func(c *pki.Credential) { c.Leaf.NotAfter = 0 }, none},
		{"valid up to the last one", []pki.AuthorityName{pki.Trusted}, func(c *pki.Credential) { c.Leaf.NotAfter = -time.Nanosecond }, validity},

		{"none below, and none allowed", []pki.AuthorityName{pki.Trusted}, chain(0), none},
		{"one below, and none allowed", []pki.AuthorityName{pki.Trusted}, chain(0, lower), length},
		{"one below, and one allowed", []pki.AuthorityName{pki.Trusted}, chain(1, lower), none},
		{"two below, and one allowed", []pki.AuthorityName{pki.Trusted}, chain(1, lower, lower), length},
		{"two below, without a limit", []pki.AuthorityName{pki.Trusted}, chain(pki.NoPathLen, lower, lower), none},

		{"as large as is borne", []pki.AuthorityName{pki.Trusted}, func(c *pki.Credential) { c.Padding = 256 << 10 }, none},
		{"larger than is borne", []pki.AuthorityName{pki.Trusted}, func(c *pki.Credential) { c.Padding = 256<<10 + 1 }, oversized},

		{"the host is permitted", []pki.AuthorityName{pki.Trusted}, constrained("spiffe://a.example.com/x", permits("a.example.com")), none},
		{"the host is below what is permitted", []pki.AuthorityName{pki.Trusted}, constrained("spiffe://b.a.example.com/x", permits("a.example.com")), names},
		{"the host is below a permitted dot", []pki.AuthorityName{pki.Trusted}, constrained("spiffe://a.example.com/x", permits(".example.com")), none},
		{"the host is a permitted dot's own", []pki.AuthorityName{pki.Trusted}, constrained("spiffe://example.com/x", permits(".example.com")), names},
		{"the host is permitted in capitals", []pki.AuthorityName{pki.Trusted}, constrained("spiffe://A.EXAMPLE.COM/x", permits("a.example.com")), none},
		{"the host has a user and a port", []pki.AuthorityName{pki.Trusted}, constrained("spiffe://b.example.com@a.example.com:1/x", permits("a.example.com")), none},
		{"the user is excluded", []pki.AuthorityName{pki.Trusted}, constrained("spiffe://b.example.com@a.example.com", excludes("b.example.com")), none},
		{"the host before a query is excluded", []pki.AuthorityName{pki.Trusted}, constrained("spiffe://a.example.com?x", excludes("a.example.com")), names},
		{"the host before a fragment is excluded", []pki.AuthorityName{pki.Trusted}, constrained("spiffe://a.example.com#x", excludes("a.example.com")), names},
		{"a part of the path is excluded", []pki.AuthorityName{pki.Trusted}, constrained("spiffe://a.example.com/@b.example.com", excludes("b.example.com")), none},
		{"nothing is permitted, and there is no URI", []pki.AuthorityName{pki.Trusted}, func(c *pki.Credential) { c.Leaf.URIs, c.Path = nil, between(permits("other.example.org")) }, none},
		{"permitted by one, and excluded by another", []pki.AuthorityName{pki.Trusted}, func(c *pki.Credential) {
			c.Path = append(between(permits("k8s.example.com")), between(excludes("k8s.example.com"))...)
		}, names},

		{"no name at all", []pki.AuthorityName{pki.Trusted}, func(c *pki.Credential) { c.Leaf.CommonNames = nil }, identity},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			good := pki.Good(pki.Client, felix)
			shown := good
			c.change(&shown)
			if got := oracle.Examine(link.Verifier{Trust: c.trust, CN: felix.CN}, handshake.Client, shown, good); got != c.want {
				t.Errorf("wanted %+v, found %+v", c.want, got)
			}
		})
	}
}

var felix = pki.Identity{CN: "typha-client", URISAN: "spiffe://k8s.example.com/typha-client"}
