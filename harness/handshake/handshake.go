// Package handshake holds what is seen of one connection: two [Account] values, one from each end, joined in an
// [Observation]. Plain types, no I/O.
package handshake

import (
	"strings"
	"time"

	"github.com/calico-tls/conformance/pki"
)

// Side is one end of a connection.
type Side string

// The sides.
const (
	Client Side = "client"
	Server Side = "server"
)

// Other returns the opposite side.
func (s Side) Other() Side {
	if s == Client {
		return Server
	}
	return Client
}

// Outcome is what became of a case.
type Outcome string

// The outcomes.
const (
	// Accept: application data was exchanged under mutual TLS.
	Accept Outcome = "accept"
	// Refuse: one side refused the other.
	Refuse Outcome = "refuse"
	// NotStarted: the subject refused, by its own words, to listen or dial with its setting.
	NotStarted Outcome = "not-started"
	// Plaintext: application data was exchanged in the clear.
	Plaintext Outcome = "plaintext"
)

// Claim is what one side says became of the connection.
type Claim string

// The claims.
const (
	// Silent: the side said nothing that could be matched to the connection.
	Silent Claim = ""
	// Accepted: the side exchanged application data with its peer.
	Accepted Claim = "accepted"
	// Refused: the side refused its peer.
	Refused Claim = "refused"
	// WasRefused: the side was refused by its peer.
	WasRefused Claim = "was-refused"
	// Failed: neither of these; the connection could not be made, or timed out.
	Failed Claim = "failed"
)

// Phase is how far a connection came, by one side's account.
type Phase string

// The phases, in order.
const (
	PhaseNone        Phase = ""
	PhaseDial        Phase = "dial"
	PhaseHandshake   Phase = "handshake"
	PhaseApplication Phase = "application"
)

// Account is what one side says of a connection.
type Account struct {
	Claim Claim
	// Phase is the phase in which the connection ended; PhaseApplication where data was exchanged.
	Phase Phase
	// Checks are the checks that the side's words are consistent with: one where they name the cause, several where
	// causes look alike, none where the side says nothing of a cause.
	Checks []pki.Check
	// AlertReceived is the alert that the side got from its peer; NoAlert if none came.
	AlertReceived Alert
	// Error is the side's own error text.
	Error string
	// Version is the TLS version that was agreed upon, as "tls1.3"; "" where the side does not say.
	Version string
	// Identity is whom the side took its peer for, where it is the subject and says so.
	Identity string
	// Known is whom its peer says that it takes the side for; "" where it was not asked.
	Known string
	// Shown is the SHA-256 of the leaf that the instrument showed, in hexadecimal; "" if it showed none. Instruments
	// fill it in.
	Shown string
	// Octets counts the octets of application data that the side received.
	Octets int
	// Log holds the side's log lines about the connection.
	Log []string
}

// User is how accounts and expectations name a user that has groups, in the order in which they are given; "" for nobody.
func User(name string, groups []string) string {
	if name == "" || len(groups) == 0 {
		return name
	}
	return name + " of " + strings.Join(groups, ", ")
}

// Evidence says what the subject's account consists of.
type Evidence string

// The kinds of evidence.
const (
	// Both: the subject's own words, and the instrument's account.
	Both Evidence = "both"
	// Wire: the subject is silent, and its alert stands for its account.
	Wire Evidence = "wire"
)

// Aftermath is what a subject did after it refused or was refused.
type Aftermath struct {
	// Connections are those that it made, Window the time in which it made them.
	Connections int
	Window      time.Duration
	// Ready is what it said last of whether it is ready; "" if it was not asked.
	Ready string
	// Exit is the exit code with which it ended; nil if it ran on.
	Exit *int
}

// Observation is what was seen of one case.
type Observation struct {
	Client, Server Account
	Evidence       Evidence
	// Issued is the SHA-256 of the leaf that the instrument was to show, in hexadecimal; "" where it was to show none.
	Issued string
	// NotStarted holds the subject's own words if it refused to start.
	NotStarted string
	// Aftermath is what the subject did after it refused or was refused, where that was watched; nil elsewhere.
	Aftermath *Aftermath
	// Stack names the toolchain that built the subject, as in "go1.24.9"; "" if unknown. Alerts depend on it.
	Stack string
	// Against says what else the subject did against the rule of the case, whatever became of the connection; "" if
	// nothing.
	Against string
	// Doubt says what else was seen that the accounts do not explain; "" if nothing was.
	Doubt string
	// Skipped says why the case cannot be posed here; "" if it was.
	Skipped string
	// Broken says what went wrong on our side, or around the subject, so that nothing was observed; "" if nothing did.
	Broken string
	// Duration is how long the connection took.
	Duration time.Duration
}
