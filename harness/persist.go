package harness

import (
	"context"
	"fmt"
	"time"

	"github.com/calico-tls/conformance/harness/component"
	"github.com/calico-tls/conformance/harness/handshake"
	"github.com/calico-tls/conformance/harness/launch"
	"github.com/calico-tls/conformance/harness/link"
	"github.com/calico-tls/conformance/harness/matrix"
)

// How long a client is refused. A Felix that gives up does so when it has failed for 30 s (Calico
// felix/daemon/daemon.go), and says from its first row of attempts on that it is not ready.
const (
	fewTimes    = 6
	countWindow = 2 * time.Second
	onWindow    = 40 * time.Second
	onGrace     = 5 * time.Second
	// onPace bounds the connections that are served meanwhile.
	onPace = 50 * time.Millisecond
)

// mostAtOnce is how many connections a client that is refused may make in the counting window: 20 in 10 seconds (rule
// FELIX-10).
const mostAtOnce = 20 * int(countWindow/time.Second) / 10

// persist refuses one connection of a client after the other, and watches what it does. The observation is that of the
// last connection.
func (t *trial) persist(ctx context.Context, c matrix.Case, p link.Persistence, listener link.Listener) (o handshake.Observation) {
	w := watch{trial: t, persistence: p, begun: time.Now()}
	w.ask(ctx) // it has dialled, and nobody has answered
	w.begun = time.Now()
	tick := time.NewTicker(onPace)
	defer tick.Stop()
	for {
		next := t.serve(ctx, c, listener)
		if w.look(); w.Connections > 0 && w.Exit != nil && next.Server.Claim == handshake.Failed {
			break
		}
		o = next
		if p != link.PersistsCounting || w.Window < countWindow {
			w.Connections++
		}
		w.ask(ctx)
		if o.Broken != "" || ctx.Err() != nil || w.over() {
			break
		}
		if p == link.PersistsOn {
			<-tick.C
		}
	}
	w.look()
	o.Aftermath, o.Against = &w.Aftermath, w.against()
	return o
}

// watch is what is seen of a client meanwhile.
type watch struct {
	*trial
	handshake.Aftermath
	persistence link.Persistence
	begun       time.Time
	// wrongly says that it called itself ready.
	wrongly bool
}

// ask asks whether the client is ready.
func (w *watch) ask(ctx context.Context) {
	ask := w.part.Ready
	if ask == nil {
		return
	}
	ready, err := ask(ctx, w.instance)
	if err != nil {
		return
	}
	w.Ready = string(ready)
	if ready == component.IsReady && (w.persistence != link.PersistsOn || w.Connections > fewTimes && time.Since(w.begun) > onGrace) {
		w.wrongly = true
	}
}

// look sees whether the client has ended.
func (w *watch) look() {
	w.Window = time.Since(w.begun)
	select {
	case <-w.instance.Done():
		code := w.instance.ExitCode()
		w.Exit = &code
	default:
	}
}

func (w *watch) over() bool {
	switch w.persistence {
	case link.PersistsAFew:
		return w.Connections >= fewTimes
	case link.PersistsCounting:
		return time.Since(w.begun) >= countWindow
	case link.PersistsOn:
		return w.Exit != nil || time.Since(w.begun) >= onWindow
	}
	return true
}

// against says what the client did that it must not do.
func (w *watch) against() string {
	switch {
	case w.persistence == link.PersistsCounting && w.Connections > mostAtOnce:
		return fmt.Sprintf("it connected %d times in %.1f s, wanted at most %d times", w.Connections, w.Window.Seconds(), mostAtOnce)
	case w.persistence == link.PersistsCounting:
		return ""
	case w.wrongly:
		return "it called itself ready, though it was never accepted"
	case w.Exit != nil && *w.Exit == 0:
		return "it ended with exit code 0"
	}
	return ""
}

// readyWithin is how long a client that was accepted may take to call itself ready (rule FELIX-20).
const readyWithin = 10 * time.Second

// awaitReady waits until an instance that plays a role calls itself ready, and says what is against it if it does not. One
// that has a line in its log for being in sync has to have written it before: a real Felix calls itself ready from before
// its first dial until that has failed, and again from when it is connected until its calculation graph stands (Calico
// felix/daemon/daemon.go).
func awaitReady(ctx context.Context, part Part, i launch.Instance) string {
	ask, role := part.Ready, part.Name
	if ask == nil {
		return role + " does not say whether it is ready"
	}
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	if reader := part.Reader; reader.SaysInSync() {
		if _, err := i.Log().Wait(ctx, reader.InSync); err != nil {
			return fmt.Sprintf("it was accepted, and %s does not say within %s that it is in sync: %v", role, readyWithin, err)
		}
	}
	tick := time.NewTicker(settleTick)
	defer tick.Stop()
	for {
		ready, err := ask(ctx, i)
		if ready == component.IsReady {
			return ""
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Sprintf("it was accepted, and %s says after %s: %s (%v)", role, readyWithin, ready, err)
		}
	}
}
