package launchtest

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/calico-tls/conformance/harness/launch"
)

// Bench measures a launcher: how long from start to ready, how long a stop takes, and how long from a program's write to
// the return of a wait for it (medians).
func Bench(b *testing.B, traits Traits) {
	run, err := launch.NewRun(b.Context(), b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	defer func() {
		if err := run.Close(context.Background()); err != nil {
			b.Error(err)
		}
	}()
	launcher, err := traits.New(b.Context(), run)
	if err != nil {
		b.Fatal(err)
	}
	var starts, stops, delays []time.Duration
	for b.Loop() {
		began := time.Now()
		i, err := launcher.Start(b.Context(), listening(traits.Binary))
		if err != nil {
			b.Fatal(err)
		}
		starts = append(starts, time.Since(began))
		delays = append(delays, latencies(b, i)...)
		began = time.Now()
		if err := i.Stop(b.Context()); err != nil {
			b.Fatal(err)
		}
		stops = append(stops, time.Since(began))
	}
	b.ReportMetric(float64(median(starts).Microseconds())/1000, "ms/start")
	b.ReportMetric(float64(median(stops).Microseconds())/1000, "ms/stop")
	b.ReportMetric(float64(median(delays).Microseconds()), "µs/line")
	b.ReportMetric(float64(slices.Max(delays).Microseconds()), "µs/slowest-line")
}

// latencies has the program say the time, again and again, and returns how long ago that was.
func latencies(b *testing.B, i launch.Instance) []time.Duration {
	b.Helper()
	conn, err := net.DialTimeout("tcp", i.Address("main"), Deadline)
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	var all []time.Duration
	last := ""
	for range 50 {
		if _, err := fmt.Fprintln(conn, "clock"); err != nil {
			b.Fatal(err)
		}
		past := false
		line, err := i.Log().Wait(b.Context(), func(line string) bool {
			found := strings.HasPrefix(line, "clock ") && (past || last == "")
			past = past || line == last
			return found
		})
		now := time.Now().UnixNano()
		if err != nil {
			b.Fatal(err)
		}
		then, _ := strconv.ParseInt(strings.TrimPrefix(line, "clock "), 10, 64)
		last = line
		all = append(all, time.Duration(now-then))
	}
	return all
}

func median(all []time.Duration) time.Duration {
	slices.Sort(all)
	return all[len(all)/2]
}
