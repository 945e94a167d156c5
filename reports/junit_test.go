package reports

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// These read JUnit XML as its consumers do, independently of the types that wrote it.
type (
	parsedSuites struct {
		Tests    int           `xml:"tests,attr"`
		Failures int           `xml:"failures,attr"`
		Errors   int           `xml:"errors,attr"`
		Skipped  int           `xml:"skipped,attr"`
		Suites   []parsedSuite `xml:"testsuite"`
	}
	parsedSuite struct {
		Name     string       `xml:"name,attr"`
		Tests    int          `xml:"tests,attr"`
		Failures int          `xml:"failures,attr"`
		Errors   int          `xml:"errors,attr"`
		Skipped  int          `xml:"skipped,attr"`
		Cases    []parsedCase `xml:"testcase"`
	}
	parsedCase struct {
		Name      string        `xml:"name,attr"`
		Classname string        `xml:"classname,attr"`
		Failure   *parsedResult `xml:"failure"`
		Error     *parsedResult `xml:"error"`
		Skipped   *parsedResult `xml:"skipped"`
		SystemOut string        `xml:"system-out"`
	}
	parsedResult struct {
		Message string `xml:"message,attr"`
		Type    string `xml:"type,attr"`
		Text    string `xml:",chardata"`
	}
)

func parsed(t *testing.T, data []byte) parsedSuites {
	t.Helper()
	var all parsedSuites
	if err := xml.Unmarshal(data, &all); err != nil {
		t.Fatalf("parsing the JUnit XML: %v\n%s", err, data)
	}
	return all
}

func (p parsedSuites) cases() map[string]parsedCase {
	all := map[string]parsedCase{}
	for _, suite := range p.Suites {
		for _, test := range suite.Cases {
			all[test.Name] = test
		}
	}
	return all
}

func (c parsedCase) children() string {
	var children []string
	for name, has := range map[string]bool{"failure": c.Failure != nil, "error": c.Error != nil, "skipped": c.Skipped != nil} {
		if has {
			children = append(children, name)
		}
	}
	return strings.Join(children, "+")
}

func TestJUnitHasAChildForEachVerdict(t *testing.T) {
	for name, strict := range map[string]bool{"lenient": false, "strict": true} {
		t.Run(name, func(t *testing.T) {
			r := sample()
			cases := parsed(t, rendered(t, "junit", r, Options{Rule: sentence, Strict: strict})).cases()
			for _, result := range r.Results {
				want := map[Verdict]string{Broken: "error", Unproven: "error", Skipped: "skipped"}[result.Outcome]
				if result.Outcome == Deviates && result.KnownDeviation == "" && (result.Level == Must || strict && result.Level == Should) {
					want = "failure"
				}
				test, ok := cases[result.ID]
				if !ok {
					t.Errorf("%s: no test case has the ID for its name", result.ID)
				}
				if found := test.children(); found != want {
					t.Errorf("%s (%s): found child %q, wanted %q", result.ID, result.verdict(Options{}), found, want)
				}
				if test.Classname != "felix-typha."+result.Mode+".typha" {
					t.Errorf("%s: found class name %q", result.ID, test.Classname)
				}
			}
		})
	}
}

func TestJUnitTellsWhy(t *testing.T) {
	r := sample()
	cases := parsed(t, rendered(t, "junit", r, Options{Rule: sentence})).cases()
	failed := cases["felix-typha/cn/typha/client=expired/server=good/tls1.3"]
	for _, wanted := range []string{"IDENT-47: " + sentences["IDENT-47"], "wanted: refused by the server", "--select '" + failed.Name + "'", "Received Hello"} {
		if !strings.Contains(failed.Failure.Text, wanted) {
			t.Errorf("the failure doesn't tell %q:\n%s", wanted, failed.Failure.Text)
		}
	}
	if want := "Wanted a refusal by the server for validity, got an acceptance."; failed.Failure.Message != want {
		t.Errorf("message: found %q, wanted %q", failed.Failure.Message, want)
	}
	skipped := cases["felix-typha/uri-san/typha/client=revoked/server=good/tls1.3"]
	if skipped.Skipped.Message != "Needs an authority of our own." {
		t.Errorf("skipped: found %q, wanted the reason", skipped.Skipped.Message)
	}
	known := cases["felix-typha/cn/typha/client=weak-key/server=good/tls1.3"]
	if !strings.Contains(known.SystemOut, "known deviation: accepts RSA keys of 1024 bits") {
		t.Errorf("known deviation: found %q, wanted the reason", known.SystemOut)
	}
}

func TestJUnitCountsAddUp(t *testing.T) {
	r := sample()
	all := parsed(t, rendered(t, "junit", r, Options{}))
	// The sample's two stale deviations fail beside its results.
	want := parsedSuites{Tests: len(r.Results) + 2, Failures: 3 + 2, Errors: 2, Skipped: 1}
	if all.Tests != want.Tests || all.Failures != want.Failures || all.Errors != want.Errors || all.Skipped != want.Skipped {
		t.Errorf("found %d tests, %d failures, %d errors, %d skipped, wanted %d, %d, %d, %d", all.Tests, all.Failures,
			all.Errors, all.Skipped, want.Tests, want.Failures, want.Errors, want.Skipped)
	}
	for _, suite := range all.Suites {
		found := map[string]int{}
		for _, test := range suite.Cases {
			found[test.children()]++
		}
		wanted := map[string]int{"failure": suite.Failures, "error": suite.Errors, "skipped": suite.Skipped}
		delete(found, "")
		for kind, n := range wanted {
			if n == 0 {
				delete(wanted, kind)
			}
		}
		if diff := cmp.Diff(wanted, found); diff != "" || suite.Tests != len(suite.Cases) {
			t.Errorf("%s: the counts differ from its %d test cases (-counts +children):\n%s", suite.Name, len(suite.Cases), diff)
		}
	}
}

// What fails a run must be red in the file alone, and what doesn't must not be.
func TestJUnitIsRedWhenTheRunIs(t *testing.T) {
	for name, kinds := range map[string][]string{
		"conforms": {"conforms"}, "must": {"must", "conforms"}, "should": {"should", "conforms"}, "broken": {"broken", "conforms"},
		"unproven": {"unproven", "conforms"}, "known": {"known-must", "conforms"}, "obs": {"obs"}, "empty": nil,
	} {
		for _, stopped := range []Stop{"", Interrupted, BudgetSpent} {
			for _, stale := range [][]StaleDeviation{nil, {{Cases: "**", Reason: "matches no case"}}} {
				r, ids := made(kinds...)
				r.Stopped, r.StaleDeviations = stopped, stale
				r.Conclude(ids)
				all := parsed(t, rendered(t, "junit", r, Options{}))
				red, code := all.Failures+all.Errors > 0, Gate{Selected: ids}.ExitCode(r)
				if red != (code != ExitExpected) {
					t.Errorf("%s, stopped %q, %d stale: found red %t for exit code %d", name, stopped, len(stale), red, code)
				}
			}
		}
	}
}

func TestJUnitHoldsAnyText(t *testing.T) {
	r := sample()
	odd := "\x00\x1b[31m ]]> <failure> & \xff\xfe \uFFFE \u202e"
	for i := range r.Results {
		r.Results[i].Why, r.Results[i].Server.Log = odd, []string{odd}
	}
	r.Target.Name, r.StaleDeviations[0].Cases, r.StaleDeviations[0].Reason = odd, odd, odd
	data := rendered(t, "junit", r, Options{Rule: func(string, Level) string { return odd }})
	all := parsed(t, data)
	if want := len(r.Results) + 2; all.Tests != want || len(all.cases()) != want {
		t.Errorf("found %d tests and %d cases, wanted %d", all.Tests, len(all.cases()), want)
	}
	decoder := xml.NewDecoder(strings.NewReader(string(data)))
	for {
		if _, err := decoder.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("found XML that isn't well-formed: %v", err)
		}
	}
}
