package link_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/calico-tls/conformance/harness/link"
	"github.com/calico-tls/conformance/pki"
)

// asked is what an end requires of its peer, by the name of its mode.
var asked = map[string]link.Verifier{
	"plaintext":     {},
	"cn":            {Trust: []pki.AuthorityName{pki.Trusted}, CN: "peer"},
	"uri-san":       {Trust: []pki.AuthorityName{pki.Trusted}, URISAN: "spiffe://peer"},
	"cn-or-uri-san": {Trust: []pki.AuthorityName{pki.Trusted}, CN: "peer", URISAN: "spiffe://peer"},
}

// five are the parameters of an end that needs all or none.
var five = []link.Parameter{link.Key, link.Certificate, link.Bundle, link.CommonName, link.URISAN}

// The forms, by what they do.
var (
	unsetting = []link.Form{link.FormUnset, link.FormBlank, link.FormNone, link.FormLineBreak}
	spoiling  = []link.Form{
		link.FormMissing, link.FormFolder, link.FormUnreadable, link.FormEmpty, link.FormJunk, link.FormJunkPEM, link.FormEncrypted, link.FormForeign,
	}
)

// TestStateOfSubsets poses all 32 subsets of the parameters, whatever unsets the others: one is plaintext and three are
// secure.
func TestStateOfSubsets(t *testing.T) {
	t.Parallel()
	whole := map[string]link.State{
		"[]":                                  link.Plain,
		"[key certificate bundle cn]":         link.Secure,
		"[key certificate bundle uri-san]":    link.Secure,
		"[key certificate bundle cn uri-san]": link.Secure,
	}
	counts := map[link.State]int{}
	for subset := range 1 << len(five) {
		for first := range unsetting {
			var given []link.Parameter
			s := link.Setting{Given: map[link.Parameter]link.Form{}}
			for i, p := range five {
				if subset&(1<<i) != 0 {
					given = append(given, p)
				} else {
					s.Given[p] = unsetting[(first+i)%len(unsetting)]
				}
			}
			want, ok := whole[fmt.Sprint(given)]
			if !ok {
				want = link.Incomplete
			}
			got := link.AllOrNothing(s.Effects(asked["cn-or-uri-san"]))
			counts[got]++
			if got != want {
				t.Errorf("of %v: wanted %s, found %s", given, want, got)
			}
		}
	}
	want := map[link.State]int{link.Plain: 1 * 4, link.Secure: 3 * 4, link.Incomplete: 28 * 4}
	if diff := cmp.Diff(want, counts); diff != "" {
		t.Errorf("states, four ways each (-want +got):\n%s", diff)
	}
}

// TestStateOfForms poses each form of each parameter in each mode.
func TestStateOfForms(t *testing.T) {
	t.Parallel()
	files := []link.Parameter{link.Key, link.Certificate, link.Bundle}
	names := []link.Parameter{link.CommonName, link.URISAN}
	for _, c := range []struct {
		mode       string
		parameters []link.Parameter
		forms      []link.Form
		want       link.State
	}{
		{"plaintext", five, unsetting, link.Plain},
		{"plaintext", files, spoiling, link.Incomplete},
		{"plaintext", names, []link.Form{link.FormPadded}, link.Incomplete},
		{"cn", files, unsetting, link.Incomplete},
		{"cn", files, spoiling, link.Spoilt},
		{"cn", []link.Parameter{link.CommonName}, unsetting, link.Incomplete},
		{"cn", []link.Parameter{link.URISAN}, unsetting, link.Secure},
		{"cn", names, []link.Form{link.FormPadded}, link.Secure},
		{"uri-san", files, unsetting, link.Incomplete},
		{"uri-san", files, spoiling, link.Spoilt},
		{"uri-san", []link.Parameter{link.CommonName}, unsetting, link.Secure},
		{"uri-san", []link.Parameter{link.URISAN}, unsetting, link.Incomplete},
		{"uri-san", names, []link.Form{link.FormPadded}, link.Secure},
		{"cn-or-uri-san", files, unsetting, link.Incomplete},
		{"cn-or-uri-san", files, spoiling, link.Spoilt},
		{"cn-or-uri-san", names, unsetting, link.Secure},
		{"cn-or-uri-san", names, []link.Form{link.FormPadded}, link.Secure},
	} {
		for _, p := range c.parameters {
			for _, form := range c.forms {
				if got := link.AllOrNothing((link.Setting{Given: map[link.Parameter]link.Form{p: form}}).Effects(asked[c.mode])); got != c.want {
					t.Errorf("%s, %s %s: wanted %s, found %s", c.mode, p, form, c.want, got)
				}
			}
		}
	}
}

// TestStateOfSpoiltAndIncomplete: what is incomplete stays so, whatever else is spoilt; what is spoilt is given.
func TestStateOfSpoiltAndIncomplete(t *testing.T) {
	t.Parallel()
	for want, given := range map[link.State]map[link.Parameter]link.Form{
		link.Incomplete: {link.Key: link.FormJunk, link.CommonName: link.FormUnset, link.URISAN: link.FormNone},
		link.Spoilt:     {link.Key: link.FormMissing, link.Certificate: link.FormMissing, link.Bundle: link.FormMissing},
	} {
		if got := link.AllOrNothing((link.Setting{Given: given}).Effects(asked["cn-or-uri-san"])); got != want {
			t.Errorf("%v: wanted %s, found %s", given, want, got)
		}
	}
}

// TestEffects: every form is listed here, and has the effect of its group.
func TestEffects(t *testing.T) {
	t.Parallel()
	for effect, forms := range map[link.Effect][]link.Form{link.Unsets: unsetting, link.Spoils: spoiling, link.Counts: {link.FormPadded}} {
		for _, form := range forms {
			if got := form.Effect(); got != effect {
				t.Errorf("wanted that %s %s, found that it %s", form, effect, got)
			}
		}
	}
	if got := link.Form("no such form").Effect(); got != "" {
		t.Errorf("wanted no effect of a form that does not exist, found %s", got)
	}
}

// TestRequire poses each form of each parameter in each mode: only those of names change what is required, and only of
// that name.
func TestRequire(t *testing.T) {
	t.Parallel()
	for mode, v := range asked {
		for _, p := range link.Parameters {
			for _, form := range slices.Concat(unsetting, spoiling, []link.Form{link.FormPadded}) {
				want := v
				switch {
				case p == link.CommonName && form.Effect() == link.Unsets:
					want.CN = ""
				case p == link.URISAN && form.Effect() == link.Unsets:
					want.URISAN = ""
				case p == link.CommonName && form == link.FormPadded:
					want.CN = v.CN + " "
				case p == link.URISAN && form == link.FormPadded:
					want.URISAN = v.URISAN + " "
				}
				got := link.Setting{Given: map[link.Parameter]link.Form{p: form}}.Require(v)
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%s, %s %s (-want +got):\n%s", mode, p, form, diff)
				}
			}
		}
	}
}

// TestRequireChanges: the mode's verifier is changed first, and what is unset is taken out of that; nothing of the mode
// itself changes.
func TestRequireChanges(t *testing.T) {
	t.Parallel()
	before := maps.Clone(asked)
	s := link.Setting{
		Change: func(v link.Verifier) link.Verifier {
			v.CN, v.URISAN, v.Trust = "other", "spiffe://other", []pki.AuthorityName{pki.Second}
			return v
		},
		Given: map[link.Parameter]link.Form{link.CommonName: link.FormNone, link.URISAN: link.FormPadded},
	}
	want := link.Verifier{Trust: []pki.AuthorityName{pki.Second}, URISAN: "spiffe://other "}
	if diff := cmp.Diff(want, s.Require(asked["cn"])); diff != "" {
		t.Errorf("what is required (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(before, asked); diff != "" {
		t.Errorf("the modes themselves (-want +got):\n%s", diff)
	}
}
