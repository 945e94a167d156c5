package harness

import (
	"context"
	"fmt"
	"time"

	"github.com/calico-tls/conformance/harness/component"
	"github.com/calico-tls/conformance/harness/handshake"
	"github.com/calico-tls/conformance/harness/matrix"
)

// meteredProbe makes a connection while nobody else does, and holds the server's counters against its log: a
// connection counts as streaming if, and only if, the server accepted it.
func (t *trial) meteredProbe(ctx context.Context, c matrix.Case) handshake.Observation {
	if why := t.beyond(c); why != "" {
		return handshake.Observation{Skipped: why}
	}
	read := t.part.Counters
	if read == nil {
		return handshake.Observation{Broken: t.Subject + " has no counters"}
	}
	ctx, cancel := context.WithTimeout(ctx, t.lab.Deadline)
	defer cancel()
	before, err := t.settle(ctx, func(c component.Counters) bool { return c.Streaming == 0 })
	if err != nil {
		return handshake.Observation{Broken: err.Error()}
	}
	var during component.Counters
	o := t.probeWhile(ctx, c, func() {
		during, err = t.settle(ctx, func(c component.Counters) bool { return c.Streaming > 0 })
	})
	wanted := component.Counters{Accepted: before.Accepted + 1, Streaming: 1}
	if o.Client.Claim != handshake.Accepted {
		wanted.Streaming = 0
		during, err = read(ctx, t.instance)
	}
	if err != nil {
		o.Broken = err.Error()
		return o
	}
	if during != wanted {
		o.Against = fmt.Sprintf("its counters tell otherwise: wanted %+v, found %+v", wanted, during)
	}
	return o
}

// settleTime is how long a server may take to count, and how often it is asked.
const (
	settleTime = 2 * time.Second
	settleTick = 10 * time.Millisecond
)

// settle reads the counters until they are as wanted, or returns what they are in the end.
func (t *trial) settle(ctx context.Context, wanted func(component.Counters) bool) (component.Counters, error) {
	tick := time.NewTicker(settleTick)
	defer tick.Stop()
	over := time.After(settleTime)
	for {
		c, err := t.part.Counters(ctx, t.instance)
		if err != nil || wanted(c) {
			return c, err
		}
		select {
		case <-tick.C:
		case <-over:
			return c, nil
		case <-ctx.Done():
			return c, context.Cause(ctx)
		}
	}
}
