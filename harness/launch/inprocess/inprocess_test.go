package inprocess_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/calico-tls/conformance/harness/launch"
	"github.com/calico-tls/conformance/harness/launch/inprocess"
	"github.com/calico-tls/conformance/harness/launch/launchtest"
)

var traits = launchtest.Traits{
	New:        func(_ context.Context, run *launch.Run) (launch.Launcher, error) { return inprocess.New(run), nil },
	Name:       "in-process",
	SeesSource: true,
}

func TestLauncher(t *testing.T) { launchtest.Try(t, traits) }

func TestPanicIsAnExitCode(t *testing.T) {
	for verb, last := range map[string]string{"panic": "panic: as told", "goexit": "the program ended its goroutine instead of returning"} {
		t.Run(verb, func(t *testing.T) {
			run := launchtest.NewRun(t)
			_, err := inprocess.New(run).Start(t.Context(), launchtest.Program("", "say=about to", verb))
			var exit *launch.ExitError
			if !errors.As(err, &exit) || exit.Code != 2 {
				t.Fatalf("wanted exit code 2, found %v", err)
			}
			if exit.Tail[len(exit.Tail)-1] != last {
				t.Errorf("wanted the log to end with %q, found %q", last, exit.Tail)
			}
			if verb == "panic" && !strings.Contains(strings.Join(exit.Tail, "\n"), "program.go:") {
				t.Errorf("wanted the log to say where it was, found %q", exit.Tail)
			}
		})
	}
}

func BenchmarkLauncher(b *testing.B) { launchtest.Bench(b, traits) }
