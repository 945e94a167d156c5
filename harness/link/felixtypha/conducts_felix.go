package felixtypha

import (
	"github.com/calico-tls/conformance/harness/handshake"
	"github.com/calico-tls/conformance/harness/link"
)

var (
	inTLS12 = []link.Version{link.TLS12}
	inClear = []link.Version{link.Clear}
	good    = []string{"good"}
	nothing = []string{"none"}
)

// slow is the profile of what takes long by nature.
const slow = "slow"

// felixConducts are those of an observer, to which Felix is the subject.
var felixConducts = []link.Conduct{
	{Name: "hello", Side: handshake.Server, Text: "objects to a ticket, a protocol or a server name in what the client offers", Modes: []string{"cn"}, Variants: good, Rules: []string{"FELIX-18"}},
	{Name: "hello-suites", Side: handshake.Server, Text: "objects to any suite that is not on Calico's list", Modes: []string{"cn"}, Variants: good, Rules: []string{"FELIX-08"}},
	{Name: "suite-unoffered", Side: handshake.Server, Text: "chooses a suite that the client does not offer", Modes: []string{"cn"}, Variants: good, Offence: link.UnofferedSuite, Rules: []string{"FELIX-08"}},
	{Name: "no-request", Side: handshake.Server, Text: "asks for no certificate", Modes: []string{"cn"}, Variants: good, Rules: []string{"FELIX-04"}},
	{Name: "no-ca-list", Side: handshake.Server, Text: "asks for a certificate and lists no authorities", Modes: []string{"cn"}, Variants: good, Rules: []string{"FELIX-03"}},
	{Name: "chain", Side: handshake.Server, Text: "wants the chain as well as the leaf", Modes: []string{"cn"}, Variants: good, Own: "intermediate", Rules: []string{"FELIX-03"}},
	{Name: "closing", Side: handshake.Server, Text: "hangs up on a client that speaks TLS to it", Modes: []string{"cn"}, Variants: nothing, Versions: inClear, Offence: link.HangUp, Rules: []string{"FELIX-02"}},
	{Name: "renegotiate", Side: handshake.Server, Text: "asks the client to renegotiate, once both have shaken hands", Modes: []string{"cn"}, Variants: good, Versions: inTLS12, Offence: link.Renegotiation, Rules: []string{"FELIX-19"}},
	{Name: "old-hello", Side: handshake.Server, Text: "says hello as a Typha that does not tell of nodes", Modes: []string{"cn"}, Variants: good, Rules: []string{"FELIX-21"}},
	{Name: "no-ready-flag", Side: handshake.Server, Text: "is in sync with a datastore that is not flagged as ready", Modes: []string{"cn"}, Variants: good, Alone: true, Rules: []string{"FELIX-21"}},

	// A listener that accepts nobody would be one more, and is not posed: nothing of what the client does reaches it, so that
	// there would be one account only.
	{Name: "silent", Side: handshake.Server, Text: "never answers, and speaks no TLS", Modes: []string{"cn"}, Variants: nothing, Versions: inClear, Offence: link.Stall, Alone: true, Profile: slow, Rules: []string{"FELIX-02"}},
	{Name: "stall-accept", Side: handshake.Server, Text: "never answers", Modes: []string{"cn"}, Variants: good, Offence: link.Stall, Alone: true, Profile: slow, Rules: []string{"FELIX-14"}},
	{Name: "stall-hello", Side: handshake.Server, Text: "says its ServerHello octet by octet, one a second", Modes: []string{"cn"}, Variants: good, Offence: link.Stall, Alone: true, Profile: slow, Rules: []string{"FELIX-14"}},
	{Name: "stall-certificate", Side: handshake.Server, Text: "falls silent once it has shown its certificate", Modes: []string{"cn"}, Variants: good, Offence: link.Stall, Alone: true, Profile: slow, Rules: []string{"FELIX-14"}},
}
