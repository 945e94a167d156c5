package audit_test

import (
	"slices"

	"github.com/calico-tls/conformance/harness/handshake"
)

// disagreements are all that is known, by whom.
var disagreements = slices.Concat(ofX509, ofX509Composed, ofVerify, ofHandshakes)

var ofX509 = []disagreement{
	{cryptoX509, []string{"wrong-key"}, handshake.Accept, "possession", "a certificate does not tell who holds its key: the handshake does"},
	{cryptoX509, []string{"key-rsa-8200"}, handshake.Accept, "key-size", "sizes are bounded by crypto/tls, where they are received"},
	{cryptoX509, []string{"chain-oversized"}, handshake.Accept, "oversized", "sizes are bounded by crypto/tls, where they are received"},
	{cryptoX509, []string{"uri-fragment-empty"}, handshake.Accept, "identity", "Go drops an empty fragment when it writes a URI, and IDENT-18 says that it should not count as the name: a known deviation"},
}

var ofX509Composed = []disagreement{
	{composedX509, []string{"wrong-key"}, handshake.Accept, "possession", "a certificate does not tell who holds its key: the handshake does"},
	{composedX509, []string{"chain-oversized"}, handshake.Accept, "oversized", "sizes are bounded by crypto/tls, where they are received"},
	{composedX509, []string{"uri-fragment-empty"}, handshake.Accept, "identity", "Go drops an empty fragment when it writes a URI, and IDENT-18 says that it should not count as the name: a known deviation"},
	{composedX509, []string{"cn-in-email"}, handshake.Refuse, "cannot parse rfc822Name", "under an issuer with name constraints Go refuses an e-mail SAN that is no address, though it is URIs that are constrained"},
}

var ofVerify = []disagreement{
	{opensslVerify, []string{"eku-any"}, handshake.Refuse, "26 ", "OpenSSL wants the usage of TLS by its name"},
	{opensslVerify, []string{"key-usage-cert-sign"}, handshake.Refuse, "26 ", "OpenSSL counts the key usage of a leaf among its purposes, and Go does not look at it (IDENT-54)"},
	{opensslVerify, []string{"key-rsa-8200"}, handshake.Accept, "key-size", "OpenSSL bears keys of 16384 bits"},
	{opensslVerify, []string{"chain-oversized"}, handshake.Accept, "oversized", "sizes are bounded where they are received"},
	{opensslVerify, []string{"good", "authority-second"}, handshake.Refuse, "Error loading file", "OpenSSL takes nothing from a trust bundle with a broken certificate, and Go takes the others"},
}

// ofHandshakes are those of OpenSSL as a peer. A client of it that refuses under TLS 1.3 sends an alert that Go cannot
// read, so that its own words tell why.
var ofHandshakes = []disagreement{
	{opensslInTLS12, []string{"eku-any", "key-usage-cert-sign"}, handshake.Refuse, "unsupported certificate", "as openssl verify"},
	{opensslInTLS12, []string{"key-rsa-8200"}, handshake.Accept, "key-size", "OpenSSL bears keys of 16384 bits"},
	{opensslInTLS12, []string{"key-p224"}, handshake.Refuse, "illegal parameter", "OpenSSL takes no signature of a curve that it did not offer (RFC 8422 section 5.1), and Go does"},
	{opensslInTLS13, []string{"eku-any", "key-usage-cert-sign"}, handshake.Refuse, "unsupported certificate", "as openssl verify"},
	{opensslInTLS13, []string{"eku-any", "key-usage-cert-sign"}, handshake.Refuse, "unsuitable certificate purpose", "as openssl verify"},
	{opensslInTLS13, []string{"key-rsa-8200"}, handshake.Accept, "key-size", "OpenSSL bears keys of 16384 bits"},
}
