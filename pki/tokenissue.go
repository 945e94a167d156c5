package pki

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"time"
)

// IssueToken makes a token. Equal tokens are the same text.
func (a *Authorities) IssueToken(t Token) (string, error) {
	return a.tokens.get(identify(t), func() (string, error) {
		text, err := a.issueToken(t, time.Now())
		if err != nil {
			return "", fmt.Errorf("issuing a token: %w", err)
		}
		return text, nil
	})
}

func (a *Authorities) issueToken(t Token, now time.Time) (string, error) {
	switch t.Damage {
	case Missing, Emptied:
		return "", nil
	case Junked:
		return "no-token-at-all", nil
	case Undamaged, CutShort, Lengthened, SignatureCut, SignatureGone, SignatureForeign, Rewritten:
	}
	header, err := a.tokenHeader(t)
	if err != nil {
		return "", err
	}
	claims := t.claims(now)
	signed, err := a.signToken(t, header, claims)
	if err != nil {
		return "", err
	}
	return a.damaged(t, header, claims, signed)
}

// damaged returns the token with its damage.
func (a *Authorities) damaged(t Token, header, claims map[string]any, signed string) (string, error) {
	last := strings.LastIndexByte(signed, '.')
	first := strings.IndexByte(signed, '.')
	other := maps.Clone(claims)
	other["sub"] = Rewriter
	switch t.Damage {
	case CutShort:
		return signed[:(first+last)/2], nil
	case Lengthened:
		return signed + signed[last:], nil
	case SignatureCut:
		return signed[:last+1+(len(signed)-last)/2], nil
	case SignatureGone:
		return signed[:last+1], nil
	case SignatureForeign:
		foreign, err := a.signToken(t, header, other)
		if err != nil {
			return "", err
		}
		return signed[:last] + foreign[strings.LastIndexByte(foreign, '.'):], nil
	case Rewritten:
		part, err := encodePart(other)
		if err != nil {
			return "", err
		}
		return signed[:first+1] + part + signed[last:], nil
	case Undamaged, Missing, Emptied, Junked:
	}
	return signed, nil
}

// tokenHeader returns the header of a token.
func (a *Authorities) tokenHeader(t Token) (map[string]any, error) {
	key, err := a.TokenKey(t.Key)
	if err != nil {
		return nil, err
	}
	header := map[string]any{"alg": string(t.algorithm()), "typ": "JWT"}
	switch t.KeyID {
	case OwnKeyID, IssuersKeyID:
		public := key.Public()
		if t.KeyID == IssuersKeyID {
			issuers, err := a.TokenKey(t.issuersKey())
			if err != nil {
				return nil, err
			}
			public = issuers.Public()
		}
		if header["kid"], err = TokenKeyID(public); err != nil {
			return nil, err
		}
	case UnknownKeyID:
		header["kid"] = "nobody's"
	case NoKeyID:
	}
	switch t.Carries {
	case CarriesKey:
		if header["jwk"], err = webKey(key.Public()); err != nil {
			return nil, err
		}
	case CarriesLink:
		header["jku"] = KeyLink
	case CarriesNothing:
	}
	if t.Critical != "" {
		header["crit"], header[t.Critical] = []string{t.Critical}, true
	}
	return header, nil
}

func (t Token) issuersKey() TokenKey {
	if t.Kind == AccountToken {
		return AccountKey
	}
	return ProviderKey
}

func (t Token) algorithm() Algorithm {
	if t.Algorithm != "" {
		return t.Algorithm
	}
	return t.Key.Algorithm()
}

// claims returns the claims of a token that is issued now.
func (t Token) claims(now time.Time) map[string]any {
	claims := map[string]any{}
	for name, value := range map[string]string{"iss": t.Issuer, "sub": t.Subject} {
		if value != "" {
			claims[name] = value
		}
	}
	for name, offset := range map[string]time.Duration{"iat": t.IssuedAt, "nbf": t.NotBefore, "exp": t.Expires} {
		if offset != Absent {
			claims[name] = now.Add(offset).Unix()
		}
	}
	if len(t.Audiences) > 0 {
		claims["aud"] = t.Audiences
	}
	if len(t.Groups) > 0 {
		claims["groups"] = t.Groups
	}
	if t.Account != (Account{}) {
		claims["kubernetes.io"] = t.Account.claim()
	}
	return claims
}

func (a Account) claim() map[string]any {
	claim := map[string]any{"namespace": a.Namespace, "serviceaccount": a.Object.claim()}
	for kind, o := range map[string]Object{"pod": a.Pod, "secret": a.Secret} {
		if o != (Object{}) {
			claim[kind] = o.claim()
		}
	}
	return claim
}

func (o Object) claim() map[string]string { return map[string]string{"name": o.Name, "uid": o.UID} }

// signToken returns the three parts of a token.
func (a *Authorities) signToken(t Token, header, claims map[string]any) (string, error) {
	head, err := encodePart(header)
	if err != nil {
		return "", err
	}
	body, err := encodePart(claims)
	if err != nil {
		return "", err
	}
	signature, err := a.signature(t, head+"."+body)
	if err != nil {
		return "", err
	}
	return head + "." + body + "." + base64.RawURLEncoding.EncodeToString(signature), nil
}

// signature signs as the algorithm of the header says, with whatever key there is (RFC 7518 section 3).
func (a *Authorities) signature(t Token, signed string) ([]byte, error) {
	key, err := a.TokenKey(t.Key)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256([]byte(signed))
	digest, hash := sum[:], crypto.SHA256
	switch t.algorithm() {
	case None, NoneOddly:
		return nil, nil
	case HS256:
		// The secret is what everybody knows: the file of the issuer's public key.
		secret, err := a.TokenKeysPEM(t.Key)
		if err != nil {
			return nil, err
		}
		mac := hmac.New(sha256.New, secret)
		mac.Write([]byte(signed))
		return mac.Sum(nil), nil
	case RS512, ES512:
		sum := sha512.Sum512([]byte(signed))
		digest, hash = sum[:], crypto.SHA512
	case RS256, ES256:
	}
	switch key := key.(type) {
	case *rsa.PrivateKey:
		return rsa.SignPKCS1v15(rand.Reader, key, hash, digest)
	case *ecdsa.PrivateKey:
		r, s, err := ecdsa.Sign(rand.Reader, key, digest)
		if err != nil {
			return nil, err
		}
		size := (key.Curve.Params().BitSize + 7) / 8
		return append(r.FillBytes(make([]byte, size)), s.FillBytes(make([]byte, size))...), nil
	}
	return nil, fmt.Errorf("wanted a key of RSA or ECDSA, found %T", key)
}

func encodePart(part map[string]any) (string, error) {
	text, err := json.Marshal(part)
	if err != nil {
		return "", fmt.Errorf("encoding a part of a token: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(text), nil
}

// TokenKey returns a key of the run that signs tokens.
func (a *Authorities) TokenKey(name TokenKey) (crypto.Signer, error) {
	if name.Type() == "" {
		return nil, fmt.Errorf("finding a key for tokens: there is none named %q", name)
	}
	return a.keys.get("token "+string(name), func() (crypto.Signer, error) { return generateKey(name.Type()) })
}

// TokenKeysPEM returns the public keys of these names in PEM, one after the other, as kube-apiserver reads them
// (--service-account-key-file).
func (a *Authorities) TokenKeysPEM(names ...TokenKey) ([]byte, error) {
	var out []byte
	for _, name := range names {
		key, err := a.TokenKey(name)
		if err != nil {
			return nil, err
		}
		der, err := x509.MarshalPKIXPublicKey(key.Public())
		if err != nil {
			return nil, fmt.Errorf("encoding a public key: %w", err)
		}
		out = append(out, encodePEM("PUBLIC KEY", der)...)
	}
	return out, nil
}

// KeySet returns the public keys of these names as a JSON Web Key Set (RFC 7517 section 5).
func (a *Authorities) KeySet(names ...TokenKey) ([]byte, error) {
	var keys []map[string]string
	for _, name := range names {
		key, err := a.TokenKey(name)
		if err != nil {
			return nil, err
		}
		one, err := webKey(key.Public())
		if err != nil {
			return nil, err
		}
		one["use"], one["alg"] = "sig", string(name.Algorithm())
		keys = append(keys, one)
	}
	return json.Marshal(map[string]any{"keys": keys})
}

// TokenKeyID returns the ID by which Kubernetes knows a public key: the SHA-256 of its encoding (Kubernetes
// pkg/serviceaccount/jwt.go).
func TokenKeyID(public crypto.PublicKey) (string, error) {
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return "", fmt.Errorf("encoding a public key: %w", err)
	}
	sum := sha256.Sum256(der)
	return base64.RawURLEncoding.EncodeToString(sum[:]), nil
}

// webKey returns a public key as a JSON Web Key (RFC 7518 section 6).
func webKey(public crypto.PublicKey) (map[string]string, error) {
	id, err := TokenKeyID(public)
	if err != nil {
		return nil, err
	}
	text := base64.RawURLEncoding.EncodeToString
	switch key := public.(type) {
	case *rsa.PublicKey:
		e := []byte{byte(key.E >> 16), byte(key.E >> 8), byte(key.E)}
		return map[string]string{"kty": "RSA", "kid": id, "n": text(key.N.Bytes()), "e": text(e)}, nil
	case *ecdsa.PublicKey:
		point, err := key.Bytes() // an octet for the form, then both coordinates
		if err != nil {
			return nil, fmt.Errorf("encoding a public key: %w", err)
		}
		half := (len(point) - 1) / 2
		return map[string]string{"kty": "EC", "kid": id, "crv": key.Params().Name, "x": text(point[1 : 1+half]), "y": text(point[1+half:])}, nil
	}
	return nil, fmt.Errorf("wanted a public key of RSA or ECDSA, found %T", public)
}
