// Package link describes a client-to-server pair: its ends, its modes, and the ways in which a subject's setting or an
// instrument's conduct may differ. Plain types, no I/O; each link is a package below this one.
package link

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/calico-tls/conformance/harness/handshake"
	"github.com/calico-tls/conformance/pki"
)

// Verifier is what one end requires of its peer. The zero Verifier speaks plaintext.
type Verifier struct {
	// Trust is the trust bundle, in the order in which it is written. Empty means plaintext, unless Asking says otherwise.
	Trust []pki.AuthorityName
	// Asking says how the end asks for its peer's certificate.
	Asking Asking
	// CN and URISAN are the names required; "" requires none. Where both are set, either suffices.
	CN, URISAN string
	// Host is the host name or the IP address by which the end has dialled its peer, and that a SAN of the peer's leaf must
	// have (RFC 9525); "" asks for none.
	Host string
	// Revokes says that the end heeds a revocation list, which has the serial number [pki.RevokedSerial].
	Revokes bool
	// Answers are the checks that the end makes once both have shaken hands: where one fails it refuses by its answer, and
	// with no alert.
	Answers []pki.Check
	// Bearer says which tokens the end takes in the place of a certificate, Proxies are the authorities of those who may say
	// for whom they ask, and Nobody is whom it takes a peer for that shows nothing; "" refuses that.
	Bearer  Bearer
	Proxies []pki.AuthorityName
	Nobody  string
	// Users are those whom the end serves, by the names that it gives them: it knows others as well, and denies them. Empty
	// where it has no users.
	Users []string
	// X509SVID says that the peer's leaf must be an X509-SVID besides (SPIFFE X509-SVID sections 2, 4.1 and 4.3).
	X509SVID bool
}

// Plaintext reports whether the end speaks plaintext.
func (v Verifier) Plaintext() bool { return len(v.Trust) == 0 && v.Asking == Insists }

// Asking is how an end asks for its peer's certificate.
type Asking string

// The ways to ask.
const (
	// Insists: it asks for one, and refuses a peer that sends none.
	Insists Asking = ""
	// Anybody: it insists, and takes whoever has one.
	Anybody Asking = "anybody"
	// Ignores: it speaks TLS and asks for none.
	Ignores Asking = "ignores"
	// Invites: it asks for one, takes who sends none as well, and says by its answer what it makes of its peer.
	Invites Asking = "invites"
	// Blindly: it takes whatever certificate it is sent, as long as it can be read and its sender holds the key.
	Blindly Asking = "blindly"
)

// Bearer says which tokens an end takes. The zero Bearer takes none.
type Bearer struct {
	// Identity is whom the good token names, and what the end asks for. Its accounts are those that there are.
	Identity pki.TokenIdentity
	// Keys are those by which the end verifies tokens.
	Keys []pki.TokenKey
	// Prefix stands before the names of users and groups that a provider's token gives.
	Prefix string
}

// Trusts reports whether the authority is in the trust bundle.
func (v Verifier) Trusts(name pki.AuthorityName) bool { return slices.Contains(v.Trust, name) }

// Mode is one documented way to configure both ends.
type Mode struct {
	// Name is the token in case IDs.
	Name string
	// Text says what the mode is, in a few words.
	Text string
	// Client and Server are what each end requires of the other.
	Client, Server Verifier
	// Variants are those that are posed in it, by either end; empty for all.
	Variants []string
	// Servers are the variants that a server shows to a client that is judged in it; empty for those of Variants.
	Servers []string
	// Judges are the ends that are judged in it; empty for both.
	Judges []handshake.Side
	// Token is the variant of a token that a client shows where nothing is amiss, in the place of a certificate; "" for none.
	Token string
}

// IsFor reports whether an end is judged in the mode.
func (m Mode) IsFor(subject handshake.Side) bool {
	return len(m.Judges) == 0 || slices.Contains(m.Judges, subject)
}

// Shown returns the variant that a side shows where nothing is amiss: "good", or "none" where the other side does not ask,
// or a client shows a token.
func (m Mode) Shown(side handshake.Side) string {
	asked := m.Asked(side.Other())
	if asked.Plaintext() || asked.Asking == Ignores || side == handshake.Client && m.Token != "" {
		return "none"
	}
	return "good"
}

// Asked returns what a side requires of its peer.
func (m Mode) Asked(by handshake.Side) Verifier {
	if by == handshake.Server {
		return m.Server
	}
	return m.Client
}

// Setting is a difference between what a subject is started with and its mode's own configuration.
type Setting struct {
	// Name is the token in case IDs.
	Name string
	// Text says what the subject is started with.
	Text string
	// Mode is the mode from which it differs.
	Mode string
	// Side is the end that is started differently: the subject.
	Side handshake.Side
	// Component is the further component that is started so; "" for the link's own of that side.
	Component string
	// Change makes the subject's verifier from the mode's; nil leaves it as it is. What Given unsets is taken out
	// afterwards.
	Change func(Verifier) Verifier
	// Bundle says how the file of the trust bundle is written, Key how that of the key is.
	Bundle pki.BundleStyle
	Key    pki.KeyFormat
	// System are the authorities that the subject's system trusts; none for those of the machine.
	System []pki.AuthorityName
	// Own is the variant that the subject itself shows, and Token that of its token; "" for those of its mode.
	Own, Token string
	// Given says of parameters how they are given, where that is unlike their mode; From where all of them come from.
	Given map[Parameter]Form
	From  Origin
	// Suites and MinVersion are what TLS_CIPHER_SUITES and TLS_MIN_VERSION say; "" for nothing.
	Suites, MinVersion string
	// Scheme is that of the address that a client is told, as in "http"; "" for its mode's.
	Scheme string
	// Endpoints are those that a client is told, in their order; none for its peer alone, as its mode has it.
	Endpoints []Endpoint
	// Says is a part of what the subject must say where it must not start with it; "" for any words.
	Says string
	// Unfit says that the subject must not start with it, for a reason that its parameters do not tell.
	Unfit bool
	// Unready says that the subject must not call itself ready with it where it has not accepted its server, or is not
	// accepted.
	Unready bool
	// Address is what a client is told in the place of its peer's address, and cannot use; "" tells it the address.
	Address string
	// Env holds further variables of the subject's environment, and Flags further flags, without dashes, by which no verdict
	// is predicted.
	Env, Flags map[string]string
	// Spoils names a file that is spoilt while the subject runs, and put right again; "" for none.
	Spoils Parameter
	// Before are what files of the subject hold at first, so that it and its peer do not agree: they are replaced then, while
	// it runs. After is what is in them later, to no effect. Both are zero where the files stay.
	Before, After Holding
	// Within is how long the subject may take: where its files are replaced, to use what they hold then, and else to say of its
	// own accord why it has refused its peer. 0 where it must use them at once, or is given as long as it takes to tell.
	Within time.Duration
	// Meets says that it is posed where the two ends meet each other, and nowhere else.
	Meets bool
	// Variants are the variants that the instrument shows; the first is accepted, as the control. Empty where the
	// subject must not start.
	Variants []string
	// Conducts are the conducts in which it is run besides, with their own variants and versions.
	Conducts []string
	// Versions are the versions in which it is run; empty for TLS 1.2 and 1.3. Version None is a start and no connection.
	Versions []Version
	// Level is the level of its cases, where it is not that of their first rule.
	Level string
	// Profile is where its cases belong that are not for every run; "" for those that are.
	Profile string
	// Since is the first version of the subject that knows what is set, as "v3.32.0"; "" for any.
	Since string
	// Rules are the rules that the setting was made for.
	Rules []string
}

// Conduct is what an instrument does unlike a well-behaved peer.
type Conduct struct {
	// Name is the token in case IDs.
	Name string
	// Text says what the instrument does.
	Text string
	// Side is the end that the instrument plays.
	Side handshake.Side
	// Component is the further component that it is put to; "" for the link's own of the other side.
	Component string
	// Modes are the modes in which it is run.
	Modes []string
	// Variants are the variants that the instrument shows.
	Variants []string
	// Versions are the versions in which it is run; empty for TLS 1.2 and 1.3.
	Versions []Version
	// Own is the variant that the subject itself shows; "" for the good one.
	Own string
	// Alone says that the subject is started for each of its cases anew.
	Alone bool
	// Level is the level of its cases, where it is not that of their first rule.
	Level string
	// Profile is where its cases belong that take long by nature; "" for every run.
	Profile string
	// Suite is the name of the one suite that a client offers; "" for those that a well-behaved one does.
	Suite string
	// Offence is what it does that the subject must not bear; "" for nothing.
	Offence Offence
	// Twin is the conduct that is like it but for its offence, and accepted; "" for none at all.
	Twin string
	// Require makes what the instrument asks of the subject from what its mode asks; nil leaves it as it is.
	Require func(Verifier) Verifier
	// Forwards is the user for whom a client says that it asks; "" for itself.
	Forwards string
	// Withholds says that a client sends its certificate only if the server lists its root.
	Withholds bool
	// Metered says that the server's own counters are read meanwhile, while nobody else is connected.
	Metered bool
	// Denies is what a server denies to a client whom it serves otherwise, and who must bear it; "" for nothing.
	Denies string
	// Persists says that the instrument refuses one connection after the other, and for how long; "" if it does not.
	Persists Persistence
	// AwaitsReady says that the connection is kept until the subject calls itself ready.
	AwaitsReady bool
	// AsksHealth says that the instrument asks the subject for its health.
	AsksHealth bool
	// Crowd says that the instrument makes further connections beside the one that is judged.
	Crowd bool
	// Rules are the rules that the conduct was made for.
	Rules []string
}

// Persistence is how long an instrument refuses one connection after the other.
type Persistence string

// The persistences.
const (
	// PersistsAFew: a few times.
	PersistsAFew Persistence = "a few"
	// PersistsCounting: for two seconds, in which the connections are counted.
	PersistsCounting Persistence = "counting"
	// PersistsOn: until the subject gives up, or has had long enough for it.
	PersistsOn Persistence = "on"
)

// Offence is something that an instrument does and that its peer must not bear.
type Offence string

// The offences.
const (
	// UnofferedSuite: a server chooses a suite that it was not offered.
	UnofferedSuite Offence = "suite-unoffered"
	// Renegotiation: a server asks to renegotiate.
	Renegotiation Offence = "renegotiation"
	// HangUp: a server hangs up, and its peer has nothing to go on with.
	HangUp Offence = "hang-up"
	// Stall: a server keeps its peer waiting, who must give up in time.
	Stall Offence = "stall"
)

// End is one end of a link.
type End struct {
	// Component is the program that plays the end: the subject in case IDs; "" if nobody who plays it is judged yet.
	Component string
	// Identity is what its good credential names.
	Identity pki.Identity
	// Names are its own names of the parameters for TLS, as its documentation writes them.
	Names map[Parameter]string
	// State says what whoever plays the end makes of its parameters, which are given with these effects; nil for
	// [AllOrNothing].
	State func(given map[Parameter]Effect) State
}

// Further is a component that plays an end of a link in the place of the link's own, and shows what that shows. It is
// judged by the accepted case of each mode, and by the settings that name it.
type Further struct {
	// Component is the program: the subject in case IDs.
	Component string
	// Side is the end that it plays.
	Side handshake.Side
	// Names are its own names of the parameters for TLS.
	Names map[Parameter]string
	// Variants are what it is shown besides, in the first mode with TLS.
	Variants []string
	// Unready says that it must not call itself ready where it has not accepted its server.
	Unready bool
	// Rules are the rules that it is judged for.
	Rules []string
}

// Decision says which rules decide what an end makes of its peer.
type Decision struct {
	// By is the end that decides; "" for either.
	By handshake.Side
	// Cause is what fails, as the oracle names it, or one of the causes below; "" for what fails and no other decision of
	// that end names.
	Cause string
	Rules []string
}

// Causes that are no failure.
const (
	// Accepting: nothing fails under TLS; Bare: nothing fails, and the client shows no certificate. InTheClear: nothing fails, and plaintext is spoken.
	Accepting  = "accepting"
	Bare       = "bare"
	InTheClear = "in-the-clear"
	// Refusing: anything fails, and the end is the subject. BeingRefused: anything fails, and the end is the subject that
	// its peer refuses. MeetingRefused: anything fails where two subjects meet.
	Refusing       = "refusing"
	BeingRefused   = "being-refused"
	MeetingRefused = "meeting"
)

// Shown is a variant that a subject itself shows, to a peer that shows the good one.
type Shown struct {
	Variant string
	// Side is the end that the subject plays, Mode the mode.
	Side handshake.Side
	Mode string
	// Level is the level of its cases, where it is not that of their first rule; Rules are those that it was made for.
	Level string
	Rules []string
}

// Meeting is a case in which the two ends of a link, both judged, meet each other.
type Meeting struct {
	Mode string
	// Client and Server are the variants that they show, Setting what one of them is started with; "" for nothing.
	Client, Server, Setting string
	// Rules are the rules that it was made for.
	Rules []string
}

// Pair is a certificate and a token that a client shows together.
type Pair struct {
	Mode string
	// Client is the variant of the certificate, Token that of the token.
	Client, Token string
	// Rules are the rules that it was made for.
	Rules []string
}

// Link is a client-to-server pair.
type Link struct {
	// Name is the token in case IDs.
	Name           string
	Client, Server End
	// Groups are the groups of rules that bind the link, as in "IDENT".
	Groups []string
	// Decisions say which of them decide.
	Decisions []Decision
	// Further are the components that play an end besides.
	Further  []Further
	Modes    []Mode
	Settings []Setting
	Conducts []Conduct
	Shown    []Shown
	Meetings []Meeting
	Pairs    []Pair
	// Suites are the cipher suites that conducts offer, and that settings name.
	Suites []Suite
}

// Binds reports whether a rule, as in "IDENT-01", is one of the link's.
func (l Link) Binds(rule string) bool {
	group, _, _ := strings.Cut(rule, "-")
	return slices.Contains(l.Groups, group)
}

// Decides returns the rules that decide where an end finds a cause: of the decisions that name it, else of those that
// name none.
func (l Link) Decides(by handshake.Side, cause string) []string {
	var named, others []string
	for _, d := range l.Decisions {
		switch {
		case d.By != "" && d.By != by:
		case d.Cause == cause:
			named = append(named, d.Rules...)
		case d.Cause == "":
			others = append(others, d.Rules...)
		}
	}
	if len(named) > 0 || slices.Contains([]string{Accepting, Bare, InTheClear, Refusing, BeingRefused, MeetingRefused}, cause) {
		return named
	}
	return others
}

// Rules reports whether the link has a rule that names a cause, for an end that finds it.
func (l Link) Rules(by handshake.Side, cause string) bool {
	return slices.ContainsFunc(l.Decisions, func(d Decision) bool { return d.Cause == cause && (d.By == "" || d.By == by) })
}

// State returns what the subject of a setting makes of its parameters, where its mode asks for v.
func (l Link) State(s Setting, v Verifier) State {
	judge := l.End(s.Side).State
	if judge == nil {
		judge = AllOrNothing
	}
	return judge(s.Effects(v))
}

// Both is the subject of a case in which the two ends meet each other.
func (l Link) Both() string { return l.Server.Component + "+" + l.Client.Component }

// Meeting returns the meeting with these parts.
func (l Link) Meeting(mode, client, server, setting string) (Meeting, bool) {
	return find(l.Meetings, func(m *Meeting) bool {
		return m.Mode == mode && m.Client == client && m.Server == server && m.Setting == setting
	})
}

// PairOf returns the pair of a certificate and a token in a mode.
func (l Link) PairOf(mode, client, token string) (Pair, bool) {
	return find(l.Pairs, func(p *Pair) bool { return p.Mode == mode && p.Client == client && p.Token == token })
}

// ShownBy returns the variant that a side itself shows in a mode.
func (l Link) ShownBy(side handshake.Side, mode, variant string) (Shown, bool) {
	return find(l.Shown, func(s *Shown) bool { return s.Side == side && s.Mode == mode && s.Variant == variant })
}

// Mode returns the mode of that name.
func (l Link) Mode(name string) (Mode, bool) {
	return find(l.Modes, func(m *Mode) bool { return m.Name == name })
}

// Setting returns the setting of that name in a mode, with which a subject is started; of either end where the two meet.
func (l Link) Setting(name, mode, subject string) (Setting, bool) {
	return find(l.Settings, func(s *Setting) bool {
		return s.Name == name && s.Mode == mode && (subject == l.Started(*s) || s.Component == "" && subject == l.Both())
	})
}

// Conduct returns the conduct of that name.
func (l Link) Conduct(name string) (Conduct, bool) {
	return find(l.Conducts, func(c *Conduct) bool { return c.Name == name })
}

// Suite returns the suite of that name.
func (l Link) Suite(name string) (Suite, bool) {
	return find(l.Suites, func(s *Suite) bool { return s.Name == name })
}

// End returns the end that plays a side.
func (l Link) End(side handshake.Side) End {
	if side == handshake.Server {
		return l.Server
	}
	return l.Client
}

// FurtherNamed returns the further component of that name.
func (l Link) FurtherNamed(component string) (Further, bool) {
	return find(l.Further, func(f *Further) bool { return f.Component == component })
}

// Started returns the component that is started with a setting.
func (l Link) Started(s Setting) string { return cmp.Or(s.Component, l.End(s.Side).Component) }

// Tried returns the component that a conduct is put to.
func (l Link) Tried(d Conduct) string { return cmp.Or(d.Component, l.End(d.Side.Other()).Component) }

// Side returns the side that a component plays.
func (l Link) Side(component string) (handshake.Side, bool) {
	switch component {
	case l.Client.Component:
		return handshake.Client, true
	case l.Server.Component:
		return handshake.Server, true
	}
	f, ok := l.FurtherNamed(component)
	return f.Side, ok
}

// find returns the first that matches. It shows each where it lies: they are large, and looked for thousands of times.
func find[T any](all []T, match func(*T) bool) (T, bool) {
	for i := range all {
		if match(&all[i]) {
			return all[i], true
		}
	}
	var none T
	return none, false
}
