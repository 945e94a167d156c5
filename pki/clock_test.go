package pki_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/calico-tls/conformance/pki"
)

// clockError is how far the clock of who is judged may be off.
const clockError = 10 * time.Minute

// TestClocksMayBeOff: whoever is ten minutes slow or fast finds each certificate and each token valid or not as who keeps time
// does, but for those that are about moments.
func TestClocksMayBeOff(t *testing.T) {
	t.Parallel()
	steady := func(name string, notBefore, notAfter time.Duration) {
		t.Helper()
		valid := func(now time.Duration) bool { return notBefore <= now && now <= notAfter }
		if valid(-clockError) != valid(0) || valid(clockError) != valid(0) {
			t.Errorf("%s is valid from %s to %s: wanted the same of clocks that are %s off", name, notBefore, notAfter, clockError)
		}
	}
	aboutMoments := func(name string) bool { return strings.HasPrefix(name, "just-") }
	for _, v := range pki.Variants {
		if aboutMoments(v.Name) {
			continue
		}
		for _, from := range originsOf(v) {
			c := v.Credential(from)
			all := slices.Concat(c.Path, c.Extra, []pki.Template{c.Leaf})
			if root := pki.AuthorityTemplate(c.Root); root.NotAfter != 0 { // none has signed what is self-signed
				all = append(all, root)
			}
			for _, template := range all {
				steady(v.Name, template.NotBefore, template.NotAfter)
			}
		}
	}
	for _, v := range pki.TokenVariants {
		for _, kind := range []pki.TokenKind{pki.AccountToken, pki.ProviderToken} {
			if !v.Of(kind) || aboutMoments(v.Name) {
				continue
			}
			token := v.Token(pki.TokenIdentity{Kind: kind, Issuer: "https://issuer.example", Audience: "me", Subject: "somebody"})
			notAfter := token.Expires
			if notAfter == pki.Absent {
				notAfter = time.Duration(1<<63 - 1)
			}
			steady("the token "+v.Name, token.NotBefore, notAfter)
		}
	}
}
