package pki

import "time"

// TokenKind says who issues a token, and so what it holds.
type TokenKind string

// The kinds of tokens.
const (
	// AccountToken is the token of a service account of Kubernetes, as a pod is given it.
	AccountToken TokenKind = "service-account"
	// ProviderToken is an ID token of an OpenID provider (OpenID Connect Core 1.0 section 2).
	ProviderToken TokenKind = "provider"
)

// Algorithm is the algorithm of a signature, as a token names it (RFC 7518 section 3.1).
type Algorithm string

// The algorithms. NoneOddly is "none" in other letters, which means nothing to anybody.
const (
	RS256     Algorithm = "RS256"
	RS512     Algorithm = "RS512"
	ES256     Algorithm = "ES256"
	ES512     Algorithm = "ES512"
	HS256     Algorithm = "HS256"
	None      Algorithm = "none"
	NoneOddly Algorithm = "nOnE"
)

// TokenKey names a key of a run that signs tokens.
type TokenKey string

// The keys. An issuer has two, of which the second signs what it will issue next; nobody knows those of strangers.
const (
	AccountKey      TokenKey = "account"
	AccountNextKey  TokenKey = "account-next"
	ProviderKey     TokenKey = "provider"
	ProviderNextKey TokenKey = "provider-next"
	StrangerRSAKey  TokenKey = "stranger-rsa"
	StrangerECKey   TokenKey = "stranger-ec"
)

// tokenKeys are the types of the keys.
var tokenKeys = map[TokenKey]KeyType{
	AccountKey: RSA2048, AccountNextKey: P256, ProviderKey: P256, ProviderNextKey: RSA2048, StrangerRSAKey: RSA2048, StrangerECKey: P256,
}

// Type returns the type of the key; "" if there is none of that name.
func (k TokenKey) Type() KeyType { return tokenKeys[k] }

// Algorithm returns the algorithm with which the key signs.
func (k TokenKey) Algorithm() Algorithm {
	if moduli[tokenKeys[k]] > 0 {
		return RS256
	}
	return ES256
}

// Token describes a bearer token by value: a JWT (RFC 7519), in the compact serialisation of a JWS (RFC 7515 section 7.1).
// A zero field means that the claim, or the parameter of the header, is absent.
type Token struct {
	Kind TokenKind
	// Key is the key that signs it. The header says Algorithm; "" takes the key's own.
	Key       TokenKey
	Algorithm Algorithm
	// KeyID says what the header says of the key, Carries what it brings along to verify it by.
	KeyID   KeyID
	Carries Carried
	// Critical is the name of an extension that whoever reads the token must understand (RFC 7515 section 4.1.11).
	Critical string
	// Issuer, Subject and Audiences are the claims iss, sub and aud; Groups is groups.
	Issuer, Subject string
	Audiences       []string
	Groups          []string
	// IssuedAt, NotBefore and Expires are offsets from the moment of issue; [Absent] leaves out the claim.
	IssuedAt, NotBefore, Expires time.Duration
	// Account is the claim kubernetes.io.
	Account Account
	// Damage is what becomes of the token once it is signed.
	Damage Damage
}

// Absent is the offset of a claim of time that a token does not have.
const Absent = time.Duration(-1 << 63)

// KeyID says which key the header of a token names (RFC 7515 section 4.1.4). A key's own ID is made of the key.
type KeyID string

// The key IDs.
const (
	// OwnKeyID is that of the key that signs it.
	OwnKeyID KeyID = ""
	// NoKeyID leaves it out, UnknownKeyID is that of no key, IssuersKeyID that of the issuer's first key.
	NoKeyID      KeyID = "none"
	UnknownKeyID KeyID = "unknown"
	IssuersKeyID KeyID = "issuer's"
)

// Carried is what a token brings along in its header to be verified by, which nobody must heed.
type Carried string

// What a token can bring along.
const (
	CarriesNothing Carried = ""
	// CarriesKey is the public key itself (RFC 7515 section 4.1.3), CarriesLink an address to fetch it from (section 4.1.2).
	CarriesKey  Carried = "key"
	CarriesLink Carried = "link"
)

// KeyLink is the address to which [CarriesLink] points; nobody is there.
const KeyLink = "https://127.0.0.1:1/keys"

// Damage is what becomes of a token once it is signed.
type Damage string

// The damages.
const (
	Undamaged Damage = ""
	// Missing: no token is sent at all. Emptied: nothing is left of it.
	Missing Damage = "missing"
	Emptied Damage = "emptied"
	// CutShort: it ends in the midst of its claims. Junk: something else stands in its place. Lengthened: a fourth part
	// follows the three.
	CutShort   Damage = "cut-short"
	Junked     Damage = "junked"
	Lengthened Damage = "lengthened"
	// SignatureCut: the signature lacks its end. SignatureGone: it is empty. SignatureForeign: it is that of another token
	// of the same key.
	SignatureCut     Damage = "signature-cut"
	SignatureGone    Damage = "signature-gone"
	SignatureForeign Damage = "signature-foreign"
	// Rewritten: its claims say after it was signed that it is somebody else's.
	Rewritten Damage = "rewritten"
)

// Rewriter is whose a token is that was [Rewritten].
const Rewriter = "system:masters"

// Object is an object of Kubernetes, by its name and its UID.
type Object struct{ Name, UID string }

// Account is a service account, and what a token of it is bound to; the zero Object for nothing.
type Account struct {
	Namespace string
	Object
	Pod, Secret Object
}

// User returns the name that Kubernetes gives to the account.
func (a Account) User() string { return "system:serviceaccount:" + a.Namespace + ":" + a.Name }

// TokenIdentity is what names the bearer of a token to whoever takes it.
type TokenIdentity struct {
	Kind TokenKind
	// Issuer and Audience are those that the taker asks for.
	Issuer, Audience string
	// Subject and Groups are those of a provider's token. Account is that of a service account's, with the pod and the secret
	// to which it can be bound, Other an account of the same namespace that has no rights.
	Subject        string
	Groups         []string
	Account, Other Account
}

// issuedAgo is how long a good token has been valid, so that a taker whose clock is some minutes slow takes it as well.
const issuedAgo = 15 * time.Minute

// GoodToken returns the token that names id, and that whoever asks for that must accept: signed by the issuer's first key,
// for its audience, and valid now.
func GoodToken(id TokenIdentity) Token {
	t := Token{
		Kind: id.Kind, Key: ProviderKey, Issuer: id.Issuer, Subject: id.Subject, Audiences: []string{id.Audience}, Groups: id.Groups,
		IssuedAt: -issuedAgo, NotBefore: -issuedAgo, Expires: time.Hour,
	}
	if id.Kind == AccountToken {
		t.Key, t.Account = AccountKey, Account{Namespace: id.Account.Namespace, Object: id.Account.Object}
		t.Subject, t.Groups = t.Account.User(), nil
	}
	return t
}
