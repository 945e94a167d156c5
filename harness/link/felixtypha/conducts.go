package felixtypha

import (
	"slices"

	"github.com/calico-tls/conformance/harness/handshake"
	"github.com/calico-tls/conformance/harness/link"
)

var tlsModes = []string{"cn", "uri-san", "cn-or-uri-san"}

var conducts = slices.Concat(probing, persisting)

var probing = []link.Conduct{
	{Name: "sni-other", Side: handshake.Client, Text: "asks for a server name that nobody has", Modes: []string{"cn"}, Variants: []string{"good", "cn-other"}, Rules: []string{"TYPHA-26"}},
	{Name: "alpn-other", Side: handshake.Client, Text: "offers application protocols that nobody speaks", Modes: []string{"cn"}, Variants: []string{"good", "cn-other"}, Rules: []string{"TYPHA-26"}},
	{Name: "syncer-bgp", Side: handshake.Client, Text: "asks for the syncer of type bgp", Modes: []string{"cn"}, Variants: []string{"good", "other-authority"}, Rules: []string{"TYPHA-17"}},
	{Name: "syncer-tunnel-ip-allocation", Side: handshake.Client, Text: "asks for the syncer of type tunnel-ip-allocation", Modes: []string{"cn"}, Variants: []string{"good", "other-authority"}, Rules: []string{"TYPHA-17"}},
	{Name: "syncer-node-status", Side: handshake.Client, Text: "asks for the syncer of type node-status", Modes: []string{"cn"}, Variants: []string{"good", "other-authority"}, Rules: []string{"TYPHA-17"}},
	{Name: "withhold", Side: handshake.Client, Text: "sends its certificate only if the server lists its issuer", Modes: tlsModes, Variants: []string{"good", "other-authority"}, Withholds: true, Rules: []string{"TYPHA-03"}},
	{Name: "idle-first", Side: handshake.Client, Text: "stays silent after the handshake until a neighbour has been accepted", Modes: []string{"cn"}, Variants: []string{"good"}, Crowd: true, Rules: []string{"TYPHA-15", "TYPHA-12"}},
	{Name: "sync", Side: handshake.Client, Text: "waits until it is in sync and answers a ping", Modes: tlsModes, Variants: []string{"good"}, Rules: []string{"TYPHA-37"}},
	{Name: "amid-refusals", Side: handshake.Client, Text: "connects 20 times amid 100 connections that are refused", Modes: []string{"cn"}, Variants: []string{"good"}, Crowd: true, Rules: []string{"TYPHA-11"}},
	{Name: "offer-all", Side: handshake.Client, Text: "offers every version from TLS 1.0 to TLS 1.3", Modes: []string{"cn"}, Variants: []string{"good"}, Versions: []link.Version{link.TLS13}, Rules: []string{"TYPHA-05"}},
	{Name: "requires-uri-san", Side: handshake.Client, Text: "requires Typha's SPIFFE ID where Typha requires a Common Name", Modes: []string{"cn"}, Variants: []string{"good", "cn-other"}, Require: require("", TyphaURISAN), Rules: []string{"IDENT-27"}},
	{Name: "requires-cn", Side: handshake.Client, Text: "requires Typha's Common Name where Typha requires a SPIFFE ID", Modes: []string{"uri-san"}, Variants: []string{"good", "uri-other"}, Require: require(TyphaCN, ""), Rules: []string{"IDENT-27"}},
	{Name: "asks-health", Side: handshake.Client, Text: "asks for its health, where it has not started", Variants: []string{"good"}, Versions: nowhere, AsksHealth: true, Level: "SHOULD", Rules: []string{"CONF-19"}},
	{Name: "metered", Side: handshake.Client, Text: "connects alone, while the server's own counters are read", Modes: []string{"cn"}, Variants: []string{"good", "cn-other", "other-authority"}, Metered: true, Rules: []string{"TYPHA-18"}},
}
