// Package conformance is the matrix as one Ginkgo tree: an ordered container for each start of a subject, a spec for
// each case. `tlsconform run` runs it from the binary, `go test` in suites, and a vendor's own Ginkgo tree may import
// it.
package conformance

import (
	"cmp"
	"context"
	"strings"
	"sync"
	"time"

	"github.com/onsi/ginkgo/v2"
	"github.com/onsi/gomega"

	"github.com/calico-tls/conformance/harness"
	"github.com/calico-tls/conformance/harness/handshake"
	"github.com/calico-tls/conformance/harness/matrix"
	"github.com/calico-tls/conformance/harness/oracle"
	"github.com/calico-tls/conformance/reports"
)

// Matrix is a list of cases to be judged.
type Matrix struct {
	// Cases are the cases, sorted by ID.
	Cases []matrix.Case
	// Lab returns the lab that runs them. It is asked once, when the first spec runs.
	Lab func(ctx context.Context) (*harness.Lab, error)
	// Known are the deviations on record.
	Known Known
	// Strictness says which levels bind.
	Strictness Strictness
	// Done is told each result as it comes; nil if nobody asks.
	Done func(reports.Result)
	// StopAt is [reports.FirstFailure] to stop at the first result that fails, or ""; Budget is after how long nothing more
	// is started, 0 for never. What is left out then has no result.
	StopAt reports.Stop
	Budget time.Duration

	open    sync.Once
	lab     *harness.Lab
	err     error
	batches map[string]*harness.Batch
	mu      sync.Mutex
	results []reports.Result
	// halted says why nothing more is to begin; left, that a case was left out for it.
	halted reports.Stop
	left   bool
}

// Describe adds the tree to Ginkgo's: call it while the tree is built, as in `var _ = m.Describe()`.
func (m *Matrix) Describe() bool {
	return ginkgo.Describe("Calico's TLS", func() {
		for _, b := range harness.Plan(m.Cases) {
			ginkgo.Context(b.Name(), ginkgo.Ordered, ginkgo.Serial, ginkgo.ContinueOnFailure, func() {
				for _, c := range b.Cases {
					ginkgo.It(c.ID(), labels(c), func(ctx ginkgo.SpecContext) {
						m.spec(ctx, c)
					})
				}
			})
		}
	})
}

// labels are what a case may be selected by in a Ginkgo tree.
func labels(c matrix.Case) ginkgo.Labels {
	all := ginkgo.Labels{"link:" + c.Link, "mode:" + c.Mode, "subject:" + c.Subject}
	l, ok := harness.LinkNamed(c.Link)
	if !ok {
		return all
	}
	e, err := oracle.Predict(l.Link, c)
	if err != nil {
		return all
	}
	all = append(all, "level:"+string(level(e)))
	for _, rule := range e.Rules {
		all = append(all, "rule:"+rule)
	}
	return all
}

func (m *Matrix) spec(ctx ginkgo.SpecContext, c matrix.Case) {
	r := m.Judge(ctx, c)
	if isLeftOut(r) {
		ginkgo.Skip(r.Why)
	}
	ginkgo.AddReportEntry("result", r, ginkgo.ReportEntryVisibilityNever)
	if r.Outcome == reports.Skipped {
		ginkgo.Skip(r.Why)
	}
	gomega.Expect(r).To(Conform(m.Strictness))
}

// Judge runs a case, with the batch that it belongs to, and judges it. The result of one that was left out is broken, and
// is not among the results.
func (m *Matrix) Judge(ctx context.Context, c matrix.Case) reports.Result {
	r := m.judge(ctx, c)
	if isLeftOut(r) {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.left = true
		return r
	}
	m.Known.excuse(&r)
	m.mu.Lock()
	m.results = append(m.results, r)
	m.mu.Unlock()
	if m.Done != nil {
		m.Done(r)
	}
	if fine, err := Conform(m.Strictness).Match(r); m.StopAt == reports.FirstFailure && (err != nil || !fine) {
		m.halt(reports.FirstFailure)
	}
	return r
}

// isLeftOut reports whether a case has no verdict because nothing more was to be started.
func isLeftOut(r reports.Result) bool {
	return r.Outcome == reports.Broken && strings.HasSuffix(r.Why, harness.LeftOut)
}

// halt lets nothing more begin; the first reason counts.
func (m *Matrix) halt(why reports.Stop) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.halted = cmp.Or(m.halted, why)
	if m.lab != nil {
		m.lab.Hold()
	}
}

// Stopped says why cases were left out; "" if none was.
func (m *Matrix) Stopped() reports.Stop {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.left {
		return ""
	}
	return m.halted
}

// failedFirst reports whether the run stops at a failure that has come.
func (m *Matrix) failedFirst() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.halted == reports.FirstFailure
}

// Results returns the results so far.
func (m *Matrix) Results() []reports.Result {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]reports.Result(nil), m.results...)
}

func (m *Matrix) judge(ctx context.Context, c matrix.Case) reports.Result {
	e, o, v, err := m.verdict(ctx, c)
	if err != nil {
		o.Broken = err.Error()
		return resultOf(c, e, o, oracle.Judge(c, e, o))
	}
	if v.NeedsTwin {
		_, beside, twin, err := m.verdict(ctx, *e.Twin)
		switch {
		case beside.Broken == harness.LeftOut:
			o.Broken = harness.LeftOut
			return resultOf(c, e, o, oracle.Judge(c, e, o))
		case err != nil || twin.Finding != oracle.Conforms:
			v.Finding = oracle.Unproven
			v.Why += ": causes look alike, and the twin " + e.Twin.ID() + " is not accepted"
		}
	}
	return resultOf(c, e, o, v)
}

func (m *Matrix) verdict(ctx context.Context, c matrix.Case) (oracle.Expectation, handshake.Observation, oracle.Verdict, error) {
	var none oracle.Verdict
	l, _ := harness.LinkNamed(c.Link)
	e, err := oracle.Predict(l.Link, c)
	if err != nil {
		return e, handshake.Observation{}, none, err
	}
	if m.failedFirst() {
		o := handshake.Observation{Broken: harness.LeftOut}
		return e, o, oracle.Judge(c, e, o), nil
	}
	m.open.Do(func() { m.start(ctx) })
	if m.err != nil {
		return e, handshake.Observation{}, none, m.err
	}
	o := m.batches[c.ID()].Observe(ctx, c)
	return e, o, oracle.Judge(c, e, o), nil
}

// start asks for the lab and plans the batches, each with the twins of its cases, so that what is refused is always
// held against what is accepted by the same process.
func (m *Matrix) start(ctx context.Context) {
	if m.lab, m.err = m.Lab(ctx); m.err != nil {
		return
	}
	if m.Budget > 0 {
		time.AfterFunc(m.Budget, func() { m.halt(reports.BudgetSpent) })
	}
	m.batches = map[string]*harness.Batch{}
	for _, b := range m.lab.Plan(Companions(m.Cases)) {
		for _, c := range b.Cases {
			m.batches[c.ID()] = b
		}
	}
}

// Companions returns the cases with the twins that are missing among them.
func Companions(cases []matrix.Case) []matrix.Case {
	have := map[string]bool{}
	for _, c := range cases {
		have[c.ID()] = true
	}
	all := append([]matrix.Case(nil), cases...)
	for _, c := range cases {
		twin := twinOf(c)
		if twin == nil || have[twin.ID()] {
			continue
		}
		have[twin.ID()] = true
		all = append(all, *twin)
	}
	return all
}

// twinOf returns the accepted case that a case needs beside it; nil if it needs none.
func twinOf(c matrix.Case) *matrix.Case {
	l, _ := harness.LinkNamed(c.Link)
	e, err := oracle.Predict(l.Link, c)
	if err != nil {
		return nil
	}
	return e.Twin
}
