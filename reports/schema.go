package reports

import _ "embed"

//go:embed report.schema.json
var schema string

//go:embed diff.schema.json
var diffSchema string

// Schema returns the JSON Schema (2020-12) of report.json.
func Schema() []byte { return []byte(schema) }

// DiffSchema returns the JSON Schema (2020-12) of a [Diff] as JSON. It refers to that of report.json.
func DiffSchema() []byte { return []byte(diffSchema) }
