package harness_test

import (
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/calico-tls/conformance/harness"
	"github.com/calico-tls/conformance/harness/component"
	"github.com/calico-tls/conformance/harness/component/stub"
	"github.com/calico-tls/conformance/harness/handshake"
	"github.com/calico-tls/conformance/harness/launch"
	"github.com/calico-tls/conformance/harness/launch/container"
	"github.com/calico-tls/conformance/harness/launch/inprocess"
	"github.com/calico-tls/conformance/harness/link/felixtypha"
	"github.com/calico-tls/conformance/harness/matrix"
	"github.com/calico-tls/conformance/harness/oracle"
)

// labWith returns a lab of the stubs with a launcher, changed as complete says.
func labWith(t *testing.T, l func(*launch.Run) launch.Launcher, complete func(launch.Program) launch.Program) *harness.Lab {
	t.Helper()
	return closing(t, harness.NewLab(t.Context(), optionsWith(t, l, complete)))
}

// optionsWith returns what such a lab needs.
func optionsWith(t *testing.T, l func(*launch.Run) launch.Launcher, complete func(launch.Program) launch.Program) harness.Options {
	t.Helper()
	run, err := launch.NewRun(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := run.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	var parts []harness.Part
	for _, c := range []component.Component{stub.Typha(), stub.Felix(), stub.TyphaClient()} {
		parts = append(parts, harness.Part{Component: c, Complete: complete, Stack: runtime.Version()})
	}
	return harness.Options{Launcher: l(run), Parts: parts, Jobs: 4, Deadline: 10 * time.Second}
}

// closing has a lab closed at the end of a test.
func closing(t *testing.T, lab *harness.Lab) *harness.Lab {
	t.Helper()
	t.Cleanup(func() {
		if err := lab.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	return lab
}

func inProcess(run *launch.Run) launch.Launcher { return inprocess.New(run) }

func selected(t *testing.T, glob string) []matrix.Case {
	t.Helper()
	cases, err := matrix.Select(matrix.Core(felixtypha.Link), glob)
	if err != nil {
		t.Fatal(err)
	}
	return cases
}

func verdict(t *testing.T, c matrix.Case, o handshake.Observation) oracle.Verdict {
	t.Helper()
	e, err := oracle.Predict(felixtypha.Link, c)
	if err != nil {
		t.Fatal(err)
	}
	return oracle.Judge(c, e, o)
}

// faulty puts a fault of the stubs into a program.
func faulty(fault string) func(launch.Program) launch.Program {
	return func(p launch.Program) launch.Program {
		return component.Override(p, nil, map[string]string{stub.FaultSetting: fault})
	}
}

// TestLabSeesFaults: what a subject does wrong is seen in the cases that are about it, by both accounts.
func TestLabSeesFaults(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ fault, id string }{
		{"skip-eku", "felix-typha/cn/typha/client=eku-other-role/server=good/tls1.3"},
		{"skip-chain", "felix-typha/cn/felix/client=good/server=other-authority/tls1.2"},
		{"skip-identity", "felix-typha/uri-san/typha/client=uri-other/server=good/tls1.3"},
		{"and-instead-of-or", "felix-typha/cn-or-uri-san/typha/client=cn-other/server=good/tls1.2"},
		{"client-certificate-optional", "felix-typha/cn/typha/client=none/server=good/tls1.3"},
		{"plaintext-fallback", "felix-typha/cn/typha/client=none/server=good/plaintext"},
	} {
		t.Run(test.fault, func(t *testing.T) {
			t.Parallel()
			cases := selected(t, test.id)
			if _, ok := stub.FaultNamed(test.fault); !ok {
				t.Fatalf("there is no fault %s", test.fault)
			}
			for _, is := range []struct {
				complete func(launch.Program) launch.Program
				want     oracle.Finding
			}{
				{func(p launch.Program) launch.Program { return p }, oracle.Conforms},
				{faulty(test.fault), oracle.Deviates},
			} {
				lab := labWith(t, inProcess, is.complete)
				if v := verdict(t, cases[0], lab.Run(t.Context(), cases)[test.id]); v.Finding != is.want {
					t.Errorf("wanted %s, found %s: %s", is.want, v.Finding, v.Why)
				}
			}
		})
	}
}

// TestLabDoubtsABatch: a subject that accepts nobody once it has refused somebody proves nothing by its refusals.
func TestLabDoubtsABatch(t *testing.T) {
	t.Parallel()
	cases := selected(t, "felix-typha/cn/typha/client={good,none}/server=good/tls1.3")
	for name, want := range map[string]oracle.Finding{"Failed to read from client": oracle.Unproven, "it never says this": oracle.Conforms} {
		lab := labWith(t, inProcess, endingOn(name))
		lab.Jobs = 1
		seen := lab.Run(t.Context(), cases)
		if v := verdict(t, cases[1], seen[cases[1].ID()]); v.Finding != want {
			t.Errorf("%q: wanted %s, found %s: %s", name, want, v.Finding, v.Why)
		}
	}
}

// endingOn ends a program that runs in this process as soon as it has written a text.
func endingOn(text string) func(launch.Program) launch.Program {
	return func(p launch.Program) launch.Program {
		run := p.Main
		p.Main = func(ctx context.Context, in launch.Invocation, log io.Writer) int {
			ctx, cancel := context.WithCancel(ctx)
			defer cancel()
			return run(ctx, in, watched{log, text, cancel})
		}
		return p
	}
}

// watched calls end once a text has been written.
type watched struct {
	io.Writer
	text string
	end  func()
}

func (w watched) Write(p []byte) (int, error) {
	n, err := w.Writer.Write(p)
	if strings.Contains(string(p), w.text) {
		w.end()
	}
	return n, err
}

// TestLabBreaks: what goes wrong around a subject is broken, and never its own deviation.
func TestLabBreaks(t *testing.T) {
	t.Parallel()
	cases := selected(t, "felix-typha/cn/typha/client={good,expired}/server=good/tls1.3")
	for name, main := range map[string]func(p launch.Program) launch.Program{
		"it ends at once": func(p launch.Program) launch.Program {
			p.Main = func(context.Context, launch.Invocation, io.Writer) int { return 7 }
			return p
		},
		"it dies when it is dialled": func(p launch.Program) launch.Program {
			run := p.Main
			p.Main = func(ctx context.Context, in launch.Invocation, log io.Writer) int {
				ctx, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
				defer cancel()
				return run(ctx, in, log)
			}
			p.Ready = func(_ context.Context, i launch.Instance) error {
				<-i.Done() // it is gone before the first case
				return nil
			}
			return p
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for id, o := range labWith(t, inProcess, main).Run(t.Context(), cases) {
				if o.Broken == "" {
					t.Errorf("%s: wanted it broken, found %+v", id, o)
				}
			}
		})
	}
}

// TestLabEndsWithItsContext: an interrupt breaks what is under way, at once.
func TestLabEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	lab := harness.NewLab(ctx, harness.Options{Launcher: nil, Parts: nil, Jobs: 1, Deadline: time.Second})
	cases := selected(t, "felix-typha/cn/typha/client=good/server=good/tls1.3")
	if o := lab.Run(t.Context(), cases)[cases[0].ID()]; o.Broken == "" {
		t.Errorf("wanted it broken, found %+v", o)
	}
	if err := lab.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestLabBehindMappedPorts: where a subject does not see our address, connections are told apart by their order.
func TestLabBehindMappedPorts(t *testing.T) {
	t.Parallel()
	if _, err := container.Detect(t.Context()); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	binary := filepath.Join(t.TempDir(), "tlsconform")
	build := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-o", binary, "./cmd/tlsconform")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building the stubs: %v\n%s", err, out)
	}
	mapped := func(run *launch.Run) launch.Launcher {
		l, err := container.New(t.Context(), run, container.Options{Network: container.NetworkMapped})
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	lab := labWith(t, mapped, func(p launch.Program) launch.Program {
		p.Binary, p.Main = binary, nil
		return p
	})
	cases := selected(t, "felix-typha/cn/*/client={good,expired,cn-other,wrong-key}/server={good,expired,cn-other}/tls1.*{,/conduct=*}")
	seen := lab.Run(t.Context(), cases)
	for _, c := range cases {
		want := oracle.Conforms
		if c.Conduct == "amid-refusals" || c.Conduct == "idle-first" {
			want = oracle.Skipped
		}
		if v := verdict(t, c, seen[c.ID()]); v.Finding != want {
			t.Errorf("%s is %s, wanted %s: %s", c.ID(), v.Finding, want, v.Why)
		}
	}
}

// partNamed returns the part of a lab that plays a role.
func partNamed(lab *harness.Lab, role string) *harness.Part {
	return &lab.Parts[slices.IndexFunc(lab.Parts, func(p harness.Part) bool { return p.Name == role })]
}

// TestLabGoesOnWithAClientThatAcceptsNobody: one that gives up, because it accepts no server at all, is started again for
// the cases that it has not seen.
func TestLabGoesOnWithAClientThatAcceptsNobody(t *testing.T) {
	t.Parallel()
	lab := labWith(t, inProcess, func(p launch.Program) launch.Program {
		p.Main = givesUp
		return component.Override(p, nil, map[string]string{"FELIX_TYPHACN": "someone-else"})
	})
	partNamed(lab, "felix").Stamina = sixth - 1
	cases := selected(t, "felix-typha/cn/felix/client=good/server={good,just-valid,key-*,issuer-*,expired,other-authority}/tls1.2")
	if len(cases) < 2*sixth {
		t.Fatalf("wanted more cases than two clients can bear, found %d", len(cases))
	}
	seen := lab.Run(t.Context(), cases)
	for _, c := range cases {
		e, err := oracle.Predict(felixtypha.Link, c)
		if err != nil {
			t.Fatal(err)
		}
		want := oracle.Conforms
		if e.Outcome == handshake.Accept {
			want = oracle.Deviates
		}
		if v := verdict(t, c, seen[c.ID()]); v.Finding != want {
			t.Errorf("%s is %s, wanted %s: %s", c.ID(), v.Finding, want, v.Why)
		}
	}
	if starts := lab.Starts(); starts < 3 {
		t.Errorf("wanted several starts, found %d", starts)
	}
}

// TestLabIsPatientWithAColdStart: the first start of a program is given longer than the deadline, and the next no longer.
func TestLabIsPatientWithAColdStart(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var patience []time.Duration
	lab := labWith(t, inProcess, func(p launch.Program) launch.Program {
		mu.Lock()
		defer mu.Unlock()
		ready := p.Ready
		p.Ready = func(ctx context.Context, i launch.Instance) error {
			mu.Lock()
			defer mu.Unlock()
			end, _ := ctx.Deadline()
			patience = append(patience, time.Until(end))
			return ready(ctx, i)
		}
		return p
	})
	for _, mode := range []string{"cn", "uri-san"} {
		lab.Run(t.Context(), selected(t, "felix-typha/"+mode+"/typha/client=good/server=good/tls1.3"))
	}
	if len(patience) != 2 || patience[0] < 3*lab.Deadline || patience[1] > lab.Deadline {
		t.Errorf("wanted a start with more than three times %s, and one with that at most, found %v", lab.Deadline, patience)
	}
}
