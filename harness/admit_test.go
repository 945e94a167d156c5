package harness_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/calico-tls/conformance/harness"
	"github.com/calico-tls/conformance/harness/launch"
	"github.com/calico-tls/conformance/harness/launch/inprocess"
	"github.com/calico-tls/conformance/harness/matrix"
)

// TestOneSlowStartKeepsNoOtherWaiting: while the start that is asked for takes for ever, the others come, of all kinds, and never
// more at a time than there may be.
func TestOneSlowStartKeepsNoOtherWaiting(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		launcher string
		most     int
	}{
		{inprocess.Name, 2 + 8 + 6 + 4}, // as many as there may be of each kind
		{"process", 16},
	} {
		t.Run(test.launcher, func(t *testing.T) {
			t.Parallel()
			others := &stuck{name: test.launcher, waitsFor: 3 * int64(test.most), come: make(chan struct{})}
			lab := labWith(t, func(*launch.Run) launch.Launcher { return others }, func(p launch.Program) launch.Program { return p })
			others.lab = lab
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			slow := selected(t, "felix-typha/cn/typha-client/**")[0]
			cases := append([]matrix.Case{slow}, selected(t, "felix-typha/*/{typha,felix,typha+felix}/**")...)
			if o := lab.Plan(cases)[0].Observe(ctx, slow); o.Broken == harness.Interrupted {
				t.Errorf("wanted %d other starts while one takes for ever, found %d", others.waitsFor, others.calls.Load())
			}
			if most := int(others.most.Load()); most != test.most {
				t.Errorf("wanted %d batches at a time, found %d", test.most, most)
			}
		})
	}
}

// stuck is a launcher that starts nothing, and with which that of typha-client lasts until so many others have come.
type stuck struct {
	name     string
	lab      *harness.Lab
	waitsFor int64
	come     chan struct{}
	calls    atomic.Int64
	most     atomic.Int64
}

func (s *stuck) Name() string { return s.name }

func (s *stuck) Start(ctx context.Context, p launch.Program) (launch.Instance, error) {
	for now, most := int64(s.lab.UnderWay()), s.most.Load(); now > most && !s.most.CompareAndSwap(most, now); {
		most = s.most.Load()
	}
	if p.Name == "typha-client" {
		select {
		case <-s.come:
		case <-ctx.Done():
		}
	} else if s.calls.Add(1) == s.waitsFor {
		close(s.come)
	}
	return nil, errors.New("it starts nothing")
}
