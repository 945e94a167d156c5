package audit_test

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/calico-tls/conformance/harness"
	"github.com/calico-tls/conformance/harness/component/stub"
	"github.com/calico-tls/conformance/harness/handshake"
	"github.com/calico-tls/conformance/harness/link"
	"github.com/calico-tls/conformance/harness/link/felixtypha"
	"github.com/calico-tls/conformance/harness/matrix"
	"github.com/calico-tls/conformance/reports"
	"github.com/calico-tls/conformance/suites/conformance"
)

// trial is a fault that is planted into the stub that has one seat.
type trial struct {
	stub.Fault
	seat stub.Seat
}

// trials are the faults in each seat that can have them.
func trials() []trial {
	var all []trial
	for _, f := range stub.Faults {
		for _, seat := range stub.Seats {
			if f.Breaks[seat] != "" {
				all = append(all, trial{f, seat})
			}
		}
	}
	return all
}

func (x trial) String() string { return x.stub() + " " + x.Name }

func (x trial) link() link.Link {
	l, _ := harness.LinkNamed(x.seat.Link)
	return l.Link
}

func (x trial) subject() string {
	return cmp.Or(choiceOf(x.Name).subject, x.link().End(x.seat.Side).Component)
}

// stub names the stub: after what it plays, or what it is a client of.
func (x trial) stub() string {
	if l := x.link(); x.seat.Side == handshake.Client && l.Name != felixtypha.Link.Name {
		return "client of " + l.Server.Component
	}
	return x.subject()
}

// rule is the rule that the stub breaks.
func (x trial) rule() string { return x.Breaks[x.seat] }

// target writes a target into a folder whose two components are our stubs, of which one has the fault.
func (x trial) target(folder string) (string, error) {
	text := "name: planted\nimplementation: {project: the suite's own stubs}\ncomponents:\n"
	text += fmt.Sprintf("  %s:\n    reference: true\n", x.link().End(x.seat.Side.Other()).Component)
	text += fmt.Sprintf("  %s:\n    reference: true\n    env: {%s: %s}\n", x.subject(), stub.FaultSetting, x.Name)
	name := filepath.Join(folder, x.subject()+"-"+x.Name+".yaml")
	return name, os.WriteFile(name, []byte(text), 0o600)
}

// judge runs cases with the fault, one connection at a time, so that what a fault remembers comes in the same order
// each time.
func (x trial) judge(t *testing.T, launch string, cases []matrix.Case) (results []reports.Result, err error) {
	t.Helper()
	file, err := x.target(t.TempDir())
	if err != nil {
		return nil, err
	}
	run, err := conformance.Load(conformance.Options{Target: file, Launch: launch, Executable: *executable, Jobs: 1})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, run.Close(t.Context())) }()
	run.Cases = cases
	if err := run.Prepare(t.Context()); err != nil {
		return nil, err
	}
	for _, c := range cases {
		run.Judge(t.Context(), c)
	}
	results = run.Results()
	slices.SortFunc(results, func(a, b reports.Result) int { return cmp.Compare(a.ID, b.ID) })
	return results, nil
}

// try plants the fault and returns what the cases made of it. It tells what came of it in the test's log.
func (x trial) try(t *testing.T, launch string, cases []matrix.Case) kill {
	t.Helper()
	results, err := x.judge(t, launch, cases)
	if err != nil {
		t.Errorf("trying %s: %v", x, err)
	}
	k := kill{x, red(results)}
	t.Logf("%-52s turns %3d of %3d cases red", x, len(k.killers), len(cases))
	if why := k.survives(); why != "" {
		t.Errorf("%s survives, which %s: %s", x, x.Text, why)
	}
	return k
}
