package suites_test

import (
	"testing"

	"github.com/onsi/ginkgo/v2"
	"github.com/onsi/gomega"

	"github.com/calico-tls/conformance/reports"
	"github.com/calico-tls/conformance/suites/conformance"
)

// TestSuites runs the tree as `go test` does: the reference pair in this process.
func TestSuites(t *testing.T) {
	r := prepared(t, conformance.Options{Target: "reference", Launch: conformance.LaunchInProcess})
	r.Describe()
	gomega.RegisterFailHandler(ginkgo.Fail)
	suite, reporter := ginkgo.GinkgoConfiguration()
	reporter.Succinct = true
	ginkgo.RunSpecs(t, "suites", suite, reporter)

	report := r.Report("")
	if report.Claim != reports.Conformant {
		t.Errorf("wanted the reference to be conformant, found %s: %+v", report.Claim, report.Summary)
	}
	const least = 400
	if report.Summary.Conforms < least {
		t.Errorf("wanted %d cases or more that conform, found %d", least, report.Summary.Conforms)
	}
	holdsNoSecrets(t, report)
}

// prepared loads and prepares a run, which ends with the test.
func prepared(t *testing.T, o conformance.Options) *conformance.Run {
	t.Helper()
	r, err := conformance.Load(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
	if err := r.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	return r
}
