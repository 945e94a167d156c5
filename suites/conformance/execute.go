package conformance

import (
	"io"

	"github.com/onsi/ginkgo/v2"
	"github.com/onsi/ginkgo/v2/formatter"
	"github.com/onsi/gomega"
)

// Execute runs the tree of a matrix outside `go test`, without a word of Ginkgo's own. It can be called once in a
// process, as Ginkgo's tree is the process's. The results are the matrix's.
func Execute(m *Matrix) {
	formatter.ColorableStdOut = io.Discard
	gomega.RegisterFailHandler(ginkgo.Fail)
	m.Describe()
	suite, reporter := ginkgo.GinkgoConfiguration()
	suite.Timeout = 0 // each connection has a deadline of its own
	reporter.Succinct = true
	ginkgo.RunSpecs(&ignored{}, "conformance", suite, reporter)
}

// ignored is told that the suite has failed, which the results tell better.
type ignored struct{}

// Fail does nothing.
func (*ignored) Fail() {}
