package audit_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/calico-tls/conformance/harness"
	"github.com/calico-tls/conformance/harness/link"
	"github.com/calico-tls/conformance/harness/matrix"
	"github.com/calico-tls/conformance/harness/oracle"
	"github.com/calico-tls/conformance/pki"
)

// many is how many examples of a property are looked at that no certificate is issued for.
const many = 3000

// accepts reports whether an end that requires asked has no objection to what is shown.
func (j judgement) accepts(asked link.Verifier) bool {
	return oracle.Examine(asked, j.side, j.shown, j.good) == oracle.Objection{}
}

// TestAnchorsOnlyAdd: who trusts one authority more accepts whom it accepted.
func TestAnchorsOnlyAdd(t *testing.T) {
	t.Parallel()
	accepted := 0
	for seed := range many {
		j := random.Example(seed)
		if !j.accepts(j.asked) {
			continue
		}
		accepted++
		for _, more := range anchors {
			wider := j.asked
			wider.Trust = append(slices.Clone(wider.Trust), more)
			if !j.accepts(wider) {
				t.Errorf("%s: accepted, and refused once %q is trusted besides: %+v", j, more, oracle.Examine(wider, j.side, j.shown, j.good))
			}
		}
	}
	if accepted < many/100 {
		t.Errorf("wanted some of %d random credentials to be accepted, found %d", many, accepted)
	}
}

// TestEitherNameIsTheUnion: who requires either of two names accepts whom it would accept by one of them, and nobody else.
func TestEitherNameIsTheUnion(t *testing.T) {
	t.Parallel()
	by := map[[2]bool]int{}
	for seed := range many {
		j := random.Example(seed)
		o := origin(j.side)
		either := link.Verifier{Trust: j.asked.Trust, CN: o.Own.CN, URISAN: o.Own.URISAN}
		cn, uri := either, either
		cn.URISAN, uri.CN = "", ""
		byCN, byURI := j.accepts(cn), j.accepts(uri)
		by[[2]bool{byCN, byURI}]++
		if j.accepts(either) != (byCN || byURI) {
			t.Errorf("%s: by its Common Name %t, by its URI SAN %t, by either %t", j, byCN, byURI, j.accepts(either))
		}
	}
	if len(by) != 4 {
		t.Errorf("wanted all four answers, found %v", by)
	}
}

// TestHarmlessVariantsCompose: variants that break nothing, one made after the other, turn no acceptance into a refusal
// for an end that requires what they are about.
func TestHarmlessVariantsCompose(t *testing.T) {
	t.Parallel()
	harmless := slices.DeleteFunc(slices.Clone(pki.Variants), func(v pki.Variant) bool { return v.Breaks != "" || v.Setting })
	chains := rapid.SliceOfN(rapid.SampledFrom(harmless), 1, 6)
	asked := 0
	for seed := range many {
		side := sides[seed%len(sides)]
		o := origin(side)
		j := judgement{side: side, good: pki.Good(o.Role, o.Own), asked: link.Verifier{Trust: []pki.AuthorityName{pki.Trusted}, CN: o.Own.CN, URISAN: o.Own.URISAN}}
		j.shown = j.good
		for _, v := range chains.Example(seed) {
			j.variants, j.shown = append(j.variants, v.Name), v.Change(j.shown, o)
			switch v.Touches {
			case pki.TouchesCN:
				j.asked.URISAN = ""
			case pki.TouchesURI:
				j.asked.CN = ""
			case pki.TouchesBoth, pki.TouchesNone, pki.TouchesHost:
			}
		}
		if j.asked.CN == "" && j.asked.URISAN == "" {
			continue // they are about different names
		}
		asked++
		if !j.accepts(j.asked) {
			t.Errorf("%s: %+v", j, j.oracle())
		}
	}
	if asked < many/2 {
		t.Errorf("wanted most of %d compositions to be asked about, found %d", many, asked)
	}
}

// TestHarmlessVariantsInCore: in core too, a variant that breaks nothing is refused only where a setting asks for another.
func TestHarmlessVariantsInCore(t *testing.T) {
	t.Parallel()
	for _, j := range judgements(t) {
		v, _ := pki.VariantNamed(j.variants[0])
		consulted := v.Touches == pki.TouchesNone || v.Touches == pki.TouchesCN && j.asked.CN != "" || v.Touches == pki.TouchesURI && j.asked.URISAN != "" ||
			v.Touches == pki.TouchesHost && j.asked.Host != ""
		good := j
		good.shown = j.good
		if j.asked.Revokes && v.Name == "revoked" {
			continue // it breaks nothing but what is asked of it there
		}
		if v.Breaks == "" && consulted && good.accepts(j.asked) && !j.accepts(j.asked) {
			t.Errorf("%s: the good one is accepted, and this one is not: %+v", j, j.oracle())
		}
	}
}

// TestIDsAreRead: the ID of each case of each strategy is read back as that case, and no two cases share one.
func TestIDsAreRead(t *testing.T) {
	t.Parallel()
	for _, s := range matrix.Strategies {
		for _, profile := range []string{"", matrix.Slow} {
			seen := map[string]bool{}
			for _, l := range harness.Links {
				for _, c := range matrix.InProfile(l.Link, s, profile) {
					id := c.ID()
					if back, err := matrix.Parse(id); err != nil || back != c {
						t.Errorf("%s: wanted it read back as %+v, found %+v (%v)", id, c, back, err)
					}
					if seen[id] {
						t.Errorf("%s: there are two cases of this ID", id)
					}
					seen[id] = true
				}
			}
		}
	}
}
