package reports

import _ "embed"

//go:embed report.schema.json
var schema string

// Schema returns the JSON Schema (2020-12) of report.json.
func Schema() []byte { return []byte(schema) }
