package audit_test

import (
	"crypto/x509"
	"iter"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/calico-tls/conformance/harness/handshake"
	"github.com/calico-tls/conformance/harness/link"
	"github.com/calico-tls/conformance/harness/link/felixtypha"
	"github.com/calico-tls/conformance/pki"
)

// sides are the sides that show.
var sides = []handshake.Side{handshake.Client, handshake.Server}

// origin is what the variants of a side are made from.
func origin(side handshake.Side) pki.Origin {
	l := felixtypha.Link
	o := pki.Origin{Role: pki.Client, Own: l.End(side).Identity, Peer: l.End(side.Other()).Identity}
	if side == handshake.Server {
		o.Role = pki.Server
	}
	return o
}

// quick are the variants whose keys do not take long to make, for a property that is tried on many.
var quick = slices.DeleteFunc(slices.Clone(pki.Variants), func(v pki.Variant) bool {
	c := v.Credential(origin(handshake.Client))
	return slices.Contains([]pki.KeyType{pki.RSA3072, pki.RSA4096, pki.RSA8200}, c.Leaf.Key) || c.Root == pki.HardWayRoot ||
		slices.ContainsFunc(c.Path, func(t pki.Template) bool { return t.Key == pki.RSA4096 })
})

// anchors are what a random trust bundle is made of.
var anchors = []pki.AuthorityName{
	pki.Trusted, pki.Second, pki.Third, pki.ExpiredRoot, pki.Untrusted, pki.SameName, pki.Intermediate, pki.PeerLeaf,
}

// drawJudgement draws a credential, changed by up to three variants one after the other, and by random templates above it,
// and who is asked about it.
func drawJudgement(t *rapid.T) judgement {
	side := rapid.SampledFrom(sides).Draw(t, "side")
	o := origin(side)
	j := judgement{side: side, good: pki.Good(o.Role, o.Own), asked: drawVerifier(t, o)}
	j.shown = j.good
	for range rapid.IntRange(0, 3).Draw(t, "changes") {
		v := rapid.SampledFrom(quick).Draw(t, "variant")
		j.variants = append(j.variants, v.Name)
		j.shown = v.Change(j.shown, o)
	}
	if rapid.Bool().Draw(t, "random path") {
		j.shown.Path = rapid.SliceOfN(rapid.Custom(func(t *rapid.T) pki.Template { return drawIssuer(t, o) }), 1, 3).Draw(t, "path")
	}
	return j
}

// drawVerifier draws what is required: some of the anchors, and at least one name.
func drawVerifier(t *rapid.T, o pki.Origin) link.Verifier {
	v := link.Verifier{Trust: rapid.SliceOfNDistinct(rapid.SampledFrom(anchors), 1, 3, rapid.ID[pki.AuthorityName]).Draw(t, "trust")}
	if rapid.Bool().Draw(t, "trust the trusted") && !slices.Contains(v.Trust, pki.Trusted) {
		v.Trust = append(v.Trust, pki.Trusted)
	}
	switch rapid.IntRange(0, 2).Draw(t, "names") {
	case 0:
		v.CN = rapid.SampledFrom([]string{o.Own.CN, o.Own.CN, "stranger"}).Draw(t, "cn")
	case 1:
		v.URISAN = rapid.SampledFrom([]string{o.Own.URISAN, o.Own.URISAN, "spiffe://k8s.example.com/stranger"}).Draw(t, "uri")
	default:
		v.CN, v.URISAN = o.Own.CN, o.Own.URISAN
	}
	return v
}

// drawIssuer draws an intermediate authority.
func drawIssuer(t *rapid.T, o pki.Origin) pki.Template {
	issuer := pki.AuthorityTemplate(pki.Intermediate)
	domains := []string{"k8s.example.com", ".example.com", "other.example.org"}
	for _, edit := range rapid.SliceOfN(rapid.IntRange(0, 7), 0, 3).Draw(t, "edits") {
		switch edit {
		case 0:
			issuer.CA = false
		case 1:
			issuer.PathLen = rapid.IntRange(0, 2).Draw(t, "path length")
		case 2:
			issuer.Usages = []x509.ExtKeyUsage{rapid.SampledFrom([]x509.ExtKeyUsage{o.Role.Usage(), o.Role.Other().Usage(), x509.ExtKeyUsageAny}).Draw(t, "usage")}
		case 3:
			issuer.PermittedURIDomains = []string{rapid.SampledFrom(domains).Draw(t, "permitted")}
		case 4:
			issuer.ExcludedURIDomains = []string{rapid.SampledFrom(domains).Draw(t, "excluded")}
		case 5:
			issuer.NotAfter = -time.Hour
		case 6:
			issuer.CriticalUnknown = true
		case 7:
			issuer.CommonNames = []string{"another intermediate authority"}
		}
	}
	return issuer
}

// random draws judgements.
var random = rapid.Custom(drawJudgement)

// examples is how many random credentials are looked at in every run, always the same ones.
const examples = 1500

// TestX509AgreesOnCompositions asks crypto/x509 about each two variants made one after the other, and about random
// credentials.
func TestX509AgreesOnCompositions(t *testing.T) {
	t.Parallel()
	l := newLedger(composedX509)
	posed, issued := 0, 0
	for j := range compositions() {
		posed++
		issued += askX509(t, authorities(), l, j)
	}
	for seed := range examples {
		posed++
		issued += askX509(t, authorities(), l, random.Example(seed))
	}
	if issued < posed*9/10 {
		t.Errorf("wanted nearly all of %d credentials to be issued, found %d", posed, issued)
	}
	l.close(t)
}

// compositions yields each two variants, made one after the other in the order of the table.
func compositions() iter.Seq[judgement] {
	return func(yield func(judgement) bool) {
		for i, first := range quick {
			for _, second := range quick[i+1:] {
				side := sides[i%len(sides)]
				o := origin(side)
				j := judgement{
					variants: []string{first.Name, second.Name}, side: side, good: pki.Good(o.Role, o.Own),
					shown: second.Change(first.Credential(o), o),
					asked: link.Verifier{Trust: []pki.AuthorityName{pki.Trusted, pki.ExpiredRoot}, CN: o.Own.CN, URISAN: o.Own.URISAN},
				}
				if !yield(j) {
					return
				}
			}
		}
	}
}

// FuzzX509Agrees asks about other random credentials.
func FuzzX509Agrees(f *testing.F) {
	for seed := range byte(16) {
		octets := make([]byte, 2048)
		_, _ = rand.NewChaCha8([32]byte{seed}).Read(octets)
		f.Add(octets)
	}
	l := newLedger(composedX509)
	issued, asked := pki.NewAuthorities(), 0 // a process asks one question at a time
	f.Fuzz(rapid.MakeFuzz(func(t *rapid.T) {
		if asked++; asked%10_000 == 0 {
			issued = pki.NewAuthorities() // they keep all that they issue
		}
		askX509(t, issued, l, drawJudgement(t))
	}))
}

// askX509 returns how many questions could be put: some compositions cannot be issued.
func askX509(t reporter, a *pki.Authorities, l *ledger, j judgement) int {
	refusal, err := refusalByX509(a, j)
	if err != nil {
		return 0
	}
	l.hold(t, j, j.oracle(), refusal)
	return 1
}
