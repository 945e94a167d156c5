package harness

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/calico-tls/conformance/harness/evidence"
	"github.com/calico-tls/conformance/harness/handshake"
	"github.com/calico-tls/conformance/harness/link"
	"github.com/calico-tls/conformance/harness/matrix"
	"github.com/calico-tls/conformance/harness/oracle"
	"github.com/calico-tls/conformance/pki"
)

// journal is what a subject's log says of connections.
type journal = *evidence.Journal

// follow reads the subject's log.
func (t *trial) follow() {
	t.journal = journalOf(t.part, t.instance)
}

// serverCases runs the cases of a server: side by side where its log tells connections apart, else one at a time.
// Those that read its counters run alone, after the others.
func (t *trial) serverCases(ctx context.Context) map[string]handshake.Observation {
	seen := map[string]handshake.Observation{}
	jobs := t.lab.Jobs
	if !t.instance.SeesSource() || t.part.Reader.InTurn() {
		jobs = 1
	}
	pace := rate.NewLimiter(rate.Inf, 1)
	if t.part.Pace > 0 {
		pace = rate.NewLimiter(rate.Limit(t.part.Pace), 1)
	}
	var mu sync.Mutex
	var group sync.WaitGroup
	slots := make(chan struct{}, jobs)
	var alone []matrix.Case
	for _, c := range t.Cases {
		if d, ok := t.link.Conduct(c.Conduct); ok && d.Metered {
			alone = append(alone, c)
			continue
		}
		slots <- struct{}{}
		_ = pace.Wait(ctx) // a run that has ended is told so by the case itself
		group.Go(func() {
			defer func() { <-slots }()
			o := t.probe(ctx, c)
			mu.Lock()
			defer mu.Unlock()
			seen[c.ID()] = o
		})
	}
	group.Wait()
	for _, c := range alone {
		seen[c.ID()] = t.meteredProbe(ctx, c)
	}
	t.control(seen, func(c matrix.Case) handshake.Observation { return t.probe(ctx, c) })
	return seen
}

// control makes the first connection that was accepted once more: after a batch of refusals the same process must
// still accept a good peer. If it does not, its refusals are in doubt; if the run was interrupted meanwhile, they are
// not proven either way.
func (t *trial) control(seen map[string]handshake.Observation, again func(matrix.Case) handshake.Observation) {
	good, ok := t.acceptedIn(seen)
	if !ok {
		return
	}
	o := again(good)
	if t.instruments(o).Claim == handshake.Accepted && o.Broken == "" {
		return
	}
	t.ends() // that it ended explains all else
	for id, refused := range seen {
		if t.instruments(refused).Claim != handshake.WasRefused {
			continue
		}
		if refused.Broken = o.Broken; o.Broken == "" {
			refused.Doubt = fmt.Sprintf("after the batch the same process no longer accepts %s: %s", good.ID(), t.instruments(o).Error)
		}
		seen[id] = refused
	}
}

// acceptedIn returns the first case that was accepted, one of a well-behaved instrument if there is any; where the batch
// has nothing but refusals, the twin of the first, if the same start serves it.
func (t *trial) acceptedIn(seen map[string]handshake.Observation) (matrix.Case, bool) {
	accepted := slices.DeleteFunc(slices.Clone(t.Cases), func(c matrix.Case) bool {
		d, _ := t.link.Conduct(c.Conduct)
		return d.Crowd || d.Metered || t.instruments(seen[c.ID()]).Claim != handshake.Accepted
	})
	if i := slices.IndexFunc(accepted, func(c matrix.Case) bool { return c.Conduct == "" }); i >= 0 {
		return accepted[i], true
	}
	if len(accepted) > 0 {
		return accepted[0], true
	}
	twin, ok := t.accepted()
	return twin, ok && !slices.Contains(t.Cases, twin) && !slices.Contains(t.earlier, twin)
}

// instruments returns the account of the instrument.
func (t *trial) instruments(o handshake.Observation) handshake.Account {
	if t.side == handshake.Server {
		return o.Client
	}
	return o.Server
}

// probe makes the connection of one case to a server.
func (t *trial) probe(ctx context.Context, c matrix.Case) handshake.Observation {
	return t.probeWhile(ctx, c, nil)
}

func (t *trial) probeWhile(ctx context.Context, c matrix.Case, accepted func()) (o handshake.Observation) {
	defer t.cut(&o)
	if d, ok := t.link.Conduct(c.Conduct); ok && d.Crowd && !t.instance.SeesSource() {
		return handshake.Observation{Skipped: "behind mapped ports " + t.Subject + " does not see who dials it, so the connections of a crowd cannot be told apart"}
	}
	if why := t.beyond(c); why != "" {
		return handshake.Observation{Skipped: why}
	}
	o = handshake.Observation{Evidence: handshake.Both, Stack: t.part.Stack}
	a, err := t.attempt(c)
	if err != nil {
		o.Broken = err.Error()
		return o
	}
	ctx, cancel := context.WithTimeout(ctx, t.lab.Deadline)
	defer cancel()
	a.Accepted = accepted
	o.Issued = a.Show.Fingerprint()
	begun := time.Now()
	var from string
	to := t.instance.Address(t.part.port())
	o.Client, from = t.link.Prober.Probe(ctx, to, t.lab.local(to), a)
	if o.Client.Claim == handshake.Failed && from == "" {
		o.Duration = time.Since(begun)
		return o // nothing was connected, so the subject has nothing to say
	}
	if r := t.part.Running; r != nil && r.Mute {
		o.Evidence, o.Server = handshake.Wire, heard(o.Client)
	} else {
		o.Server = t.journal.Account(ctx, t.asSeen(from))
	}
	o.Duration = time.Since(begun)
	return o
}

// cut marks an observation during which the run was interrupted: what was seen of it may be our own doing.
func (b *Batch) cut(o *handshake.Observation) {
	if b.lab.run.Err() != nil {
		o.Broken = Interrupted
	}
}

// attempt says what the instrument does in a case.
func (t *trial) attempt(c matrix.Case) (link.Attempt, error) {
	instrument := t.side.Other()
	a := link.Attempt{Version: c.Version, Conduct: c.Conduct, Behind: t.answering}
	if d, ok := t.link.Conduct(c.Conduct); ok && (d.Persists != "" || d.AwaitsReady) {
		a.Conduct = "" // it is the lab that behaves so
	}
	client, server, err := oracle.Verifiers(t.link.Link, c)
	if err != nil {
		return a, err
	}
	a.Require = client
	name := c.Client
	if instrument == handshake.Server {
		a.Require, name = server, c.Server
	}
	if err := t.bear(c, &a); err != nil {
		return a, err
	}
	if err := t.vouch(&a); err != nil {
		return a, err
	}
	if c.Version == link.Clear {
		return a, nil
	}
	if a.Show, err = t.show(name); err != nil {
		return a, err
	}
	if r := t.part.Running; r != nil {
		// Which names it has is not known, and not what it is judged by.
		a.Roots, a.Require.CN, a.Require.URISAN, a.Require.Host = r.Roots, "", "", ""
		return a, nil
	}
	trust := a.Require.Trust
	if len(trust) == 0 {
		trust = []pki.AuthorityName{pki.Trusted}
	}
	good, _ := pki.VariantNamed("good")
	a.Roots, err = t.lab.authorities.Pool(trust, oracle.Credential(t.link.Link, t.side, good))
	if err != nil {
		return a, fmt.Errorf("making the trust anchors of the instrument: %w", err)
	}
	return a, nil
}

// vouched is the variant of a client's certificate by which an observer vouches for its client: an authority signed it that
// is that of front proxies, to whoever stands behind.
const vouched = "authority-second"

// vouch gives an observer what it needs where a server says by its answer what it makes of its client: to tell the program
// behind it whom it speaks for, and the token by which it knows the client itself.
func (t *trial) vouch(a *link.Attempt) error {
	if t.side == handshake.Server || a.Require.Asking != link.Invites {
		return nil
	}
	_, token, err := oracle.TokenOf(t.link.Link, matrix.Case{Mode: t.Mode})
	if err != nil {
		return err
	}
	if a.Token, err = t.lab.authorities.IssueToken(token); err != nil {
		return fmt.Errorf("issuing a token: %w", err)
	}
	if a.Vouch, err = t.lab.issue(t.link, handshake.Client, vouched); err != nil {
		return err
	}
	good, _ := pki.VariantNamed("good")
	a.Roots, err = t.lab.authorities.Pool(a.Require.Trust, oracle.Credential(t.link.Link, t.side, good))
	if err != nil {
		return fmt.Errorf("making the trust anchors of what stands behind: %w", err)
	}
	return nil
}

// asSeen returns an address as the subject sees it: "" behind a proxy, where connections are told apart by their order.
func (t *trial) asSeen(address string) string {
	if !t.instance.SeesSource() || t.part.Reader.InOrder() {
		return ""
	}
	return address
}
