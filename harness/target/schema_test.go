package target

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/calico-tls/conformance/fixtures"
)

// document is a part of the schema, as JSON has it.
type document = map[string]any

func schemaOf(t *testing.T) (*jsonschema.Schema, document) {
	t.Helper()
	data, err := fixtures.TargetSchema()
	if err != nil {
		t.Fatal(err)
	}
	read, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	root, _ := read.(document)
	if root["$id"] != fixtures.TargetSchemaURL {
		t.Errorf("$id: wanted %s, found %v", fixtures.TargetSchemaURL, root["$id"])
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("target.schema.json", read); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile("target.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return schema, root
}

// bySchema says why the schema refuses a target file; nil if it takes it.
func bySchema(schema *jsonschema.Schema, text []byte) error {
	data, err := yaml.YAMLToJSON(text)
	if err != nil {
		return err
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		return err
	}
	return schema.Validate(value)
}

// unstructured are the files of testdata/bad that are not refused for their structure, which is all that the schema sees.
var unstructured = map[string]string{
	"anchor-bomb.yaml": "it is the reader that ends it", "two-documents.yaml": "each of them is one",
	"authority-not-there.yaml": "a file", "file-is-a-folder.yaml": "a file", "file-not-there.yaml": "a file", "file-outside.yaml": "a file",
	"file-inside-not-clean.yaml": "a path", "bad-image.yaml": "a reference", "endpoint-bad-port.yaml": "a number in a text",
}

// TestSchemaRefusesWhatTheLoaderDoes: but for what stands in unstructured, and only for that.
func TestSchemaRefusesWhatTheLoaderDoes(t *testing.T) {
	t.Parallel()
	schema, _ := schemaOf(t)
	files, err := filepath.Glob("testdata/bad/*.yaml")
	if err != nil || len(files) < 30 {
		t.Fatalf("looking for bad targets: found %d, %v", len(files), err)
	}
	for _, file := range files {
		why, taken := unstructured[filepath.Base(file)]
		if taken && why == "it is the reader that ends it" {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := bySchema(schema, text); taken != (err == nil) {
			t.Errorf("%s (%s): wanted taken %v, found %v", file, why, taken, err)
		}
	}
}

// TestSchemaTakesWhatTheLoaderDoes: the targets that are built in, those of the examples and the texts, and those of the
// transcripts, whatever files these would find.
func TestSchemaTakesWhatTheLoaderDoes(t *testing.T) {
	t.Parallel()
	schema, _ := schemaOf(t)
	taken := 0
	for name, text := range targetFiles(t) {
		folder, err := filepath.Abs(filepath.Dir(name))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := parse(name, folder, text); err != nil && !strings.Contains(err.Error(), "no such file") {
			continue
		}
		taken++
		if err := bySchema(schema, text); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if taken < 40 {
		t.Errorf("wanted 40 target files or more, found %d", taken)
	}
}

// fence is a block of YAML in a text.
var fence = regexp.MustCompile("(?s)```yaml\n(name: .*?)```")

// targetFiles returns all target files that there are in the tree, by name.
func targetFiles(t *testing.T) map[string][]byte {
	t.Helper()
	all := map[string][]byte{}
	for _, pattern := range []string{
		"testdata/good/*.yaml", "../../fixtures/targets/*.yaml", "../../.github/examples/*.yaml",
		"../../README.md", "../../fixtures/targets/*.md", "../cmd/tlsconform/testdata/*.txtar",
	} {
		paths, err := filepath.Glob(pattern)
		if err != nil || len(paths) == 0 {
			t.Fatalf("looking for %s: found %d, %v", pattern, len(paths), err)
		}
		for _, path := range paths {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			switch filepath.Ext(path) {
			case ".yaml":
				all[path] = text
			case ".md":
				for _, found := range fence.FindAllSubmatch(text, -1) {
					all[path+": "+string(bytes.SplitN(found[1], []byte("\n"), 2)[0])] = found[1]
				}
			case ".txtar":
				for _, file := range txtar.Parse(text).Files {
					if filepath.Ext(file.Name) == ".yaml" && bytes.Contains(file.Data, []byte("\ncomponents:")) {
						all[path+": "+file.Name] = file.Data
					}
				}
			}
		}
	}
	return all
}

// TestSchemaHasTheLoadersKeys walks the schema beside the types that are read: each key is in both, and what it takes is
// the same.
func TestSchemaHasTheLoadersKeys(t *testing.T) {
	t.Parallel()
	_, root := schemaOf(t)
	w := walker{t, root}
	w.walk("", reflect.TypeFor[targetFile](), root)
}

type walker struct {
	t    *testing.T
	root document
}

// follow returns a part of the schema with what it refers to put in its place.
func (w walker) follow(part document) document {
	name, refers := part["$ref"].(string)
	if all, has := part["allOf"].([]any); has {
		name, _ = all[0].(document)["$ref"].(string)
		refers = true
	}
	if !refers {
		return part
	}
	definition, has := w.root["$defs"].(document)[strings.TrimPrefix(name, "#/$defs/")].(document)
	if !has {
		w.t.Fatalf("%s is not defined", name)
	}
	return w.follow(definition)
}

func (w walker) walk(at string, of reflect.Type, part document) {
	part = w.follow(part)
	if of == reflect.TypeFor[imageFile]() && part["oneOf"] != nil {
		ways, _ := part["oneOf"].([]any)
		w.walk(at, reflect.TypeFor[fixtures.Text](), ways[0].(document))
		part = w.follow(ways[1].(document))
	}
	kinds := map[reflect.Kind]string{
		reflect.Struct: "object", reflect.Map: "object", reflect.Slice: "array", reflect.String: "string", reflect.Bool: "boolean",
	}
	if !slices.Contains(typesOf(part), kinds[of.Kind()]) {
		w.t.Errorf("%s: wanted the type %s, found %v", at, kinds[of.Kind()], typesOf(part))
	}
	properties, _ := part["properties"].(document)
	switch of.Kind() {
	case reflect.Struct:
		w.closed(at, part)
		fields := map[string]reflect.Type{}
		for _, field := range reflect.VisibleFields(of) {
			fields[field.Tag.Get("yaml")] = field.Type
		}
		w.same(at, slices.Collect(maps.Keys(fields)), properties)
		for name, field := range fields {
			if below, has := properties[name].(document); has {
				w.walk(at+"."+name, field, below)
			}
		}
	case reflect.Map:
		if below, open := part["additionalProperties"].(document); open {
			w.walk(at+".*", of.Elem(), below)
			return
		}
		w.closed(at, part)
		w.same(at, roleNames(), properties)
		for name, below := range properties {
			w.walk(at+"."+name, of.Elem(), below.(document))
		}
	case reflect.Slice:
		w.walk(at+"[]", of.Elem(), part["items"].(document))
	}
}

// closed wants an object to have no keys but those that are named.
func (w walker) closed(at string, part document) {
	if part["additionalProperties"] != false {
		w.t.Errorf("%s: wanted no further keys, found additionalProperties %v", at, part["additionalProperties"])
	}
}

func (w walker) same(at string, wanted []string, properties document) {
	slices.Sort(wanted)
	if diff := cmp.Diff(wanted, slices.Sorted(maps.Keys(properties))); diff != "" {
		w.t.Errorf("%s: keys: %s", at, diff)
	}
}

// typesOf returns the types that a part of the schema takes.
func typesOf(part document) []string {
	var all []string
	switch kind := part["type"].(type) {
	case string:
		all = append(all, kind)
	case []any:
		for _, one := range kind {
			all = append(all, one.(string))
		}
	}
	for _, value := range append(listOf(part["enum"]), part["const"]) {
		switch value.(type) {
		case string:
			all = append(all, "string")
		case bool:
			all = append(all, "boolean")
		}
	}
	return all
}

func listOf(value any) []any {
	list, _ := value.([]any)
	return list
}

// TestSchemaHasTheLoadersWords: what can be built for each role, and when images are pulled.
func TestSchemaHasTheLoadersWords(t *testing.T) {
	t.Parallel()
	_, root := schemaOf(t)
	releases, err := fixtures.Releases()
	if err != nil {
		t.Fatal(err)
	}
	components := root["properties"].(document)["components"].(document)["properties"].(document)
	for _, row := range roles {
		wanted := []string{row.build}
		for _, release := range releases {
			for _, p := range release.Programs {
				if p.Name == row.build {
					wanted = append(wanted, row.build+"@"+release.Version)
				}
			}
		}
		own := listOf(components[string(row.role)].(document)["allOf"])[1].(document)
		sameWords(t, string(row.role), wanted, own["properties"].(document)["build"].(document)["enum"])
	}
	image := root["$defs"].(document)["image"].(document)["properties"].(document)
	sameWords(t, "pull", pulls, image["pull"].(document)["enum"])
}

func sameWords(t *testing.T, of string, wanted []string, found any) {
	t.Helper()
	var words []string
	for _, word := range listOf(found) {
		words = append(words, word.(string))
	}
	if diff := cmp.Diff(wanted, words); diff != "" {
		t.Errorf("%s: %s", of, diff)
	}
}
