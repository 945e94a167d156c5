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

// Finding is what the judge makes of a case.
type Finding string

// The findings.
const (
	// Conforms: what must happen did, by both accounts.
	Conforms Finding = "conforms"
	// Deviates: something else happened, by both accounts.
	Deviates Finding = "deviates"
	// Unproven: the accounts do not say what happened, or contradict each other.
	Unproven Finding = "unproven"
	// Skipped: the case could not be posed here.
	Skipped Finding = "skipped"
	// Broken: the case could not be observed, through a fault of ours or around the subject.
	Broken Finding = "broken"
)

// Seen is what happened, by both accounts.
type Seen struct {
	Outcome  handshake.Outcome
	By       handshake.Side
	Check    pki.Check
	Identity string
}

// Verdict is the judge's answer.
type Verdict struct {
	Finding Finding
	Seen    Seen
	// Why says in one sentence what was wanted and what was found.
	Why string
	// NeedsTwin says that causes look alike in the accounts, so that the verdict holds only if the twin is accepted.
	NeedsTwin bool
}

// Judge compares what must happen in a case with what was observed.
func Judge(c matrix.Case, e Expectation, o handshake.Observation) Verdict {
	if o.Skipped != "" {
		return Verdict{Finding: Skipped, Why: o.Skipped}
	}
	if o.Broken != "" {
		return Verdict{Finding: Broken, Why: "could not be judged: " + o.Broken}
	}
	seen, doubt := reconcile(c, e, o)
	if seen.Outcome == "" {
		finding := Unproven
		if o.Client.Claim == handshake.Failed || o.Server.Claim == handshake.Failed {
			finding = Broken
		}
		return Verdict{Finding: finding, Why: fmt.Sprintf("wanted %s, but %s", e.Wanted(), doubt)}
	}
	v := Verdict{Finding: Conforms, Seen: seen}
	differences := differ(c, e, o, seen)
	if o.Against != "" {
		differences = append(differences, o.Against)
	}
	if len(differences) > 0 {
		v.Finding = Deviates
	} else if doubt != "" {
		v.Finding = Unproven
		differences = []string{doubt}
	} else if o.Doubt != "" {
		v.Finding = Unproven
		differences = []string{o.Doubt}
	} else if missing := unseen(e, o); missing != "" {
		v.Finding = Unproven
		differences = []string{missing}
	}
	v.NeedsTwin = v.Finding == Conforms && e.Outcome == handshake.Refuse && len(refuser(seen, o).Checks) > 1
	v.Why = fmt.Sprintf("wanted %s, found %s", e.Wanted(), found(c, o, seen))
	if v.Finding != Conforms {
		v.Why += ": " + strings.Join(differences, "; ")
	}
	return v
}

// reconcile makes one story of two accounts. Where they tell none it returns a zero Seen and says why; a doubt beside
// a story means that the cause of a refusal is not told.
func reconcile(c matrix.Case, e Expectation, o handshake.Observation) (seen Seen, doubt string) {
	client, server := o.Client.Claim, o.Server.Claim
	if o.NotStarted != "" {
		return Seen{Outcome: handshake.NotStarted}, ""
	}
	if seen, ok := resignation(e, o); ok {
		return seen, ""
	}
	switch {
	case client == handshake.Accepted && server == handshake.Accepted:
		// An instrument does not say whom it took its peer for: what is said is the subject's.
		seen.Outcome, seen.Identity = handshake.Accept, cmp.Or(o.Server.Identity, o.Client.Identity, o.Client.Known)
		if c.Version == link.Clear || c.Version == link.None && o.Client.Version+o.Server.Version == "" {
			seen.Outcome = handshake.Plaintext
		}
		return seen, ""
	case server == handshake.Refused && client == handshake.WasRefused:
		seen = Seen{Outcome: handshake.Refuse, By: handshake.Server}
	case client == handshake.Refused && server == handshake.WasRefused:
		seen = Seen{Outcome: handshake.Refuse, By: handshake.Client}
	case toldTooMuch(e, o):
		seen = Seen{Outcome: handshake.Refuse, By: e.By}
	default:
		return seen, fmt.Sprintf("the accounts tell no story: %s, and %s", tell(handshake.Client, o.Client), tell(handshake.Server, o.Server))
	}
	seen.Identity = cmp.Or(o.Server.Identity, o.Client.Identity, o.Client.Known)
	checks := refuser(seen, o).Checks
	switch {
	case slices.Contains(checks, e.Check):
		seen.Check = e.Check
	case len(checks) > 0:
		seen.Check = checks[0]
	default:
		doubt = fmt.Sprintf("the %s does not say for which check it refused: %q", seen.By, refuser(seen, o).Error)
	}
	return seen, doubt
}

// toldTooMuch reports whether the side that must refuse says that it did, and its peer, whom it had told something by then,
// that it was accepted.
func toldTooMuch(e Expectation, o handshake.Observation) bool {
	if e.Outcome != handshake.Refuse || e.Phase == handshake.PhaseApplication {
		return false
	}
	refuser, peer := told(o, e.By.Other()), told(o, e.By)
	return refuser.Claim == handshake.Refused && peer.Claim == handshake.Accepted && peer.Octets > 0
}

// resignation makes a story of a peer that has nothing but to give up: that it did so in time, or, by an objection of the
// instrument, that it did not.
func resignation(e Expectation, o handshake.Observation) (Seen, bool) {
	claim, ok := resigned[e.Cause]
	if !ok || told(o, e.By.Other()).Claim != claim {
		return Seen{}, false
	}
	switch told(o, e.By).Claim {
	case handshake.WasRefused:
		return Seen{Outcome: handshake.Refuse, By: e.By, Check: e.Check}, true
	case handshake.Refused:
		return Seen{Outcome: handshake.Refuse, By: e.By.Other()}, true
	case handshake.Silent, handshake.Accepted, handshake.Failed:
	}
	return Seen{}, false
}

// differ lists how what happened differs from what must.
func differ(c matrix.Case, e Expectation, o handshake.Observation, seen Seen) []string {
	var d []string
	if seen.Outcome != e.Outcome {
		return []string{fmt.Sprintf("outcome %s instead of %s", seen.Outcome, e.Outcome)}
	}
	if seen.By != e.By {
		d = append(d, fmt.Sprintf("refused by the %s instead of the %s: %q", seen.By, e.By, refuser(seen, o).Error))
	}
	if seen.Check != "" && seen.Check != e.Check {
		d = append(d, fmt.Sprintf("refused for %s instead of %s", seen.Check, e.Check))
	}
	if len(d) > 0 {
		return d
	}
	if told := wrongAlert(c, e, o); told != "" {
		d = append(d, told)
	}
	if e.Outcome != handshake.Plaintext && seen.Identity != "" && seen.Identity != e.Identity {
		d = append(d, fmt.Sprintf("took its peer for %q instead of %q", seen.Identity, e.Identity))
	}
	if known := o.Client.Known; known != "" && seen.Identity != "" && known != seen.Identity {
		d = append(d, fmt.Sprintf("told its peer that it is %q, and took it for %q", known, seen.Identity))
	}
	for _, a := range []handshake.Account{o.Client, o.Server} {
		if e.Outcome == handshake.Accept && a.Version != "" && a.Version != string(c.Version) {
			d = append(d, fmt.Sprintf("spoke %s instead of %s", a.Version, c.Version))
		}
	}
	if e.Phase == handshake.PhaseApplication {
		return append(d, unanswered(e, o)...)
	}
	if e.Outcome == handshake.Refuse && e.Cause != string(link.Renegotiation) && told(o, e.By).Octets > 0 {
		d = append(d, fmt.Sprintf("the %s received %d octets of application data from a peer that refused it", e.By.Other(), told(o, e.By).Octets))
	}
	return d
}

// unanswered says how a side that must be refused by an answer was refused otherwise.
func unanswered(e Expectation, o handshake.Observation) []string {
	got := told(o, e.By)
	switch {
	case got.Phase != handshake.PhaseApplication:
		return []string{fmt.Sprintf("the %s was refused in the handshake, with %s, instead of by an answer", e.By.Other(), said(got.AlertReceived))}
	case len(got.Checks) > 0 && !slices.Contains(got.Checks, e.Check):
		return []string{fmt.Sprintf("the %s was answered %q, which is no answer to who fails the check %s", e.By.Other(), got.Error, e.Check)}
	}
	return nil
}

// wrongAlert says how the alert that the refused side received is not the one it must be; "" if it is.
func wrongAlert(c matrix.Case, e Expectation, o handshake.Observation) string {
	if e.Outcome != handshake.Refuse || e.Phase == handshake.PhaseApplication {
		return ""
	}
	got := told(o, e.By).AlertReceived
	alerts, known := Alerts(e, c.Version, o.Stack)
	switch {
	case known && !slices.Contains(alerts, got):
		return fmt.Sprintf("the %s was told %s instead of %s", e.By.Other(), said(got), either(alerts))
	case !known && (got == handshake.NoAlert || got == handshake.CloseNotify):
		return fmt.Sprintf("the %s was told %s instead of a fatal alert", e.By.Other(), said(got))
	}
	return ""
}

// unseen says why a story that is as it must be proves nothing: the credential made for the case was not shown.
func unseen(e Expectation, o handshake.Observation) string {
	want := o.Issued
	if e.Cause == "no-certificate" || e.Outcome == handshake.Plaintext || e.Unasked {
		want = ""
	}
	if e.Elsewhere && e.By == handshake.Client {
		want = "" // a client shows nothing to a server that it has refused
	}
	shown := o.Client.Shown + o.Server.Shown
	switch {
	case want == shown:
		return ""
	case shown == "" && e.Check == pki.CheckProtocol: // refused before it was shown
		return ""
	case shown == "":
		return "the subject never asked for the certificate that was made for the case"
	default:
		return fmt.Sprintf("the subject was shown the certificate %.12s…, not %.12s… that was made for the case", shown, want)
	}
}

// refuser returns the account of the side that refused, told that of the side that was refused by a side.
func refuser(seen Seen, o handshake.Observation) handshake.Account { return told(o, seen.By.Other()) }

func told(o handshake.Observation, by handshake.Side) handshake.Account {
	if by == handshake.Server {
		return o.Client
	}
	return o.Server
}

// Wanted says in a few words what must happen.
func (e Expectation) Wanted() string {
	switch e.Outcome {
	case handshake.Refuse:
		return fmt.Sprintf("the %s to refuse for %s (%s)", e.By, e.Check, strings.Join(e.Rules, ", "))
	case handshake.Plaintext:
		return fmt.Sprintf("plaintext to be served (%s)", strings.Join(e.Rules, ", "))
	case handshake.NotStarted:
		return fmt.Sprintf("the subject not to start (%s)", strings.Join(e.Rules, ", "))
	case handshake.Accept:
	}
	if e.Identity == "" {
		return fmt.Sprintf("it to be accepted (%s)", strings.Join(e.Rules, ", "))
	}
	return fmt.Sprintf("it to be accepted as %q (%s)", e.Identity, strings.Join(e.Rules, ", "))
}

func found(c matrix.Case, o handshake.Observation, seen Seen) string {
	switch seen.Outcome {
	case handshake.Accept:
		return fmt.Sprintf("application data in both directions over %s", c.Version)
	case handshake.Plaintext:
		return "application data in the clear"
	case handshake.NotStarted:
		return fmt.Sprintf("that the subject does not start: %q", o.NotStarted)
	case handshake.Refuse:
	}
	check := string(seen.Check)
	if check == "" {
		check = "a cause that it does not name"
	}
	return fmt.Sprintf("that the %s refused for %s and the %s was told %s", seen.By, check, seen.By.Other(), said(told(o, seen.By).AlertReceived))
}

func tell(side handshake.Side, a handshake.Account) string {
	if a.Claim == handshake.Silent {
		return fmt.Sprintf("the %s says nothing of the connection", side)
	}
	text := fmt.Sprintf("the %s says that it %s", side, claims[a.Claim])
	if a.Error != "" {
		text += fmt.Sprintf(" (%s)", a.Error)
	}
	return text
}

var claims = map[handshake.Claim]string{
	handshake.Accepted:   "accepted its peer",
	handshake.Refused:    "refused its peer",
	handshake.WasRefused: "was refused by its peer",
	handshake.Failed:     "failed",
}

func said(a handshake.Alert) string {
	if a == handshake.NoAlert {
		return "nothing"
	}
	return a.String()
}

func either(alerts []handshake.Alert) string {
	names := make([]string, len(alerts))
	for i, a := range alerts {
		names[i] = said(a)
	}
	return strings.Join(names, " or ")
}
