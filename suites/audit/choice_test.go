package audit_test

import (
	"cmp"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/calico-tls/conformance/harness/handshake"
	"github.com/calico-tls/conformance/harness/link"
	"github.com/calico-tls/conformance/harness/link/felixtypha"
	"github.com/calico-tls/conformance/harness/matrix"
	"github.com/calico-tls/conformance/pki"
)

// choice says of a fault what its trial needs besides what every trial has.
type choice struct {
	fault string
	// besides are globs of further cases; the subject stands for itself.
	besides []string
	// judge is the end whose check the fault is about, where that is not the faulty one.
	judge handshake.Side
	// narrow says why all cases that can see the fault are of one mode and version; "" where they are not.
	narrow string
}

var choices = []choice{
	{fault: "weak-suites", besides: []string{"**/conduct=suite-*"}, narrow: "(suites can be chosen in TLS 1.2 alone, and are offered in one mode)"},
	{fault: "tls12-only", besides: []string{"**/conduct=offer-all"}},
	{fault: "offers-weak-suites", besides: []string{"**/conduct=hello-suites"}},
	{fault: "no-authority-list", besides: []string{"**/conduct=withhold"}},
	{fault: "cn-wildcard", besides: []string{"**/setting=cn-wildcard"}},
	{fault: "plaintext-when-files-missing", besides: []string{"**/setting=missing-*"}, narrow: "(a start has no version, and is posed in one mode)"},
	{fault: "speaks-first", besides: []string{"**/conduct=idle-first"}},
	{fault: "one-at-a-time", besides: []string{"**/conduct=idle-first"}},
	{fault: "counts-refused", besides: []string{"**/conduct=metered"}},
}

func choiceOf(fault string) choice {
	i := slices.IndexFunc(choices, func(c choice) bool { return c.fault == fault })
	if i < 0 {
		return choice{}
	}
	return choices[i]
}

// judges is the side whose check the fault is about.
func (x trial) judges() handshake.Side {
	return cmp.Or(choiceOf(x.Name).judge, x.side)
}

// cases are those of core that a trial runs: what the peer shows, in each mode, and what the choice adds.
func (x trial) cases() []matrix.Case {
	besides := choiceOf(x.Name).besides
	return slices.DeleteFunc(matrix.Core(felixtypha.Link), func(c matrix.Case) bool {
		if c.Subject != x.subject() {
			return true
		}
		for _, glob := range besides {
			if doublestar.MatchUnvalidated(glob, c.ID()) {
				return false
			}
		}
		return c.Setting+c.Conduct != "" || c.Version == link.None || !x.plain(c)
	})
}

// plain reports whether a case belongs to every trial: not those of keys, which are slow to make and are no fault's
// matter, and where both names are asked for those alone that are about names.
func (x trial) plain(c matrix.Case) bool {
	name, own := c.Client, c.Server
	if x.side == handshake.Client {
		name, own = own, name
	}
	v, _ := pki.VariantNamed(name)
	switch {
	case own != "good" && own != "none":
		return false
	case strings.HasPrefix(name, "key-"), strings.HasPrefix(name, "issuer-") && v.Breaks == "", strings.HasPrefix(name, "chain-"):
		return false
	case name == "operator-shape", name == "md5":
		return false
	}
	return c.Mode != "cn-or-uri-san" || v.Touches != pki.TouchesNone || name == "good"
}
