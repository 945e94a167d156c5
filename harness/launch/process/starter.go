package process

import (
	"runtime"
	"sync"

	"github.com/calico-tls/conformance/harness/launch"
)

// starter runs functions on one thread. A parent-death signal is sent when the thread that started a child ends, not
// when the process does, and the runtime ends threads as it likes: so one that is kept starts all children.
type starter struct {
	work chan func()
	once sync.Once
	end  chan struct{}
}

func newStarter() *starter {
	s := &starter{work: make(chan func()), end: make(chan struct{})}
	go s.serve()
	return s
}

// do runs f on the thread, and returns [launch.ErrRunClosed] if that has ended.
func (s *starter) do(f func() error) error {
	result := make(chan error, 1)
	select {
	case s.work <- func() { result <- f() }:
		return <-result
	case <-s.end:
		return launch.ErrRunClosed
	}
}

func (s *starter) close() { s.once.Do(func() { close(s.end) }) }

func (s *starter) serve() {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for {
		select {
		case f := <-s.work:
			f()
		case <-s.end:
			return
		}
	}
}
