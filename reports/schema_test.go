package reports

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// schemas are the places of the schemas, which refer to each other by them.
var schemas = map[string][]byte{
	"https://github.com/calico-tls/conformance/reports/report.schema.json": Schema(),
	"https://github.com/calico-tls/conformance/reports/diff.schema.json":   DiffSchema(),
}

func compiled(t *testing.T) *jsonschema.Schema {
	t.Helper()
	return compiledAt(t, "https://github.com/calico-tls/conformance/reports/report.schema.json")
}

func compiledAt(t *testing.T, place string) *jsonschema.Schema {
	t.Helper()
	compiler := jsonschema.NewCompiler()
	for at, data := range schemas {
		document, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		if err := compiler.AddResource(at, document); err != nil {
			t.Fatal(err)
		}
	}
	schema, err := compiler.Compile(place)
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

func validate(t *testing.T, schema *jsonschema.Schema, data []byte) error {
	t.Helper()
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return schema.Validate(document)
}

func TestReportsMatchTheSchema(t *testing.T) {
	schema := compiled(t)
	stopped := clean()
	stopped.Stopped = BudgetSpent
	stopped.Conclude(stopped.IDs())
	for name, r := range map[string]*Report{
		"sample": sample(), "clean": clean(), "empty": empty(), "crowd": crowd(30), "stopped": stopped, "observed": observed(),
	} {
		if err := validate(t, schema, written(t, r)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// node is a place in the schema together with a value that it describes.
type node struct {
	at     string
	schema map[string]any
	value  any
	// set puts another value in the place of this one.
	set func(any)
}

// walk visits each place of a report with its schema, references resolved.
func walk(root map[string]any, n node, visit func(node)) {
	n.schema = resolved(root, n.schema)
	visit(n)
	switch value := n.value.(type) {
	case map[string]any:
		properties, _ := n.schema["properties"].(map[string]any)
		for _, name := range slices.Sorted(maps.Keys(value)) {
			next, ok := properties[name].(map[string]any)
			if !ok {
				next, _ = n.schema["additionalProperties"].(map[string]any)
			}
			walk(root, node{n.at + "." + name, next, value[name], func(v any) { value[name] = v }}, visit)
		}
	case []any:
		switch { // the items of these lists have one schema, and two that use all of it tell as much as 81
		case len(value) > 80:
			value = value[6:8]
		case strings.Contains(n.at, ".migration.") && len(value) > 2:
			value = value[:2]
		}
		for i := range value {
			items, _ := n.schema["items"].(map[string]any)
			walk(root, node{fmt.Sprintf("%s[%d]", n.at, i), items, value[i], func(v any) { value[i] = v }}, visit)
		}
	}
}

// resolved follows a schema's reference, and that one's; what stands beside a reference holds too.
func resolved(root, schema map[string]any) map[string]any {
	reference, ok := schema["$ref"].(string)
	if !ok {
		return schema
	}
	definitions, _ := root["$defs"].(map[string]any)
	definition, _ := definitions[strings.TrimPrefix(reference, "#/$defs/")].(map[string]any)
	both := maps.Clone(resolved(root, definition))
	for name, keyword := range schema {
		if name != "$ref" {
			both[name] = keyword
		}
	}
	return both
}

// biting is a report of few results in which each field of the schema has a value.
func biting() *Report {
	r := sample()
	r.Results = slices.DeleteFunc(r.Results, func(x Result) bool {
		return !strings.Contains(x.ID, "expired") && !strings.Contains(x.ID, "weak-key") && x.Outcome != Broken
	})
	r.Coverage = map[string]Coverage{"felix-typha": {TwoWay: 1, ThreeWay: 0.5, Constraints: []string{"a server sends a certificate"}}}
	r.Stopped = Interrupted
	r.Conclude(nil)
	return r
}

// The schema must refuse each report that lacks a required field, holds an extra one, or has a value out of place; and
// Read, which doesn't use the schema, must refuse each that the schema refuses.
func TestSchemaBites(t *testing.T) {
	bites := map[string]int{}
	whole, small := biting(), biting()
	small.Migration = nil // it is most of a report, and nothing elsewhere needs it to be refused
	biteEach(t, small, "report", bites)
	biteEach(t, whole, "report.migration", bites)
	for kind, least := range map[string]int{
		"required field removed": 50, "extra field": 20, "not in the enum": 20, "against the pattern": 20,
		"below the minimum": 15, "above the maximum": 2, "empty text": 20, "empty list": 1, "a key": 20, "null": 100, "another const": 1,
	} {
		if bites[kind] < least {
			t.Errorf("%s: tried %d times, wanted at least %d", kind, bites[kind], least)
		}
	}
}

// biteEach bites each place of a report below one of them, and counts the bites by kind.
func biteEach(t *testing.T, r *Report, below string, bites map[string]int) {
	t.Helper()
	schema, data := compiled(t), written(t, r)
	var root map[string]any
	if err := json.Unmarshal(Schema(), &root); err != nil {
		t.Fatal(err)
	}
	var report any
	if err := json.Unmarshal(data, &report); err != nil {
		t.Fatal(err)
	}
	refuse := func(kind, at string) {
		t.Helper()
		bites[kind]++
		edited, err := json.Marshal(report)
		if err != nil {
			t.Fatal(err)
		}
		if err := validate(t, schema, edited); err == nil {
			t.Errorf("%s: %s: the schema takes it", at, kind)
		}
		if _, err := Read(bytes.NewReader(edited)); err == nil {
			t.Errorf("%s: %s: Read takes it", at, kind)
		}
	}
	walk(root, node{"report", root, report, func(v any) { report = v }}, func(n node) {
		if !strings.HasPrefix(n.at, below) {
			return
		}
		biteObject(n, refuse)
		for kind, wrong := range wrongValues(n.schema) {
			n.set(wrong)
			refuse(kind, n.at)
			n.set(n.value)
		}
	})
	if err := validate(t, schema, data); err != nil {
		t.Errorf("the report as it was: %v", err)
	}
}

func biteObject(n node, refuse func(kind, at string)) {
	object, ok := n.value.(map[string]any)
	if !ok {
		return
	}
	required, _ := n.schema["required"].([]any)
	for _, field := range required {
		name, _ := field.(string)
		value := object[name]
		delete(object, name)
		refuse("required field removed", n.at+"."+name)
		object[name] = value
	}
	if n.schema["additionalProperties"] == false {
		object["extra"] = true
		refuse("extra field", n.at)
		delete(object, "extra")
	}
}

// wrongValues returns, for each keyword of a schema that bounds a value, a value out of bounds.
func wrongValues(schema map[string]any) map[string]any {
	wrong := map[string]any{"null": nil}
	for keyword, value := range map[string]struct {
		kind  string
		value any
	}{
		"const":     {"another const", 2},
		"enum":      {"not in the enum", "nonsense"},
		"pattern":   {"against the pattern", "/ no such"},
		"minimum":   {"below the minimum", -1},
		"maximum":   {"above the maximum", 1.5},
		"minLength": {"empty text", ""},
		"minItems":  {"empty list", []any{}},
		"not":       {"a key", "-----BEGIN PRIVATE KEY-----"},
	} {
		if _, ok := schema[keyword]; ok {
			wrong[value.kind] = value.value
		}
	}
	return wrong
}

// The schema must bind what the Go types and tables bind: TestSchemaBites tries only what the schema itself demands.
func TestSchemaSaysWhatTheTypesSay(t *testing.T) {
	var root map[string]any
	if err := json.Unmarshal(Schema(), &root); err != nil {
		t.Fatal(err)
	}
	enums := map[string][]string{
		"Report.claim": texts(claims), "Report.stopped": texts(stops), "Component.way": ways, "Result.level": texts(levels),
		"Result.outcome": texts(verdicts), "Result.evidence": evidences, "Aftermath.ready": readinesses, "Behaviour.outcome": outcomes, "Behaviour.by": sides,
		"Account.phase": phases, "Account.claim": accounts, "Migration.basis": bases,
		"MigrationState.expected": outcomes, "MigrationState.expectedBy": sides,
		"MigrationState.observed": outcomes, "MigrationState.observedBy": sides,
		"MigrationStages.typhaSetting": stages, "MigrationStages.felixSetting": stages,
		"MigrationStages.typhaCertificate": stages, "MigrationStages.felixCertificate": stages,
		"MigrationStep.piece": pieces, "MigrationStep.from": stages, "MigrationStep.to": stages,
	}
	forms := map[string]*regexp.Regexp{
		"Suite.caseSetDigest": digestForm, "Component.digest": digestForm, "Component.go": goForm, "Result.id": idForm,
		"Inapplicable.id": idForm, "MigrationState.id": idForm, "Behaviour.check": checkForm, "Account.failed": checkForm, "Account.alertReceived": alertForm,
	}
	visited := map[string]bool{}
	compareTypes(t, root, root, reflect.TypeFor[Report](), func(place string, property map[string]any) {
		enum, _ := property["enum"].([]any)
		if diff := cmp.Diff(fmt.Sprint(enums[place]), fmt.Sprint(enum)); diff != "" {
			t.Errorf("%s: the enum differs (-Go +schema):\n%s", place, diff)
		}
		visited[place] = true
		form, ok := forms[place]
		if pattern, _ := property["pattern"].(string); ok && pattern != form.String() {
			t.Errorf("%s: found the pattern %s in the schema, wanted %s", place, pattern, form)
		}
	})
	for _, place := range slices.Concat(slices.Collect(maps.Keys(enums)), slices.Collect(maps.Keys(forms))) {
		if !visited[place] {
			t.Errorf("%s: found no such property", place)
		}
	}
}

func texts[T ~string](all []T) []string {
	converted := make([]string, len(all))
	for i, text := range all {
		converted[i] = string(text)
	}
	return converted
}

// compareTypes compares an object's fields with a struct's, and those of what they hold; visit sees each property.
func compareTypes(t *testing.T, root, schema map[string]any, of reflect.Type, visit func(place string, property map[string]any)) {
	t.Helper()
	if of.Kind() == reflect.Pointer {
		of = of.Elem()
	}
	if of.Kind() == reflect.Slice || of.Kind() == reflect.Map {
		next, _ := schema["items"].(map[string]any)
		if of.Kind() == reflect.Map {
			next, _ = schema["additionalProperties"].(map[string]any)
		}
		compareTypes(t, root, resolved(root, next), of.Elem(), visit)
		return
	}
	if of.Kind() != reflect.Struct {
		return
	}
	if schema["additionalProperties"] != false {
		t.Errorf("%s: the schema takes unknown fields", of)
	}
	var named, required []string
	properties, _ := schema["properties"].(map[string]any)
	for field := range of.Fields() {
		if !field.IsExported() {
			continue
		}
		name, omit, _ := strings.Cut(field.Tag.Get("json"), ",")
		named = append(named, name)
		if omit == "" {
			required = append(required, name)
		}
		property, _ := properties[name].(map[string]any)
		base := property
		property = resolved(root, property)
		visit(of.Name()+"."+name, property)
		if reference, ok := base["$ref"]; ok { // what stands beside a reference binds this use of it alone
			property = resolved(root, map[string]any{"$ref": reference})
		}
		compareTypes(t, root, property, field.Type, visit)
	}
	slices.Sort(named)
	slices.Sort(required)
	demanded, _ := schema["required"].([]any)
	var found []string
	for _, name := range demanded {
		found = append(found, fmt.Sprint(name))
	}
	slices.Sort(found)
	if diff := cmp.Diff(named, slices.Sorted(maps.Keys(properties))); diff != "" {
		t.Errorf("%s: the properties differ (-Go +schema):\n%s", of, diff)
	}
	if diff := cmp.Diff(required, found); diff != "" {
		t.Errorf("%s: the required fields differ (-Go +schema):\n%s", of, diff)
	}
}

// Conditions between fields.
func TestSchemaBitesOnConditions(t *testing.T) {
	schema := compiled(t)
	for name, edit := range map[string]func(r *Result){
		"a pass without evidence":         func(r *Result) { r.Evidence = "" },
		"a pass that saw nothing":         func(r *Result) { r.Observed.Outcome = "" },
		"a refusal by nobody":             func(r *Result) { r.Observed.By = "" },
		"a refusal expected of nobody":    func(r *Result) { r.Expected.By = "" },
		"a known deviation that conforms": func(r *Result) { r.KnownDeviation = "so it is" },
	} {
		r := clean()
		i := slices.IndexFunc(r.Results, func(x Result) bool { return x.Expected.Outcome == "refuse" })
		edit(&r.Results[i])
		data, err := encode(r)
		if err != nil {
			t.Fatal(err)
		}
		if err := validate(t, schema, data); err == nil {
			t.Errorf("%s: the schema takes it", name)
		}
		if _, err := Read(bytes.NewReader(data)); err == nil {
			t.Errorf("%s: Read takes it", name)
		}
	}
}

// Each property has a description, and the sample uses it: a property that the Go types don't know would be caught here,
// one that the schema doesn't know by its additionalProperties.
func TestSchemaIsDescribedAndUsed(t *testing.T) {
	var root map[string]any
	if err := json.Unmarshal(Schema(), &root); err != nil {
		t.Fatal(err)
	}
	wanted := map[string]bool{}
	collect := func(place string, schema map[string]any) {
		properties, _ := schema["properties"].(map[string]any)
		for name, property := range properties {
			wanted[place+"."+name] = true
			if text, _ := property.(map[string]any)["description"].(string); text == "" {
				t.Errorf("%s.%s has no description", place, name)
			}
		}
	}
	stopped := biting()
	stopped.Results = sample().Results
	stopped.Conclude(nil)
	var report any
	if err := json.Unmarshal(written(t, stopped), &report); err != nil {
		t.Fatal(err)
	}
	used := map[string]bool{}
	walk(root, node{"report", root, report, nil}, func(n node) {
		properties, _ := n.schema["properties"].(map[string]any)
		place := fmt.Sprint(slices.Sorted(maps.Keys(properties))) // two uses of a definition count as one place
		collect(place, n.schema)
		object, _ := n.value.(map[string]any)
		for name := range object {
			used[place+"."+name] = true
		}
	})
	if len(wanted) < 50 {
		t.Errorf("found %d properties, wanted at least 50", len(wanted))
	}
	for name := range wanted {
		if !used[name] {
			t.Errorf("%s: no sample has it", name)
		}
	}
}
