package conformance_test

import (
	"slices"
	"testing"

	"github.com/calico-tls/conformance/harness/matrix"
	"github.com/calico-tls/conformance/suites/conformance"
)

// due returns the IDs of the cases that the reference is due in a profile.
func due(t *testing.T, profile string) []string {
	t.Helper()
	r, err := conformance.Load(conformance.Options{Target: "reference", Profile: profile})
	if err != nil {
		t.Fatal(err)
	}
	ids := make([]string, len(r.Cases))
	for i, c := range r.Cases {
		ids[i] = c.ID()
	}
	return ids
}

// TestProfiles: strict is more than core, all is that and slow, which is apart, and documented is some of core and not all of it.
func TestProfiles(t *testing.T) {
	t.Parallel()
	core, documented, slow, strict, all := due(t, "core"), due(t, "documented"), due(t, "slow"), due(t, "spiffe-strict"), due(t, "all")
	both := slices.Concat(strict, slow)
	slices.Sort(both)
	if !slices.Equal(both, all) || len(slices.Compact(both)) != len(all) {
		t.Errorf("wanted all to be the %d that are strict and the %d slow ones, found %d", len(strict), len(slow), len(all))
	}
	if len(strict) <= len(core) {
		t.Errorf("wanted more than the %d of core to be strict, found %d", len(core), len(strict))
	}
	if len(documented) == 0 || len(documented) >= len(core) {
		t.Errorf("wanted some of the %d of core to be documented, found %d", len(core), len(documented))
	}
	for _, id := range documented {
		if !slices.Contains(core, id) {
			t.Errorf("%s is documented, and not in core", id)
		}
	}
	for _, p := range conformance.Profiles {
		if len(due(t, p.Name)) == 0 {
			t.Errorf("the profile %s is empty", p.Name)
		}
	}
}

// TestDocumentedDropsWhatIsNotOnThePage: a promise of the page's is in, a rule about OBS alone is out.
func TestDocumentedDropsWhatIsNotOnThePage(t *testing.T) {
	t.Parallel()
	documented := due(t, "documented")
	for id, want := range map[string]bool{
		"felix-typha/cn/typha/client=cn-other/server=good/tls1.3":    true,
		"felix-typha/cn/typha/client=key-ed25519/server=good/tls1.3": false,
	} {
		if _, err := matrix.Parse(id); err != nil {
			t.Fatal(err)
		}
		if got := slices.Contains(documented, id); got != want {
			t.Errorf("%s documented: wanted %t, found %t", id, want, got)
		}
	}
}
