package conformance_test

import (
	"context"
	"fmt"

	"github.com/onsi/ginkgo/v2"
	"github.com/onsi/gomega"

	"github.com/calico-tls/conformance/reports"
	"github.com/calico-tls/conformance/suites/conformance"
)

// Judge two cases of the reference, without Ginkgo.
func Example() {
	ctx := context.Background()
	r, err := conformance.Load(conformance.Options{
		Target: "reference",
		Launch: conformance.LaunchInProcess,
		Select: "felix-typha/cn/typha/client={good,expired}/server=good/tls1.3",
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer r.Close(ctx)
	if err := r.Prepare(ctx); err != nil {
		fmt.Println(err)
		return
	}
	for _, c := range r.Cases {
		result := r.Judge(ctx, c)
		fmt.Println(result.ID, result.Outcome)
	}
	fmt.Println(r.Report("").Claim == reports.Incomplete, "as two cases are not all")
	// Output:
	// felix-typha/cn/typha/client=expired/server=good/tls1.3 conforms
	// felix-typha/cn/typha/client=good/server=good/tls1.3 conforms
	// true as two cases are not all
}

// Put the matrix into a Ginkgo tree of your own: load it while the tree is built, prepare it before the first spec.
func ExampleMatrix_Describe() {
	r, err := conformance.Load(conformance.Options{Target: "reference", Launch: conformance.LaunchInProcess})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background() // it must outlive the nodes of the tree
	ginkgo.BeforeSuite(func() { gomega.Expect(r.Prepare(ctx)).To(gomega.Succeed()) })
	r.Describe()
	ginkgo.AfterSuite(func() { gomega.Expect(r.Close(ctx)).To(gomega.Succeed()) })
	// Then, in a test: ginkgo.RunSpecs(t, "my distribution")

	fmt.Println("a spec for each of some hundred cases:", len(r.Cases) > 500)
	// Output: a spec for each of some hundred cases: true
}
