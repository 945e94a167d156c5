package oracle

import (
	"cmp"
	"slices"

	"github.com/calico-tls/conformance/harness/handshake"
	"github.com/calico-tls/conformance/harness/link"
)

// refrains reports whether the subject must neither listen nor dial, by how it is given its parameters: they are not
// complete, or of no use; or TLS_CIPHER_SUITES has a name that nobody knows.
func (q question) refrains() bool {
	for name := range named(q.setting) {
		if _, known := q.link.Suite(name); !known {
			return true
		}
	}
	asked := q.mode.Client
	if q.setting.Side == handshake.Server {
		asked = q.mode.Server
	}
	if q.setting.Change != nil {
		asked = q.setting.Change(asked)
	}
	state := q.link.State(q.setting, asked)
	return state == link.Incomplete || state == link.Spoilt || q.setting.Address != "" || q.setting.Unfit
}

// notStarted is the answer where the subject must refrain. Its twin is the mode's own configuration, which starts.
func (q question) notStarted() Expectation {
	twin := q.c
	twin.Setting, twin.Conduct, twin.Version = "", "", link.TLS13
	// What is asked besides goes before the setting, which others pose as well.
	rules := slices.Concat(q.conduct.Rules, q.setting.Rules)
	return Expectation{Outcome: handshake.NotStarted, Rules: rules, Level: cmp.Or(q.conduct.Level, q.setting.Level), Twin: &twin}
}

// level is that of the case's setting, or of its conduct where it has no setting, or of what the subject itself shows,
// or of what its peer does; "" for that of the first rule.
func (q question) level(peer showing) string {
	own := q.shown()
	if q.setting.Name != "" {
		return cmp.Or(q.setting.Level, levels[peer.variant.Name])
	}
	return cmp.Or(q.conduct.Level, own.Level, levels[peer.variant.Name])
}

// shown is what the subject itself shows, where that is another variant than the good one and no setting or conduct
// wants it; the zero Shown elsewhere.
func (q question) shown() link.Shown {
	if q.c.Setting != "" || q.c.Conduct != "" {
		return link.Shown{}
	}
	own := q.c.Server
	if q.subject == handshake.Client {
		own = q.c.Client
	}
	s, _ := q.link.ShownBy(q.subject, q.c.Mode, own)
	return s
}
