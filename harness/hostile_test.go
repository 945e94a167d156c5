package harness_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"net"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/calico-tls/conformance/harness"
	"github.com/calico-tls/conformance/harness/component/stub"
	"github.com/calico-tls/conformance/harness/handshake"
	"github.com/calico-tls/conformance/harness/launch"
	"github.com/calico-tls/conformance/harness/link"
	"github.com/calico-tls/conformance/harness/oracle"
)

// impatience is the deadline of labs in which a wait must be in vain.
const impatience = 2 * time.Second

// dials is the line by which a Felix that is none says that it is ready.
const dials = `level=INFO msg="Connecting to Typha." address=nobody`

// hostileFelix is a Felix that does what no Felix should.
type hostileFelix struct {
	name string
	main func(ctx context.Context, in launch.Invocation, log io.Writer) int
	// says are parts of why its cases are broken.
	says []string
}

var hostileFelixes = []hostileFelix{
	{
		"exits at once",
		func(_ context.Context, _ launch.Invocation, log io.Writer) int {
			fmt.Fprintln(log, "no such luck")
			return 7
		},
		[]string{"felix ended with exit code 7 before it was ready", "no such luck"},
	},
	{
		"says nothing at all",
		func(ctx context.Context, _ launch.Invocation, _ io.Writer) int {
			<-ctx.Done()
			return 0
		},
		[]string{"felix was not ready after ", "its last log lines: (none)"},
	},
	{
		"never dials",
		func(ctx context.Context, _ launch.Invocation, log io.Writer) int {
			fmt.Fprintln(log, dials)
			<-ctx.Done()
			return 0
		},
		[]string{"felix did not dial its observer at 127.0.0.1:", "within 2s", "Connecting to Typha."},
	},
	{"dials somebody else", dialsSomebodyElse, []string{"felix did not dial its observer at 127.0.0.1:", "so it dials someone else", "Successfully connected to Typha"}},
	{"floods in silence", floodsInSilence, []string{"felix dialled its observer from 127.0.0.1:", "neither did what a client must nor said why not within 2s"}},
	{"floods well-behaved", floods, []string{"that were served one after the other: it floods its server"}},
	{
		"logs nothing of its connections",
		func(ctx context.Context, in launch.Invocation, log io.Writer) int {
			fmt.Fprintln(log, dials)
			return stub.RunFelix(ctx, maps.Clone(in.Env), io.Discard)
		},
		[]string{"was served, and its log told nothing of the connection within 2s", "Connecting to Typha."},
	},
	{
		"logs megabytes and never dials",
		func(ctx context.Context, _ launch.Invocation, log io.Writer) int {
			megabytes(log)
			fmt.Fprintln(log, dials)
			<-ctx.Done()
			return 0
		},
		[]string{"felix did not dial its observer at 127.0.0.1:", "(100000 octets)"},
	},
	{
		"logs megabytes and exits",
		func(_ context.Context, _ launch.Invocation, log io.Writer) int {
			megabytes(log)
			return 1
		},
		[]string{"felix ended with exit code 1 before it was ready", "(100000 octets)"},
	},
	{"finds its readiness port taken", findsItsPortTaken, []string{"felix ended with exit code 1 before it was ready", "address already in use"}},
	{"dies in the middle", diesInTheMiddle, []string{"felix ended with exit code 3 in the midst of its cases", "giving up"}},
	{"dies of a panic in the middle", panics, []string{"felix ended with exit code 2 in the midst of its cases", "panic: as told"}},
	{"dials no more once it was accepted", dialsNoMore, []string{"felix dialled its observer at 127.0.0.1:", "no more within 2s, after 3 connections", "Successfully connected to Typha"}},
}

// TestHostileFelixes: whatever a Felix does, its cases are broken and say what was seen, soon, and nobody else's are;
// and nothing is left of it.
func TestHostileFelixes(t *testing.T) { //nolint:paralleltest // it counts goroutines
	noLeaks(t)
	t.Run("all", func(t *testing.T) {
		for _, h := range hostileFelixes {
			t.Run(h.name, func(t *testing.T) {
				t.Parallel()
				h.try(t)
			})
		}
	})
}

// glob selects cases of a Felix that is hostile, of one that is not, and of a Typha.
const glob = "felix-typha/{cn/felix/client=good/server={good,expired,other-authority},uri-san/felix/client=good/server=good,cn/typha/client={good,expired}/server=good}/tls1.{2,3}"

// hostileOne reports whether a Felix is one of those that are hostile: those that require a Common Name.
func hostileOne(in launch.Invocation) bool { return in.Env["FELIX_TYPHACN"] != "" }

func (h hostileFelix) try(t *testing.T) {
	t.Helper()
	var observer atomic.Value
	lab := labWith(t, inProcess, func(p launch.Program) launch.Program {
		if p.Name != "felix" {
			return p
		}
		run := p.Main
		p.Main = func(ctx context.Context, in launch.Invocation, log io.Writer) int {
			if !hostileOne(in) {
				return run(ctx, in, log)
			}
			observer.Store(in.Env["FELIX_TYPHAADDR"])
			return h.main(ctx, in, log)
		}
		return p
	})
	lab.Deadline = impatience
	h.check(t, lab, 6*impatience) // of which a first start alone may take four
	conn, err := net.DialTimeout("tcp", observer.Load().(string), impatience)
	if err == nil {
		_ = conn.Close()
		t.Error("wanted the observer closed in the end, found that it listens")
	}
}

// check runs a lab and looks at what is broken, which must come within a limit.
func (h hostileFelix) check(t *testing.T, lab *harness.Lab, limit time.Duration) {
	t.Helper()
	cases := selected(t, glob)
	begun := time.Now()
	seen := lab.Run(t.Context(), cases)
	if took := time.Since(begun); took > limit {
		t.Errorf("wanted the run to end within %s, found that it took %s", limit, took)
	}
	if err := lab.Close(t.Context()); err != nil {
		t.Error(err)
	}
	broken := ""
	for _, c := range cases {
		o := seen[c.ID()]
		v := verdict(t, c, o)
		switch {
		case c.Subject != "felix" || c.Mode != "cn":
			if v.Finding != oracle.Conforms {
				t.Errorf("%s is %s, wanted it unharmed: %s", c.ID(), v.Finding, v.Why)
			}
			continue
		case v.Finding != oracle.Broken && o.Server.Claim != handshake.Accepted:
			t.Errorf("%s is %s, wanted it broken: %s", c.ID(), v.Finding, v.Why)
		}
		if o.Broken != "" {
			broken = o.Broken
		}
	}
	for _, text := range h.says {
		if !strings.Contains(broken, text) {
			t.Errorf("wanted the cases broken by %q, found %q", text, broken)
		}
	}
	if len(broken) > 20<<10 {
		t.Errorf("wanted few words, found %d octets", len(broken))
	}
}

// megabytes logs so many lines, and longer ones, than a log keeps.
func megabytes(log io.Writer) {
	for range 5000 {
		fmt.Fprintf(log, "%s\n", strings.Repeat("x", 1000))
	}
	for range 20 {
		fmt.Fprintf(log, "%s\n", bytes.Repeat([]byte("long "), 20000))
	}
}

var address = regexp.MustCompile(`address=(\S+) `)

// dialsSomebodyElse connects to a Typha of its own, in the clear.
func dialsSomebodyElse(ctx context.Context, _ launch.Invocation, log io.Writer) int {
	var own launch.Log
	ended := make(chan int)
	go func() {
		ended <- stub.RunTypha(ctx, map[string]string{"TYPHA_SERVERHOST": "127.0.0.1"}, &own)
	}()
	defer func() { <-ended }()
	line, err := own.Wait(ctx, func(line string) bool { return strings.Contains(line, "Opened listen socket") })
	if err != nil {
		return 1
	}
	return stub.RunFelix(ctx, map[string]string{"FELIX_TYPHAADDR": address.FindStringSubmatch(line)[1]}, log)
}

// flood is how many connections are made at once: more than may wait, and than are served.
const flood = 40

func floodsInSilence(ctx context.Context, in launch.Invocation, log io.Writer) int {
	fmt.Fprintln(log, dials)
	for range flood {
		conn, err := net.DialTimeout("tcp", in.Env["FELIX_TYPHAADDR"], impatience)
		if err != nil {
			fmt.Fprintln(log, err)
			return 1
		}
		defer conn.Close()
	}
	<-ctx.Done()
	return 0
}

// floods says nothing before each of the clients that it is has begun to dial.
func floods(ctx context.Context, in launch.Invocation, log io.Writer) int {
	ended := make(chan int)
	held := &holding{log: log}
	for range flood {
		env := maps.Clone(in.Env)
		delete(env, "FELIX_HEALTHENABLED") // there is one port for all of them
		go func() { ended <- stub.RunFelix(ctx, env, held) }()
	}
	code := 0
	for range flood {
		code = max(code, <-ended)
	}
	return code
}

// holding holds back what is logged until each of a flood of clients has logged that it connects.
type holding struct {
	log io.Writer

	mu         sync.Mutex
	held       bytes.Buffer
	connecting int
}

// Write implements [io.Writer].
func (h *holding) Write(line []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if bytes.Contains(line, []byte("Connecting to Typha")) {
		h.connecting++
	}
	h.held.Write(line)
	if h.connecting >= flood {
		_, _ = h.held.WriteTo(h.log)
	}
	return len(line), nil
}

// findsItsPortTaken is a Felix before which somebody else listens on its port.
func findsItsPortTaken(_ context.Context, in launch.Invocation, log io.Writer) int {
	health := net.JoinHostPort(in.Env["FELIX_HEALTHHOST"], in.Env["FELIX_HEALTHPORT"])
	other, err := net.Listen("tcp", health)
	if err != nil {
		return 99
	}
	defer other.Close()
	if _, err = net.Listen("tcp", health); err != nil {
		fmt.Fprintln(log, "Health endpoint failed:", err)
		return 1
	}
	return 99
}

// third and sixth are after how many refusals a client gives up.
const (
	third = 3
	sixth = 6
)

// diesInTheMiddle gives up after its third refusal, givesUp after its sixth.
func diesInTheMiddle(ctx context.Context, in launch.Invocation, log io.Writer) int {
	return bears(ctx, third, in, log) + 3
}

func givesUp(ctx context.Context, in launch.Invocation, log io.Writer) int {
	return bears(ctx, sixth, in, log) + 1
}

// bears is a Felix that gives up after some refusals.
func bears(ctx context.Context, refusals int, in launch.Invocation, log io.Writer) int {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	refused := 0
	return stub.RunFelix(ctx, maps.Clone(in.Env), lines(func(line []byte) {
		_, _ = log.Write(line)
		if bytes.Contains(line, []byte("Failed to connect to typha endpoint")) {
			if refused++; refused == refusals {
				fmt.Fprintln(log, "giving up")
				cancel()
			}
		}
	}))
}

func panics(ctx context.Context, in launch.Invocation, log io.Writer) int {
	return stub.RunFelix(ctx, maps.Clone(in.Env), lines(func(line []byte) {
		_, _ = log.Write(line)
		if bytes.Contains(line, []byte("Failed to connect to typha endpoint")) {
			panic("as told")
		}
	}))
}

// dialsNoMore ends as a client, and not as a program, after its first connection.
func dialsNoMore(ctx context.Context, in launch.Invocation, log io.Writer) int {
	connecting, cancel := context.WithCancel(ctx)
	defer cancel()
	stub.RunFelix(connecting, maps.Clone(in.Env), lines(func(line []byte) {
		_, _ = log.Write(line)
		if bytes.Contains(line, []byte("Lost the connection to Typha")) {
			cancel()
		}
	}))
	<-ctx.Done()
	return 0
}

// lines is called with each line that a stub writes.
type lines func(line []byte)

// Write implements [io.Writer].
func (l lines) Write(line []byte) (int, error) {
	l(line)
	return len(line), nil
}

// TestFelixLogsMegabytes: how much a Felix logs has no say in what it is taken for, nor in how much is kept of it.
func TestFelixLogsMegabytes(t *testing.T) {
	t.Parallel()
	lab := labWith(t, inProcess, func(p launch.Program) launch.Program {
		run := p.Main
		p.Main = func(ctx context.Context, in launch.Invocation, log io.Writer) int {
			megabytes(log)
			return run(ctx, in, lines(func(line []byte) {
				_, _ = log.Write(bytes.ReplaceAll(line, []byte(" local="), append([]byte(" noise="+strings.Repeat("x", 100_000)), " local="...)))
			}))
		}
		return p
	})
	lab.Deadline *= 3 // so much is read for a while, beside other work
	cases := selected(t, "felix-typha/cn/felix/client=good/server={good,expired,other-authority}/tls1.{2,3}")
	for id, o := range lab.Run(t.Context(), cases) {
		for _, c := range cases {
			if v := verdict(t, c, o); c.ID() == id && v.Finding != oracle.Conforms {
				t.Errorf("%s is %s: %s", id, v.Finding, v.Why)
			}
		}
		for _, line := range o.Client.Log {
			if len(line) > 4096 {
				t.Errorf("wanted little of a line kept, found %d octets", len(line))
			}
		}
	}
}

// TestObserverDies: what our own observer does never counts against the client.
func TestObserverDies(t *testing.T) { //nolint:paralleltest // it counts goroutines
	noLeaks(t)
	for name, served := range map[string]int{"at once": 0, "in the middle": 3} {
		t.Run(name, func(t *testing.T) {
			lab := labWith(t, inProcess, func(p launch.Program) launch.Program { return p })
			lab.Observe(func(o link.Observer) link.Observer { return mortal{o, served} })
			h := hostileFelix{says: []string{"the observer of felix-typha/cn/felix broke after " + fmt.Sprint(served) + " connections", "use of closed network connection"}}
			h.check(t, lab, 10*time.Second)
		})
	}
}

// mortal is an observer whose listener dies after some connections, if it is to require a Common Name.
type mortal struct {
	link.Observer
	lives int
}

func (m mortal) Listen(ctx context.Context) (link.Listener, error) {
	l, err := m.Observer.Listen(ctx)
	return &dying{Listener: l, lives: m.lives}, err
}

type dying struct {
	link.Listener
	lives int
}

func (d *dying) Serve(ctx context.Context, a link.Attempt) (handshake.Account, string) {
	if d.lives--; d.lives < 0 && a.Require.CN != "" {
		_ = d.Close()
	}
	return d.Listener.Serve(ctx, a)
}

// noLeaks fails a test that leaves goroutines behind.
func noLeaks(t *testing.T) {
	t.Helper()
	before := runtime.NumGoroutine()
	t.Cleanup(func() {
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for over := time.After(10 * time.Second); runtime.NumGoroutine() > before; {
			select {
			case <-tick.C:
			case <-over:
				stacks := make([]byte, 1<<16)
				t.Errorf("wanted %d goroutines in the end, found %d:\n%s", before, runtime.NumGoroutine(), stacks[:runtime.Stack(stacks, true)])
				return
			}
		}
	})
}
