package audit_test

import (
	"cmp"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/calico-tls/conformance/harness/handshake"
	"github.com/calico-tls/conformance/harness/link"
	"github.com/calico-tls/conformance/harness/matrix"
	"github.com/calico-tls/conformance/pki"
)

// choice says of a fault what its trial needs besides what every trial has.
type choice struct {
	fault string
	// besides are globs of further cases, instead those of all cases of the trial.
	besides, instead []string
	// subject is the further component that has the fault; "" for the link's own.
	subject string
	// elsewhere says that the check that the fault is about is its peer's.
	elsewhere checker
	// narrow says why all cases that can see the fault are of one mode and version; "" where they are not.
	narrow string
}

// checker says whose check a fault is about.
type checker string

// The ends whose check a fault is about.
const (
	itself  checker = "" // the faulty end
	itsPeer checker = "its peer"
)

var choices = []choice{
	{fault: "tls12-only", besides: []string{"**/conduct=offer-all"}},
	{fault: "weak-suites", besides: []string{"**/conduct=suite-*"}, narrow: "(suites can be chosen in TLS 1.2 alone, and are offered in one mode)"},
	{fault: "offers-weak-suites", besides: []string{"**/conduct=hello-suites"}},
	{fault: "no-authority-list", besides: []string{"**/conduct=withhold"}},
	{fault: "system-roots", besides: []string{"**/setting=system-roots"}},
	{fault: "first-authority-only", besides: []string{"**/setting=bundle-*", "**/setting=inline-bundle-2"}},
	{fault: "cn-wildcard", besides: []string{"**/setting=cn-wildcard"}},
	{fault: "plaintext-when-files-missing", besides: []string{"**/setting=missing-*"}, narrow: "(a start has no version, and is posed in one mode)"},
	{fault: "missing-files-as-none", instead: []string{"**/setting=missing-*"}, narrow: "(a start has no version, and is posed in one mode)"},
	{fault: "first-scheme-for-all", instead: []string{"**/setting=endpoints-*"}, narrow: "(a start has no version, and is posed in one mode)"},
	{fault: "first-host-for-all", instead: []string{"**/setting=endpoints-*"}},
	{fault: "certificate-kept", instead: append([]string{"**/setting=client-renewed"}, few...)},
	{fault: "starts-anyway", instead: []string{"**/none/setting=unset-*", "**/none/setting=junk-*"}},
	{fault: "refuse-through-the-peer", instead: few},
	{fault: "speaks-first", besides: []string{"**/conduct=idle-first"}},
	{fault: "one-at-a-time", besides: []string{"**/conduct=idle-first"}},
	{fault: "refusal-blocks-the-next", instead: []string{"**/conduct=amid-refusals", "*/uri-san/*/client=*/server=*/tls1.3"}},
	{fault: "counts-refused", besides: []string{"**/conduct=metered"}},
	{fault: "certificate-withheld", instead: append([]string{"**/conduct=no-ca-list"}, few...), elsewhere: itsPeer},
	{fault: "certificate-without-chain", instead: append([]string{"**/client=intermediate/server=good/**", "**/client=good/server=intermediate/**", "**/conduct=chain"}, few...), elsewhere: itsPeer},
	{fault: "certificate-of-its-own", instead: few, elsewhere: itsPeer},
	{fault: "first-endpoint-only", instead: []string{"**/setting=service*"}},
	{fault: "next-endpoint-unverified", instead: []string{"**/setting=service*"}},
	{fault: "trusts-without-bundle", besides: []string{"**/setting=unset-k8sCAFile"}},
	{fault: "heeds-variables", instead: []string{"**/setting=*-variable"}, narrow: "(what has no effect would have one in TLS 1.2 alone)"},
	{fault: "token-of-another-variable", instead: []string{"**/setting=token-variable-other/**"}},
	{fault: "pod-unverified", instead: []string{"**/setting=pod*"}},
	{fault: "pod-in-the-clear", instead: []string{"**/setting=pod*"}},
	{fault: "panics-without-version", subject: "felix", instead: []string{"**/conduct=version-denied"}},
	{fault: "asks-in-the-clear", instead: []string{"**/setting=k8sAPIEndpoint-http"}},
	{fault: "trusts-headers", besides: []string{"**/conduct=remote-user*"}},
	{fault: "trusts-every-proxy", besides: []string{"**/setting=requestheader-*/conduct=remote-user"}},
	{fault: "token-first", besides: []string{"**/x509/**/token=*"}},
	{fault: "serves-anonymous", besides: []string{"**/setting=anonymous-auth"}},
}

// few are cases that are done soon, for faults by which a stub Felix is refused each time: it waits then before it dials
// again.
var few = []string{"*/*/*/client={good,other-authority,id-other}/server=good/tls*", "*/*/*/client=good/server={other-authority,id-other}/tls*"}

func choiceOf(fault string) choice {
	i := slices.IndexFunc(choices, func(c choice) bool { return c.fault == fault })
	if i < 0 {
		return choice{}
	}
	return choices[i]
}

// judges is the side whose check the fault is about.
func (x trial) judges() handshake.Side {
	if choiceOf(x.Name).elsewhere == itsPeer {
		return x.seat.Side.Other()
	}
	return x.seat.Side
}

// cases are those of core that a trial runs: what the peer shows, in each mode, and what the choice says.
func (x trial) cases() []matrix.Case {
	chosen := choiceOf(x.Name)
	matches := func(globs []string, c matrix.Case) bool {
		return slices.ContainsFunc(globs, func(glob string) bool { return doublestar.MatchUnvalidated(glob, c.ID()) })
	}
	return slices.DeleteFunc(matrix.Core(x.link()), func(c matrix.Case) bool {
		switch {
		case c.Subject != x.subject():
			return true
		case chosen.instead != nil:
			return !matches(chosen.instead, c)
		case matches(chosen.besides, c):
			return false
		}
		return c.Setting+c.Conduct != "" || c.Version == link.None || !x.plain(c)
	})
}

// plain reports whether a case belongs to every trial: not those of keys, which are slow to make and are no fault's
// matter, and where both names are asked for those alone that are about names. What is shown is good, or fails the check
// that the fault is about.
func (x trial) plain(c matrix.Case) bool {
	name, own := c.Client, c.Server
	if x.seat.Side == handshake.Client {
		name, own = own, name
	}
	v, _ := pki.VariantNamed(name)
	token, _ := pki.TokenVariantNamed(cmp.Or(c.Token, "good"))
	about := func(name string, breaks pki.Check) bool {
		named := v.Touches != pki.TouchesNone
		return name == "good" || name == "none" || breaks == x.Check ||
			breaks == "" && (x.Check == pki.CheckChain && !named || x.Check == pki.CheckIdentity && named)
	}
	switch {
	case !about(name, v.Breaks) || !about(token.Name, token.Breaks):
		return false
	case own != "good" && own != "none":
		return false
	case strings.HasPrefix(name, "key-"), strings.HasPrefix(name, "issuer-") && v.Breaks == "", strings.HasPrefix(name, "chain-"):
		return false
	case name == "operator-shape", name == "md5":
		return false
	}
	return c.Mode != "cn-or-uri-san" || v.Touches != pki.TouchesNone || name == "good"
}
