package harness

import (
	"sync"

	"github.com/calico-tls/conformance/harness/handshake"
	"github.com/calico-tls/conformance/harness/launch/inprocess"
	"github.com/calico-tls/conformance/harness/link"
)

// kind is what a batch has to do, which says how many like it may run side by side.
type kind string

// The kinds of batches.
const (
	serves kind = "serves" // a server, which is kept busy
	dials  kind = "dials"  // a client, which waits most of the time
	starts kind = "starts" // a start that must fail
	meets  kind = "meets"  // two subjects
	once   kind = "once"   // within a batch: the start of a client for one case
	atOnce kind = "atOnce" // likewise, of a client that makes many connections at once, and takes as much memory
)

// sideBySide is how many batches of a kind run at a time.
var sideBySide = map[kind]int{serves: 2, dials: 8, starts: 6, meets: 4, once: 8, atOnce: 3}

func (b *Batch) kind() kind {
	l, _ := LinkNamed(b.Link)
	side, _ := l.Side(b.Subject)
	switch {
	case b.Subject == l.Both():
		return meets
	case b.Cases[0].Version == link.None:
		return starts
	case side == handshake.Client:
		return dials
	}
	return serves
}

// programs is how many batches run at a time, whatever their kind, where each is a program: an engine of some age hangs, for
// ever, when it is kept busy with starts and two containers end at the same moment (seen with Docker 20.10).
const programs = 16

// admission says which batches are under way.
type admission struct {
	mu   sync.Mutex
	busy map[kind]int
	// roomier is closed, and another takes its place, when a batch has ended.
	roomier chan struct{}
}

func newAdmission() *admission {
	return &admission{busy: map[kind]int{}, roomier: make(chan struct{})}
}

// admit begins a batch, and those after it in their order, as far as there is room: one that waits for more of its kind to end
// keeps no other waiting. What it returns is closed as soon as there is more room.
func (l *Lab) admit(first *Batch) (roomier <-chan struct{}) {
	a := l.admission
	a.mu.Lock()
	defer a.mu.Unlock()
	for b := first; b != nil && !l.full(); b = b.next {
		k := b.kind()
		if b.begun || a.busy[k] >= sideBySide[k] {
			continue
		}
		b.begun = true
		a.busy[k]++
		l.running.Go(func() {
			b.through()
			a.end(k)
		})
	}
	return a.roomier
}

// full reports whether no batch of any kind may begin.
func (l *Lab) full() bool {
	if l.Launcher != nil && l.Launcher.Name() == inprocess.Name {
		return false
	}
	return l.admission.underWay() >= programs
}

func (a *admission) underWay() int {
	n := 0
	for _, busy := range a.busy {
		n += busy
	}
	return n
}

func (a *admission) end(k kind) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.busy[k]--
	close(a.roomier)
	a.roomier = make(chan struct{})
}
