package harness_test

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/calico-tls/conformance/harness"
	"github.com/calico-tls/conformance/harness/component"
	"github.com/calico-tls/conformance/harness/handshake"
	"github.com/calico-tls/conformance/harness/launch"
	"github.com/calico-tls/conformance/harness/link"
	"github.com/calico-tls/conformance/harness/matrix"
	"github.com/calico-tls/conformance/harness/oracle"
)

// TestConnectionsAreCountedFromTheFirst: on a busy machine a Felix can take longer to say that it is not ready than its
// connections are counted.
func TestConnectionsAreCountedFromTheFirst(t *testing.T) {
	t.Parallel()
	options := optionsWith(t, inProcess, func(p launch.Program) launch.Program { return p })
	for i, p := range options.Parts {
		if p.Name != "felix" {
			continue
		}
		ask, slowly := p.Ready, sync.OnceFunc(func() { <-time.After(3 * time.Second) })
		options.Parts[i].Ready = func(ctx context.Context, felix launch.Instance) (component.Readiness, error) {
			slowly()
			return ask(ctx, felix)
		}
	}
	cases := selected(t, "felix-typha/cn/felix/client=good/server=good/tls1.3/conduct=refuses-counting")
	lab := closing(t, harness.NewLab(t.Context(), options))
	if v := verdict(t, cases[0], lab.Run(t.Context(), cases)[cases[0].ID()]); v.Finding != oracle.Conforms {
		t.Errorf("wanted it to conform, found that it %s: %s", v.Finding, v.Why)
	}
}

// TestFelixNeedsToBeRefusedOften: one that is refused on and on has to say that it is not ready after some connections, which on
// a busy machine take their time.
func TestFelixNeedsToBeRefusedOften(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		refusals int
		since    time.Duration
		want     bool
	}{
		{6, time.Minute, false},
		{100, time.Second, false},
		{7, time.Minute, true},
	} {
		if got := harness.BoastsAfter(t.Context(), link.PersistsOn, c.refusals, c.since); got != c.want {
			t.Errorf("ready after %d refusals in %s: wanted it wrong: %t, found %t", c.refusals, c.since, c.want, got)
		}
	}
	if !harness.BoastsAfter(t.Context(), link.PersistsAFew, 1, 0) {
		t.Error("wanted a client that must never call itself ready to be wrong at once")
	}
}

// TestFelixEndsBeforeItIsServed: one that nobody had occasion to refuse is broken, and its last words are told.
func TestFelixEndsBeforeItIsServed(t *testing.T) {
	t.Parallel()
	lab := labWith(t, inProcess, func(p launch.Program) launch.Program {
		if p.Name == "felix" {
			p.Main = func(_ context.Context, _ launch.Invocation, log io.Writer) int {
				fmt.Fprintln(log, dials)
				<-time.After(300 * time.Millisecond) // by then it has been taken for started
				fmt.Fprintln(log, "no such luck")
				return 3
			}
		}
		return p
	})
	for _, c := range selected(t, "felix-typha/cn/felix/client=good/server=good/tls1.3/conduct=refuses-*") {
		o := lab.Run(t.Context(), []matrix.Case{c})[c.ID()]
		v := verdict(t, c, o)
		if v.Finding != oracle.Broken || !strings.Contains(v.Why, "ended with exit code 3 in the midst of its cases") || !strings.Contains(v.Why, "no such luck") {
			t.Errorf("%s: wanted it broken by the end of felix, found it %s: %s", c.ID(), v.Finding, v.Why)
		}
		if o.Server.Claim != handshake.Failed || o.Server.Error == "" {
			t.Errorf("%s: wanted the observer to say that nobody came, found %+v", c.ID(), o.Server)
		}
	}
}
