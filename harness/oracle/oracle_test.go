package oracle_test

import (
	"slices"
	"testing"

	"github.com/calico-tls/conformance/harness/handshake"
	"github.com/calico-tls/conformance/harness/link"
	"github.com/calico-tls/conformance/harness/link/felixtypha"
	"github.com/calico-tls/conformance/harness/matrix"
	"github.com/calico-tls/conformance/harness/oracle"
	"github.com/calico-tls/conformance/pki"
)

// TestPredictAgreesWithVariants holds the oracle against what each variant's row says that it breaks, wherever the
// case asks for the name that the variant is about.
func TestPredictAgreesWithVariants(t *testing.T) {
	t.Parallel()
	l := felixtypha.Link
	for _, c := range matrix.Core(l) {
		if c.Setting != "" || c.Conduct != "" || c.Version != link.TLS13 && c.Version != link.TLS12 || c.Mode == "plaintext" {
			continue
		}
		v, by := peer(c)
		m, _ := l.Mode(c.Mode)
		asked := m.Server
		if by == handshake.Client {
			asked = m.Client
		}
		want := v.Breaks
		switch {
		case v.Touches == pki.TouchesCN && asked.URISAN != "", v.Touches == pki.TouchesURI && asked.CN != "":
			want = "" // the other name is right, and suffices or is all that is asked for
		}
		e, err := oracle.Predict(l, c)
		if err != nil {
			t.Fatal(err)
		}
		if e.Elsewhere {
			continue // it is about what the subject shows
		}
		if e.Check != want {
			t.Errorf("%s: the variant breaks %q, the oracle says %q", c.ID(), want, e.Check)
		}
		if (e.Outcome == handshake.Accept) != (want == "") {
			t.Errorf("%s: the variant breaks %q, the oracle says %s", c.ID(), want, e.Outcome)
		}
		if e.Outcome == handshake.Refuse && e.By != by {
			t.Errorf("%s: wanted the %s to refuse, found the %s", c.ID(), by, e.By)
		}
	}
}

// peer returns the variant that the subject is shown, and the subject's side.
func peer(c matrix.Case) (pki.Variant, handshake.Side) {
	side, _ := felixtypha.Link.Side(c.Subject)
	name := c.Client
	if side == handshake.Client {
		name = c.Server
	}
	v, _ := pki.VariantNamed(name)
	return v, side
}

func TestTwins(t *testing.T) {
	t.Parallel()
	l := felixtypha.Link
	for _, strategy := range matrix.Strategies {
		for _, c := range append(strategy.Cases(l), matrix.InProfile(l, strategy, matrix.Slow)...) {
			e, err := oracle.Predict(l, c)
			if err != nil {
				t.Fatal(err)
			}
			if e.Outcome == handshake.NotStarted {
				if twin, err := oracle.Predict(l, *e.Twin); err != nil || twin.Outcome != handshake.Accept {
					t.Errorf("%s must not start, and its twin %s is not accepted: %s (%v)", c.ID(), e.Twin.ID(), twin.Outcome, err)
				}
				continue
			}
			if e.Outcome != handshake.Refuse {
				if e.Twin != nil {
					t.Errorf("%s is accepted and has the twin %s", c.ID(), e.Twin.ID())
				}
				continue
			}
			if e.Twin == nil {
				t.Errorf("%s is refused and has no twin", c.ID())
				continue
			}
			twin, err := oracle.Predict(l, *e.Twin)
			if err != nil {
				t.Errorf("%s: %v", c.ID(), err)
				continue
			}
			if twin.Outcome == handshake.Refuse {
				t.Errorf("%s has the twin %s, which is refused for %s (%s)", c.ID(), e.Twin.ID(), twin.Check, twin.Cause)
			}
			if n := differences(c, *e.Twin); n != 1 {
				t.Errorf("%s differs from its twin %s in %d attributes, wanted 1", c.ID(), e.Twin.ID(), n)
			}
		}
	}
}

// differences counts the attributes in which two cases differ; plaintext differs in the version, and so also in that
// nothing is shown, and in how a server without TLS deals with a client that speaks it.
func differences(a, b matrix.Case) int {
	n := 0
	clear := (a.Version == link.Clear) != (b.Version == link.Clear)
	for _, d := range []bool{
		a.Link != b.Link || a.Mode != b.Mode || a.Subject != b.Subject,
		a.Client != b.Client && !clear, a.Server != b.Server && !clear, a.Version != b.Version,
		a.Setting != b.Setting, a.Token != b.Token, a.Conduct != b.Conduct && !clear,
	} {
		if d {
			n++
		}
	}
	return n
}

func TestRulesAreNamedOnce(t *testing.T) {
	t.Parallel()
	for _, c := range matrix.Core(felixtypha.Link) {
		e, err := oracle.Predict(felixtypha.Link, c)
		if err != nil {
			t.Fatal(err)
		}
		if len(e.Rules) == 0 {
			t.Errorf("%s: no rule decides", c.ID())
		}
		sorted := slices.Sorted(slices.Values(e.Rules))
		if len(slices.Compact(sorted)) != len(e.Rules) {
			t.Errorf("%s: a rule is named twice: %v", c.ID(), e.Rules)
		}
	}
}

// TestRulesThatBindOneSide shows a leaf of another host to either end: that Felix looks at no address is nothing to a
// Typha, which must accept it for its names.
func TestRulesThatBindOneSide(t *testing.T) {
	t.Parallel()
	for id, want := range map[string][]string{
		"felix-typha/cn/felix/client=good/server=host-other/tls1.3":      {"FELIX-05", "IDENT-01"},
		"felix-typha/uri-san/typha/client=host-other/server=good/tls1.2": {"IDENT-04"},
	} {
		c, err := matrix.Parse(id)
		if err != nil {
			t.Fatal(err)
		}
		e, err := oracle.Predict(felixtypha.Link, c)
		if err != nil || e.Outcome != handshake.Accept || !slices.Equal(e.Rules, want) {
			t.Errorf("%s: wanted it accepted by %v, found %s by %v (%v)", id, want, e.Outcome, e.Rules, err)
		}
	}
}

// TestNewShapesArePredicted asks of each what its setting and its issuer make of it.
func TestNewShapesArePredicted(t *testing.T) {
	t.Parallel()
	for id, want := range map[string]oracle.Expectation{
		"felix-typha/cn/typha/client=hard-way-v1/server=good/tls1.3/setting=anchor-hard-way": {Outcome: handshake.Accept, Rules: []string{"CONF-16"}},
		"felix-typha/cn/felix/client=good/server=hard-way/tls1.2/setting=anchor-hard-way":    {Outcome: handshake.Accept, Rules: []string{"CONF-16"}},
		"felix-typha/cn/typha/client=good/server=good/tls1.3/setting=anchor-hard-way":        {Outcome: handshake.Refuse, Check: pki.CheckChain, Rules: []string{"CONF-16"}},
		"felix-typha/uri-san/typha/client=md5/server=good/tls1.2":                            {Outcome: handshake.Refuse, Check: pki.CheckChain, Rules: []string{"IDENT-59"}},
		"felix-typha/uri-san/felix/client=good/server=spiffe-svid/tls1.3":                    {Outcome: handshake.Accept, Rules: []string{"IDENT-51"}},
		"felix-typha/cn/typha/client=just-expired/server=good/tls1.3":                        {Outcome: handshake.Refuse, Check: pki.CheckValidity, Rules: []string{"IDENT-62"}},
		"felix-typha/cn/felix/client=good/server=just-valid/tls1.3":                          {Outcome: handshake.Accept, Rules: []string{"IDENT-62"}},
	} {
		c, err := matrix.Parse(id)
		if err != nil {
			t.Fatal(err)
		}
		e, err := oracle.Predict(felixtypha.Link, c)
		if err != nil || e.Outcome != want.Outcome || e.Check != want.Check || e.Rules[0] != want.Rules[0] {
			t.Errorf("%s: wanted %s for %q by %s, found %s for %q by %v (%v)", id, want.Outcome, want.Check, want.Rules[0], e.Outcome, e.Check, e.Rules, err)
		}
	}
}
