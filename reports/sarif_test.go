package reports

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// sarifSchema is where the schema of SARIF 2.1.0 (OASIS, errata 01) can be had as a file of a Go module, whose checksum
// the checksum database knows.
const sarifSchema = "github.com/securego/gosec/v2@v2.29.0"

// sarifSchemaOf compiles the schema; the test is skipped where the module can't be had, which it must be in CI.
func sarifSchemaOf(t *testing.T) *jsonschema.Schema {
	t.Helper()
	download := exec.CommandContext(t.Context(), "go", "mod", "download", "-json", sarifSchema)
	download.Dir = t.TempDir()
	out, err := download.Output()
	var module struct{ Dir string }
	if err == nil {
		err = json.Unmarshal(out, &module)
	}
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("downloading %s: %v", sarifSchema, err)
		}
		t.Skipf("downloading %s: %v", sarifSchema, err)
	}
	data, err := os.ReadFile(filepath.Join(module.Dir, "report", "sarif", "testdata", "sarif-schema-2.1.0.json"))
	if err != nil {
		t.Fatal(err)
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	const at = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
	if err := compiler.AddResource(at, document); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile(at)
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

func TestSARIFMatchesItsSchema(t *testing.T) {
	schema := sarifSchemaOf(t)
	for name, r := range map[string]*Report{"sample": sample(), "clean": clean(), "empty": empty(), "crowd": crowd(30)} {
		if err := validate(t, schema, rendered(t, "sarif", r, Options{Rule: sentence})); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	whole := string(rendered(t, "sarif", sample(), Options{}))
	for _, edit := range [][2]string{
		{`"version": "2.1.0"`, `"version": "2.2"`},
		{`"level": "error"`, `"level": "grave"`},
		{`"executionSuccessful"`, `"successful"`},
		{`"kind": "open"`, `"kind": "unproven"`},
		{`"justification"`, `"reason"`},
	} {
		if !strings.Contains(whole, edit[0]) {
			t.Fatalf("the sample holds no %s", edit[0])
		}
		if validate(t, schema, []byte(strings.Replace(whole, edit[0], edit[1], 1))) == nil {
			t.Errorf("%s is taken", edit[1])
		}
	}
}

// What is not as expected has a result of the right weight, and what is has none.
func TestSARIFWeighs(t *testing.T) {
	r, _ := made("obs", "may", "should", "broken", "unproven", "known-must", "skipped", "conforms", "must")
	var log sarifLog
	if err := json.Unmarshal(rendered(t, "sarif", r, Options{}), &log); err != nil {
		t.Fatal(err)
	}
	found := map[string]int{}
	for _, x := range log.Runs[0].Results {
		weight := x.Kind + " " + x.Level
		if len(x.Suppressions) > 0 {
			weight += " suppressed"
		}
		found[weight]++
	}
	for weight, wanted := range map[string]int{
		"fail error": 1, "fail warning": 1, "fail note": 2, "open none": 2, "fail warning suppressed": 1,
	} {
		if found[weight] != wanted {
			t.Errorf("%s: found %d, wanted %d", weight, found[weight], wanted)
		}
	}
	if len(log.Runs[0].Results) != 7 {
		t.Errorf("found %d results, wanted 7", len(log.Runs[0].Results))
	}
}
