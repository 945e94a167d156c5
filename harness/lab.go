// Package harness runs cases: a [Lab] groups them by what their subject is started with, starts each subject once, and
// makes the connections that the cases ask for. What it returns are observations; it has no opinion on them.
package harness

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/calico-tls/conformance/harness/component"
	"github.com/calico-tls/conformance/harness/handshake"
	"github.com/calico-tls/conformance/harness/launch"
	"github.com/calico-tls/conformance/harness/matrix"
	"github.com/calico-tls/conformance/pki"
)

// Part is a component as a run obtained it.
type Part struct {
	component.Component
	// Complete adds to the component's program what depends on how it was obtained: its binary, image or function, and
	// what the target sets over the mode's own arguments and environment.
	Complete func(launch.Program) launch.Program
	// Running says what it is where it runs already, and is not started; nil elsewhere.
	Running *Running
	// Stack is the toolchain that built it, as in "go1.24.9"; "" if unknown.
	Stack string
}

// Options are what a Lab needs.
type Options struct {
	Launcher launch.Launcher
	// Parts are the components of the run: each subject of the cases is among them, and what stands behind it.
	Parts []Part
	// Jobs is how many connections are made to a subject at a time.
	Jobs int
	// Deadline is how long one start may take, and one connection with the accounts of both sides. The first start of
	// a program reads it from the disk, and may take four times as long; a later one, where others took long, several times that.
	Deadline time.Duration
	// Note is told what the Lab does, in a few words; nil if nobody asks.
	Note func(string)
}

// Lab runs cases.
type Lab struct {
	Options
	// run ends what the lab has under way: it outlives the call that starts it.
	run context.Context
	// linkNamed finds the links of cases.
	linkNamed   func(string) (Link, bool)
	authorities *pki.Authorities
	starts      atomic.Int64
	held        atomic.Bool
	source      atomic.Uint32
	admission   *admission
	// slots bound how many starts for one case run at a time.
	slots map[kind]chan struct{}

	mu sync.Mutex
	// warm are the parts of which a start has come to its end, good or bad, by what they play, and how long the slowest of
	// their later ones took that were good.
	warm   map[string]time.Duration
	behind map[string]*standing
	stood  []string
	// provider issues tokens; nil until somebody is to take them.
	provider *provider
	// directories list endpoints, by the name of the link.
	directories map[string]*http.Server
	running     sync.WaitGroup
}

// standing is a component that stands behind the subjects of the whole run.
type standing struct {
	once     sync.Once
	instance launch.Instance
	err      error
}

// NewLab returns a Lab. It starts nothing yet. When ctx ends, what it has under way ends, and what has not been observed
// is Broken.
func NewLab(ctx context.Context, o Options) *Lab {
	if o.Note == nil {
		o.Note = func(string) {}
	}
	slots := map[kind]chan struct{}{}
	for _, k := range []kind{once, atOnce} {
		slots[k] = make(chan struct{}, sideBySide[k])
	}
	return &Lab{
		Options:     o,
		run:         ctx,
		linkNamed:   LinkNamed,
		authorities: pki.NewAuthorities(),
		admission:   newAdmission(),
		slots:       slots,
		behind:      map[string]*standing{},
		warm:        map[string]time.Duration{},
		directories: map[string]*http.Server{},
	}
}

// Starts returns how many programs have been started so far.
func (l *Lab) Starts() int { return int(l.starts.Load()) }

// Hold lets no further start begin; what is under way goes on. The cases of what has not begun are broken as [LeftOut].
func (l *Lab) Hold() { l.held.Store(true) }

// Run runs all cases and returns an observation of each by its ID.
func (l *Lab) Run(ctx context.Context, cases []matrix.Case) map[string]handshake.Observation {
	all := make(map[string]handshake.Observation, len(cases))
	for _, b := range l.Plan(cases) {
		for _, c := range b.Cases {
			all[c.ID()] = b.Observe(ctx, c)
		}
	}
	return all
}

// Close stops what stands behind the subjects, and waits for the subjects that still run. It returns what could not be
// stopped within the deadline of ctx.
func (l *Lab) Close(ctx context.Context) error {
	l.running.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	var errs []error
	for _, name := range slices.Backward(l.stood) { // what stands behind another was started before it
		if i := l.behind[name].instance; i != nil {
			if err := i.Stop(ctx); err != nil {
				errs = append(errs, fmt.Errorf("stopping %s: %w", name, err))
			}
		}
	}
	clear(l.behind)
	if l.provider != nil {
		errs = append(errs, l.provider.server.Close())
		l.provider = nil
	}
	for _, d := range l.directories {
		errs = append(errs, d.Close())
	}
	clear(l.directories)
	return errors.Join(errs...)
}

// part returns the component that plays a role on a link; on the link "", the one that stands behind.
func (l *Lab) part(link, role string) (Part, error) {
	i := slices.IndexFunc(l.Parts, func(p Part) bool { return p.Link == link && p.Name == role })
	if i < 0 {
		return Part{}, fmt.Errorf("looking for %s: the target has none", role)
	}
	return l.Parts[i], nil
}

// start starts a component with a setting, and what stands behind it if that does not stand yet. ready, if it is not
// nil, takes the place of the component's own wait.
func (l *Lab) start(ctx context.Context, part Part, s component.Start, ready func(context.Context, launch.Instance) error) (launch.Instance, error) {
	var err error
	if s.Behind, err = l.behindOf(ctx, part); err != nil {
		return nil, err
	}
	return l.launch(ctx, part, s, ready)
}

// behindOf returns the addresses of what stands behind a component, by name, and starts what does not stand yet.
func (l *Lab) behindOf(ctx context.Context, part Part) (map[string]string, error) {
	addresses := map[string]string{}
	for _, name := range part.Behind {
		i, err := l.stand(ctx, name)
		if err != nil {
			return nil, fmt.Errorf("starting %s, which stands behind %s: %w", name, part.Name, err)
		}
		behind, err := l.part("", name)
		if err != nil {
			return nil, err
		}
		addresses[name] = i.Address(behind.port())
	}
	return addresses, nil
}

// port returns the port on which the component serves: the first that its program names.
func (p Part) port() string { return p.Program(component.Start{}).Ports[0] }

func (l *Lab) stand(ctx context.Context, name string) (launch.Instance, error) {
	l.mu.Lock()
	s := l.behind[name]
	if s == nil {
		s = &standing{}
		l.behind[name] = s
	}
	l.mu.Unlock()
	s.once.Do(func() {
		part, err := l.part("", name)
		if err != nil {
			s.err = err
			return
		}
		l.Note("starting " + name)
		defer func() {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.stood = append(l.stood, name)
		}()
		var start component.Start
		if start, s.err = l.standing(part); s.err == nil {
			s.instance, s.err = l.start(ctx, part, start, nil)
		}
	})
	return s.instance, s.err
}

// bereave breaks the cases of a batch whose subject has lost what stands behind it: what it did without that counts for nothing.
func (b *Batch) bereave() {
	if b.lab.run.Err() != nil {
		return // everything ends then
	}
	for role := range strings.SplitSeq(b.Subject, "+") {
		part, err := b.lab.part(b.Link, role)
		if err != nil {
			continue // which has broken them already
		}
		if lost := b.lab.lost(part.Behind); lost != "" && b.fixed() == "" {
			b.broken(fmt.Sprintf("what stands behind %s is gone: %s", role, lost))
		}
	}
}

// lost says how one of those that stand behind others has ended, or one of those behind it; "" if none has.
func (l *Lab) lost(names []string) string {
	for _, name := range names {
		l.mu.Lock()
		var stands launch.Instance
		if slices.Contains(l.stood, name) { // else it may be about to start
			stands = l.behind[name].instance
		}
		l.mu.Unlock()
		if stands != nil && hasEnded(stands) {
			return death(name, stands)
		}
		if part, err := l.part("", name); err == nil {
			if lost := l.lost(part.Behind); lost != "" {
				return lost
			}
		}
	}
	return ""
}

// standing returns what a component is started with that stands behind others.
func (l *Lab) standing(part Part) (component.Start, error) {
	p := part.Stands
	if p.Link == "" {
		return component.Start{}, nil
	}
	of, ok := l.linkNamed(p.Link)
	if !ok {
		return component.Start{}, fmt.Errorf("there is no link %q", p.Link)
	}
	e, err := endOf(of, handshake.Server, matrix.Case{Mode: p.Mode, Subject: of.Server.Component, Client: "good", Server: "good", Setting: p.Setting})
	if err != nil {
		return component.Start{}, err
	}
	return l.outfit(e)
}

func (l *Lab) launch(ctx context.Context, part Part, s component.Start, ready func(context.Context, launch.Instance) error) (launch.Instance, error) {
	p := part.Complete(part.Program(s))
	p.Deadline = l.patience(part)
	if ready != nil {
		p.Ready = ready
	}
	launcher := l.Launcher
	if part.Running != nil {
		launcher = part.Running.Launcher
	}
	begun := time.Now()
	i, err := launcher.Start(ctx, p)
	l.started(part, time.Since(begun), err)
	if err != nil {
		return nil, fmt.Errorf("starting %s: %w", part.Name, err)
	}
	if part.Running == nil {
		l.starts.Add(1)
	}
	return i, nil
}

// coldStart is how many times the deadline the first start of a program is given: a disk that is busy can keep an
// executable of 100 MB for most of a minute.
const coldStart = 4

// play says what a part plays: one program may be slow to start as what others depend on, and soon there as a subject.
func (p Part) play() string { return p.Link + "/" + p.Name }

// patience is how long a start of a component may take: where the machine turns out to be slow, several times what others took.
func (l *Lab) patience(part Part) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	slowest, warm := l.warm[part.play()]
	if !warm {
		return coldStart * l.Deadline
	}
	return max(l.Deadline, slowStart*slowest)
}

// slowStart is how many times as long as the slowest start so far another one of the same component may take.
const slowStart = 4

// started notes how long a start of a component took that has come to its end.
func (l *Lab) started(part Part, took time.Duration, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	slowest, warm := l.warm[part.play()]
	if err != nil || !warm { // the first one tells of the disk
		took = 0
	}
	l.warm[part.play()] = max(slowest, took)
}

// local returns an address of this machine from which nobody has connected before, so that a subject's log tells one
// connection from another: Linux takes all of 127.0.0.0/8 for its own. It is "" where that is not so, and for a subject
// that is not on this machine.
func (l *Lab) local(to string) string {
	if at, err := netip.ParseAddrPort(to); !everyLoopback || err != nil || !at.Addr().Is4() || !at.Addr().IsLoopback() {
		return ""
	}
	n := l.source.Add(1)
	const hosts = 250
	return fmt.Sprintf("127.%d.%d.%d", 1+n/(hosts*hosts)%hosts, 1+n/hosts%hosts, 1+n%hosts)
}
