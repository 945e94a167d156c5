package felixtypha

import (
	"github.com/calico-tls/conformance/harness/handshake"
	"github.com/calico-tls/conformance/harness/link"
)

// nobody is required of a Felix that is to be refused, whoever it is.
const nobody = "nobody"

// persisting are the conducts in which Felix is refused again and again, or watched once it is accepted.
var persisting = []link.Conduct{
	{
		Name: "refuses-each", Side: handshake.Server, Modes: []string{"cn"}, Variants: []string{"good"}, Alone: true, Persists: link.PersistsAFew, Require: require(nobody, ""),
		Text: "refuses it each time, and asks meanwhile whether it is ready", Rules: []string{"FELIX-09"},
	},
	{
		Name: "refuses-counting", Side: handshake.Server, Modes: []string{"cn"}, Variants: []string{"good"}, Alone: true, Persists: link.PersistsCounting, Require: require(nobody, ""),
		Versions: []link.Version{link.TLS13}, Text: "refuses it each time, and counts how often it comes", Rules: []string{"FELIX-10"},
	},
	{
		Name: "refuses-on", Side: handshake.Server, Modes: []string{"cn"}, Variants: []string{"good"}, Alone: true, Persists: link.PersistsOn, Require: require(nobody, ""),
		Profile: "slow", Text: "goes on until it gives up, or has had time for it", Rules: []string{"FELIX-12"},
	},
	{
		Name: "awaits-ready", Side: handshake.Server, Modes: tlsModes, Variants: []string{"good"}, AwaitsReady: true,
		Text: "keeps the connection until it calls itself ready", Rules: []string{"FELIX-20"},
	},
}
