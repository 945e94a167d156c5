package pki

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// bearers are whom good tokens name, one of each kind.
var bearers = []TokenIdentity{
	{
		Kind: AccountToken, Issuer: "https://accounts.example", Audience: "https://accounts.example/api",
		Account: Account{Namespace: "n", Object: Object{"a", "1"}, Pod: Object{"p", "2"}, Secret: Object{"s", "3"}}, Other: Account{Namespace: "n", Object: Object{"o", "4"}},
	},
	{Kind: ProviderToken, Issuer: "https://provider.example", Audience: "me", Subject: "somebody", Groups: []string{"g"}},
}

// TestTokenVariantsAreSound: each has a name of its own and a twin that breaks nothing, and leaves the good token as it is.
func TestTokenVariantsAreSound(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, v := range TokenVariants {
		if seen[v.Name] {
			t.Errorf("there are two variants %s", v.Name)
		}
		seen[v.Name] = true
		if (v.Breaks == "") != (v.Twin == "") {
			t.Errorf("%s breaks %q and has the twin %q: wanted both or neither", v.Name, v.Breaks, v.Twin)
		}
		twin, ok := TokenVariantNamed(v.Twin)
		if v.Twin != "" && (!ok || twin.Breaks != "" || !twin.Of(v.Kind) && twin.Kind != "") {
			t.Errorf("%s: wanted a twin that breaks nothing, found %q", v.Name, v.Twin)
		}
		for _, id := range bearers {
			if !v.Of(id.Kind) {
				continue
			}
			good := GoodToken(id)
			changed := v.Change(good, id)
			if !reflect.DeepEqual(good, GoodToken(id)) {
				t.Errorf("%s changes the good token", v.Name)
			}
			if v.Name != "good" && reflect.DeepEqual(changed, good) {
				t.Errorf("%s of a %s is the good token", v.Name, id.Kind)
			}
		}
	}
}

// TestTokens asks of each variant that is signed what its signature and its times are, by the standard library alone.
func TestTokens(t *testing.T) {
	t.Parallel()
	a := NewAuthorities()
	for _, id := range bearers {
		for _, v := range TokenVariants {
			if !v.Of(id.Kind) {
				continue
			}
			token := v.Token(id)
			text, err := a.IssueToken(token)
			if err != nil {
				t.Fatalf("%s: %v", v.Name, err)
			}
			if again, _ := a.IssueToken(v.Token(id)); again != text {
				t.Errorf("%s: wanted the same text again", v.Name)
			}
			parts := strings.Split(text, ".")
			if malformed := len(parts) != 3; malformed != slices.Contains([]Damage{Missing, Emptied, CutShort, Junked, Lengthened}, token.Damage) {
				t.Errorf("%s of a %s: found %d parts", v.Name, id.Kind, len(parts))
			}
			if len(parts) != 3 {
				continue
			}
			header, claims := part(t, parts[0]), part(t, parts[1])
			wrongTime := claims["exp"] == nil || claims["exp"].(float64) < float64(time.Now().Unix()) ||
				claims["nbf"] != nil && claims["nbf"].(float64) > float64(time.Now().Unix())
			if wrongTime != (v.Breaks == CheckValidity) {
				t.Errorf("%s of a %s: found %v", v.Name, id.Kind, claims)
			}
			if verified := signedByIssuer(t, a, token, header, parts); verified != (v.Breaks != CheckSignature) && token.KeyID != UnknownKeyID && token.Critical == "" {
				t.Errorf("%s of a %s: signed by its issuer: %t", v.Name, id.Kind, verified)
			}
		}
	}
}

func part(t *testing.T, text string) map[string]any {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	var all map[string]any
	if err := json.Unmarshal(raw, &all); err != nil {
		t.Fatal(err)
	}
	return all
}

// signedByIssuer asks each of the issuer's two keys.
func signedByIssuer(t *testing.T, a *Authorities, token Token, header map[string]any, parts []string) bool {
	t.Helper()
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil {
		return false
	}
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	own := map[TokenKind][]TokenKey{AccountToken: {AccountKey, AccountNextKey}, ProviderToken: {ProviderKey, ProviderNextKey}}[token.Kind]
	for _, name := range own {
		key, err := a.TokenKey(name)
		if err != nil {
			t.Fatal(err)
		}
		switch public := key.Public().(type) {
		case *rsa.PublicKey:
			if header["alg"] == "RS256" && rsa.VerifyPKCS1v15(public, crypto.SHA256, sum[:], signature) == nil {
				return true
			}
		case *ecdsa.PublicKey:
			half := len(signature) / 2
			if header["alg"] == "ES256" && ecdsa.Verify(public, sum[:], new(big.Int).SetBytes(signature[:half]), new(big.Int).SetBytes(signature[half:])) {
				return true
			}
		}
	}
	return false
}
