package soak_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/calico-tls/conformance/harness/matrix"
	"github.com/calico-tls/conformance/harness/target/build"
	"github.com/calico-tls/conformance/reports"
	"github.com/calico-tls/conformance/suites/conformance"
)

var (
	inProcess = flag.Int("inprocess", 0, "how many runs of the reference are made in this process")
	realRuns  = flag.Int("real", 0, "how many runs of calico-v3.31.0 are made")
	kills     = flag.Int("kills", 1, "how many runs as processes, and in containers if real runs are made, are killed")
	seed      = flag.Uint64("seed", uint64(time.Now().UnixNano()), "what orders and moments are drawn from")
)

// row is one line of the table in the end.
type row struct {
	what string
	// runs were made, of which those in differing had other verdicts than the first, in so many cases.
	runs      int
	differing []int
	// left are the processes, containers and files that were there after a run.
	left []string
}

// TestSoak runs the matrix again and again and shows a table of what came of it.
func TestSoak(t *testing.T) {
	if testing.Short() {
		t.Skip("it runs the whole matrix several times")
	}
	home := newHome(t)
	random := rand.New(rand.NewPCG(*seed, 0))
	t.Logf("-seed %d", *seed)
	rows := []*row{
		home.repeat(t, random, *inProcess, abreast, conformance.Options{Target: "reference", Launch: conformance.LaunchInProcess}),
		home.repeat(t, random, *realRuns, 1, conformance.Options{Target: "calico-v3.31.0"}),
		home.kill(t, random, *kills, conformance.LaunchProcess),
	}
	if *realRuns > 0 {
		rows = append(rows, home.kill(t, random, *kills, conformance.LaunchContainer))
	}
	var table strings.Builder
	w := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "what\truns\tother verdicts\tleft behind")
	for _, r := range rows {
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\n", r.what, r.runs, len(r.differing), len(r.left))
		if len(r.differing) > 0 {
			t.Errorf("%s: wanted the verdicts of each run like those of the first, found others in so many cases of later ones: %v", r.what, r.differing)
		}
		if len(r.left) > 0 {
			t.Errorf("%s: wanted nothing left, found %q", r.what, r.left)
		}
	}
	_ = w.Flush()
	t.Logf("\n%s", table.String())
}

// home is a user's folder for caches in which no other run lies, and the command that is run in it.
type home struct{ folder, command string }

func newHome(t *testing.T) home {
	t.Helper()
	components, err := build.Folder()
	if err != nil {
		t.Fatal(err)
	}
	h := home{t.TempDir(), command(t)}
	t.Setenv("XDG_CACHE_HOME", h.folder)
	t.Setenv(build.CacheVariable, components)
	return h
}

// abreast is how many runs of the reference go side by side: most of one is spent waiting.
const abreast = 4

// repeat runs a target several times, each time in another order, so many side by side, every other time beside load.
func (h home) repeat(t *testing.T, random *rand.Rand, times, abreast int, o conformance.Options) *row {
	t.Helper()
	found := &row{what: o.Target, runs: times}
	var first map[string]string
	for done := 0; done < times; {
		stop := func() {}
		if done/abreast%2 == 1 {
			stop = load()
		}
		side := make([]*reports.Report, min(abreast, times-done))
		var running sync.WaitGroup
		for i := range side {
			order := rand.New(rand.NewPCG(random.Uint64(), 0))
			running.Go(func() { side[i] = shuffled(t, order, o) })
		}
		running.Wait()
		stop()
		for _, report := range side {
			if report == nil {
				continue // why, stands in the log
			}
			done++
			verdicts := map[string]string{}
			for _, r := range report.Results {
				verdicts[r.ID] = fmt.Sprint(r.Expected, r.Observed, r.Outcome)
				if r.Outcome != reports.Conforms && r.KnownDeviation == "" {
					t.Errorf("run %d of %s: %s %s: %s", done, o.Target, r.ID, r.Outcome, r.Why)
				}
			}
			if first == nil {
				first = verdicts
			}
			if n := differences(first, verdicts); n > 0 {
				found.differing = append(found.differing, n)
			}
			t.Logf("run %d of %d of %s: %d cases, %dms", done, times, o.Target, len(verdicts), report.DurationMillis)
		}
		if t.Failed() && slices.Contains(side, nil) {
			t.FailNow()
		}
		found.left = append(found.left, h.left(t, "")...)
	}
	return found
}

// shuffled runs a target with its cases in another order. It returns nil, and the test has failed, if that cannot be done.
func shuffled(t *testing.T, random *rand.Rand, o conformance.Options) *reports.Report {
	t.Helper()
	r, err := conformance.Load(o)
	if err != nil {
		t.Error(err)
		return nil
	}
	random.Shuffle(len(r.Cases), func(i, j int) { r.Cases[i], r.Cases[j] = r.Cases[j], r.Cases[i] })
	defer func() {
		if err := r.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}()
	if err := r.Prepare(t.Context()); err != nil {
		t.Error(err)
		return nil
	}
	for _, c := range append([]matrix.Case{}, r.Cases...) {
		r.Judge(t.Context(), c)
	}
	return r.Report("")
}

// differences counts the cases that are not alike.
func differences(a, b map[string]string) int {
	n := 0
	for id, verdict := range a {
		if b[id] != verdict {
			n++
		}
	}
	return n + max(0, len(b)-len(a))
}

// load keeps each processor busy until it is stopped.
func load() (stop func()) {
	done := make(chan struct{})
	for range runtime.NumCPU() {
		go func() {
			for n := 0; ; n++ {
				select {
				case <-done:
					return
				default:
				}
			}
		}()
	}
	return func() { close(done) }
}
