package conformance

import (
	"github.com/calico-tls/conformance/harness"
	"github.com/calico-tls/conformance/harness/handshake"
	"github.com/calico-tls/conformance/harness/matrix"
	"github.com/calico-tls/conformance/harness/oracle"
	"github.com/calico-tls/conformance/reports"
)

// Predicted returns what this suite asks of each case, as results that hold ID, rules, level and expectation and say
// nothing of what was seen.
func Predicted(cases []matrix.Case) ([]reports.Result, error) {
	all := make([]reports.Result, len(cases))
	for i, c := range cases {
		l, _ := harness.LinkNamed(c.Link)
		e, err := oracle.Predict(l.Link, c)
		if err != nil {
			return nil, err
		}
		all[i] = resultOf(c, e, handshake.Observation{}, oracle.Verdict{})
	}
	return all, nil
}
