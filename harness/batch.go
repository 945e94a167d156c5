package harness

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/calico-tls/conformance/harness/component"
	"github.com/calico-tls/conformance/harness/handshake"
	"github.com/calico-tls/conformance/harness/launch"
	"github.com/calico-tls/conformance/harness/link"
	"github.com/calico-tls/conformance/harness/matrix"
	"github.com/calico-tls/conformance/harness/oracle"
	"github.com/calico-tls/conformance/pki"
)

// Batch is one start of a subject, and the cases that run against it.
type Batch struct {
	// Link, Mode, Subject, Own, Setting and Alone say what the subject is started with; Own is the variant that it
	// shows, Alone the conduct for which it is started anew.
	Link, Mode, Subject, Own, Setting, Alone string
	Cases                                    []matrix.Case

	// earlier are cases like these that were run with an earlier start.
	earlier []matrix.Case

	lab  *Lab
	next *Batch
	// begun is guarded by the mutex of the admission.
	begun bool
	done  chan struct{}
	seen  map[string]handshake.Observation
}

// Plan groups cases by what their subjects are started with, in the order of the cases, to be run by the lab.
func (l *Lab) Plan(cases []matrix.Case) []*Batch {
	batches := Plan(cases)
	for _, b := range batches {
		b.lab = l
	}
	return batches
}

// Plan groups cases by what their subjects are started with, in the order of the cases.
func Plan(cases []matrix.Case) []*Batch {
	var batches []*Batch
	byName := map[string]*Batch{}
	for _, c := range cases {
		b := &Batch{Link: c.Link, Mode: c.Mode, Subject: c.Subject, Own: own(c), Setting: setting(c), Alone: alone(c), done: make(chan struct{})}
		if same, ok := byName[b.Name()]; ok {
			b = same
		} else {
			if len(batches) > 0 {
				batches[len(batches)-1].next = b
			}
			byName[b.Name()] = b
			batches = append(batches, b)
		}
		b.Cases = append(b.Cases, c)
	}
	return batches
}

// Name says what the subject is started with, as in "felix-typha/cn/typha" or "felix-typha/cn/typha/setting=bundle-2".
func (b *Batch) Name() string {
	name := b.Link + "/" + b.Mode + "/" + b.Subject
	if b.Own != "good" && b.Own != "none" {
		name += "/shows=" + b.Own
	}
	if b.Setting != "" {
		name += "/setting=" + b.Setting
	}
	if b.Alone != "" {
		name += "/alone=" + b.Alone
	}
	return name
}

// own returns the variant that the subject of a case shows; where both ends are judged, the server's.
func own(c matrix.Case) string {
	if l, ok := LinkNamed(c.Link); ok {
		if side, _ := l.Side(c.Subject); side == handshake.Client {
			return c.Client
		}
	}
	return c.Server
}

// setting returns the setting with which the subject of a case is started; where both ends are judged, the server's.
func setting(c matrix.Case) string {
	l, _ := LinkNamed(c.Link)
	if s, ok := l.Setting(c.Setting, c.Mode, c.Subject); ok && c.Subject == l.Both() && s.Side == handshake.Client {
		return ""
	}
	return c.Setting
}

// alone tells apart the starts of a case that has the subject to itself: its conduct and version, or "" if others
// share the start. No start serves a case in which there must be none.
func alone(c matrix.Case) string {
	l, _ := LinkNamed(c.Link)
	d, ok := l.Conduct(c.Conduct)
	switch {
	case c.Version == link.None:
		return strings.TrimSuffix(string(link.None)+"-"+c.Conduct, "-")
	case ok && d.Alone:
		return fmt.Sprintf("%s-%s-%s-%s", c.Conduct, c.Client, c.Server, c.Version)
	}
	return ""
}

// Observe returns what was seen of one case of the batch. It lets the whole batch begin, and while it waits, those after it, in
// their order, as soon as there is room for them; it waits until the batch is through, as only then it is known whether the
// subject still accepts a good peer. When ctx ends first, the observation is Broken.
func (b *Batch) Observe(ctx context.Context, c matrix.Case) handshake.Observation {
	for {
		roomier := b.lab.admit(b)
		select {
		case <-b.done:
			return b.seen[c.ID()]
		case <-roomier:
		case <-ctx.Done():
			return handshake.Observation{Broken: Interrupted}
		}
	}
}

// Interrupted is what broke a case that was cut by the end of the run.
const Interrupted = "the run was interrupted"

// LeftOut is what broke a case whose start was not to begin any more.
const LeftOut = "the run was to start nothing more"

// through runs the batch, unless nothing more is to begin.
func (b *Batch) through() {
	defer close(b.done)
	switch {
	case b.lab.run.Err() != nil:
		b.broken(Interrupted)
	case b.lab.held.Load():
		b.broken(LeftOut)
	default:
		b.run(b.lab.run)
		b.bereave()
	}
}

// trial is a batch under way.
type trial struct {
	*Batch
	end
	dialling
	part     Part
	instance launch.Instance
	journal  journal
	leak     *leak
	// answering is the address of the program that answers for an observer; "" for none.
	answering string
	// others are the servers beside the observer.
	others []other
}

func (b *Batch) run(ctx context.Context) {
	if why := b.fixed(); why != "" {
		b.skipped(why)
		return
	}
	b.lab.Note(fmt.Sprintf("starting %s for %d cases", b.Name(), len(b.Cases)))
	if b.kind() == meets {
		b.meet(ctx)
		return
	}
	t, err := b.trial()
	if err != nil {
		b.broken(err.Error())
		return
	}
	if b.kind() == starts {
		b.seen = map[string]handshake.Observation{}
		for _, c := range b.Cases {
			b.seen[c.ID()] = t.refrain(ctx, c)
		}
		return
	}
	if b.kind() == dials && (t.part.Dials != component.DialsOn || len(t.setting.Endpoints) > 0) {
		b.seen = t.anew(ctx)
		return
	}
	again := t.play(ctx)
	for begun := 1; len(again) > 0 && (len(again) < len(t.Cases) || begun < mendings); begun++ {
		rest := &Batch{Link: b.Link, Mode: b.Mode, Subject: b.Subject, Own: b.Own, Setting: b.Setting, Alone: b.Alone, Cases: again, earlier: b.Cases, lab: b.lab}
		if t, err = rest.trial(); err != nil {
			rest.broken(err.Error())
			again = nil
		} else {
			again = t.play(ctx)
		}
		maps.Copy(b.seen, rest.seen)
	}
}

// mendings is how often a subject is started to no avail that gives up before the file is put right that was spoilt: how
// soon that is depends on the machine, not on the subject.
const mendings = 4

// play starts the subject and runs the cases. It returns those that are to be run with another start, because the subject
// has given up: on a file that was spoilt, or on servers of which it accepts none.
func (t *trial) play(ctx context.Context) (again []matrix.Case) {
	listener, start, err := t.prepare(ctx)
	if err != nil {
		t.broken(err.Error())
		return nil
	}
	if listener != nil {
		defer listener.Close()
	}
	t.instance, err = t.lab.start(ctx, t.part, start, nil)
	switch {
	case ctx.Err() != nil && err != nil:
		t.broken(Interrupted)
		return nil
	case err != nil:
		t.notStarted(err)
		return nil
	}
	defer t.stop(ctx)
	t.follow()
	if err := t.listen(); err != nil {
		t.broken(err.Error())
		return nil
	}
	if t.side == handshake.Server {
		if err := t.renewServer(ctx); err != nil {
			t.broken(err.Error())
			return nil
		}
		t.seen = t.serverCases(ctx)
		if err := providerDown(ctx, start.Provider); err != nil {
			t.broken(err.Error())
			return nil
		}
	} else {
		t.seen = t.clientCases(ctx, listener)
	}
	t.explain()
	t.tell(t.seen)
	if !t.ended() || t.setting.Spoils == "" && !t.refusesGood {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(t.Cases), func(c matrix.Case) bool { return t.seen[c.ID()].Broken == "" })
}

func (b *Batch) trial() (*trial, error) {
	l, ok := b.lab.linkNamed(b.Link)
	if !ok {
		return nil, fmt.Errorf("there is no link %q", b.Link)
	}
	side, ok := l.Side(b.Subject)
	if !ok {
		return nil, fmt.Errorf("link %s has no end %q", b.Link, b.Subject)
	}
	e, err := endOf(l, side, b.Cases[0])
	if err != nil {
		return nil, err
	}
	part, err := b.lab.part(b.Link, b.Subject)
	if err != nil {
		return nil, err
	}
	return &trial{Batch: b, end: e, part: part}, nil
}

// prepare makes what the subject is started with, and for a client the observer that it dials.
func (t *trial) prepare(ctx context.Context) (link.Listener, component.Start, error) {
	var start component.Start
	if t.part.Running != nil {
		return nil, start, nil
	}
	if err := t.issueAll(); err != nil {
		return nil, start, err
	}
	start, err := t.lab.outfit(t.end)
	if err != nil {
		return nil, start, fmt.Errorf("starting %s: %w", t.Name(), err)
	}
	if t.side == handshake.Server {
		start.Provider, err = t.lab.providerOf(ctx, t.asked())
		return nil, start, err
	}
	behind, err := t.lab.behindOf(ctx, t.part)
	if err != nil {
		return nil, start, err
	}
	t.answering = behind[t.link.Server.Component]
	listener, err := t.observer().Listen(ctx)
	if err != nil {
		return nil, start, fmt.Errorf("opening the observer of %s: %w", t.Name(), err)
	}
	start.Peer = cmp.Or(start.Peer, listener.Address())
	err = t.list(ctx, &start)
	return listener, start, err
}

// issueAll issues what the instrument will show, side by side and before the subject is started: keys of some types
// take so long to make that a client which dials meanwhile would give up.
func (t *trial) issueAll() error {
	var all []pki.Credential
	for _, c := range t.Cases {
		name := c.Client
		if t.side == handshake.Client {
			name = c.Server
		}
		if v, ok := pki.VariantNamed(name); ok && c.Version != link.Clear {
			all = append(all, oracle.Credential(t.link.Link, t.side.Other(), v))
		}
	}
	if err := t.lab.authorities.IssueAll(all); err != nil {
		return fmt.Errorf("issuing the credentials of %s: %w", t.Name(), err)
	}
	return nil
}

// stopTime is how long a program may take to stop, and shortStopTime how long a client that makes many connections at once may: a
// kube-apiserver without its etcd takes as long as it is given.
const (
	stopTime      = 10 * time.Second
	shortStopTime = time.Second
)

func (t *trial) stop(ctx context.Context) {
	within := stopTime
	if t.part.Dials == component.DialsAtOnce {
		within = shortStopTime
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), within)
	defer cancel()
	if err := t.instance.Stop(ctx); err != nil {
		t.lab.Note(fmt.Sprintf("stopping %s: %v", t.Name(), err))
	}
}

// notStarted is for a subject that could not be started: by its own word, or because something broke.
func (b *Batch) notStarted(err error) {
	var refused *component.RefusedError
	if !errors.As(err, &refused) {
		b.broken(err.Error())
		return
	}
	b.seen = map[string]handshake.Observation{}
	for _, c := range b.Cases {
		b.seen[c.ID()] = handshake.Observation{NotStarted: refused.Words, Evidence: handshake.Both}
	}
}

func (b *Batch) broken(why string) {
	b.seen = map[string]handshake.Observation{}
	for _, c := range b.Cases {
		b.seen[c.ID()] = handshake.Observation{Broken: why}
	}
}

// explain says of connections of which an end said nothing whether the subject has died meanwhile. Its refusals are in
// doubt then, as nobody can ask it again to accept a good peer; not those of one that has never accepted any.
func (t *trial) explain() {
	if !t.ended() || t.refusesGood {
		return
	}
	died := t.death()
	for id, o := range t.seen {
		switch {
		case o.Broken != "" || o.Skipped != "":
		case untold(o.Client) || untold(o.Server):
			o.Broken = died
		case t.instruments(o).Claim == handshake.WasRefused:
			o.Doubt = strings.TrimPrefix(o.Doubt+"; "+died, "; ")
		}
		t.seen[id] = o
	}
}

// untold reports whether an account says neither that its side accepted its peer, nor who refused.
func untold(a handshake.Account) bool {
	return a.Claim == handshake.Silent || a.Claim == handshake.Failed
}

// ended reports whether the subject has ended.
func (t *trial) ended() bool { return hasEnded(t.instance) }

func hasEnded(i launch.Instance) bool {
	select {
	case <-i.Done():
		return true
	default:
		return false
	}
}

// death says how a subject ended that was not told to.
func (t *trial) death() string { return death(t.Subject, t.instance) }

// death says how an instance that plays a role ended that was not told to.
func death(role string, i launch.Instance) string {
	if lost := launch.Lost(i); lost != nil {
		return fmt.Sprintf("%s was lost sight of in the midst of its cases: %v", role, lost)
	}
	how := fmt.Sprintf("ended with exit code %d", i.ExitCode())
	if i.ExitCode() < 0 {
		how = "was ended by a signal"
	}
	return fmt.Sprintf("%s %s in the midst of its cases%s", role, how, lastLines(i))
}

// shownLines is how much of a log is shown.
const shownLines = 5

// lastLines ends a sentence with the last lines of the subject's log.
func (t *trial) lastLines() string { return lastLines(t.instance) }

// lastLines ends a sentence with the last lines of a log.
func lastLines(i launch.Instance) string {
	lines := i.Log().Tail(shownLines)
	if len(lines) == 0 {
		return "; its log is empty"
	}
	for i, line := range lines {
		lines[i] = launch.Brief(line)
	}
	return fmt.Sprintf("; its last log lines: %q", lines)
}
