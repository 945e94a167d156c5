package stub

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/calico-tls/conformance/pki"
)

// issuer is who issues tokens that a stub kube-apiserver takes.
type issuer struct {
	name, audience string
	// lasting says that a token need not say for whom it is, and until when.
	lasting bool
	// keys returns the public keys by which its tokens are verified.
	keys func() ([]any, error)
	// bound says whether that is there to which a token is bound; nil if its tokens are bound to nothing.
	bound func(claims) error
	// user returns whom a token names.
	user func(claims) known
}

// claims are those of a token that count (RFC 7519 section 4.1; Kubernetes pkg/serviceaccount/claims.go).
type claims struct {
	jwt.RegisteredClaims

	Groups     []string `json:"groups"`
	Kubernetes struct {
		Namespace string `json:"namespace"`
		Account   bound  `json:"serviceaccount"`
		Pod       bound  `json:"pod"`
		Secret    bound  `json:"secret"`
	} `json:"kubernetes.io"` //nolint:tagliatelle // it is the name of the claim
}

// bound is an object that a token names.
type bound struct {
	Name string `json:"name"`
	UID  string `json:"uid"`
}

// question is one that is asked of a token that can be read.
type question struct {
	check pki.Check
	// objects returns what there is to object.
	objects func(*jwt.Token, claims, issuer) error
}

// questions are those that a stub asks of a token of an issuer that it knows, in this order, once its signature holds.
var questions = []question{
	{pki.CheckAudience, func(_ *jwt.Token, c claims, i issuer) error {
		if len(c.Audience) == 0 && i.lasting || slices.Contains(c.Audience, i.audience) {
			return nil
		}
		return fmt.Errorf("wanted the audience %q, found %q", i.audience, c.Audience)
	}},
	{pki.CheckValidity, func(_ *jwt.Token, c claims, i issuer) error {
		if c.ExpiresAt == nil && !i.lasting || c.ExpiresAt != nil && time.Now().After(c.ExpiresAt.Time) {
			return fmt.Errorf("it was valid until %v", c.ExpiresAt)
		}
		return nil
	}},
	{pki.CheckValidity, func(_ *jwt.Token, c claims, _ issuer) error {
		if c.NotBefore != nil && time.Now().Before(c.NotBefore.Time) {
			return fmt.Errorf("it is valid from %v on", c.NotBefore)
		}
		return nil
	}},
	{pki.CheckClaims, func(_ *jwt.Token, c claims, i issuer) error {
		if c.Subject == "" && i.bound == nil {
			return errors.New("it names nobody")
		}
		return nil
	}},
	{pki.CheckBinding, func(_ *jwt.Token, c claims, i issuer) error {
		if i.bound == nil {
			return nil
		}
		return i.bound(c)
	}},
}

// tokenError is an objection to a token.
type tokenError struct {
	check pki.Check
	err   error
}

func (e *tokenError) Error() string {
	return fmt.Sprintf("invalid bearer token: %s: %v", e.check, e.err)
}

func (e *tokenError) Unwrap() error { return e.err }

// owner returns whom a token names, or why it is not taken.
func (p policy) owner(text string, issuers []issuer) (known, error) {
	var c claims
	token, _, err := jwt.NewParser().ParseUnverified(text, &c)
	if err != nil && !errors.Is(err, jwt.ErrTokenUnverifiable) {
		return known{}, &tokenError{pki.CheckEncoding, err}
	}
	i := slices.IndexFunc(issuers, func(i issuer) bool { return i.name == c.Issuer })
	if i < 0 && p.quirk == takesAnyIssuer {
		i = 0
	}
	if i < 0 {
		return known{}, &tokenError{pki.CheckIssuer, fmt.Errorf("it is of %q", c.Issuer)}
	}
	from := issuers[i]
	keys, err := from.keys()
	if err != nil {
		return known{}, err
	}
	if err := p.signed(text, token, keys); err != nil {
		return known{}, &tokenError{pki.CheckSignature, err}
	}
	for _, q := range p.questions {
		if err := q.objects(token, c, from); err != nil {
			return known{}, &tokenError{q.check, err}
		}
	}
	return from.user(c), nil
}

// algorithms are those by which the keys of issuers sign (RFC 7518 section 3.1): a token does not choose.
var algorithms = []string{jwt.SigningMethodRS256.Alg(), jwt.SigningMethodES256.Alg()}

// isSigned reports by an error that none of the keys has signed a token: of those that its header names, or of all where it
// names none. Who does not know a critical extension cannot believe it (RFC 7515 section 4.1.11).
func isSigned(text string, token *jwt.Token, keys []any) error {
	if token.Header["crit"] != nil {
		return fmt.Errorf("wanted no extension that is critical, found %v", token.Header["crit"])
	}
	var set jwt.VerificationKeySet
	for _, key := range keys {
		id, err := pki.TokenKeyID(key)
		if err != nil {
			return err
		}
		if named := token.Header["kid"]; named == nil || named == id {
			set.Keys = append(set.Keys, key)
		}
	}
	_, err := jwt.NewParser(jwt.WithValidMethods(algorithms), jwt.WithoutClaimsValidation()).Parse(text, func(*jwt.Token) (any, error) { return set, nil })
	return err
}

// unless makes a fault that takes a token for signed of which says so, and asks about the rest as the reference does.
func unless(says func(text string, token *jwt.Token, keys []any) bool) func(*policy) {
	return func(p *policy) {
		p.signed = func(text string, token *jwt.Token, keys []any) error {
			if says(text, token, keys) {
				return nil
			}
			return isSigned(text, token, keys)
		}
	}
}

// unasked makes a fault that leaves out the questions of a check.
func unasked(check pki.Check) func(*policy) {
	return func(p *policy) {
		p.questions = slices.DeleteFunc(slices.Clone(questions), func(q question) bool { return q.check == check })
	}
}

// saysUnsigned: the token says that it need not be signed.
func saysUnsigned(_ string, token *jwt.Token, _ []any) bool {
	algorithm, _ := token.Header["alg"].(string)
	return strings.EqualFold(algorithm, "none")
}

// signedByWhatAllKnow: the file of an issuer's public key was taken for a secret, as the token says.
func signedByWhatAllKnow(text string, _ *jwt.Token, keys []any) bool {
	for _, key := range keys {
		der, err := x509.MarshalPKIXPublicKey(key)
		if err != nil {
			continue
		}
		file := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
		_, err = jwt.NewParser(jwt.WithValidMethods([]string{jwt.SigningMethodHS256.Alg()}), jwt.WithoutClaimsValidation()).
			Parse(text, func(*jwt.Token) (any, error) { return file, nil })
		if err == nil {
			return true
		}
	}
	return false
}

// signedByItsOwnKey: the key that the token brings along has signed it.
func signedByItsOwnKey(text string, token *jwt.Token, _ []any) bool {
	carried, err := json.Marshal(token.Header["jwk"])
	if err != nil {
		return false
	}
	key, err := parseWebKey(carried)
	if err != nil {
		return false
	}
	_, err = jwt.NewParser(jwt.WithValidMethods(algorithms), jwt.WithoutClaimsValidation()).Parse(text, func(*jwt.Token) (any, error) { return key, nil })
	return err == nil
}

// signedWhateverItNames: one of the keys has signed it, whichever its header names.
func signedWhateverItNames(text string, token *jwt.Token, keys []any) bool {
	unnamed := *token
	unnamed.Header = map[string]any{"alg": token.Header["alg"]}
	return isSigned(text, &unnamed, keys) == nil
}

// webKey is a public key of RSA or ECDSA as JSON (RFC 7518 section 6).
type webKey struct {
	Type  string `json:"kty"`
	Curve string `json:"crv"`
	N     string `json:"n"`
	E     string `json:"e"`
	X     string `json:"x"`
	Y     string `json:"y"`
}

func parseWebKey(text []byte) (any, error) {
	var k webKey
	if err := json.Unmarshal(text, &k); err != nil {
		return nil, fmt.Errorf("reading a key: %w", err)
	}
	decoded := func(text string) []byte {
		octets, _ := base64.RawURLEncoding.DecodeString(text) // what cannot be read verifies nothing
		return octets
	}
	switch {
	case k.Type == "RSA":
		exponent := new(big.Int).SetBytes(decoded(k.E))
		return &rsa.PublicKey{N: new(big.Int).SetBytes(decoded(k.N)), E: int(exponent.Int64())}, nil
	case k.Type == "EC" && k.Curve == elliptic.P256().Params().Name:
		const uncompressed = 4 // SEC 1 section 2.3.3
		return ecdsa.ParseUncompressedPublicKey(elliptic.P256(), slices.Concat([]byte{uncompressed}, decoded(k.X), decoded(k.Y)))
	}
	return nil, fmt.Errorf("reading a key: wanted one of RSA, or of ECDSA on P-256, found %q %q", k.Type, k.Curve)
}
