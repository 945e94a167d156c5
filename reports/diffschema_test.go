package reports

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const diffPlace = "https://github.com/calico-tls/conformance/reports/diff.schema.json"

// moves is a diff in which cases moved in each way.
func moves(t *testing.T) any {
	t.Helper()
	after := later()
	for i := range after.Results {
		if x := &after.Results[i]; x.KnownDeviation != "" {
			x.Why, x.Observed.Check, x.Observed.Outcome, x.Observed.By = "Otherwise.", "chain", "refuse", "client"
		}
	}
	d, err := Compare(sample(), after)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range Movements {
		if d.Counts.Of(m.Name) == 0 {
			t.Fatalf("found no case that %s", m.Name)
		}
	}
	var b bytes.Buffer
	if err := renderDiffJSON(&b, d, Options{}); err != nil {
		t.Fatal(err)
	}
	var document any
	if err := json.Unmarshal(b.Bytes(), &document); err != nil {
		t.Fatal(err)
	}
	return document
}

// The schema takes a diff, and refuses it with any field dropped that is required, with one more, or with a value out of
// place.
func TestDiffSchemaBites(t *testing.T) {
	schema, diff := compiledAt(t, diffPlace), moves(t)
	takes := func() bool {
		edited, err := json.Marshal(diff)
		if err != nil {
			t.Fatal(err)
		}
		return validate(t, schema, edited) == nil
	}
	if !takes() {
		t.Fatal("the schema refuses the diff as it is")
	}
	bites := map[string]int{}
	refuse := func(kind, at string) {
		t.Helper()
		bites[kind]++
		if takes() {
			t.Errorf("%s: %s: the schema takes it", at, kind)
		}
	}
	root := joined(t)
	walk(root, node{"diff", root, diff, func(v any) { diff = v }}, func(n node) {
		if len(n.schema) == 0 {
			t.Errorf("%s: the schema does not say what it is", n.at)
			return
		}
		biteObject(n, refuse)
		for kind, wrong := range wrongValues(n.schema) {
			n.set(wrong)
			refuse(kind, n.at)
			n.set(n.value)
		}
		change, ok := n.value.(map[string]any)
		if !ok || change["movement"] == nil {
			return
		}
		for _, side := range []string{"old", "new"} {
			state := change[side]
			if delete(change, side); state == nil {
				change[side] = map[string]any{"outcome": "conforms", "observed": map[string]any{}, "why": "So it is."}
			}
			refuse("another side", n.at+"."+side)
			if delete(change, side); state != nil {
				change[side] = state
			}
		}
	})
	for kind, least := range map[string]int{
		"required field removed": 50, "extra field": 20, "not in the enum": 15, "below the minimum": 8, "empty text": 10,
		"another const": 1, "null": 50, "another side": 10,
	} {
		if bites[kind] < least {
			t.Errorf("%s: tried %d times, wanted at least %d", kind, bites[kind], least)
		}
	}
}

// joined returns the schema of a diff with the definitions of the report's beside its own.
func joined(t *testing.T) map[string]any {
	t.Helper()
	local := strings.ReplaceAll(string(DiffSchema()), `"report.schema.json#/properties/claim"`, `"#/$defs/claim"`)
	local = strings.ReplaceAll(local, `"report.schema.json#`, `"#`)
	var root, report map[string]any
	for text, schema := range map[string]*map[string]any{local: &root, string(Schema()): &report} {
		if err := json.Unmarshal([]byte(text), schema); err != nil {
			t.Fatal(err)
		}
	}
	definitions, _ := root["$defs"].(map[string]any)
	others, _ := report["$defs"].(map[string]any)
	for name, definition := range others {
		if _, twice := definitions[name]; twice {
			t.Errorf("both schemas define %s", name)
		}
		definitions[name] = definition
	}
	properties, _ := report["properties"].(map[string]any)
	definitions["claim"] = properties["claim"]
	return root
}

func TestDiffSchemaSaysWhatTheTypesSay(t *testing.T) {
	root := joined(t)
	var movements []string
	for _, m := range Movements {
		movements = append(movements, string(m.Name))
	}
	enums := map[string][]string{
		"Compared.claim": texts(claims), "Change.movement": movements, "Change.level": texts(levels), "State.outcome": texts(verdicts),
		"Behaviour.outcome": outcomes, "Behaviour.by": sides,
	}
	compareTypes(t, root, root, reflect.TypeFor[Diff](), func(place string, property map[string]any) {
		enum, _ := property["enum"].([]any)
		if diff := cmp.Diff(fmt.Sprint(enums[place]), fmt.Sprint(enum)); diff != "" {
			t.Errorf("%s: the enum differs (-Go +schema):\n%s", place, diff)
		}
		if text, _ := property["description"].(string); text == "" {
			t.Errorf("%s has no description", place)
		}
	})
}
