// Package oracle says what must happen in a case, and whether that is what happened. [Predict] decides by value, from
// templates and modes; [Judge] compares an expectation with the two accounts of an observation. It never sees an
// endpoint, a certificate or a verifier of the standard library.
package oracle

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/calico-tls/conformance/harness/handshake"
	"github.com/calico-tls/conformance/harness/link"
	"github.com/calico-tls/conformance/harness/matrix"
	"github.com/calico-tls/conformance/pki"
)

// Expectation is what must happen in a case.
type Expectation struct {
	Outcome handshake.Outcome
	// By is the side that must refuse, Check the check for which it must, and Cause the row of the oracle's table that
	// fails, which tells more than the check; all "" where nothing is refused.
	By    handshake.Side
	Check pki.Check
	Cause string
	// Identity is the name by which the subject must know its peer, where it is accepted under TLS, or known and denied.
	Identity string
	// Rules are the rules that decide, the most telling first.
	Rules []string
	// Level is the level of the case where it is not that of its first rule; "" elsewhere.
	Level string
	// Phase is the phase in which the side must refuse: the handshake, or the application where it must do so by its
	// answer; PhaseNone where nothing is refused.
	Phase handshake.Phase
	// Unasked says that the subject asks for no certificate, so that it sees none.
	Unasked bool
	// Elsewhere says that it is not the subject that must refuse, but the instrument, for what the subject shows or is
	// asked for.
	Elsewhere bool
	// Twin is the accepted case from which a refused one, or one that must not start, differs in exactly one attribute;
	// nil for an accepted one.
	Twin *matrix.Case
}

// Predict says what must happen in a case of a link. It returns an error for a case whose names do not exist.
func Predict(l link.Link, c matrix.Case) (Expectation, error) {
	q, err := pose(l, c)
	if err != nil {
		return Expectation{}, fmt.Errorf("predicting %s: %w", c.ID(), err)
	}
	return q.answer(), nil
}

// question is a case with its names resolved.
type question struct {
	link link.Link
	c    matrix.Case
	mode link.Mode
	// subject is the side that is judged; the server where both are.
	subject handshake.Side
	// setting and conduct are the zero values where the case has none.
	setting link.Setting
	conduct link.Conduct
	// meeting is the meeting of the two ends where both are judged; nil elsewhere.
	meeting *link.Meeting
	// client and server are what each end is asked about.
	client, server showing
}

// showing is what one end shows to the other.
type showing struct {
	side    handshake.Side
	variant pki.Variant
	cred    pki.Credential
	// asked is what the other end requires, and own the good credential of this end.
	asked link.Verifier
	good  pki.Credential
	// token is the token that a client shows, bearing the variant; bears says that the case is about tokens at all. forwards
	// is the user for whom the client says that it asks.
	token    pki.Token
	bearing  pki.TokenVariant
	bears    bool
	forwards string
}

func pose(l link.Link, c matrix.Case) (question, error) {
	q := question{link: l, c: c}
	var ok bool
	if q.mode, ok = l.Mode(c.Mode); !ok {
		return q, fmt.Errorf("link %s has no mode %q", l.Name, c.Mode)
	}
	if q.subject, ok = l.Side(c.Subject); !ok {
		m, met := l.Meeting(c.Mode, c.Client, c.Server, c.Setting)
		if c.Subject != l.Both() || !met {
			return q, fmt.Errorf("link %s has no end %q, nor a meeting of the two ends like this one", l.Name, c.Subject)
		}
		q.subject, q.meeting = handshake.Server, &m
	}
	q.setting, _ = l.Setting(c.Setting, c.Mode, c.Subject)
	q.conduct, _ = l.Conduct(c.Conduct)
	byClient, byServer, err := Verifiers(l, c)
	if err != nil {
		return q, err
	}
	if q.client, err = show(l, c, handshake.Client, byServer); err != nil {
		return q, err
	}
	q.server, err = show(l, c, handshake.Server, byClient)
	return q, err
}

// Verifiers returns what the client and the server of a case require of each other: the mode's own, changed by the
// case's setting at the subject's end, and by its conduct at the instrument's.
func Verifiers(l link.Link, c matrix.Case) (client, server link.Verifier, err error) {
	m, ok := l.Mode(c.Mode)
	if !ok {
		return client, server, fmt.Errorf("link %s has no mode %q", l.Name, c.Mode)
	}
	of := map[handshake.Side]*link.Verifier{handshake.Client: &client, handshake.Server: &server}
	client, server = m.Client, m.Server
	if c.Setting != "" {
		s, ok := l.Setting(c.Setting, c.Mode, c.Subject)
		if !ok {
			return client, server, fmt.Errorf("link %s has no setting %q in mode %s", l.Name, c.Setting, c.Mode)
		}
		*of[s.Side] = s.Require(*of[s.Side])
	}
	if c.Conduct != "" {
		d, ok := l.Conduct(c.Conduct)
		if !ok {
			return client, server, fmt.Errorf("link %s has no conduct %q", l.Name, c.Conduct)
		}
		if d.Require != nil {
			*of[d.Side] = d.Require(*of[d.Side])
		}
	}
	return client, server, nil
}

// Credential returns what an end of a link shows as a variant.
func Credential(l link.Link, side handshake.Side, v pki.Variant) pki.Credential {
	role := pki.Client
	if side == handshake.Server {
		role = pki.Server
	}
	own, peer := l.End(side).Identity, l.End(side.Other()).Identity
	return v.Change(pki.Good(role, own), pki.Origin{Role: role, Own: own, Peer: peer})
}

func show(l link.Link, c matrix.Case, side handshake.Side, asked link.Verifier) (showing, error) {
	name := c.Client
	if side == handshake.Server {
		name = c.Server
	}
	v, ok := pki.VariantNamed(name)
	if !ok {
		return showing{}, fmt.Errorf("there is no variant %q", name)
	}
	good, _ := pki.VariantNamed("good")
	s := showing{side: side, variant: v, cred: Credential(l, side, v), asked: asked, good: Credential(l, side, good)}
	d, _ := l.Conduct(c.Conduct)
	if side == handshake.Client {
		m, _ := l.Mode(c.Mode)
		var err error
		if s.bearing, s.token, err = TokenOf(l, c); err != nil {
			return s, err
		}
		s.bears, s.forwards = c.Token+m.Token != "", d.Forwards
	}
	withholds := side == handshake.Client && (d.Withholds || c.Subject == l.Both())
	if withholds && !asked.Plaintext() && !s.isListed() {
		s.cred.Sending = pki.SendNothing
	}
	return s, nil
}

// answer asks the client about the server first, as the server shows its certificate first in either version of TLS
// (RFC 8446 section 2, RFC 5246 section 7.3).
func (q question) answer() Expectation {
	if q.refrains() {
		return q.notStarted()
	}
	if row, by, s := q.refusal(); row != nil {
		return q.refused(by, *row, s)
	}
	if q.c.Version == link.Clear {
		return Expectation{Outcome: handshake.Plaintext, Rules: q.rules(q.peer(), q.link.Decides(q.subject, link.InTheClear)...)}
	}
	peer := q.peer()
	name, rule := q.knows(peer)
	decides := append(q.link.Decides(q.subject, link.Accepting), rule)
	if q.client.sendsNothing() {
		decides = append(decides, q.link.Decides(q.subject, link.Bare)...)
	}
	if q.meeting != nil {
		_, other := q.server.acceptedAs()
		decides = append(decides, other)
	}
	rules := q.rules(peer, decides...)
	return Expectation{Outcome: handshake.Accept, Identity: name, Rules: rules, Level: q.level(peer), Unasked: peer.asked.Asking == link.Ignores}
}

// knows returns the name by which a peer is accepted, and the rule that says so. A client that knows its server by the host
// alone is itself known by a name, which its server says.
func (q question) knows(peer showing) (name, rule string) {
	name, rule = peer.acceptedAs()
	if name == "" && q.client.asked.Asking == link.Invites {
		return q.client.acceptedAs()
	}
	return name, rule
}

// refusal returns the first row that fails, the side that must refuse for it, and what it is shown; a zero showing where
// it fails before anything is. The row is nil if the two must accept each other.
func (q question) refusal() (*row, handshake.Side, showing) {
	if row, by := q.transport(); row != nil {
		return row, by, showing{}
	}
	if q.c.Version == link.Clear {
		return nil, "", showing{}
	}
	for _, s := range []showing{q.server, q.client} {
		if row := s.fails(); row != nil {
			return row, s.side.Other(), s
		}
	}
	row, by := q.offence()
	return row, by, showing{}
}

func (q question) refused(by handshake.Side, r row, s showing) Expectation {
	peer := s
	if peer.side == "" {
		peer = q.peer()
	}
	var decides []string
	switch {
	case q.meeting != nil:
		decides = append(q.deciding(by, &r, peer), q.link.Decides(by, link.MeetingRefused)...)
	case by == q.subject:
		decides = append(q.deciding(by, &r, peer), q.link.Decides(by, link.Refusing)...)
	default:
		decides = q.link.Decides(q.subject, link.BeingRefused)
	}
	phase := handshake.PhaseHandshake
	if slices.Contains(peer.asked.Answers, r.check) || strings.HasPrefix(r.name, ofTokens) {
		phase = handshake.PhaseApplication
	}
	identity := ""
	if s.asked.Asking == link.Invites {
		user, _ := s.recognise()
		identity = user.String()
	}
	return Expectation{
		Outcome: handshake.Refuse, By: by, Check: r.check, Cause: r.name, Phase: phase, Elsewhere: by != q.subject, Identity: identity,
		Rules: q.rules(peer, decides...), Level: q.level(peer), Twin: q.twin(r, peer),
	}
}

// rules puts the rules for which the case was made before those of the row that decides it.
func (q question) rules(peer showing, decides ...string) []string {
	var rules []string
	add := func(ids ...string) {
		for _, id := range ids {
			if id != "" && !slices.Contains(rules, id) && q.link.Binds(id) {
				rules = append(rules, id)
			}
		}
	}
	if q.meeting != nil {
		add(q.meeting.Rules...)
		add(decides...)
		return rules
	}
	pair, _ := q.link.PairOf(q.c.Mode, q.c.Client, q.c.Token)
	add(pair.Rules...)
	further, _ := q.link.FurtherNamed(q.c.Subject)
	add(further.Rules...)
	add(q.setting.Rules...)
	add(q.conduct.Rules...)
	own := q.shown()
	add(own.Rules...)
	switch {
	case q.setting.Name != "", len(own.Rules) > 0, q.c.Version == link.Clear: // nothing is asked of a variant
	case peer.consults(), peer.variant.Touches == pki.TouchesHost: // who asks for no host must not care for another
		for _, id := range peer.variant.Rules {
			if side, one := bindOne[id]; !slices.Contains(decided, id) && (!one || side == q.subject) {
				add(id)
			}
		}
	default:
		add("IDENT-09")
	}
	add(decides...)
	for _, w := range walkthroughs {
		if w.matches(q.c) {
			add(w.rule)
		}
	}
	return rules
}

// peer is what the subject is asked about.
func (q question) peer() showing {
	if q.subject == handshake.Client {
		return q.server
	}
	return q.client
}

// twin names the accepted case that differs in one attribute: in the suite or the offence where that is what fails, in
// the version where that does, else in the variant, else in the setting.
func (q question) twin(r row, peer showing) *matrix.Case {
	if q.meeting != nil {
		return q.accepted(peer)
	}
	twin := q.c
	field := &twin.Client
	if peer.side == handshake.Server {
		field = &twin.Server
	}
	switch {
	case q.setting.Own != "":
		*field, twin.Setting = "good", ""
	case q.setting.Token != "":
		twin.Token, twin.Setting = "", ""
	case q.c.Setting != "" && slices.Contains(settable, r.name):
		twin.Setting = ""
	case q.conduct.Offence != "" && q.c.Version != link.Clear, r.name == noSuite.name:
		twin.Conduct = q.conduct.Twin
	case q.conduct.Persists != "":
		twin.Conduct = ""
	case r.name == tlsOnClear.name:
		*field, twin.Version = "none", link.Clear
	case r.check == pki.CheckProtocol:
		*field, twin.Version, twin.Conduct = "good", link.TLS13, ""
		if peer.bears { // and shows a token in the place of a certificate
			*field = q.mode.Shown(peer.side)
		}
	case peer.isBearer():
		if twin.Token = peer.bearing.Twin; twin.Token == q.mode.Token {
			twin.Token = ""
		}
	case peer.variant.Twin != "" && !peer.acceptedElsewhere():
		*field = peer.variant.Twin
	case twin.Setting != "":
		twin.Setting = ""
	default:
		*field = "good"
	}
	return &twin
}

// accepted returns the meeting that is accepted and differs in one attribute: in what the end shows that is refused, or
// else in the setting, which may take away with it that TLS is spoken at all. Where either end would refuse the other, it
// differs in what both show. It is nil if there is none.
func (q question) accepted(peer showing) *matrix.Case {
	shown, both, unset := q.c, q.c, q.c
	if peer.side == handshake.Server {
		shown.Server = cmp.Or(peer.variant.Twin, "good")
	} else {
		shown.Client = cmp.Or(peer.variant.Twin, "good")
	}
	both.Client, both.Server = "good", "good"
	unset.Setting = ""
	secured := unset
	secured.Client, secured.Server, secured.Version = "good", "good", link.TLS13
	for _, twin := range []matrix.Case{shown, unset, both, secured} {
		if t, err := pose(q.link, twin); err == nil {
			if row, _, _ := t.refusal(); row == nil {
				return &twin
			}
		}
	}
	return nil
}

// acceptedElsewhere reports whether it is the setting, not the variant, that makes the end refused.
func (s showing) acceptedElsewhere() bool { return s.variant.Breaks == "" }
