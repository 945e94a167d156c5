package audit_test

import (
	"flag"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/calico-tls/conformance/harness/matrix"
	"github.com/calico-tls/conformance/reports"
	"github.com/calico-tls/conformance/suites/conformance"
)

var (
	update     = flag.Bool("update", false, "write FAULTS.md anew")
	only       = flag.String("only", "", "try those faults alone whose side and name have this in them")
	executable = flag.String("tlsconform", "", "the tlsconform that holds the stubs, for those that run as processes and in containers")
)

// kill is what the cases make of a fault.
type kill struct {
	trial
	// killers are the cases that turned red.
	killers []reports.Result
}

// telling are the killers that name the rule that the fault breaks, and were lost on the check that it is about, by the
// side that it is about.
func (k kill) telling() []reports.Result {
	return slices.DeleteFunc(slices.Clone(k.killers), func(r reports.Result) bool {
		return !slices.Contains(r.Rules, k.rule()) || !k.about(r.Expected) && !k.about(r.Observed)
	})
}

func (k kill) about(b reports.Behaviour) bool {
	return k.Check == "" || slices.Contains(strings.Split(b.Check, "|"), string(k.Check)) && b.By == string(k.judges())
}

// survives says why a fault is not killed; "" if it is.
func (k kill) survives() string {
	places := map[string]bool{}
	for _, r := range k.killers {
		c, _ := matrix.Parse(r.ID)
		places[place(c)] = true
	}
	switch {
	case len(k.killers) == 0:
		return "no case turned red"
	case len(k.killers) == 1:
		return fmt.Sprintf("one case turned red, and it takes two: %s", k.killers[0].ID)
	case len(places) == 1 && choiceOf(k.Name).narrow == "":
		return fmt.Sprintf("all %d cases that turned red are of one mode and version, as %s", len(k.killers), k.killers[0].ID)
	case len(k.telling()) == 0:
		r := k.killers[0]
		return fmt.Sprintf("%d cases turned red, and none of them is of %s and about the %s's check %q: such as %s, %s", len(k.killers), k.rule(), k.judges(), k.Check, r.ID, r.Why)
	}
	return ""
}

// place is the mode and the version of a case, by which the killers of a fault must differ.
func place(c matrix.Case) string { return c.Mode + " " + string(c.Version) }

// verdict prints the last line of an audit.
func verdict(format string, args ...any) {
	fmt.Printf(format+"\n", args...)
}

// kills are what became of each trial, once [TestKillMatrix] has run.
type kills []kill

// killed counts the faults that are killed.
func (all kills) killed() int {
	n := 0
	for _, k := range all {
		if k.survives() == "" {
			n++
		}
	}
	return n
}

// atOnce is how many faults are tried at a time: some of them mostly wait.
const atOnce = 12

// sampled is how many faults there are to one that is tried where it is not the audit that asks.
const sampled = 16

// TestKillMatrix plants every fault into the stub of each side that can have it, and wants cases to turn red for it.
// FAULTS.md holds what came of it.
func TestKillMatrix(t *testing.T) {
	if testing.Short() {
		t.Skip("tens of thousands of handshakes")
	}
	sample := *executable == "" && !*update && *only == ""
	var due []trial
	for i, x := range trials() {
		if strings.Contains(x.String(), *only) && (!sample || i%sampled == 0) {
			due = append(due, x)
		}
	}
	all := make(kills, len(due))
	var wg sync.WaitGroup
	next := make(chan int)
	for range atOnce {
		wg.Go(func() {
			for i := range next {
				all[i] = due[i].try(t, conformance.LaunchInProcess, due[i].cases())
			}
		})
	}
	for i := range all {
		next <- i
	}
	close(next)
	wg.Wait()
	switch {
	case sample:
		t.Skipf("the rest: one fault of %d is tried here; make audit, which make ci runs, tries all", sampled)
	case *only != "":
		t.Skipf("the rest: -only %s leaves faults out", *only)
	}
	all.compare(t)
	verdict("KILLED %d/%d", all.killed(), len(all))
}

// red are the results that deviate. What is broken or unproven kills nothing.
func red(results []reports.Result) []reports.Result {
	return slices.DeleteFunc(slices.Clone(results), func(r reports.Result) bool { return r.Outcome != reports.Deviates })
}
