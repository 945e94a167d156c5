package felixtypha

import (
	"slices"

	"github.com/calico-tls/conformance/harness/handshake"
	"github.com/calico-tls/conformance/harness/link"
	"github.com/calico-tls/conformance/pki"
)

var settings = slices.Concat(
	requiring(handshake.Server), requiring(handshake.Client),
	configured(handshake.Server), configured(handshake.Client),
	incomplete(handshake.Server, "", typhaNames, "CONF-02"), incomplete(handshake.Client, "", felixNames, "CONF-03"),
	incomplete(typhaClient.Side, typhaClient.Component, typhaClient.Names, typhaClient.Rules...),
	spoilt(handshake.Server), spoilt(handshake.Client),
	onTyphaAlone, onFelixAlone, found, mended(),
	strict(handshake.Server), strict(handshake.Client),
)

// peers are the names that a side requires in its modes.
var peers = map[handshake.Side]pki.Identity{
	handshake.Server: {CN: FelixCN, URISAN: FelixURISAN},
	handshake.Client: {CN: TyphaCN, URISAN: TyphaURISAN},
}

// requiring are the settings in which a side trusts, or requires, something else.
func requiring(side handshake.Side) []link.Setting {
	end := peers[side].CN // "typha-client" and "typha-server", of which the last word stands in the path of the SPIFFE ID
	return []link.Setting{
		{
			Name: "bundle-2", Mode: "cn", Side: side, Change: trust(pki.Trusted, pki.Second),
			Text:     "the trust bundle holds two authorities",
			Variants: []string{"good", "authority-second", "authority-third", "other-authority"}, Rules: []string{"IDENT-43"},
		},
		{
			Name: "bundle-5", Mode: "cn", Side: side, Bundle: pki.BundleCommented,
			Change:   trust(pki.Fifth, pki.Third, pki.Trusted, pki.Second, pki.Fourth),
			Text:     "the trust bundle holds five authorities in no order, between comments and other PEM blocks",
			Variants: []string{"good", "authority-second", "authority-third", "authority-fourth", "authority-fifth", "other-authority"}, Rules: []string{"IDENT-43"},
		},
		{
			Name: "bundle-crl", Mode: "cn", Side: side, Bundle: pki.BundleRevoking, Change: trust(pki.Trusted),
			Text:     "the trust bundle's file holds a CRL as well",
			Variants: []string{"good", "revoked", "other-authority"}, Rules: []string{"IDENT-61"},
		},
		{
			Name: "anchor-intermediate", Mode: "cn", Side: side, Change: trust(pki.Intermediate),
			Text:     "the trust bundle holds an intermediate authority and no root",
			Variants: []string{"intermediate-omitted", "good"}, Rules: []string{"IDENT-46"},
		},
		{
			Name: "anchor-leaf", Mode: "cn", Side: side, Change: trust(pki.PeerLeaf),
			Text:     "the trust bundle holds the peer's own leaf and nothing else",
			Variants: []string{"good", "uri-other"}, Rules: []string{"IDENT-46"},
		},
		{
			Name: "anchor-expired", Mode: "cn", Side: side, Change: trust(pki.Trusted, pki.ExpiredRoot),
			Text:     "the trust bundle holds a root that has expired, beside one that has not",
			Variants: []string{"good", "root-expired"}, Rules: []string{"IDENT-48"},
		},
		{
			Name: "system-roots", Mode: "cn", Side: side, System: []pki.AuthorityName{pki.Untrusted},
			Text:     "the system trusts an authority that the trust bundle does not hold",
			Variants: []string{"good", "other-authority"}, Rules: []string{"IDENT-40"},
		},
		{
			Name: "cn-wildcard", Mode: "cn", Side: side, Change: require("typha-*", ""),
			Text:     "the Common Name required is typha-*",
			Variants: []string{"cn-wildcard-prefix", "good"}, Rules: []string{"IDENT-12"},
		},
		{
			Name: "uri-scheme-upper", Mode: "cn-or-uri-san", Side: side, Change: require(end, "SPIFFE://k8s.example.com/"+end),
			Text:     "the URI SAN required is written with its scheme in upper case",
			Variants: []string{"good", "cn-absent"}, Rules: []string{"IDENT-18"},
		},
		{
			Name: "uri-scheme-https", Mode: "uri-san", Side: side, Change: require("", "https://k8s.example.com/"+end),
			Text:     "the URI SAN required is of another scheme than spiffe",
			Variants: []string{"uri-scheme-other", "good"}, Rules: []string{"IDENT-21"},
		},
	}
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
