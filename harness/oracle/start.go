package oracle

import (
	"github.com/calico-tls/conformance/harness/handshake"
	"github.com/calico-tls/conformance/harness/link"
)

// refrains says whether the subject must neither listen nor dial, by how it is given its parameters: not complete, or
// of no use.
func (q question) refrains() bool {
	s, ok := q.link.Setting(q.c.Setting, q.c.Mode, q.c.Subject)
	if !ok {
		return false
	}
	asked := q.mode.Client
	if s.Side == handshake.Server {
		asked = q.mode.Server
	}
	if s.Change != nil {
		asked = s.Change(asked)
	}
	state := s.State(asked)
	return state == link.Incomplete || state == link.Spoilt || s.Address != ""
}

// notStarted is the answer where the subject must refrain. Its twin is the mode's own configuration, which starts.
func (q question) notStarted() Expectation {
	twin := q.c
	twin.Setting, twin.Conduct, twin.Version = "", "", link.TLS13
	return Expectation{Outcome: handshake.NotStarted, Rules: q.rules(showing{}), Level: q.level(showing{}), Twin: &twin}
}

// level is that of the case's conduct or setting, or else of what its peer shows; "" for that of its first rule.
func (q question) level(peer showing) string {
	if d, ok := q.link.Conduct(q.c.Conduct); ok && d.Level != "" {
		return d.Level
	}
	if s, ok := q.link.Setting(q.c.Setting, q.c.Mode, q.c.Subject); ok && s.Level != "" {
		return s.Level
	}
	if s, ok := q.shown(); ok && s.Level != "" {
		return s.Level
	}
	return levels[peer.variant.Name]
}

// shown is what the subject itself shows, where that is another variant than the good one and no setting or conduct
// wants it.
func (q question) shown() (link.Shown, bool) {
	if q.c.Setting != "" || q.c.Conduct != "" {
		return link.Shown{}, false
	}
	own := q.c.Server
	if q.subject == handshake.Client {
		own = q.c.Client
	}
	return q.link.ShownBy(q.subject, q.c.Mode, own)
}
