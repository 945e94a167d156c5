package evidence

import (
	"slices"
	"strings"
	"testing"

	"github.com/calico-tls/conformance/pki"
)

// said is what kube-apiserver v1.37.2 said of tokens.
var said = map[string]pki.Check{
	`[invalid bearer token, invalid signature, no keys found]`:                     pki.CheckSignature,
	`[invalid bearer token, go-jose/go-jose: error in cryptographic primitive]`:    pki.CheckSignature,
	`[invalid bearer token, service account token has expired]`:                    pki.CheckValidity,
	`[invalid bearer token, service account token is not valid yet]`:               pki.CheckValidity,
	`[invalid bearer token, service account token has been invalidated]`:           pki.CheckBinding,
	`[invalid bearer token, serviceaccounts "gone" not found]`:                     pki.CheckBinding,
	`[invalid bearer token, resource name may not be empty]`:                       pki.CheckBinding,
	`[invalid bearer token, service account UID (1) does not match claim (2)]`:     pki.CheckBinding,
	`[invalid bearer token, oidc: parse username claims "sub": claim not present]`: pki.CheckClaims,

	`[invalid bearer token, pod UID (1) does not match service account pod ref claim (2)]`:                                                                      pki.CheckBinding,
	`[invalid bearer token, token audiences ["https://a"] is invalid for the target audiences ["https://b"]]`:                                                   pki.CheckAudience,
	`[invalid bearer token, oidc: verify token: oidc: expected audience "conformance" got []]`:                                                                  pki.CheckAudience,
	`[invalid bearer token, oidc: verify token: oidc: id token signed with unsupported algorithm, expected ["ES256" "RS256"] got "HS256"]`:                      pki.CheckSignature,
	`[invalid bearer token, oidc: verify token: failed to verify signature: failed to verify id token signature]`:                                               pki.CheckSignature,
	`[invalid bearer token, oidc: verify token: oidc: token is expired (Token Expiry: 0001-01-01 00:00:00 +0000 UTC)]`:                                          pki.CheckValidity,
	`[invalid bearer token, oidc: verify token: oidc: current time 1 before the nbf (not before) time: 2]`:                                                      pki.CheckValidity,
	`[invalid bearer token, verifying certificate SN=1, SKID=, AKID=2 failed: x509: certificate signed by unknown authority, invalid signature, no keys found]`: pki.CheckChain,
}

// TestCausesOfTokens: each text tells the one check, and each row of the table is needed for one.
func TestCausesOfTokens(t *testing.T) {
	t.Parallel()
	for text, check := range said {
		if got := CausesOf(text); !slices.Equal(got, []pki.Check{check}) {
			t.Errorf("%s: wanted %s, found %v", text, check, got)
		}
	}
	for _, c := range tokenCauses {
		found := false
		for text := range said {
			found = found || strings.Contains(text, c.text)
		}
		if !found {
			t.Errorf("wanted each row to fit some text, found none for %q", c.text)
		}
	}
	if got := CausesOf("invalid bearer token"); got != nil {
		t.Errorf("wanted no cause of what names none, found %v", got)
	}
}
