package matrix

import (
	"slices"

	"github.com/calico-tls/conformance/harness/handshake"
	"github.com/calico-tls/conformance/harness/link"
	"github.com/calico-tls/conformance/pki"
)

// Pairwise enumerates, for each end as the subject, cases in which each pair of (mode, client variant, server variant,
// version) occurs at least once, but for pairs that cannot be seen: where both ends show a defect, the one that refuses
// first hides the other. It is deterministic, and greedy: each pair of variants takes the mode and version that cover
// the most pairs that are still missing.
func Pairwise(l link.Link) []Case {
	var cases []Case
	for _, subject := range judged(l) {
		cases = append(cases, pairs(l, subject)...)
	}
	return sorted(cases)
}

func pairs(l link.Link, subject handshake.Side) []Case {
	covered, numbers := map[uint64]bool{}, numbers{}
	news := func(c Case) int {
		n := 0
		for p := range numbers.combinations(c, 2) {
			if !covered[p] {
				n++
			}
		}
		return n
	}
	var cases []Case
	modes := slices.DeleteFunc(slices.Clone(l.Modes), func(m link.Mode) bool { return m.Server.Plaintext() })
	for _, client := range pairable(handshake.Client) {
		for _, server := range pairable(handshake.Server) {
			if c, ok := telling(l.End(subject).Component, candidates(modes, client, server, subject), news); ok {
				c.Link = l.Name
				cases = append(cases, c)
				for p := range numbers.combinations(c, 2) {
					covered[p] = true
				}
			}
		}
	}
	return cases
}

// candidates are the cases of a pair of variants, in the modes that ask for what the two are about, and in which the
// subject shows no defect: that would hide what is asked of it.
func candidates(modes []link.Mode, client, server pki.Variant, subject handshake.Side) []Case {
	var cases []Case
	for _, m := range modes {
		if !m.IsFor(subject) || !asksAbout(m.Server, client) || !asksAbout(m.Client, server) ||
			!posedIn(m, client, handshake.Server) || !posedIn(m, server, handshake.Client) || bare(m, client) {
			continue
		}
		own := client
		if subject == handshake.Server {
			own = server
		}
		if breaks(m.Asked(subject.Other()), own) {
			continue
		}
		for _, c := range versions(Case{Mode: m.Name, Client: client.Name, Server: server.Name}, client) {
			if len(server.Versions) == 0 || slices.Contains(server.Versions, string(c.Version)) {
				cases = append(cases, c)
			}
		}
	}
	return cases
}

func asksAbout(asked link.Verifier, v pki.Variant) bool {
	if asked.Asking == link.Ignores {
		return slices.Contains(unseen, v.Name)
	}
	switch v.Touches {
	case pki.TouchesCN:
		return asked.CN != ""
	case pki.TouchesURI:
		return asked.URISAN != ""
	case pki.TouchesBoth:
		return asked.CN != "" && asked.URISAN != ""
	case pki.TouchesHost:
		return asked.Host != "" || isPlain(v)
	case pki.TouchesNone:
	}
	return true
}

// breaks reports whether a variant shows a defect to an end that asks.
func breaks(asked link.Verifier, v pki.Variant) bool {
	return v.Breaks != "" && asked.Asking != link.Ignores && (v.Touches != pki.TouchesHost || asked.Host != "")
}

// telling returns the candidate that brings the most news, the first of several.
func telling(subject string, cases []Case, news func(Case) int) (Case, bool) {
	var best Case
	most := -1
	for _, c := range cases {
		c.Subject = subject
		if n := news(c); n > most {
			best, most = c, n
		}
	}
	return best, most >= 0
}
