package felixtypha

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/calico-tls/conformance/harness/handshake"
	"github.com/calico-tls/conformance/harness/link/instrument"
)

// behaviours are the conducts of the prober. They are told about in [Link], which holds one more table of the same
// names; a test compares the two.
var behaviours = slices.Concat([]conduct{
	{name: ""},
	{name: "sni-other", offer: func(c *tls.Config) { c.ServerName = "nobody.invalid" }},
	{name: "alpn-other", offer: func(c *tls.Config) { c.NextProtos = []string{"h2", "x"} }},
	{name: "offer-all", offer: func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS13 }},
	{name: "syncer-bgp", syncer: SyncerBGP},
	{name: "syncer-tunnel-ip-allocation", syncer: SyncerTunnelIPAllocation},
	{name: "syncer-node-status", syncer: SyncerNodeStatus},
	{name: "withhold", keeps: unlisted},
	{name: "idle-first", before: idle},
	{name: "sync", after: synchronise},
	{name: "amid-refusals", instead: crowd},
	{name: "requires-uri-san"}, // unlike in what its attempt requires
	{name: "requires-cn"},
	{name: "metered"}, // unlike in what goes on around it
	{name: "asks-health"},
}, suiteBehaviours())

// conduct says how the prober behaves. What is left out it does as a well-behaved Felix does.
type conduct struct {
	name string
	// offer changes what it offers in the TLS handshake.
	offer func(*tls.Config)
	// keeps reports whether it keeps its certificate back.
	keeps func(show *tls.Certificate, asked *tls.CertificateRequestInfo) bool
	// syncer is what it asks for.
	syncer string
	// before is done between the TLS handshake and its hello, after once it has the server's.
	before func(context.Context, probe, *session) error
	after  func(probe, *session) error
	// instead is done in the place of a connection.
	instead func(context.Context, probe) (handshake.Account, string)
}

func conductNamed(name string) (conduct, bool) {
	i := slices.IndexFunc(behaviours, func(c conduct) bool { return c.name == name })
	if i < 0 {
		return conduct{}, false
	}
	return behaviours[i], true
}

// unlisted reports whether crypto/tls would keep the certificate back by itself: if it has an issuer that the server
// does not list.
func unlisted(show *tls.Certificate, asked *tls.CertificateRequestInfo) bool {
	return asked.SupportsCertificate(show) != nil
}

// neighbourly is how long a neighbour may take to be accepted: less than a Typha gives a client that stays silent, which
// is 10 s by default (Calico typha/pkg/config/config_params.go).
const neighbourly = 8 * time.Second

// arrival is how long what a server said before a neighbour was accepted may still be on its way.
const arrival = 100 * time.Millisecond

// idle stays silent until a neighbour with the same credential has been accepted. The server must stay silent as well,
// and must not keep the neighbour waiting for it.
func idle(ctx context.Context, p probe, s *session) error {
	first := make(chan chunk, 1)
	go func() {
		buffer := make([]byte, 1024)
		n, err := s.Conn.Read(buffer)
		first <- chunk{buffer[:n], err}
	}()
	neighbour := p
	neighbour.conduct, neighbour.attempt.Accepted = conduct{}, nil
	waits, cancel := context.WithTimeout(ctx, neighbourly)
	defer cancel()
	account, _ := neighbour.run(waits)
	if waits.Err() != nil && ctx.Err() == nil {
		return fmt.Errorf("%w: the server kept a neighbour waiting for %s for the sake of a client that stays silent", instrument.ErrObjection, neighbourly)
	}
	switch account.Claim {
	case handshake.Accepted:
	case handshake.WasRefused:
		return s.disturbed(<-first) // so must this one be
	case handshake.Silent, handshake.Refused, handshake.Failed:
		return fmt.Errorf("waiting for a neighbour to be accepted: it says %s: %s", account.Claim, account.Error)
	}
	over := time.NewTimer(arrival)
	defer over.Stop()
	select {
	case c := <-first:
		return s.disturbed(c)
	case <-over.C:
		s.listen(&resumed{first: first, rest: s.Conn})
		return nil
	}
}

// disturbed says what is wrong with a server that did something before the client's hello.
func (s *session) disturbed(c chunk) error {
	s.Account.Octets += len(c.octets)
	if len(c.octets) > 0 {
		return fmt.Errorf("%w: the server sent %d octets before the client's hello", instrument.ErrObjection, len(c.octets))
	}
	return fmt.Errorf("staying silent: %w", c.err)
}

// chunk is what one Read returned.
type chunk struct {
	octets []byte
	err    error
}

// resumed is a stream of which the first Read was begun by somebody else.
type resumed struct {
	first <-chan chunk
	begun chunk
	rest  io.Reader
}

// Read implements [io.Reader].
func (r *resumed) Read(p []byte) (int, error) {
	if r.first != nil {
		r.begun, r.first = <-r.first, nil
	}
	if len(r.begun.octets) > 0 {
		n := copy(p, r.begun.octets)
		r.begun.octets = r.begun.octets[n:]
		return n, nil
	}
	if r.begun.err != nil {
		return 0, r.begun.err
	}
	return r.rest.Read(p)
}

// synchronise waits until the server is in sync and has pinged, and answers each ping.
func synchronise(p probe, s *session) error {
	writer := NewWriter(s.Conn)
	if err := writer.Skip(hello(p.syncer())); err != nil {
		return err
	}
	for inSync, pinged := false, false; !inSync || !pinged; {
		m, err := s.reader.Read()
		if err != nil {
			return fmt.Errorf("waiting until the server is in sync (found: %t) and pings (found: %t): %w", inSync, pinged, err)
		}
		switch m := m.(type) {
		case MsgSyncStatus:
			inSync = m.SyncStatus == InSync
		case MsgPing:
			pinged = true
			if err := writer.Write(MsgPong{PingTimestamp: m.Timestamp, PongTimestamp: time.Now()}); err != nil {
				return fmt.Errorf("answering a ping: %w", err)
			}
		}
	}
	return nil
}

// The crowd of the conduct "amid-refusals": how many connections are accepted and refused, and how many are under way
// at any time.
const (
	crowdGood   = 20
	crowdBad    = 100
	crowdAtOnce = 10
)

// crowd makes good connections amid ones without a certificate, and returns the account of the first that did not end
// as it must; if there is none, that of the last good one.
func crowd(ctx context.Context, p probe) (handshake.Account, string) {
	p.conduct, p.attempt.Accepted = conduct{}, nil
	const all = crowdGood + crowdBad
	members := make([]member, all)
	next := make(chan *member)
	var wg sync.WaitGroup
	for range crowdAtOnce {
		wg.Go(func() {
			for m := range next {
				m.account, m.from = m.probe.run(ctx)
			}
		})
	}
	for i := range members {
		members[i].probe = p
		if i%(all/crowdGood) != all/crowdGood-1 {
			members[i].bad, members[i].probe.attempt.Show = true, nil
		}
		next <- &members[i]
	}
	close(next)
	wg.Wait()
	for i, m := range members {
		if problem := m.problem(); problem != nil {
			problem = fmt.Errorf("connection %d of %d: %w", i+1, all, problem)
			m.account.Error = problem.Error()
			if errors.Is(problem, instrument.ErrObjection) {
				m.account.Claim = handshake.Refused
			}
			return m.account, m.from
		}
	}
	last := members[all-1] // a good one
	return last.account, last.from
}

// member is one connection of a crowd.
type member struct {
	probe   probe
	bad     bool
	account handshake.Account
	from    string
}

// problem says how a connection did not end as it must.
func (m member) problem() error {
	switch {
	case m.bad && m.account.Claim == handshake.Accepted:
		return fmt.Errorf("%w: the server accepted a client without a certificate", instrument.ErrObjection)
	case m.bad && m.account.Claim == handshake.WasRefused, !m.bad && m.account.Claim == handshake.Accepted:
		return nil
	}
	return errors.New(m.account.Error)
}
