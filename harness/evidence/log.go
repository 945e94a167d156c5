package evidence

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/calico-tls/conformance/harness/handshake"
	"github.com/calico-tls/conformance/pki"
)

// Patterns say how a component's log speaks of connections. They are data: a version that words a line otherwise gets
// patterns of its own.
type Patterns struct {
	// Ready matches the line that says that the component listens or dials.
	Ready string `yaml:"ready"`
	// Refuses matches a line that says that the component will not start with its setting. Its first group, if it has
	// one, holds the reason.
	Refuses string `yaml:"refuses"`
	// Bypasses matches the line that says that the component goes on without its peer; "" if it never does.
	Bypasses string `yaml:"bypasses"`
	// InSync matches the line by which a client says that it has all that its server had to tell; "" if it has none.
	InSync string `yaml:"inSync"`
	// Connection matches a line that speaks of a connection; its first group is the peer's address as the component
	// sees it, or the component's own where it dials. Its second group, if it has one, is what the component calls the
	// connection: addresses come back.
	Connection string `yaml:"connection"`
	// Begins matches the line with which a connection begins, for a component that names none in its lines and makes one
	// after the other: each line is of the connection that began last. It counts where Connection is empty; where both are,
	// the component makes one connection, and all that it says is of that.
	Begins string `yaml:"begins"`
	// Loose matches a line that names no connection, and is of the one that is named next: connections must be made one at a
	// time. It is put before each line of that connection.
	Loose string `yaml:"loose"`
	// Says lists what the lines say of a connection; the first line that says anything decides.
	Says []Saying `yaml:"says"`
	// Remote matches an error text by which the component says that its peer refused it, Fails one by which it says
	// that neither refused the other, such as a timeout.
	Remote string `yaml:"remote"`
	Fails  string `yaml:"fails"`
}

// Over returns patterns of which each that is set takes the place of base's. What p says of lines comes before what base
// does, so that it decides.
func (p Patterns) Over(base Patterns) Patterns {
	for _, pattern := range []struct{ own, base *string }{
		{&p.Ready, &base.Ready},
		{&p.Refuses, &base.Refuses},
		{&p.Bypasses, &base.Bypasses},
		{&p.InSync, &base.InSync},
		{&p.Connection, &base.Connection},
		{&p.Begins, &base.Begins},
		{&p.Loose, &base.Loose},
		{&p.Remote, &base.Remote},
		{&p.Fails, &base.Fails},
	} {
		*pattern.own = cmp.Or(*pattern.own, *pattern.base)
	}
	p.Says = slices.Concat(p.Says, base.Says)
	return p
}

// Saying is one kind of log line.
type Saying struct {
	// Text is a part of the line.
	Text string `yaml:"text"`
	// Claim is what the line says: "accepted", "refused" or "was-refused".
	Claim handshake.Claim `yaml:"claim"`
	// Error matches the reason, in its first group; "" if the line gives none.
	Error string `yaml:"error"`
	// Identity matches whom the component took its peer for: its name in the first group, and in the second, if there is
	// one, a list of the groups to which it belongs, in JSON; "" if the line does not say.
	Identity string `yaml:"identity"`
	// Phase is the phase of which the line tells, where a peer is refused in another one than the handshake.
	Phase handshake.Phase `yaml:"phase"`
	// Checks are those that the line is consistent with, where it gives no reason.
	Checks []pki.Check `yaml:"checks"`
}

// Reader reads a component's log.
type Reader struct {
	ready, refuses, bypasses, inSync, connection, begins, loose, remote, fails *regexp.Regexp

	says []saying
}

type saying struct {
	Saying
	reason, identity *regexp.Regexp
}

// NewReader compiles patterns. It returns an error that names the pattern that is no regular expression, or lacks the
// group that it must have.
func NewReader(p Patterns) (*Reader, error) {
	r := &Reader{}
	for _, c := range []struct {
		name, text string
		into       **regexp.Regexp
		groups     int
	}{
		{"ready", p.Ready, &r.ready, 0},
		{"refuses", p.Refuses, &r.refuses, 0},
		{"bypasses", p.Bypasses, &r.bypasses, 0},
		{"inSync", p.InSync, &r.inSync, 0},
		{"connection", p.Connection, &r.connection, 1},
		{"begins", p.Begins, &r.begins, 0},
		{"loose", p.Loose, &r.loose, 0},
		{"remote", p.Remote, &r.remote, 0},
		{"fails", p.Fails, &r.fails, 0},
	} {
		if err := compile(c.name, c.text, c.groups, c.into); err != nil {
			return nil, err
		}
	}
	for _, s := range p.Says {
		compiled := saying{Saying: s}
		switch s.Claim {
		case handshake.Accepted, handshake.Refused, handshake.WasRefused:
		case handshake.Silent, handshake.Failed:
			fallthrough
		default:
			return nil, fmt.Errorf("reading log patterns: line %q claims %q: wanted accepted, refused or was-refused", s.Text, s.Claim)
		}
		if err := compile("error", s.Error, 1, &compiled.reason); err != nil {
			return nil, err
		}
		if err := compile("identity", s.Identity, 1, &compiled.identity); err != nil {
			return nil, err
		}
		r.says = append(r.says, compiled)
	}
	return r, nil
}

func compile(name, text string, groups int, into **regexp.Regexp) error {
	if text == "" {
		return nil
	}
	re, err := regexp.Compile(text)
	if err != nil {
		return fmt.Errorf("reading log patterns: %s: %w", name, err)
	}
	if re.NumSubexp() < groups {
		return fmt.Errorf("reading log patterns: %s: wanted %d group in %q, found %d", name, groups, text, re.NumSubexp())
	}
	*into = re
	return nil
}

// Accepting returns a reader to which nothing counts but that a peer was accepted: a component that tries several says of
// the others first that it refused them.
func (r *Reader) Accepting() *Reader {
	of := *r
	of.says = slices.DeleteFunc(slices.Clone(r.says), func(s saying) bool { return s.Claim != handshake.Accepted })
	return &of
}

// Ready reports whether a line says that the component is ready.
func (r *Reader) Ready(line string) bool { return r.ready != nil && r.ready.MatchString(line) }

// Bypasses reports whether a line says that the component goes on without its peer.
func (r *Reader) Bypasses(line string) bool { return r.bypasses != nil && r.bypasses.MatchString(line) }

// InSync reports whether a line says that the component has all that its server had to tell.
func (r *Reader) InSync(line string) bool { return r.inSync != nil && r.inSync.MatchString(line) }

// SaysInSync reports whether the component has a line for that.
func (r *Reader) SaysInSync() bool { return r.inSync != nil }

// Refuses returns the reason that a line gives for not starting.
func (r *Reader) Refuses(line string) (string, bool) {
	if r.refuses == nil {
		return "", false
	}
	m := r.refuses.FindStringSubmatch(line)
	if m == nil {
		return "", false
	}
	return m[len(m)-1], true
}

// Journal keeps what a component's log says of each connection until it is asked for. It is fed line by line.
type Journal struct {
	reader *Reader
	mu     sync.Mutex
	open   map[connection]*entry
	// latest is the connection that was written about last of each address, order holds the open ones as they came.
	latest map[string]connection
	order  []connection
	// past are the connections that were asked for last: a component goes on to write about a connection after it has
	// said what became of it.
	past map[connection]struct{}
	ring []connection
	next int
	// begun counts the connections that have begun, where lines name none.
	begun int
	// loose is the last line that named no connection, until one is named.
	loose string
	grown chan struct{}
}

// connection is an address, and what the component calls the connection.
type connection struct{ address, name string }

// entry is what has been said of one connection.
type entry struct {
	account handshake.Account
	// loose is the line that was of it without naming it.
	loose string
}

// NewJournal returns an empty journal.
func NewJournal(r *Reader) *Journal {
	return &Journal{
		reader: r, open: map[connection]*entry{}, latest: map[string]connection{}, past: map[connection]struct{}{},
		ring: make([]connection, maxPast), grown: make(chan struct{}),
	}
}

// maxPast bounds the connections that are remembered after they were asked for.
const maxPast = 4096

// maxLines bounds the lines that are kept of one connection, maxOctets what is kept of each.
const (
	maxLines  = 16
	maxOctets = 4096
)

// Line takes one line of the log.
func (j *Journal) Line(line string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.reader.loose != nil && j.reader.loose.MatchString(line) {
		j.loose = line
		return
	}
	key, ok := j.of(line)
	if !ok {
		return
	}
	loose := j.loose
	j.loose = ""
	if _, gone := j.past[key]; gone {
		return
	}
	e := j.open[key]
	if e == nil {
		e = &entry{account: handshake.Account{AlertReceived: handshake.NoAlert}}
		j.open[key] = e
		j.latest[key.address] = key
		j.order = append(j.order, key)
	}
	if loose != "" {
		e.loose = loose + " "
	}
	line = e.loose + line
	if len(e.account.Log) < maxLines {
		e.account.Log = append(e.account.Log, line[:min(len(line), maxOctets)])
	}
	if e.account.Claim == handshake.Silent && j.reader.read(&e.account, line) {
		close(j.grown)
		j.grown = make(chan struct{})
	}
}

// of returns the connection of which a line speaks.
func (j *Journal) of(line string) (connection, bool) {
	r := j.reader
	if r.connection == nil {
		if r.begins == nil && j.begun == 0 || r.begins != nil && r.begins.MatchString(line) {
			j.begun++
		}
		return connection{name: strconv.Itoa(j.begun)}, j.begun > 0
	}
	m := r.connection.FindStringSubmatch(line)
	if m == nil {
		return connection{}, false
	}
	c := connection{address: m[1]}
	if len(m) > 2 {
		c.name = m[2]
	}
	return c, true
}

// read fills in what the line says; it reports whether it says anything.
func (r *Reader) read(a *handshake.Account, line string) bool {
	for _, s := range r.says {
		if !strings.Contains(line, s.Text) {
			continue
		}
		a.Claim, a.Phase = s.Claim, cmp.Or(s.Phase, handshake.PhaseHandshake)
		if s.Claim == handshake.Accepted {
			a.Phase = handshake.PhaseApplication
		}
		a.Error, a.Identity = group(s.reason, line), identityIn(s.identity, line)
		switch {
		case s.Claim == handshake.Refused && r.fails != nil && r.fails.MatchString(a.Error):
			a.Claim = handshake.Failed
		case s.Claim == handshake.Refused && r.remote != nil && r.remote.MatchString(a.Error):
			a.Claim, a.AlertReceived = handshake.WasRefused, AlertIn(a.Error)
		case s.Claim == handshake.Refused:
			if a.Checks = CausesOf(a.Error); len(a.Checks) == 0 {
				a.Checks = s.Checks
			}
		}
		return true
	}
	return false
}

// InOrder reports whether connections are told apart by their order alone.
func (r *Reader) InOrder() bool { return r.connection == nil }

// TellsApart reports whether the component has words of its own for each connection.
func (r *Reader) TellsApart() bool { return r.connection != nil || r.begins != nil }

// InTurn reports whether connections must be made one at a time, as lines are of the one that is named next.
func (r *Reader) InTurn() bool { return r.loose != nil }

// identityIn returns whom a line names.
func identityIn(re *regexp.Regexp, line string) string {
	name := group(re, line)
	if name == "" || re.NumSubexp() < 2 {
		return name
	}
	var groups []string
	if json.Unmarshal([]byte(re.FindStringSubmatch(line)[2]), &groups) != nil {
		return name
	}
	return handshake.User(name, groups)
}

// group returns what the first group of an expression matches in a line, without the quotes of a structured log.
func group(re *regexp.Regexp, line string) string {
	if re == nil {
		return ""
	}
	m := re.FindStringSubmatch(line)
	if m == nil {
		return ""
	}
	if text, err := strconv.Unquote(m[1]); err == nil {
		return text
	}
	return m[1]
}

// Account waits for what the component says of the connection with an address, and forgets it. An empty address takes
// the first connection that nobody has asked for, for a component that does not see our address; then connections must
// be made one at a time. When ctx ends first it returns what there is: a silent account.
func (j *Journal) Account(ctx context.Context, address string) handshake.Account {
	for {
		j.mu.Lock()
		key := j.latest[address]
		if address == "" && len(j.order) > 0 {
			key = j.order[0]
		}
		e, grown := j.open[key], j.grown
		done := ctx.Err() != nil
		if e != nil && (e.account.Claim != handshake.Silent || done) {
			j.forget(key)
			j.mu.Unlock()
			return e.account
		}
		j.mu.Unlock()
		if done {
			return handshake.Account{AlertReceived: handshake.NoAlert}
		}
		select {
		case <-grown:
		case <-ctx.Done():
		}
	}
}

func (j *Journal) forget(key connection) {
	delete(j.open, key)
	if j.latest[key.address] == key {
		delete(j.latest, key.address)
	}
	delete(j.past, j.ring[j.next])
	j.ring[j.next] = key
	j.past[key] = struct{}{}
	j.next = (j.next + 1) % len(j.ring)
	for i, k := range j.order {
		if k == key {
			j.order = append(j.order[:i], j.order[i+1:]...)
			return
		}
	}
}
