package matrix

import (
	"iter"
	"math/bits"
	"slices"

	"github.com/calico-tls/conformance/harness/handshake"
	"github.com/calico-tls/conformance/harness/link"
	"github.com/calico-tls/conformance/pki"
)

// Constraints say which combinations of mode, variants, version and subject are not in [Space].
var Constraints = []string{
	"a subject shows no defect of its own: whoever refuses that is not the subject, and hides what the subject would say",
	"a variant that is about a name is shown where that name is required",
	"a variant that needs a setting made for it is shown with that setting alone",
	"a server sends a certificate",
	"a variant is shown in the versions of TLS that can carry it",
	"neither end speaks plaintext",
	"a client that shows a token shows no certificate",
	"the two ends are those of the link: a further component that plays one is posed once in each mode",
}

// Space enumerates each combination of mode, variants, version and subject, without setting and conduct, in which the
// subject is asked something.
func Space(l link.Link) []Case {
	var cases []Case
	modes := slices.DeleteFunc(slices.Clone(l.Modes), func(m link.Mode) bool { return m.Server.Plaintext() })
	for _, subject := range judged(l) {
		for _, client := range pairable(handshake.Client) {
			for _, server := range pairable(handshake.Server) {
				for _, c := range candidates(modes, client, server, subject) {
					c.Link, c.Subject = l.Name, l.End(subject).Component
					cases = append(cases, c)
				}
			}
		}
	}
	return cases
}

// Full enumerates all of [Space], beside [Core].
func Full(l link.Link) []Case { return sorted(append(Core(l), Space(l)...)) }

// Coverage returns which share, from 0 to 1, of the combinations of n factors that occur in [Space] occur in cases without
// setting and conduct. It counts, and asks no strategy.
func Coverage(l link.Link, cases []Case, n int) float64 {
	covered := map[uint64]bool{}
	numbers := numbers{}
	for _, c := range Space(l) {
		for x := range numbers.combinations(c, n) {
			covered[x] = false
		}
	}
	found := 0
	for _, c := range cases {
		if c.Link != l.Name || c.Setting+c.Token+c.Conduct != "" {
			continue
		}
		for x := range numbers.combinations(c, n) {
			if before, possible := covered[x]; possible && !before {
				covered[x] = true
				found++
			}
		}
	}
	return float64(found) / float64(max(1, len(covered)))
}

// numbers gives each name a number from 1, as tens of thousands of cases are counted faster by numbers than by names.
type numbers map[string]uint64

// numberBits is how many bits a number has.
const numberBits = 12

func (n numbers) of(name string) uint64 {
	if _, ok := n[name]; !ok {
		n[name] = uint64(len(n) + 1)
	}
	return n[name]
}

// combinations yields each choice of some of the factors of a case as one number, in which each factor has its place.
func (n numbers) combinations(c Case, some int) iter.Seq[uint64] {
	factors := [...]uint64{n.of(c.Mode), n.of(c.Client), n.of(c.Server), n.of(string(c.Version)), n.of(c.Subject)}
	return func(yield func(uint64) bool) {
		for mask := range uint(1) << len(factors) {
			if bits.OnesCount(mask) != some {
				continue
			}
			var combination uint64
			for i, number := range factors {
				if mask&(1<<i) != 0 {
					combination |= number << (numberBits * i)
				}
			}
			if !yield(combination) {
				return
			}
		}
	}
}

// pairable are the variants that an end can show without a setting made for them.
func pairable(side handshake.Side) []pki.Variant {
	return slices.DeleteFunc(slices.Clone(pki.Variants), func(v pki.Variant) bool {
		return v.Setting || v.Name == "none" && side == handshake.Server
	})
}
