package reports

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/jstemmer/go-junit-report/v2/junit"
)

// renderJUnit writes a test suite for each link, mode and subject, and in it a test case for each case, named by its ID.
// What fails a run has a failure, what could not be judged an error. What fails without being a case, a stale deviation
// and a run that was cut or empty, has a test case of its own, so that no reader of the file alone sees it as green.
func renderJUnit(w io.Writer, r *Report, o Options) error {
	t, err := r.ready()
	if err != nil {
		return err
	}
	all := junit.Testsuites{Name: "tlsconform", Time: seconds(t.DurationMillis)}
	for results := range grouped(t.Results) {
		all.AddSuite(testSuite(t, results, o))
	}
	if suite := runSuite(t); suite.Tests > 0 {
		all.AddSuite(suite)
	}
	for i := range all.Suites {
		all.Suites[i].ID = i
	}
	var buffer bytes.Buffer
	buffer.WriteString(xml.Header)
	if err := all.WriteXML(&buffer); err != nil {
		return fmt.Errorf("encoding JUnit XML: %w", err)
	}
	if _, err := w.Write(buffer.Bytes()); err != nil {
		return fmt.Errorf("writing JUnit XML: %w", err)
	}
	return nil
}

func testSuite(r *Report, results []Result, o Options) junit.Testsuite {
	first := results[0]
	suite := junit.Testsuite{Name: strings.Join([]string{first.Link, first.Mode, first.Subject}, "/")}
	for _, property := range []junit.Property{
		{Name: "target", Value: xmlText(r.Target.Name)},
		{Name: "launch", Value: xmlText(r.Target.Launch)},
		{Name: "suite.version", Value: xmlText(r.Suite.Version)},
		{Name: "suite.caseSetDigest", Value: r.Suite.CaseSetDigest},
		{Name: "claim", Value: string(r.Claim)},
	} {
		suite.AddProperty(property.Name, property.Value)
	}
	var total int64
	for _, result := range results {
		total += result.DurationMillis
		suite.AddTestcase(testCase(r, result, o))
	}
	suite.Time = seconds(total)
	return suite
}

func testCase(r *Report, result Result, o Options) junit.Testcase {
	test := junit.Testcase{
		Name:      result.ID,
		Classname: strings.Join([]string{result.Link, result.Mode, result.Subject}, "."),
		Time:      seconds(result.DurationMillis),
	}
	told := &junit.Result{
		Message: xmlText(oneLine(result.Why)),
		Type:    string(result.Outcome),
		Data:    xmlText(inFull(r, result, o)),
	}
	k, ok := kindOf(result, o)
	switch {
	case ok && k == failing:
		test.Failure = told
	case ok && k == unjudged:
		test.Error = told
	case ok:
		test.SystemOut = &junit.Output{Data: told.Data}
	case result.Outcome == Skipped:
		test.Skipped = &junit.Result{Message: told.Message}
	case result.KnownDeviation != "":
		test.SystemOut = &junit.Output{Data: xmlText("known deviation: " + result.KnownDeviation + "\n" + inFull(r, result, o))}
	}
	return test
}

// inFull tells a result in full, with the error texts and logs of both sides.
func inFull(r *Report, result Result, o Options) string {
	lines := []string{
		result.verdict(o),
		"rule: " + result.ruling(o),
		"wanted: " + result.comparison(),
		"why: " + oneLine(result.Why),
		"repeat: " + r.command(result.ID, o),
	}
	for _, side := range []struct {
		name string
		Account
	}{{"client", result.Client}, {"server", result.Server}} {
		if side.Error != "" {
			lines = append(lines, side.name+" error: "+oneLine(side.Error))
		}
		for _, line := range side.Log {
			lines = append(lines, side.name+" log: "+oneLine(line))
		}
	}
	return strings.Join(lines, "\n")
}

// runSuite holds what fails a run without being a case.
func runSuite(r *Report) junit.Testsuite {
	suite := junit.Testsuite{Name: "run", Time: seconds(0)}
	for _, stale := range r.StaleDeviations {
		suite.AddTestcase(junit.Testcase{
			Name: "known deviation " + xmlText(stale.Cases), Classname: "run.deviations", Time: seconds(0),
			Failure: &junit.Result{Message: xmlText(oneLine(stale.Reason)), Type: "stale", Data: xmlText(stale.Reason)},
		})
	}
	if r.Stopped != "" || len(r.Results) == 0 {
		missing := strings.Join(r.shortfall(), "; ")
		suite.AddTestcase(junit.Testcase{
			Name: "the run is whole", Classname: "run", Time: seconds(0),
			Error: &junit.Result{Message: missing, Type: string(Incomplete), Data: missing},
		})
	}
	return suite
}

// seconds is how JUnit counts time.
func seconds(millis int64) string {
	return fmt.Sprintf("%.3f", (time.Duration(millis) * time.Millisecond).Seconds())
}

// xmlText replaces what XML 1.0 can't hold (its section 2.2, Char); what stands in CDATA isn't escaped.
func xmlText(text string) string {
	return strings.Map(func(r rune) rune {
		if r == '\t' || r == '\n' || r == '\r' || r >= ' ' && r != 0xFFFE && r != 0xFFFF {
			return r
		}
		return '\uFFFD'
	}, text)
}
