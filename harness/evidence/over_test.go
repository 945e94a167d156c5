package evidence_test

import (
	"reflect"
	"testing"

	"github.com/calico-tls/conformance/harness/evidence"
	"github.com/calico-tls/conformance/harness/handshake"
)

// TestPatternsOverOthers: each pattern that is set takes the place of the other's, and each that is not leaves it, whichever
// it is; what is said comes before.
func TestPatternsOverOthers(t *testing.T) {
	t.Parallel()
	base := evidence.Patterns{Says: []evidence.Saying{{Text: "base", Claim: handshake.Accepted}}}
	own := evidence.Patterns{Says: []evidence.Saying{{Text: "own", Claim: handshake.Accepted}}}
	texts := func(p *evidence.Patterns, set func(name string, field reflect.Value)) {
		v := reflect.ValueOf(p).Elem()
		for i := range v.NumField() {
			if v.Field(i).Kind() == reflect.String {
				set(v.Type().Field(i).Name, v.Field(i))
			}
		}
	}
	texts(&base, func(name string, field reflect.Value) { field.SetString("base " + name) })
	if found := (evidence.Patterns{}).Over(base); !reflect.DeepEqual(found, base) {
		t.Errorf("nothing over a base: wanted %+v, found %+v", base, found)
	}
	texts(&own, func(name string, field reflect.Value) { field.SetString("own " + name) })
	wanted := own
	wanted.Says = []evidence.Saying{own.Says[0], base.Says[0]}
	if found := own.Over(base); !reflect.DeepEqual(found, wanted) {
		t.Errorf("all over a base: wanted %+v, found %+v", wanted, found)
	}
}
