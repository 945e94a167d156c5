package felixtypha

import (
	"github.com/calico-tls/conformance/harness/handshake"
	"github.com/calico-tls/conformance/harness/link"
	"github.com/calico-tls/conformance/pki"
)

// The names that the page's example gives to the two ends, and SPIFFE IDs in their style.
const (
	FelixCN     = "typha-client"
	FelixURISAN = "spiffe://k8s.example.com/typha-client"
	TyphaCN     = "typha-server"
	TyphaURISAN = "spiffe://k8s.example.com/typha-server"
)

// Link is the connection from Felix to Typha.
var Link = link.Link{
	Name:     "felix-typha",
	Client:   link.End{Component: "felix", Identity: pki.Identity{CN: FelixCN, URISAN: FelixURISAN}},
	Server:   link.End{Component: "typha", Identity: pki.Identity{CN: TyphaCN, URISAN: TyphaURISAN}},
	Modes:    modes,
	Settings: settings,
	Conducts: conducts,
}

var anchors = []pki.AuthorityName{pki.Trusted}

var modes = []link.Mode{
	{Name: "plaintext", Text: "nothing is set: no TLS"},
	{
		Name: "cn", Text: "each end requires the Common Name of the other",
		Client: link.Verifier{Trust: anchors, CN: TyphaCN}, Server: link.Verifier{Trust: anchors, CN: FelixCN},
	},
	{
		Name: "uri-san", Text: "each end requires the SPIFFE ID of the other",
		Client: link.Verifier{Trust: anchors, URISAN: TyphaURISAN}, Server: link.Verifier{Trust: anchors, URISAN: FelixURISAN},
	},
	{
		Name: "cn-or-uri-san", Text: "each end is given both names of the other, and either suffices",
		Client: link.Verifier{Trust: anchors, CN: TyphaCN, URISAN: TyphaURISAN},
		Server: link.Verifier{Trust: anchors, CN: FelixCN, URISAN: FelixURISAN},
	},
}

var settings = []link.Setting{
	{
		Name: "bundle-2", Mode: "cn", Side: handshake.Server, Change: trust(pki.Trusted, pki.Second),
		Text:     "the trust bundle holds two authorities",
		Variants: []string{"good", "authority-second", "authority-third", "other-authority"}, Rules: []string{"IDENT-43"},
	},
	{
		Name: "bundle-5", Mode: "cn", Side: handshake.Server, Bundle: pki.BundleCommented,
		Change:   trust(pki.Fifth, pki.Third, pki.Trusted, pki.Second, pki.Fourth),
		Text:     "the trust bundle holds five authorities in no order, between comments and other PEM blocks",
		Variants: []string{"good", "authority-second", "authority-third", "authority-fourth", "authority-fifth", "other-authority"}, Rules: []string{"IDENT-43"},
	},
	{
		Name: "bundle-crl", Mode: "cn", Side: handshake.Server, Bundle: pki.BundleRevoking, Change: trust(pki.Trusted),
		Text:     "the trust bundle's file holds a CRL as well",
		Variants: []string{"good", "revoked", "other-authority"}, Rules: []string{"IDENT-61"},
	},
	{
		Name: "anchor-intermediate", Mode: "cn", Side: handshake.Server, Change: trust(pki.Intermediate),
		Text:     "the trust bundle holds an intermediate authority and no root",
		Variants: []string{"intermediate-omitted", "good"}, Rules: []string{"IDENT-46"},
	},
	{
		Name: "anchor-leaf", Mode: "cn", Side: handshake.Server, Change: trust(pki.PeerLeaf),
		Text:     "the trust bundle holds the peer's own leaf and nothing else",
		Variants: []string{"good", "uri-other"}, Rules: []string{"IDENT-46"},
	},
	{
		Name: "anchor-expired", Mode: "cn", Side: handshake.Server, Change: trust(pki.Trusted, pki.ExpiredRoot),
		Text:     "the trust bundle holds a root that has expired, beside one that has not",
		Variants: []string{"good", "root-expired"}, Rules: []string{"IDENT-48"},
	},
	{
		Name: "cn-wildcard", Mode: "cn", Side: handshake.Server, Change: require("typha-*", ""),
		Text:     "the Common Name required is typha-*",
		Variants: []string{"cn-wildcard-prefix", "good"}, Rules: []string{"IDENT-12"},
	},
	{
		Name: "uri-scheme-upper", Mode: "cn-or-uri-san", Side: handshake.Server, Change: require(FelixCN, "SPIFFE://k8s.example.com/typha-client"),
		Text:     "the URI SAN required is written with its scheme in upper case",
		Variants: []string{"good", "cn-absent"}, Rules: []string{"IDENT-18"},
	},
	{
		Name: "uri-scheme-https", Mode: "uri-san", Side: handshake.Server, Change: require("", "https://k8s.example.com/typha-client"),
		Text:     "the URI SAN required is of another scheme than spiffe",
		Variants: []string{"uri-scheme-other", "good"}, Rules: []string{"IDENT-21"},
	},
}

var tlsModes = []string{"cn", "uri-san", "cn-or-uri-san"}

var conducts = []link.Conduct{
	{Name: "sni-other", Side: handshake.Client, Text: "asks for a server name that nobody has", Modes: []string{"cn"}, Variants: []string{"good", "cn-other"}, Rules: []string{"TYPHA-26"}},
	{Name: "alpn-other", Side: handshake.Client, Text: "offers application protocols that nobody speaks", Modes: []string{"cn"}, Variants: []string{"good", "cn-other"}, Rules: []string{"TYPHA-26"}},
	{Name: "syncer-bgp", Side: handshake.Client, Text: "asks for the syncer of type bgp", Modes: []string{"cn"}, Variants: []string{"good", "other-authority"}, Rules: []string{"TYPHA-17"}},
	{Name: "syncer-tunnel-ip-allocation", Side: handshake.Client, Text: "asks for the syncer of type tunnel-ip-allocation", Modes: []string{"cn"}, Variants: []string{"good", "other-authority"}, Rules: []string{"TYPHA-17"}},
	{Name: "syncer-node-status", Side: handshake.Client, Text: "asks for the syncer of type node-status", Modes: []string{"cn"}, Variants: []string{"good", "other-authority"}, Rules: []string{"TYPHA-17"}},
	{Name: "withhold", Side: handshake.Client, Text: "sends its certificate only if the server lists its issuer", Modes: tlsModes, Variants: []string{"good", "other-authority"}, Withholds: true, Rules: []string{"TYPHA-03"}},
	{Name: "idle-first", Side: handshake.Client, Text: "stays silent after the handshake until a neighbour has been accepted", Modes: []string{"cn"}, Variants: []string{"good"}, Crowd: true, Rules: []string{"TYPHA-15"}},
	{Name: "sync", Side: handshake.Client, Text: "waits until it is in sync and answers a ping", Modes: tlsModes, Variants: []string{"good"}, Rules: []string{"TYPHA-37"}},
	{Name: "amid-refusals", Side: handshake.Client, Text: "connects 20 times amid 100 connections that are refused", Modes: []string{"cn"}, Variants: []string{"good"}, Crowd: true, Rules: []string{"TYPHA-11"}},
	{Name: "offer-all", Side: handshake.Client, Text: "offers every version from TLS 1.0 to TLS 1.3", Modes: []string{"cn"}, Variants: []string{"good"}, Versions: []link.Version{link.TLS13}, Rules: []string{"TYPHA-05"}},
	{Name: "requires-uri-san", Side: handshake.Client, Text: "requires Typha's SPIFFE ID where Typha requires a Common Name", Modes: []string{"cn"}, Variants: []string{"good", "cn-other"}, Require: require("", TyphaURISAN), Rules: []string{"IDENT-27"}},
	{Name: "requires-cn", Side: handshake.Client, Text: "requires Typha's Common Name where Typha requires a SPIFFE ID", Modes: []string{"uri-san"}, Variants: []string{"good", "uri-other"}, Require: require(TyphaCN, ""), Rules: []string{"IDENT-27"}},
	{Name: "metered", Side: handshake.Client, Text: "connects alone, while the server's own counters are read", Modes: []string{"cn"}, Variants: []string{"good", "cn-other", "other-authority"}, Metered: true, Rules: []string{"TYPHA-18"}},
}

// trust replaces the trust bundle.
func trust(names ...pki.AuthorityName) func(link.Verifier) link.Verifier {
	return func(v link.Verifier) link.Verifier {
		v.Trust = names
		return v
	}
}

// require replaces the names required.
func require(cn, uriSAN string) func(link.Verifier) link.Verifier {
	return func(v link.Verifier) link.Verifier {
		v.CN, v.URISAN = cn, uriSAN
		return v
	}
}
