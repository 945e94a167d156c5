package harness

import (
	"context"
	"sync"

	"github.com/calico-tls/conformance/harness/handshake"
	"github.com/calico-tls/conformance/harness/link"
)

// lanes is how many connections of a client that makes many at once are served side by side: kube-apiserver keeps some seventy.
const lanes = 128

// nobody is the lane of no connection.
const nobody = -1

// crowd is the connections that a client makes at once.
type crowd struct {
	answered chan struct{}

	mu sync.Mutex
	// first is the lane of the connection that is the answer, or is being heard as one.
	first  int
	answer met
	// later says that another one was accepted after it.
	later bool
}

// serveAtOnce serves a client that makes many connections at once, and returns what becomes of the first that is an answer: it
// makes some but to see whether somebody is there, and leaves them without a word (Kubernetes apiserver/pkg/storage/storagebackend).
// All others are served alike, as none is of use to it alone, and until stop is called, as it says of each what became of it:
// of one that we cut, that its peer had gone. stop reports whether a later one was accepted.
func serveAtOnce(alive context.Context, a link.Attempt, listener link.Listener) (account handshake.Account, from string, stop func() (accepted bool)) {
	ctx, cancel := context.WithCancel(alive)
	c := &crowd{answered: make(chan struct{}), first: nobody, answer: met{account: handshake.Account{Claim: handshake.Failed, AlertReceived: handshake.NoAlert}}}
	var serving sync.WaitGroup
	for lane := range lanes {
		one := a
		one.Accepted = func() {
			if c.isFirst(lane) {
				a.Accepted()
				return
			}
			select { // it stands until the first is through
			case <-c.answered:
			case <-ctx.Done():
			}
		}
		serving.Go(func() {
			for ctx.Err() == nil {
				account, by := listener.Serve(ctx, one)
				if by == "" {
					return
				}
				c.take(lane, met{account, by})
			}
		})
	}
	over := make(chan struct{})
	go func() {
		defer close(over)
		serving.Wait()
	}()
	select {
	case <-c.answered:
	case <-over:
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.answer.account, c.answer.from, func() bool {
		cancel()
		<-over
		return c.later
	}
}

// isFirst reports whether the connection of a lane is to be heard as the answer: no other one is.
func (c *crowd) isFirst(lane int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.first != nobody {
		return false
	}
	c.first = lane
	return true
}

// take takes what became of a connection.
func (c *crowd) take(lane int, m met) {
	c.mu.Lock()
	defer c.mu.Unlock()
	says := m.account.Claim == handshake.Accepted || m.account.Claim == handshake.Refused || m.account.AlertReceived != handshake.NoAlert
	select {
	case <-c.answered:
		c.later = c.later || m.account.Claim == handshake.Accepted
		return
	default:
	}
	switch {
	case c.first == lane || c.first == nobody && says:
		c.first, c.answer = lane, m
		close(c.answered)
	case c.first == nobody:
		c.answer = m
	}
}
