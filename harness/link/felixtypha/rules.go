package felixtypha

import (
	"github.com/calico-tls/conformance/harness/handshake"
	"github.com/calico-tls/conformance/harness/link"
)

// decisions are the rules by which the ends decide, cause by cause.
var decisions = []link.Decision{
	{By: handshake.Server, Cause: "no-certificate", Rules: []string{"TYPHA-02"}},
	{Cause: "malformed", Rules: []string{"IDENT-60"}},
	{Cause: "oversized", Rules: []string{"IDENT-60"}},
	{Cause: "key-size", Rules: []string{"IDENT-58"}},
	{Cause: "critical-extension", Rules: []string{"IDENT-55"}},
	{Cause: "validity", Rules: []string{"IDENT-47"}},
	{Cause: "name-constraints", Rules: []string{"IDENT-56"}},
	{Cause: "path-length", Rules: []string{"IDENT-53"}},
	{Cause: "digest", Rules: []string{"IDENT-59"}},
	{Cause: "basic-constraints", Rules: []string{"IDENT-53"}},
	{Cause: "issuer", Rules: []string{"IDENT-40"}},
	{By: handshake.Server, Cause: "eku", Rules: []string{"IDENT-49"}},
	{By: handshake.Client, Cause: "eku", Rules: []string{"IDENT-50"}},
	{Cause: "identity", Rules: []string{"IDENT-02"}},
	{Cause: "svid-names", Rules: []string{"IDENT-20"}},
	{Cause: "svid-usage", Rules: []string{"IDENT-54"}},
	{Cause: "possession", Rules: []string{"IDENT-24"}},

	{By: handshake.Server, Cause: "plaintext-on-tls", Rules: []string{"TYPHA-01"}},
	{By: handshake.Client, Cause: "plaintext-on-tls", Rules: []string{"FELIX-02"}},
	{Cause: "tls-on-plaintext", Rules: []string{"CONF-17"}},
	{By: handshake.Server, Cause: "version", Rules: []string{"TYPHA-04"}},
	{By: handshake.Client, Cause: "version", Rules: []string{"FELIX-06"}},
	{By: handshake.Server, Cause: "suite", Rules: []string{"TYPHA-08"}},
	{By: handshake.Client, Cause: "suite", Rules: []string{"FELIX-08"}},

	{By: handshake.Client, Cause: string(link.UnofferedSuite), Rules: []string{"FELIX-08"}},
	{By: handshake.Client, Cause: string(link.Renegotiation), Rules: []string{"FELIX-19"}},
	{By: handshake.Client, Cause: string(link.HangUp), Rules: []string{"FELIX-02"}},
	{By: handshake.Client, Cause: string(link.Stall), Rules: []string{"FELIX-14"}},

	{Cause: link.InTheClear, Rules: []string{"CONF-01"}},
	// Whoever refuses tells so in its log, and a client sends nothing to a server that it has not verified. Where two
	// subjects meet, of whom one refuses, nobody sees what is sent.
	{By: handshake.Server, Cause: link.Refusing, Rules: []string{"TYPHA-19", "TYPHA-15"}},
	{By: handshake.Client, Cause: link.Refusing, Rules: []string{"FELIX-01", "FELIX-11"}},
	{By: handshake.Client, Cause: link.BeingRefused, Rules: []string{"FELIX-11"}},
	{By: handshake.Server, Cause: link.MeetingRefused, Rules: []string{"TYPHA-19", "FELIX-11"}},
	{By: handshake.Client, Cause: link.MeetingRefused, Rules: []string{"FELIX-11"}},
}
