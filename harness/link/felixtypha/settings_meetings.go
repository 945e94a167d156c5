package felixtypha

import (
	"github.com/calico-tls/conformance/harness/handshake"
	"github.com/calico-tls/conformance/harness/link"
	"github.com/calico-tls/conformance/pki"
)

// stranger and strangerURI are names that neither end has.
const (
	stranger    = "stranger"
	strangerURI = "spiffe://k8s.example.com/stranger"
)

// settingsOfMeetings are the settings with which one of two real ends is started that meet each other.
var settingsOfMeetings = []link.Setting{
	{Name: "felix-by-cn", Mode: "uri-san", Side: handshake.Client, Meets: true, Change: require(TyphaCN, ""), Text: "Felix requires the Common Name of Typha"},
	{Name: "felix-by-cn", Mode: "cn-or-uri-san", Side: handshake.Client, Meets: true, Change: require(TyphaCN, ""), Text: "Felix requires the Common Name of Typha"},
	{Name: "felix-by-uri-san", Mode: "cn", Side: handshake.Client, Meets: true, Change: require("", TyphaURISAN), Text: "Felix requires the SPIFFE ID of Typha"},
	{Name: "felix-by-uri-san", Mode: "cn-or-uri-san", Side: handshake.Client, Meets: true, Change: require("", TyphaURISAN), Text: "Felix requires the SPIFFE ID of Typha"},
	{Name: "felix-by-either", Mode: "cn", Side: handshake.Client, Meets: true, Change: require(TyphaCN, TyphaURISAN), Text: "Felix is given both names of Typha, and either suffices"},
	{Name: "felix-by-either", Mode: "uri-san", Side: handshake.Client, Meets: true, Change: require(TyphaCN, TyphaURISAN), Text: "Felix is given both names of Typha, and either suffices"},

	{Name: "other-ClientCN", Mode: "cn", Side: handshake.Server, Meets: true, Change: require(stranger, ""), Text: "Typha's ClientCN is another"},
	{Name: "other-TyphaCN", Mode: "cn", Side: handshake.Client, Meets: true, Change: require(stranger, ""), Text: "Felix's TyphaCN is another"},
	{Name: "other-CAFile", Mode: "cn", Side: handshake.Server, Meets: true, Change: trust(pki.Second), Text: "Typha's CAFile holds another authority"},
	{Name: "other-TyphaCAFile", Mode: "cn", Side: handshake.Client, Meets: true, Change: trust(pki.Second), Text: "Felix's TyphaCAFile holds another authority"},

	{Name: "other-ClientURISAN", Mode: "uri-san", Side: handshake.Server, Meets: true, Change: require("", strangerURI), Text: "Typha's ClientURISAN is another"},
	{Name: "other-TyphaURISAN", Mode: "uri-san", Side: handshake.Client, Meets: true, Change: require("", strangerURI), Text: "Felix's TyphaURISAN is another"},
	{Name: "other-CAFile", Mode: "uri-san", Side: handshake.Server, Meets: true, Change: trust(pki.Second), Text: "Typha's CAFile holds another authority"},
	{Name: "other-TyphaCAFile", Mode: "uri-san", Side: handshake.Client, Meets: true, Change: trust(pki.Second), Text: "Felix's TyphaCAFile holds another authority"},

	{Name: "typha-plaintext", Mode: "cn", Side: handshake.Server, Meets: true, Change: unset, Text: "nothing is set on Typha: it speaks plaintext"},
	{Name: "felix-plaintext", Mode: "cn", Side: handshake.Client, Meets: true, Change: unset, Text: "nothing is set on Felix: it speaks plaintext"},

	{Name: "hard-way-CAFile", Mode: "cn", Side: handshake.Server, Meets: true, Change: trust(pki.HardWayRoot), Text: "Typha's CAFile holds the authority that the manual installation makes, and no other"},
	{Name: "hard-way-TyphaCAFile", Mode: "cn", Side: handshake.Client, Meets: true, Change: trust(pki.HardWayRoot), Text: "Felix's TyphaCAFile holds the authority that the manual installation makes, and no other"},
}

// unset takes away all that an end is set up with for TLS.
func unset(link.Verifier) link.Verifier { return link.Verifier{} }
