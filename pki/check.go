package pki

// Check is one question that a relying party asks about its peer before it accepts it.
type Check string

// The checks, in the order in which a relying party can ask them.
const (
	// CheckProtocol asks whether the peer speaks TLS at all, and a version that is allowed (RFC 8446 section 4.2.1).
	CheckProtocol Check = "protocol"
	// CheckPresence asks whether the peer sent a certificate (RFC 8446 section 4.4.2.4).
	CheckPresence Check = "presence"
	// CheckEncoding asks whether what the peer sent can be parsed and is of a bearable size.
	CheckEncoding Check = "encoding"
	// CheckChain asks whether the leaf is signed, over certificates that may sign it, by a trust anchor (RFC 5280
	// section 6): signatures, basic constraints, path length, name constraints, critical extensions.
	CheckChain Check = "chain"
	// CheckValidity asks whether now lies between notBefore and notAfter of each certificate of the path (RFC 5280
	// section 4.1.2.5).
	CheckValidity Check = "validity"
	// CheckEKU asks whether the leaf, and each issuer that restricts itself, allows the use that is made of it (RFC 5280
	// section 4.2.1.12).
	CheckEKU Check = "eku"
	// CheckIdentity asks whether the leaf names the peer that is required, by Common Name, by URI SAN, or by the host that
	// was dialled (RFC 9525).
	CheckIdentity Check = "identity"
	// CheckRevocation asks whether the issuer has revoked the leaf (RFC 5280 section 5).
	CheckRevocation Check = "revocation"
	// CheckPossession asks whether the peer holds the private key of its leaf (RFC 8446 section 4.4.3).
	CheckPossession Check = "possession"
)

// The checks that are made of a token besides, or in the place of those of a certificate.
const (
	// CheckSignature asks whether a key of its issuer signed the token, by an algorithm that is allowed (RFC 7515 section
	// 5.2, RFC 8725 section 3.1).
	CheckSignature Check = "signature"
	// CheckIssuer and CheckAudience ask who issued the token, and for whom (RFC 7519 sections 4.1.1 and 4.1.3).
	CheckIssuer   Check = "issuer"
	CheckAudience Check = "audience"
	// CheckClaims asks whether the token says whose it is.
	CheckClaims Check = "claims"
	// CheckBinding asks whether there still is what the token is bound to: its service account, a pod, a secret.
	CheckBinding Check = "binding"
)

// TokenChecks lists the checks that are made of tokens alone.
var TokenChecks = []Check{CheckSignature, CheckIssuer, CheckAudience, CheckClaims, CheckBinding}

// Checks lists every check.
var Checks = []Check{
	CheckProtocol, CheckPresence, CheckEncoding, CheckChain, CheckValidity, CheckEKU, CheckIdentity, CheckRevocation, CheckPossession,
}
