package conformance

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/calico-tls/conformance/fixtures"
	"github.com/calico-tls/conformance/harness/matrix"
	"github.com/calico-tls/conformance/reports"
)

// told is a report of a whole run of core against a Calico that does what is asked, but for two cases: one deviates
// from a MUST, one as it is known to.
func told(t *testing.T) *reports.Report {
	t.Helper()
	cases, err := enumerated("core", "core")
	if err != nil {
		t.Fatal(err)
	}
	due, inapplicable := dueTo(cases, owed{has: map[string]bool{"typha": true, "felix": true}})
	results, err := Predicted(due)
	if err != nil {
		t.Fatal(err)
	}
	for i := range results {
		r := &results[i]
		r.Observed, r.Evidence, r.Outcome, r.Why = r.Expected, "both", reports.Conforms, "as asked"
		claims := map[string][2]string{
			"accept": {"accepted", "accepted"}, "plaintext": {"accepted", "accepted"}, "not-started": {"", ""},
			"refuse": {"was-refused", "refused"},
		}[r.Expected.Outcome]
		if r.Expected.By == "client" {
			slices.Reverse(claims[:])
		}
		r.Client.Claim, r.Server.Claim = claims[0], claims[1]
		switch r.ID {
		case deviatingID:
			r.Outcome, r.Observed = reports.Deviates, reports.Behaviour{Outcome: "accept", Identity: "typha-client"}
			r.Client.Claim, r.Server.Claim = "accepted", "accepted"
		case knownID:
			r.Outcome, r.Observed = reports.Deviates, reports.Behaviour{Outcome: "accept", Identity: "typha-client"}
			r.Client.Claim, r.Server.Claim = "accepted", "accepted"
			r.KnownDeviation = knownReason(t)
		}
	}
	report := &reports.Report{
		Suite: reports.Suite{Version: Version()}, Profile: "core", Strategy: "core", Results: results, Coverage: coverage(due),
		Target: reports.Target{Name: "calico-v3.31.0", Launch: "process", Components: []reports.Component{
			{Role: "felix", Implementation: "calico-v3.31.0", Version: "v3.31.0", Way: "build"},
			{Role: "typha", Implementation: "calico-v3.31.0", Version: "v3.31.0", Way: "build"},
		}},
	}
	for _, c := range inapplicable {
		report.Inapplicable = append(report.Inapplicable, reports.Inapplicable{ID: c.ID(), Reason: "too old"})
	}
	report.Conclude(ids(due))
	return report
}

const (
	deviatingID = "felix-typha/cn/typha/client=expired/server=good/tls1.3"
	knownID     = "felix-typha/uri-san/typha/client=uri-fragment-empty/server=good/tls1.3"
)

// knownReason is the reason on record for knownID.
func knownReason(t *testing.T) string {
	t.Helper()
	r := reports.Result{ID: knownID, Outcome: reports.Deviates}
	known := Known{Implementation: "calico", Version: "v3.31.0", Deviations: deviations(t)}
	known.excuse(&r)
	if r.KnownDeviation == "" {
		t.Fatalf("nothing is known of %s", knownID)
	}
	return r.KnownDeviation
}

func resultOfID(r *reports.Report, id string) *reports.Result {
	return &r.Results[slices.IndexFunc(r.Results, func(x reports.Result) bool { return x.ID == id })]
}

func without(r *reports.Report) {
	r.Results = slices.DeleteFunc(r.Results, func(x reports.Result) bool { return x.ID == deviatingID })
}

func TestVerify(t *testing.T) {
	good := told(t)
	due := good.IDs()
	change := func(edit func(x *reports.Result)) func(*reports.Report) {
		return func(r *reports.Report) { edit(resultOfID(r, deviatingID)) }
	}
	for _, c := range []struct {
		name string
		edit func(*reports.Report)
		want string
	}{
		{"nothing", func(*reports.Report) {}, ""},
		{"a newer schema", func(r *reports.Report) { r.SchemaVersion++ }, "schemaVersion: found 2"},
		{"an outcome flipped", change(func(x *reports.Result) { x.Outcome = reports.Conforms }), "found \"accept\" in a case that conforms"},
		{"an outcome flipped, with what was seen, and all counted anew", func(r *reports.Report) {
			x := resultOfID(r, deviatingID)
			x.Outcome, x.Observed = reports.Conforms, x.Expected
			r.Conclude(due)
		}, "though the accounts tell otherwise (client accepted; server accepted)"},
		{"a check that was not the one asked", func(r *reports.Report) {
			x := resultOfID(r, "felix-typha/cn/typha/client=cn-other/server=good/tls1.3")
			x.Observed.Check = "chain"
		}, "though what was seen is that it was refused by the server for chain"},
		{"a result dropped", func(r *reports.Report) { without(r) }, "summary: found"},
		{"a result dropped, and counted anew, with the old claim", func(r *reports.Report) {
			without(r)
			r.Summary = reports.Summarise(r.Results)
		}, `claim: found "nonconformant", wanted "incomplete"`},
		{"a result dropped, from the case set as well", func(r *reports.Report) {
			without(r)
			r.Conclude(r.IDs())
		}, "suite.caseSetDigest: found sha256:"},
		{"a result dropped as inapplicable", func(r *reports.Report) {
			without(r)
			r.Inapplicable = append(r.Inapplicable, reports.Inapplicable{ID: deviatingID, Reason: "too old"})
			r.Conclude(r.IDs())
		}, "suite.caseSetDigest: found sha256:"},
		{"a case that never applied", func(r *reports.Report) {
			r.Inapplicable = append(r.Inapplicable, reports.Inapplicable{ID: deviatingID + "/setting=x", Reason: "too old"})
			r.Conclude(due)
		}, "inapplicable: found"},
		{"a result twice", func(r *reports.Report) { r.Results = append(r.Results, r.Results[len(r.Results)-1]) }, "found a second result"},
		{"a result invented", func(r *reports.Report) {
			x := *resultOfID(r, deviatingID)
			x.ID += "/setting=invented"
			r.Results = append(r.Results, x)
			r.Conclude(due)
		}, "the suite has no such case"},
		{"the number of cases", func(r *reports.Report) { r.Suite.Cases-- }, "suite.cases: found"},
		{"the summary raised", func(r *reports.Report) { r.Summary.Conforms++ }, "summary: found"},
		{"the claim raised", func(r *reports.Report) { r.Claim = reports.Conformant }, `claim: found "conformant", wanted "nonconformant"`},
		{"the coverage raised", func(r *reports.Report) {
			c := r.Coverage["felix-typha"]
			c.TwoWay = 1
			r.Coverage["felix-typha"] = c
		}, "coverage: found another"},
		{"an expectation changed", func(r *reports.Report) {
			x := resultOfID(r, deviatingID)
			x.Expected, x.Outcome = x.Observed, reports.Conforms
			r.Conclude(due)
		}, ".expected: found that it must be accepted as typha-client, wanted refused by the server for validity"},
		{"a level lowered", func(r *reports.Report) { resultOfID(r, deviatingID).Level = reports.Obs; r.Conclude(due) }, ".level: found OBS, wanted MUST"},
		{"a rule changed", change(func(x *reports.Result) { x.Rules = []string{"IDENT-01"} }), ".rules: found [IDENT-01]"},
		{"a deviation called known", func(r *reports.Report) {
			resultOfID(r, deviatingID).KnownDeviation = "agreed upon"
			r.Conclude(due)
		}, "which is not on record for this case and version"},
		{"a deviation called known for another's reason", func(r *reports.Report) {
			resultOfID(r, deviatingID).KnownDeviation = resultOfID(r, knownID).KnownDeviation
			r.Conclude(due)
		}, "which is not on record for this case and version"},
		{"a deviation that another version is known for", func(r *reports.Report) {
			for i := range r.Target.Components {
				r.Target.Components[i].Version = "v9.0.0"
			}
		}, "which is not on record for this case and version"},
		{"another suite", func(r *reports.Report) { r.Suite.Version = "v0.0.1" }, `suite.version: found "v0.0.1", and this is`},
		{"another profile", func(r *reports.Report) { r.Profile = "documented" }, "the suite has no such case in profile documented"},
		{"a profile that there is not", func(r *reports.Report) { r.Profile = "easy" }, `there is none named "easy"`},
		{"a key in a log", change(func(x *reports.Result) { x.Server.Log = []string{"-----BEGIN EC PRIVATE KEY-----"} }), "holds a private key"},
		{"a key where nobody looks", func(r *reports.Report) { r.Coverage["-----BEGIN PRIVATE KEY-----"] = r.Coverage["felix-typha"] }, "report: holds a private key"},
		{"a key in a name", func(r *reports.Report) { r.Target.Launch = "-----BEGIN PRIVATE KEY-----" }, "holds a private key"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := *good
			r.Results, r.Inapplicable = slices.Clone(good.Results), slices.Clone(good.Inapplicable)
			r.Target.Components = slices.Clone(good.Target.Components)
			r.Coverage = map[string]reports.Coverage{}
			maps.Copy(r.Coverage, good.Coverage)
			c.edit(&r)
			data, err := json.Marshal(&r)
			if err != nil {
				t.Fatal(err)
			}
			verifies(t, data, c.want)
		})
	}
	t.Run("cut", func(t *testing.T) {
		data, err := json.Marshal(good)
		if err != nil {
			t.Fatal(err)
		}
		verifies(t, data[:len(data)/2], "found the end of the data in the middle")
	})
}

// verifies asks for an error that holds a text, and a hint; for none if the text is empty.
func verifies(t *testing.T, data []byte, want string) {
	t.Helper()
	_, err := reports.Verify(bytes.NewReader(data), AskedOf)
	var hinted interface{ Hint() string }
	switch {
	case want == "" && err != nil:
		t.Errorf("found %v, wanted it to verify", err)
	case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
		t.Errorf("found %v, wanted %q", err, want)
	case want != "" && (!errors.As(err, &hinted) || hinted.Hint() == ""):
		t.Errorf("found %v without a hint", err)
	}
}

// A run of a selection verifies against the case set of the whole target.
func TestVerifyTakesAPartOfACaseSet(t *testing.T) {
	r := told(t)
	due := r.IDs()
	r.Results = slices.DeleteFunc(r.Results, func(x reports.Result) bool { return x.Subject != "felix" })
	var felix []string
	for _, x := range r.Results {
		felix = append(felix, x.ID)
	}
	cases, err := enumerated("core", "core")
	if err != nil {
		t.Fatal(err)
	}
	cases = slices.DeleteFunc(cases, func(c matrix.Case) bool { return !slices.Contains(felix, c.ID()) })
	r.Coverage, r.Inapplicable = coverage(cases), nil
	r.Conclude(due)
	data, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	verifies(t, data, "")
}

func deviations(t *testing.T) []fixtures.Deviation {
	t.Helper()
	all, err := fixtures.Deviations()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// A report of a target that lacks what must stand behind a subject verifies, and one that only says so does not.
func TestVerifyKnowsWhatStandsBehind(t *testing.T) {
	const lacks = "etcd has to stand behind typha on the link etcd, and the target has none"
	for _, c := range []struct {
		name   string
		reason string
		more   int // so many cases fewer are told than are left out
		keeps  func(matrix.Case) bool
		want   string
	}{
		{"a Typha without etcd", lacks, 0, func(c matrix.Case) bool { return c.Subject == "typha" }, ""},
		{"what has nothing to do with it", strings.Replace(lacks, "etcd has", "felix has", 1), 0, func(c matrix.Case) bool { return c.Subject == "typha" }, "which is that of no case set"},
		{"what is there", lacks, 0, func(c matrix.Case) bool { return c.Subject == "typha" || c.Subject == "etcd" }, "which is that of no case set"},
		{"some are not told", lacks, 1, func(c matrix.Case) bool { return c.Subject == "typha" }, "inapplicable: found "},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := told(t)
			cases, err := enumerated("core", "core")
			if err != nil {
				t.Fatal(err)
			}
			cases = slices.DeleteFunc(cases, func(x matrix.Case) bool { return !c.keeps(x) })
			r.Inapplicable = nil
			for _, x := range cases {
				if x.Link == "etcd" && x.Subject == "typha" {
					r.Inapplicable = append(r.Inapplicable, reports.Inapplicable{ID: x.ID(), Reason: c.reason})
				}
			}
			r.Inapplicable = r.Inapplicable[c.more:]
			cases = slices.DeleteFunc(cases, func(x matrix.Case) bool { return x.Link == "etcd" && x.Subject == "typha" })
			due := ids(cases)
			r.Results = slices.DeleteFunc(r.Results, func(x reports.Result) bool { return !slices.Contains(due, x.ID) })
			r.Coverage = coverage(judged(cases, r.Results))
			r.Conclude(due)
			data, err := json.Marshal(r)
			if err != nil {
				t.Fatal(err)
			}
			verifies(t, data, c.want)
		})
	}
}
