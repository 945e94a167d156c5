package reports

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
)

// maxSize is the size up to which a report is read, in bytes: some fifty times a run of 1,000 cases.
const maxSize = 64 << 20

// What one can do about a report that is refused.
const (
	hintOther  = "is it the report.json that `tlsconform run` wrote?"
	hintUpdate = "read it with the tlsconform that wrote it, or a newer one"
	hintCut    = "the copy is incomplete, or the run that wrote it was killed: copy it again, or run again"
	hintEdited = "a report is read only as `tlsconform run` wrote it: take the original, or run again"
	hintOurs   = "this is a mistake of the suite, not of what it judges: please report it"
)

// InvalidError says why a report was not read, written or rendered.
type InvalidError struct {
	// Doing is what was being done, as in "reading a report".
	Doing string
	// Err is what was wrong, with the field where it was found.
	Err  error
	hint string
}

// Error returns what was being done and what was wrong.
func (e *InvalidError) Error() string { return e.Doing + ": " + e.Err.Error() }

// Unwrap returns what was wrong.
func (e *InvalidError) Unwrap() error { return e.Err }

// Hint returns what to do about it.
func (e *InvalidError) Hint() string { return e.hint }

// Write writes the report as JSON: sorted, indented, equal bytes for equal reports, a private key in any text withheld.
// It returns an [*InvalidError], and writes nothing, if the report breaks its schema or its own arithmetic, as it does
// before [Report.Conclude].
func (r *Report) Write(w io.Writer) error {
	data, err := r.ready()
	if err != nil {
		return err
	}
	encoded, err := encode(data)
	if err != nil {
		return err
	}
	if _, err := w.Write(encoded); err != nil {
		return fmt.Errorf("writing a report: %w", err)
	}
	return nil
}

// ready returns a tidy copy that may be published.
func (r *Report) ready() (*Report, error) {
	t := r.tidy()
	if err := t.check(); err != nil {
		return nil, &InvalidError{Doing: "writing a report", Err: err, hint: hintOurs}
	}
	return t, nil
}

func encode(r *Report) ([]byte, error) {
	var buffer bytes.Buffer
	encoder := json.NewEncoder(&buffer)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(r); err != nil {
		return nil, fmt.Errorf("encoding a report: %w", err)
	}
	return buffer.Bytes(), nil
}

// Read reads a report that [Report.Write] wrote; white space and the order of fields don't matter. It returns an
// [*InvalidError] for anything else: a newer schema, truncated JSON, fields that are unknown or missing, values out of
// range, results out of order or repeated, counts or a claim that don't follow from the results, and more than 64 MiB.
func Read(from io.Reader) (*Report, error) {
	data, err := io.ReadAll(io.LimitReader(from, maxSize+1))
	if err != nil {
		return nil, fmt.Errorf("reading a report: %w", err)
	}
	r, hint, err := decode(data)
	if err != nil {
		return nil, &InvalidError{Doing: "reading a report", Err: err, hint: hint}
	}
	return r, nil
}

func decode(data []byte) (r *Report, hint string, err error) {
	if len(data) > maxSize {
		return nil, hintOther, fmt.Errorf("found more than %d MiB, which no run writes", maxSize>>20)
	}
	if hint, err := wellFormed(data); err != nil {
		return nil, hint, err
	}
	r = new(Report)
	if err := json.Unmarshal(data, r); err != nil {
		return nil, hintEdited, asFieldError(err)
	}
	if err := r.inOrder(); err != nil {
		return nil, hintEdited, err
	}
	if err := asWritten(data, r); err != nil {
		return nil, hintEdited, err
	}
	if err := r.check(); err != nil {
		return nil, hintEdited, err
	}
	return r, "", nil
}

// wellFormed asks whether the data are one JSON object of a schema version that is known, before anything else is
// asked of them: what a newer version means by its fields can't be told.
func wellFormed(data []byte) (hint string, err error) {
	if len(bytes.TrimSpace(data)) == 0 {
		return hintCut, errors.New("found nothing, wanted a JSON object")
	}
	var head struct {
		SchemaVersion *int `json:"schemaVersion"`
	}
	var syntax *json.SyntaxError
	switch err := json.Unmarshal(data, &head); {
	case errors.As(err, &syntax) && syntax.Offset >= int64(len(data)):
		return hintCut, fmt.Errorf("found the end of the data in the middle, after %d bytes: %w", len(data), err)
	case errors.As(err, &syntax):
		return hintOther, fmt.Errorf("found what is not JSON at byte %d: %w", syntax.Offset, err)
	case err != nil:
		return hintOther, asFieldError(err)
	case head.SchemaVersion == nil:
		return hintOther, errors.New("schemaVersion: missing")
	case *head.SchemaVersion > SchemaVersion:
		return hintUpdate, fmt.Errorf("schemaVersion: found %d, and %d is the newest that is known here",
			*head.SchemaVersion, SchemaVersion)
	case *head.SchemaVersion < SchemaVersion:
		return hintOther, fmt.Errorf("schemaVersion: found %d, wanted %d", *head.SchemaVersion, SchemaVersion)
	}
	return "", nil
}

func asFieldError(err error) error {
	var mismatch *json.UnmarshalTypeError
	if !errors.As(err, &mismatch) {
		return err
	}
	field := mismatch.Field
	if field == "" {
		field = "report"
	}
	return fmt.Errorf("%s: found a JSON %s, wanted %s", field, mismatch.Value, mismatch.Type.Kind())
}

// asWritten asks whether writing r again would give the same fields and values as data. That one comparison finds
// fields that are missing, unknown, empty where they are left out, null, or in another case.
func asWritten(data []byte, r *Report) error {
	encoded, err := encode(r)
	if err != nil {
		return err
	}
	var found, wanted any
	if err := errors.Join(json.Unmarshal(data, &found), json.Unmarshal(encoded, &wanted)); err != nil {
		return err
	}
	return difference("", found, wanted)
}

// difference returns the first difference between two JSON values, fields in the order of their names.
func difference(at string, found, wanted any) error {
	switch wanted := wanted.(type) {
	case map[string]any:
		if found, ok := found.(map[string]any); ok {
			return fieldDifference(at, found, wanted)
		}
	case []any:
		if found, ok := found.([]any); ok && len(found) == len(wanted) {
			for i := range wanted {
				if err := difference(fmt.Sprintf("%s[%d]", at, i), found[i], wanted[i]); err != nil {
					return err
				}
			}
			return nil
		}
	}
	if reflect.DeepEqual(found, wanted) {
		return nil
	}
	return fmt.Errorf("%s: found %s, wanted %s", at, asJSON(found), asJSON(wanted))
}

func fieldDifference(at string, found, wanted map[string]any) error {
	join := func(name string) string {
		if at == "" {
			return name
		}
		return at + "." + name
	}
	for _, name := range slices.Sorted(maps.Keys(found)) {
		if _, ok := wanted[name]; ok {
			continue
		}
		if isEmpty(found[name]) {
			return fmt.Errorf("%s: found %s where the field is unknown or to be left out", join(name), asJSON(found[name]))
		}
		return fmt.Errorf("%s: unknown field", join(name))
	}
	for _, name := range slices.Sorted(maps.Keys(wanted)) {
		value, ok := found[name]
		if !ok {
			return fmt.Errorf("%s: missing", join(name))
		}
		if err := difference(join(name), value, wanted[name]); err != nil {
			return err
		}
	}
	return nil
}

func isEmpty(value any) bool {
	text, isText := value.(string)
	all, isList := value.([]any)
	return value == nil || isText && text == "" || isList && len(all) == 0
}

func asJSON(value any) string {
	data, err := json.Marshal(value)
	if err != nil {
		return err.Error()
	}
	if len(data) > 80 {
		return string(data[:80]) + "…"
	}
	return string(data)
}
