package conformance

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/shirou/gopsutil/v4/mem"
)

// memoryTick is how often it is asked how much memory is in use.
const memoryTick = 200 * time.Millisecond

// memory watches how much more of the machine's memory is in use than at the beginning, whatever uses it: processes and
// containers are counted alike. Where a container engine has a machine of its own, what that uses is not seen.
type memory struct {
	before uint64
	most   atomic.Uint64
	stop   context.CancelFunc
}

// watchMemory watches until ctx ends, or it is told to stop.
func watchMemory(ctx context.Context) *memory {
	m := &memory{}
	ctx, m.stop = context.WithCancel(ctx)
	now, err := mem.VirtualMemoryWithContext(ctx)
	if err != nil {
		return m // it is not told here
	}
	m.before = now.Total - now.Available
	go func() {
		tick := time.NewTicker(memoryTick)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				if now, err := mem.VirtualMemoryWithContext(ctx); err == nil {
					m.most.Store(max(m.most.Load(), now.Total-now.Available))
				}
			case <-ctx.Done():
				return
			}
		}
	}()
	return m
}

// peak returns by how many octets more memory was in use at the peak; 0 if nobody knows.
func (m *memory) peak() int64 { return max(0, int64(m.most.Load())-int64(m.before)) }
