package target

import (
	"bytes"
	"cmp"
	_ "embed"
	"fmt"
	"slices"
	"strings"
	"text/template"

	"github.com/goccy/go-yaml"

	"github.com/calico-tls/conformance/fixtures"
)

// Draft is what a new target file is to say.
type Draft struct {
	// Name is the target's name.
	Name string
	// Components says how each role is obtained. What is built needs no value: each role is played by one program.
	Components map[Role]Source
}

//go:embed draft.yaml.tmpl
var draftText string

var draftTemplate = template.Must(template.New("draft").Funcs(template.FuncMap{"quote": quote}).Parse(draftText))

// drafted is a component as the template has it.
type drafted struct {
	Source
	Role  Role
	Added bool
}

// Text returns a commented target file, which [Load] takes; its relative paths start at folder. What has to stand behind a
// component that is started is added. It returns a [*fixtures.UnknownNameError] for a role that there is not, and a
// [*fixtures.FormatError] for what a target file cannot say.
func (d Draft) Text(folder string) ([]byte, error) {
	for role := range d.Components {
		if names := roleNames(); !slices.Contains(names, string(role)) {
			return nil, &fixtures.UnknownNameError{Kind: "role", Name: string(role), Known: names}
		}
	}
	var all []drafted
	started := false
	for _, row := range roles {
		source, has := d.Components[row.role]
		if added := row.role == Etcd && !has && started; has || added {
			source = cmp.Or(source, Source{Way: Build})
			if source.Way == Build {
				source.Value = cmp.Or(source.Value, row.build)
			}
			all = append(all, drafted{source, row.role, added})
		}
		started = started || has && slices.Contains([]Way{Image, Binary, Build}, source.Way)
	}
	var text bytes.Buffer
	err := draftTemplate.Execute(&text, map[string]any{"Name": d.Name, "Components": all, "Schema": fixtures.TargetSchemaURL})
	if err != nil {
		return nil, fmt.Errorf("writing a target file: %w", err)
	}
	if _, err := parse("the target file", folder, text.Bytes()); err != nil {
		return nil, err
	}
	return text.Bytes(), nil
}

// quote returns a text as YAML writes it.
func quote(text string) (string, error) {
	data, err := yaml.Marshal(text)
	return strings.TrimSpace(string(data)), err
}
