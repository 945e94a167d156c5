package pki

import (
	"slices"
	"strings"
	"time"
)

// TokenVariants is the table, by topic: what is right, time, audience, issuer, keys, algorithms, signatures, encoding,
// claims, what a token is bound to. The names are for ever.
var TokenVariants = []TokenVariant{
	{Name: "good", Text: "it is right in every respect", Change: asIs},
	{Name: "none", Twin: "good", Breaks: CheckPresence, Text: "no token is sent", Change: spoiltBy(Missing)},
	{Name: "empty", Twin: "good", Breaks: CheckPresence, Text: "it is empty", Change: spoiltBy(Emptied)},
	{Name: "audience-several", Text: "it is for another audience besides", Change: audiences("https://elsewhere.example", "")},
	{Name: "key-next", Text: "its issuer's second key signed it", Change: signedWith(next)},
	{Name: "kid-absent", Text: "it does not say which key signed it", Change: token(func(t *Token, _ TokenIdentity) { t.KeyID = NoKeyID })},

	{Name: "expired", Twin: "good", Breaks: CheckValidity, Text: "it expired an hour ago", Change: token(func(t *Token, _ TokenIdentity) {
		t.IssuedAt, t.NotBefore, t.Expires = -2*time.Hour, -2*time.Hour, -time.Hour
	})},
	{Name: "just-expired", Twin: "good", Breaks: CheckValidity, Text: "it expired two minutes ago", Change: token(func(t *Token, _ TokenIdentity) { t.IssuedAt, t.NotBefore, t.Expires = -time.Hour, -time.Hour, -leeway })},
	{Name: "not-yet-valid", Twin: "good", Breaks: CheckValidity, Text: "it is valid in an hour", Change: token(func(t *Token, _ TokenIdentity) { t.NotBefore, t.Expires = time.Hour, 2*time.Hour })},
	{Name: "just-not-yet-valid", Twin: "good", Breaks: CheckValidity, Text: "it is valid in two minutes", Change: token(func(t *Token, _ TokenIdentity) { t.NotBefore = leeway })},
	{Name: "nbf-absent", Text: "it does not say from when it is valid", Change: token(func(t *Token, _ TokenIdentity) { t.NotBefore = Absent })},
	{Name: "exp-absent", Kind: ProviderToken, Twin: "good", Breaks: CheckValidity, Text: "it does not say until when it is valid", Change: token(func(t *Token, _ TokenIdentity) { t.Expires = Absent })},

	{Name: "audience-other", Twin: "good", Breaks: CheckAudience, Text: "it is for another audience", Change: audiences("https://elsewhere.example")},
	{Name: "audience-longer", Twin: "good", Breaks: CheckAudience, Text: "its audience goes on after the required one", Change: audience(func(s string) string { return s + ".example" })},
	{Name: "audience-case", Twin: "good", Breaks: CheckAudience, Text: "its audience is in upper case", Change: audience(strings.ToUpper)},
	{Name: "audience-absent", Kind: ProviderToken, Twin: "good", Breaks: CheckAudience, Text: "it is for no audience", Change: audiences()},

	{Name: "issuer-other", Twin: "good", Breaks: CheckIssuer, Text: "its issuer is another", Change: issuedBy(func(string) string { return "https://elsewhere.example" })},
	{Name: "issuer-slash", Twin: "good", Breaks: CheckIssuer, Text: "its issuer ends with a slash", Change: issuedBy(func(s string) string { return s + "/" })},
	{Name: "issuer-case", Twin: "good", Breaks: CheckIssuer, Text: "its issuer is in upper case", Change: issuedBy(strings.ToUpper)},
	{Name: "issuer-absent", Twin: "good", Breaks: CheckIssuer, Text: "it has no issuer", Change: issuedBy(func(string) string { return "" })},

	{Name: "key-other", Twin: "good", Breaks: CheckSignature, Text: "a key signed it that nobody knows", Change: signedWith(strangers)},
	{Name: "key-other-good-kid", Twin: "good", Breaks: CheckSignature, Text: "a key signed it that nobody knows, and it names the issuer's", Change: allOf(signedWith(strangers), token(func(t *Token, _ TokenIdentity) { t.KeyID = IssuersKeyID }))},
	{Name: "key-other-no-kid", Twin: "kid-absent", Breaks: CheckSignature, Text: "a key signed it that nobody knows, and it names none", Change: allOf(signedWith(strangers), token(func(t *Token, _ TokenIdentity) { t.KeyID = NoKeyID }))},
	{Name: "key-carried", Twin: "good", Breaks: CheckSignature, Text: "a key signed it that nobody knows, and that it brings along", Change: allOf(signedWith(strangers), token(func(t *Token, _ TokenIdentity) { t.Carries = CarriesKey }))},
	{Name: "key-linked", Twin: "good", Breaks: CheckSignature, Text: "a key signed it that nobody knows, and it says where to fetch it", Change: allOf(signedWith(strangers), token(func(t *Token, _ TokenIdentity) { t.Carries = CarriesLink }))},
	{Name: "key-other-issuer", Twin: "good", Breaks: CheckSignature, Text: "a key of another issuer signed it, whom its taker knows for other tokens", Change: signedWith(otherIssuer)},
	{Name: "kid-other", Twin: "good", Breaks: CheckSignature, Text: "it names a key that nobody knows, though the issuer's signed it", Change: token(func(t *Token, _ TokenIdentity) { t.KeyID = UnknownKeyID })},

	{Name: "alg-none", Twin: "good", Breaks: CheckSignature, Text: "it says that it is not signed, and is not", Change: algorithmed(None)},
	{Name: "alg-none-case", Twin: "good", Breaks: CheckSignature, Text: "it says in other letters that it is not signed, and is not", Change: algorithmed(NoneOddly)},
	{Name: "alg-hmac", Twin: "good", Breaks: CheckSignature, Text: "it is signed by HMAC, with the issuer's public key for a secret", Change: algorithmed(HS256)},
	{Name: "alg-hmac-no-kid", Twin: "kid-absent", Breaks: CheckSignature, Text: "it is signed by HMAC, with the issuer's public key for a secret, and names no key", Change: allOf(algorithmed(HS256), token(func(t *Token, _ TokenIdentity) { t.KeyID = NoKeyID }))},

	{Name: "signature-gone", Twin: "good", Breaks: CheckSignature, Text: "its signature is empty", Change: spoiltBy(SignatureGone)},
	{Name: "signature-cut", Twin: "good", Breaks: CheckSignature, Text: "its signature lacks its second half", Change: spoiltBy(SignatureCut)},
	{Name: "signature-foreign", Twin: "good", Breaks: CheckSignature, Text: "its signature is that of another token", Change: spoiltBy(SignatureForeign)},
	{Name: "rewritten", Twin: "good", Breaks: CheckSignature, Text: "its claims were changed after it was signed", Change: spoiltBy(Rewritten)},

	{Name: "cut-short", Twin: "good", Breaks: CheckEncoding, Text: "it ends in the midst of its claims", Change: spoiltBy(CutShort)},
	{Name: "junk", Twin: "good", Breaks: CheckEncoding, Text: "it is no token at all", Change: spoiltBy(Junked)},
	{Name: "four-parts", Twin: "good", Breaks: CheckEncoding, Text: "a fourth part follows the three", Change: spoiltBy(Lengthened)},
	{Name: "critical", Twin: "good", Breaks: CheckSignature, Text: "it has a critical extension that nobody knows", Change: token(func(t *Token, _ TokenIdentity) { t.Critical = "conformance" })},

	{Name: "subject-other", Kind: ProviderToken, Twin: "good", Breaks: CheckIdentity, Text: "it is somebody else's", Change: token(func(t *Token, _ TokenIdentity) { t.Subject = "stranger" })},
	{Name: "subject-absent", Kind: ProviderToken, Twin: "good", Breaks: CheckClaims, Text: "it does not say whose it is", Change: token(func(t *Token, _ TokenIdentity) { t.Subject = "" })},
	{Name: "groups-absent", Kind: ProviderToken, Text: "it names no groups", Change: token(func(t *Token, _ TokenIdentity) { t.Groups = nil })},

	{Name: "account-other", Kind: AccountToken, Twin: "good", Breaks: CheckIdentity, Text: "it is another service account's", Change: bound(func(a *Account, id TokenIdentity) { a.Object = id.Other.Object })},
	{Name: "account-gone", Kind: AccountToken, Twin: "good", Breaks: CheckBinding, Text: "it is of a service account that does not exist", Change: bound(func(a *Account, _ TokenIdentity) { a.Name = "gone" })},
	{Name: "account-uid", Kind: AccountToken, Twin: "good", Breaks: CheckBinding, Text: "it is of a service account that was made anew since", Change: bound(func(a *Account, _ TokenIdentity) { a.UID = goneUID })},
	{Name: "namespace-other", Kind: AccountToken, Twin: "good", Breaks: CheckBinding, Text: "it is of a service account of that name in another namespace, where there is none", Change: bound(func(a *Account, _ TokenIdentity) { a.Namespace = "kube-system" })},
	{Name: "account-absent", Kind: AccountToken, Twin: "good", Breaks: CheckBinding, Text: "it does not say to which service account it is bound", Change: token(func(t *Token, _ TokenIdentity) { t.Account = Account{} })},
	{Name: "pod-bound", Kind: AccountToken, Text: "it is bound to a pod", Change: bound(func(a *Account, id TokenIdentity) { a.Pod = id.Account.Pod })},
	{Name: "pod-gone", Kind: AccountToken, Twin: "pod-bound", Breaks: CheckBinding, Text: "it is bound to a pod that does not exist", Change: bound(func(a *Account, id TokenIdentity) { a.Pod = Object{"gone", id.Account.Pod.UID} })},
	{Name: "pod-uid", Kind: AccountToken, Twin: "pod-bound", Breaks: CheckBinding, Text: "it is bound to a pod that was made anew since", Change: bound(func(a *Account, id TokenIdentity) { a.Pod = Object{id.Account.Pod.Name, goneUID} })},
	{Name: "secret-bound", Kind: AccountToken, Text: "it is bound to a secret", Change: bound(func(a *Account, id TokenIdentity) { a.Secret = id.Account.Secret })},
	{Name: "secret-gone", Kind: AccountToken, Twin: "secret-bound", Breaks: CheckBinding, Text: "it is bound to a secret that does not exist", Change: bound(func(a *Account, id TokenIdentity) { a.Secret = Object{"gone", id.Account.Secret.UID} })},
	{Name: "secret-uid", Kind: AccountToken, Twin: "secret-bound", Breaks: CheckBinding, Text: "it is bound to a secret that was made anew since", Change: bound(func(a *Account, id TokenIdentity) { a.Secret = Object{id.Account.Secret.Name, goneUID} })},
}

// TokenVariant is one way in which a token may differ from the good one.
type TokenVariant struct {
	// Name is the token in case IDs. It is never reused or renamed.
	Name string
	// Kind is the kind of token that can differ so; "" for either.
	Kind TokenKind
	// Twin names the variant that must be accepted and from which this one differs in exactly one attribute; "" for
	// variants that break nothing.
	Twin string
	// Breaks is the one check that fails for whoever asks for what the good token names; "" if none does.
	Breaks Check
	// Text says what the token looks like, as one would say it.
	Text string
	// Change makes the variant from the good token t of id. It leaves t as it is.
	Change func(t Token, id TokenIdentity) Token
}

// leeway is more than clocks may differ by that are compared with a token's times: a minute, with most libraries.
const leeway = 2 * time.Minute

// goneUID is the UID of what is there no more.
const goneUID = "00000000-0000-4000-8000-00000000dead"

// TokenVariantNamed returns the variant of that name.
func TokenVariantNamed(name string) (TokenVariant, bool) {
	if i := slices.IndexFunc(TokenVariants, func(v TokenVariant) bool { return v.Name == name }); i >= 0 {
		return TokenVariants[i], true
	}
	return TokenVariant{}, false
}

// Token returns what a client shows as this variant.
func (v TokenVariant) Token(id TokenIdentity) Token { return v.Change(GoodToken(id), id) }

// Of reports whether a token of a kind can differ so.
func (v TokenVariant) Of(kind TokenKind) bool { return v.Kind == "" || v.Kind == kind }

type tokenChange = func(Token, TokenIdentity) Token

func asIs(t Token, _ TokenIdentity) Token { return t }

// token makes a change of one that alters a copy.
func token(alter func(*Token, TokenIdentity)) tokenChange {
	return func(t Token, id TokenIdentity) Token {
		alter(&t, id)
		return t
	}
}

func allOf(changes ...tokenChange) tokenChange {
	return func(t Token, id TokenIdentity) Token {
		for _, change := range changes {
			t = change(t, id)
		}
		return t
	}
}

func spoiltBy(d Damage) tokenChange { return token(func(t *Token, _ TokenIdentity) { t.Damage = d }) }

func algorithmed(a Algorithm) tokenChange {
	return token(func(t *Token, _ TokenIdentity) { t.Algorithm = a })
}

// audiences puts these in the place of the audience; "" stands for the one that is asked for.
func audiences(names ...string) tokenChange {
	return token(func(t *Token, id TokenIdentity) {
		t.Audiences = nil
		for _, name := range names {
			if name == "" {
				name = id.Audience
			}
			t.Audiences = append(t.Audiences, name)
		}
	})
}

func audience(change func(string) string) tokenChange {
	return token(func(t *Token, id TokenIdentity) { t.Audiences = []string{change(id.Audience)} })
}

func issuedBy(change func(string) string) tokenChange {
	return token(func(t *Token, id TokenIdentity) { t.Issuer = change(id.Issuer) })
}

// signedWith has another key sign the token.
func signedWith(keys map[TokenKind]TokenKey) tokenChange {
	return token(func(t *Token, _ TokenIdentity) { t.Key = keys[t.Kind] })
}

// The keys that sign in the place of an issuer's first one.
var (
	next        = map[TokenKind]TokenKey{AccountToken: AccountNextKey, ProviderToken: ProviderNextKey}
	strangers   = map[TokenKind]TokenKey{AccountToken: StrangerRSAKey, ProviderToken: StrangerECKey}
	otherIssuer = map[TokenKind]TokenKey{AccountToken: ProviderNextKey, ProviderToken: AccountNextKey}
)

// bound changes whose service account's token it is, and what that is bound to; the subject says so as well.
func bound(change func(*Account, TokenIdentity)) tokenChange {
	return token(func(t *Token, id TokenIdentity) {
		change(&t.Account, id)
		t.Subject = t.Account.User()
	})
}
