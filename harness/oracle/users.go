package oracle

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/calico-tls/conformance/harness/handshake"
	"github.com/calico-tls/conformance/harness/link"
	"github.com/calico-tls/conformance/harness/matrix"
	"github.com/calico-tls/conformance/pki"
)

// tokenRow is one question that is asked of a token.
type tokenRow struct {
	row
	fails func(pki.Token, link.Bearer) bool
}

// tokenRows are asked in this order, which counts only where several fail.
var tokenRows = []tokenRow{
	{row{name: "token-encoding", check: pki.CheckEncoding}, tokenIsMalformed},
	{row{name: "token-issuer", check: pki.CheckIssuer}, tokenIsOfAnotherIssuer},
	{row{name: "token-signature", check: pki.CheckSignature}, tokenIsNotSigned},
	{row{name: "token-audience", check: pki.CheckAudience}, tokenIsForOthers},
	{row{name: "token-validity", check: pki.CheckValidity}, tokenIsOutOfDate},
	{row{name: "token-claims", check: pki.CheckClaims}, tokenIsNobodys},
	{row{name: "token-binding", check: pki.CheckBinding}, tokenIsUnbound},
}

// ofTokens is how the causes begin that are a token's.
const ofTokens = "token-"

func tokenCauses() []row {
	all := make([]row, len(tokenRows))
	for i := range tokenRows {
		all[i] = tokenRows[i].row
	}
	return all
}

// What an end with users asks once it knows its peer, or knows it for nobody.
var (
	unknown   = row{name: "nobody", check: pki.CheckPresence}
	anonymous = row{name: "anonymous", check: pki.CheckIdentity}
	denied    = row{name: "identity", check: pki.CheckIdentity}
)

// The groups that Kubernetes gives (Kubernetes apiserver/pkg/authentication/user/user.go).
const (
	everybody   = "system:authenticated"
	strangers   = "system:unauthenticated"
	allAccounts = "system:serviceaccounts"
)

// peerUser is whom an end takes its peer for.
type peerUser struct {
	name   string
	groups []string
	// rule is the rule by which it is known.
	rule string
}

// String returns the user as accounts name it.
func (u peerUser) String() string { return handshake.User(u.name, u.groups) }

// TokenOf returns the variant of a token that a client shows in a case, and the token; one that is [pki.Missing] where it
// shows none.
func TokenOf(l link.Link, c matrix.Case) (pki.TokenVariant, pki.Token, error) {
	m, ok := l.Mode(c.Mode)
	if !ok {
		return pki.TokenVariant{}, pki.Token{}, fmt.Errorf("link %s has no mode %q", l.Name, c.Mode)
	}
	name := cmp.Or(c.Token, m.Token, "none")
	v, ok := pki.TokenVariantNamed(name)
	if !ok {
		return v, pki.Token{}, fmt.Errorf("there is no variant %q of a token", name)
	}
	return v, v.Token(m.Server.Bearer.Identity), nil
}

// recognise returns whom an end takes its peer for that asks for a certificate, takes a token in its place, and says by its
// answer what it makes of either; and the first row that fails. A certificate counts before a token, and what is wrong with
// one of them counts only where the other is of no use (Kubernetes apiserver/pkg/authentication/request/union).
func (s showing) recognise() (peerUser, *row) {
	for i := range rows {
		if !slices.Contains(s.asked.Answers, rows[i].check) && rows[i].fails(s) {
			return peerUser{}, &rows[i] // before there is anybody to answer to
		}
	}
	user, wrong := s.certified()
	if user.name == "" {
		bearer, wrongToken := s.bearer()
		user, wrong = bearer, cmp.Or(wrong, wrongToken)
	}
	switch {
	case user.name != "":
	case wrong != nil:
		return peerUser{}, wrong
	case s.asked.Nobody == "":
		return peerUser{}, &unknown
	default:
		return peerUser{name: s.asked.Nobody, groups: []string{strangers}}, &anonymous
	}
	user.groups = append(slices.Clone(user.groups), everybody)
	if !slices.Contains(s.asked.Users, user.name) {
		return user, &denied
	}
	return user, nil
}

// acceptedAs returns the name by which the peer is accepted, and the rule that says so; "" if it is not.
func (s showing) acceptedAs() (name, rule string) {
	if s.asked.Asking != link.Invites {
		return s.knownAs()
	}
	user, _ := s.recognise()
	return user.String(), user.rule
}

// certified returns whom a certificate names, or what is wrong with it; neither where there is none, or it names nobody.
func (s showing) certified() (peerUser, *row) {
	if s.sendsNothing() {
		return peerUser{}, nil
	}
	if s.forwards != "" && len(s.asked.Proxies) > 0 {
		proxy := s
		proxy.asked.Trust = s.asked.Proxies
		if proxy.invalid() == nil {
			return peerUser{name: s.forwards, rule: "KAPI-14"}, nil
		}
	}
	if r := s.invalid(); r != nil {
		return peerUser{}, r
	}
	leaf := s.cred.Leaf
	if len(leaf.CommonNames) == 0 {
		return peerUser{}, nil
	}
	return peerUser{name: leaf.CommonNames[len(leaf.CommonNames)-1], groups: leaf.Organizations, rule: "KAPI-01"}, nil
}

// invalid returns the first row that fails of those that are asked of a certificate whoever it names.
func (s showing) invalid() *row {
	for i := range rows {
		if c := rows[i].check; c != pki.CheckPresence && c != pki.CheckIdentity && rows[i].fails(s) {
			return &rows[i]
		}
	}
	return nil
}

// bearer returns whom a token names, or what is wrong with it; neither where there is none. An empty one is none.
func (s showing) bearer() (peerUser, *row) {
	if s.token.Damage == pki.Missing || s.token.Damage == pki.Emptied || s.asked.Bearer.Identity.Kind == "" {
		return peerUser{}, nil
	}
	for i := range tokenRows {
		if tokenRows[i].fails(s.token, s.asked.Bearer) {
			return peerUser{}, &tokenRows[i].row
		}
	}
	user := peerUser{rule: "KAPI-02"}
	prefix := s.asked.Bearer.Prefix
	if s.token.Kind == pki.AccountToken {
		user.name, user.groups = s.token.Account.User(), []string{allAccounts, allAccounts + ":" + s.token.Account.Namespace}
		return user, nil
	}
	user.name = prefix + s.token.Subject
	for _, g := range s.token.Groups {
		user.groups = append(user.groups, prefix+g)
	}
	return user, nil
}

// isBearer reports whether a client has nothing but a token to be known by, or the lack of one.
func (s showing) isBearer() bool { return s.sendsNothing() && s.bears }

func tokenIsMalformed(t pki.Token, _ link.Bearer) bool {
	return slices.Contains([]pki.Damage{pki.CutShort, pki.Junked, pki.Lengthened}, t.Damage)
}

func tokenIsOfAnotherIssuer(t pki.Token, b link.Bearer) bool { return t.Issuer != b.Identity.Issuer }

// tokenIsNotSigned: a key of the issuer's must have signed it, whatever the token brings along to verify it by, by the
// algorithm of that key (RFC 8725 sections 3.1 and 3.10). The key that it names must be that key, and who does not know a
// critical extension must not believe the signature (RFC 7515 section 4.1.11).
func tokenIsNotSigned(t pki.Token, b link.Bearer) bool {
	switch {
	case !slices.Contains(b.Keys, t.Key), t.Algorithm != "" && t.Algorithm != t.Key.Algorithm():
		return true
	case t.KeyID == pki.UnknownKeyID, t.KeyID == pki.IssuersKeyID && t.Key != b.Keys[0], t.Critical != "":
		return true
	}
	return slices.Contains([]pki.Damage{pki.SignatureCut, pki.SignatureGone, pki.SignatureForeign, pki.Rewritten}, t.Damage)
}

func tokenIsForOthers(t pki.Token, b link.Bearer) bool {
	if len(t.Audiences) == 0 {
		return !isAccounts(b)
	}
	return !slices.Contains(t.Audiences, b.Identity.Audience)
}

// tokenIsOutOfDate: a provider must say until when its token is valid (OpenID Connect Core 1.0 section 2); who else does
// not, has set no end to it (RFC 7519 section 4.1.4).
func tokenIsOutOfDate(t pki.Token, b link.Bearer) bool {
	if t.Expires == pki.Absent {
		return !isAccounts(b)
	}
	return t.Expires < 0 || t.NotBefore > 0
}

func tokenIsNobodys(t pki.Token, b link.Bearer) bool { return t.Subject == "" && !isAccounts(b) }

// tokenIsUnbound: what a service account's token is bound to must be there, under the UID that the token names.
func tokenIsUnbound(t pki.Token, b link.Bearer) bool {
	if !isAccounts(b) {
		return false
	}
	i := slices.IndexFunc([]pki.Account{b.Identity.Account, b.Identity.Other}, func(a pki.Account) bool {
		return a.Namespace == t.Account.Namespace && a.Object == t.Account.Object
	})
	if i < 0 {
		return true
	}
	there := []pki.Account{b.Identity.Account, b.Identity.Other}[i]
	none := pki.Object{}
	return t.Account.Pod != none && t.Account.Pod != there.Pod || t.Account.Secret != none && t.Account.Secret != there.Secret
}

func isAccounts(b link.Bearer) bool { return b.Identity.Kind == pki.AccountToken }
