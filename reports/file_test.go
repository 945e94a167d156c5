package reports

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestWriteAndReadAreInverse(t *testing.T) {
	for name, r := range map[string]*Report{"sample": sample(), "clean": clean(), "empty": empty(), "crowd": crowd(30), "observed": observed()} {
		t.Run(name, func(t *testing.T) {
			data := written(t, r)
			got, err := Read(bytes.NewReader(data))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(r.tidy(), got); diff != "" {
				t.Errorf("what was read differs (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(string(data), string(written(t, got))); diff != "" {
				t.Errorf("what was written again differs (-want +got):\n%s", diff)
			}
		})
	}
}

func TestReadTakesAnotherLayout(t *testing.T) {
	var compact bytes.Buffer
	if err := json.Compact(&compact, written(t, sample())); err != nil {
		t.Fatal(err)
	}
	var fields map[string]json.RawMessage // a map's fields are written in another order
	if err := json.Unmarshal(compact.Bytes(), &fields); err != nil {
		t.Fatal(err)
	}
	reordered, err := json.Marshal(fields)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Read(bytes.NewReader(reordered))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(sample(), got); diff != "" {
		t.Errorf("what was read differs (-want +got):\n%s", diff)
	}
}

func TestReadRefuses(t *testing.T) {
	whole := string(written(t, sample()))
	replaced := func(from, to string) string {
		t.Helper()
		if !strings.Contains(whole, from) {
			t.Fatalf("the sample holds no %s", from)
		}
		return strings.Replace(whole, from, to, 1)
	}
	for _, c := range []struct{ name, data, text, hint string }{
		{"nothing", "", "found nothing", hintCut},
		{"white space", " \n", "found nothing", hintCut},
		{"half", whole[:len(whole)/2], "in the middle, after", hintCut},
		{"all but the last brace", strings.TrimRight(whole, "}\n"), "in the middle, after", hintCut},
		{"a web page", "<html>", "what is not JSON at byte 1", hintOther},
		{"two reports", whole + whole, "what is not JSON at byte", hintOther},
		{"a list", "[]", "found a JSON array", hintOther},
		{"another JSON object", "{}", "schemaVersion: missing", hintOther},
		{"null", "null", "schemaVersion: missing", hintOther},
		{"a newer schema", `{"schemaVersion": 2, "everything": "else"}`, "found 2, and 1 is the newest", hintUpdate},
		{"no schema", replaced(`"schemaVersion": 1`, `"schemaVersion": 0`), "found 0, wanted 1", hintOther},
		{"a schema version in words", replaced(`"schemaVersion": 1`, `"schemaVersion": "1"`), "schemaVersion: found a JSON string", hintOther},
		{"an unknown field", replaced(`"starts": 3`, `"starts": 3, "stops": 3`), "stops: unknown field", hintEdited},
		{"an unknown field of a result", replaced(`"level": "MUST"`, `"level": "MUST", "flaky": true`), "results[0].flaky: unknown field", hintEdited},
		{"a field in another case", replaced(`"starts"`, `"Starts"`), "Starts: unknown field", hintEdited},
		{"a missing field", replaced(`"starts": 3,`, ``), "starts: missing", hintEdited},
		{"null for a list", replaced(`"rules": []`, `"rules": null`), "rules: found null", hintEdited},
		{"null for a number", replaced(`"starts": 3`, `"starts": null`), "starts: found null, wanted 0", hintEdited},
		{"an empty text that should be absent", replaced(`"evidence": "wire"`, `"evidence": ""`), `evidence: found ""`, hintEdited},
		{"a text for a number", replaced(`"starts": 3`, `"starts": "3"`), "starts: found a JSON string, wanted int", hintEdited},
		{"a fraction of a start", replaced(`"starts": 3`, `"starts": 3.5`), "starts: found a JSON number 3.5, wanted int", hintEdited},
		{"a negative number", replaced(`"starts": 3`, `"starts": -3`), "starts: found -3", hintEdited},
		{"a share above 1", replaced(`0.875`, `87.5`), "coverage.felix-typha.twoWay: found 87.5", hintEdited},
		{"an unknown claim", replaced(`"claim": "nonconformant"`, `"claim": "great"`), `claim: found "great"`, hintEdited},
		{"a better claim", replaced(`"claim": "nonconformant"`, `"claim": "conformant"`), `claim: found "conformant", wanted "nonconformant"`, hintEdited},
		{"a raised count", replaced(`"conforms": 5`, `"conforms": 6`), "summary: found {Conforms:6", hintEdited},
		{"a flipped verdict", replaced(`"outcome": "deviates"`, `"outcome": "conforms"`), "in a case that conforms", hintEdited},
		{"a digest cut", replaced(`"sha256:`, `"sha256:0`), "found \"sha256:0", hintEdited},
		{"an absolute path", replaced(`"name": "calico-v3.31.0"`, `"name": "/home/me/target.yaml"`), "target.name: found the path", hintEdited},
		{"another subject than the ID's", replaced(`"subject": "typha"`, `"subject": "felix"`), "wanted those of the ID", hintEdited},
		{"a private key", replaced(`"The server took another side."`, `"-----BEGIN EC \u0050RIVATE KEY-----"`), "holds a private key", hintEdited},
		{"a private key in a log", replaced(`"Failed to read from client"`, `"-----BEGIN PRIVATE KEY-----"`), "log[0]: holds a private key", hintEdited},
		{"more than fits", strings.Repeat(" ", maxSize+1), "found more than 64 MiB", hintOther},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, err := Read(strings.NewReader(c.data))
			var invalid *InvalidError
			if !errors.As(err, &invalid) || r != nil {
				t.Fatalf("found report %v and error %v, wanted an InvalidError", r, err)
			}
			if !strings.HasPrefix(err.Error(), "reading a report: ") || !strings.Contains(err.Error(), c.text) {
				t.Errorf("found %q, wanted it to tell of %q", err, c.text)
			}
			if invalid.Hint() != c.hint {
				t.Errorf("hint: found %q, wanted %q", invalid.Hint(), c.hint)
			}
			if errors.Unwrap(err) == nil {
				t.Error("found no error below, wanted the cause")
			}
		})
	}
}

func TestReadRefusesDisorder(t *testing.T) {
	for name, edit := range map[string]func(r *Report){
		"results":          func(r *Report) { r.Results[0], r.Results[1] = r.Results[1], r.Results[0] },
		"second result":    func(r *Report) { r.Results[1] = r.Results[0] },
		"components":       func(r *Report) { c := r.Target.Components; c[0], c[1] = c[1], c[0] },
		"inapplicable":     func(r *Report) { i := r.Inapplicable; i[0], i[1] = i[1], i[0] },
		"stale deviations": func(r *Report) { s := r.StaleDeviations; s[0], s[1] = s[1], s[0] },
	} {
		t.Run(name, func(t *testing.T) {
			r := sample()
			edit(r)
			data, err := encode(r)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := Read(bytes.NewReader(data)); err == nil {
				t.Error("found no error")
			}
		})
	}
}

func TestWriteRefuses(t *testing.T) {
	for _, c := range []struct {
		name string
		edit func(r *Report)
		text string
	}{
		{"before Conclude", func(r *Report) { r.SchemaVersion, r.Claim = 0, "" }, "schemaVersion"},
		{"a result added later", func(r *Report) { r.Results = append(r.Results, accepted("a/b/c/client=d/server=e/none")) }, "summary"},
		{"a claim set by hand", func(r *Report) { r.Claim = Conformant }, "claim"},
		{"two results for a case", func(r *Report) { r.Results = append(r.Results, r.Results[0]); r.Summary.Conforms++ }, "second result"},
		{"no number", func(r *Report) { r.Coverage["etcd"] = Coverage{TwoWay: math.NaN(), Constraints: []string{}} }, "coverage.etcd.twoWay"},
		{"a pass without evidence", func(r *Report) { r.Results[0].Evidence = "" }, "evidence"},
		{"a pass that saw nothing", func(r *Report) { r.Results[0].Observed = Behaviour{} }, "observed.outcome"},
		{"a pass by another side", func(r *Report) { r.Results[1].Observed.By = "client" }, "observed.by"},
		{"a refusal expected of nobody", func(r *Report) { r.Results[1].Expected.By = "" }, "expected.by"},
		{"a result of an inapplicable case", func(r *Report) { r.Inapplicable[0].ID = r.Results[0].ID }, "which has a result"},
		{"a known deviation that conforms", func(r *Report) { r.Results[0].KnownDeviation = "so it is" }, "knownDeviation"},
		{"no reason", func(r *Report) { r.Results[0].Why = "" }, "why"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := sample()
			if r.Results[0].Outcome != Conforms || r.Results[1].Outcome != Conforms || r.Results[1].Expected.Outcome != "refuse" {
				t.Fatal("results 0 and 1 must conform, and 1 be a refusal")
			}
			c.edit(r)
			var b bytes.Buffer
			err := r.Write(&b)
			var invalid *InvalidError
			if !errors.As(err, &invalid) || !strings.Contains(err.Error(), c.text) {
				t.Errorf("found %v, wanted an InvalidError that tells of %q", err, c.text)
			}
			if b.Len() > 0 {
				t.Errorf("found %d bytes written, wanted none", b.Len())
			}
		})
	}
}

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, io.ErrShortWrite }
func (fullDisk) Read([]byte) (int, error)  { return 0, io.ErrClosedPipe }

func TestInputAndOutputErrorsAreTold(t *testing.T) {
	for _, format := range Renderers {
		if err := format.Render(fullDisk{}, sample(), Options{}); !errors.Is(err, io.ErrShortWrite) {
			t.Errorf("%s: found %v, wanted the writer's error", format.Name, err)
		}
	}
	if _, err := Read(fullDisk{}); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("found %v, wanted the reader's error", err)
	}
}

func TestRedact(t *testing.T) {
	r := sample()
	line := "reading /tmp/run-17/typha/ca.pem: /tmp/run-17 is gone; spiffe://k8s.example.com/typha-client"
	shared := []string{line}
	r.Results[0].Why, r.Results[0].Client.Error, r.Results[0].Server.Log = line, line, shared
	r.StaleDeviations[0].Reason, r.Inapplicable[0].Reason, r.Target.Components[0].Implementation = line, line, line
	r.Redact(map[string]string{"/tmp": "TMP", "/tmp/run-17": "RUN", "": "no", "/": "no"})
	want := "reading RUN/typha/ca.pem: RUN is gone; spiffe://k8s.example.com/typha-client"
	for name, found := range map[string]string{
		"why": r.Results[0].Why, "error": r.Results[0].Client.Error, "log": r.Results[0].Server.Log[0],
		"stale": r.StaleDeviations[0].Reason, "inapplicable": r.Inapplicable[0].Reason,
		"implementation": r.Target.Components[0].Implementation,
	} {
		if found != want {
			t.Errorf("%s: found %q, wanted %q", name, found, want)
		}
	}
	if shared[0] != line {
		t.Errorf("the log that was handed in was changed to %q", shared[0])
	}
}

func TestKeysAreWithheldFromEveryFormat(t *testing.T) {
	const secret = "MHcCAQEEIB"
	for _, format := range Renderers {
		t.Run(format.Name, func(t *testing.T) {
			r := sample()
			key := "-----BEGIN EC PRIVATE KEY-----\n" + secret + "\n-----END EC PRIVATE KEY-----"
			r.Results[3].Why, r.Results[3].Server.Error = key, key
			r.Results[3].Server.Log = strings.Split(key, "\n")
			r.Results[3].Observed.Identity = key
			for i := range r.Target.Components { // which a statement tells of, and of none of the rest
				r.Target.Components[i].Implementation = key
			}
			got := string(rendered(t, format.Name, r, Options{}))
			if strings.Contains(got, secret) {
				t.Errorf("the key is in\n%s", got)
			}
			if !strings.Contains(got, withheld) {
				t.Error("nothing tells that a key was withheld")
			}
		})
	}
}

func FuzzRead(f *testing.F) {
	small := sample() // a large seed is minimised for longer than it is fuzzed
	small.Results, small.Inapplicable, small.StaleDeviations, small.Migration = small.Results[:1], nil, nil, nil
	small.Conclude(nil)
	for _, r := range []*Report{small, empty()} {
		var indented, b bytes.Buffer
		if err := r.Write(&indented); err != nil {
			f.Fatal(err)
		}
		if err := json.Compact(&b, indented.Bytes()); err != nil {
			f.Fatal(err)
		}
		f.Add(b.Bytes())
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := Read(bytes.NewReader(data))
		if err != nil {
			return
		}
		first := written(t, r)
		again, err := Read(bytes.NewReader(first))
		if err != nil {
			t.Fatalf("what was read and written can't be read: %v", err)
		}
		if !bytes.Equal(first, written(t, again)) {
			t.Error("what was read again is written differently")
		}
		for _, format := range Renderers {
			if err := format.Render(io.Discard, r, Options{}); err != nil {
				t.Errorf("rendering %s: %v", format.Name, err)
			}
		}
	})
}
