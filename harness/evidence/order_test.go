package evidence_test

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/calico-tls/conformance/fixtures"
	"github.com/calico-tls/conformance/harness/evidence"
	"github.com/calico-tls/conformance/harness/handshake"
	"github.com/calico-tls/conformance/pki"
)

// felixReader returns the reader of Calico v3.31.0's own patterns for Felix, whose lines name no connection.
func felixReader(t testing.TB) *evidence.Reader {
	t.Helper()
	program, err := fixtures.ProgramNamed("calico-felix")
	if err != nil {
		t.Fatal(err)
	}
	var patterns map[string]map[string]evidence.Patterns
	if err := program.Release.Logs(&patterns); err != nil {
		t.Fatal(err)
	}
	r, err := evidence.NewReader(patterns["felix-typha"]["felix"])
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Lines of Felix, of which the first begins a connection.
const (
	dials     = `2026-11-23 16:32:36.131 [INFO][7] felix/sync_client.go 273: Connecting to Typha. address=127.0.0.1:5473 myID=0x1 type=""`
	takes     = `2026-11-23 16:32:36.141 [INFO][7] felix/sync_client.go 461: ServerHello message received from Typha address=127.0.0.1:5473`
	refuses   = `2026-11-23 16:32:36.142 [WARNING][7] felix/sync_client.go 280: Failed to connect to typha endpoint 127.0.0.1:5473. error=x509: certificate has expired or is not yet valid type=""`
	isRefused = `2026-11-23 16:32:36.143 [ERROR][7] felix/sync_client.go 500: Failed to read from server error=remote error: tls: bad certificate type=""`
	chatter   = `2026-11-23 16:32:36.144 [INFO][7] felix/health.go 12: Nothing of it`
)

func TestJournalInOrder(t *testing.T) {
	t.Parallel()
	r := felixReader(t)
	if !r.InOrder() {
		t.Fatal("wanted a reader that tells connections apart by their order")
	}
	accepted := func(log ...string) handshake.Account {
		return handshake.Account{Claim: handshake.Accepted, Phase: handshake.PhaseApplication, AlertReceived: handshake.NoAlert, Log: log}
	}
	objected := func(log ...string) handshake.Account {
		return handshake.Account{
			Claim: handshake.Refused, Phase: handshake.PhaseHandshake, AlertReceived: handshake.NoAlert,
			Checks: []pki.Check{pki.CheckValidity}, Error: "x509: certificate has expired or is not yet valid", Log: log,
		}
	}
	silent := func(log ...string) handshake.Account {
		return handshake.Account{AlertReceived: handshake.NoAlert, Log: log}
	}
	told := handshake.Account{
		Claim: handshake.WasRefused, Phase: handshake.PhaseHandshake, AlertReceived: handshake.BadCertificate,
		Error: "remote error: tls: bad certificate", Log: []string{dials, isRefused},
	}
	for name, c := range map[string]struct {
		lines []string
		want  []handshake.Account
	}{
		"nothing":                        {nil, []handshake.Account{silent()}},
		"before it dials nothing counts": {[]string{chatter, takes, refuses}, []handshake.Account{silent()}},
		"one that it took":               {[]string{dials, takes}, []handshake.Account{accepted(dials, takes), silent()}},
		"one of each, one after another": {
			[]string{chatter, dials, refuses, chatter, dials, takes, chatter, dials, isRefused},
			[]handshake.Account{objected(dials, refuses, chatter), accepted(dials, takes, chatter), told, silent()},
		},
		"of what is said of one the first decides": {[]string{dials, takes, isRefused}, []handshake.Account{accepted(dials, takes, isRefused)}},
		"one of which nothing is said stands between": {
			[]string{dials, refuses, dials, dials, takes},
			[]handshake.Account{objected(dials, refuses), silent(dials), accepted(dials, takes)},
		},
		"one that has only begun": {[]string{dials, takes, dials}, []handshake.Account{accepted(dials, takes), silent(dials)}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			over, end := context.WithCancel(t.Context())
			end()
			j := evidence.NewJournal(r)
			for _, line := range c.lines {
				j.Line(line)
			}
			for n, want := range c.want {
				if diff := cmp.Diff(want, j.Account(over, "")); diff != "" {
					t.Errorf("connection %d (-want +got):\n%s", n+1, diff)
				}
			}
		})
	}
}

// TestJournalInOrderForgets: what is written of a connection after it was asked for is not taken for the next one.
func TestJournalInOrderForgets(t *testing.T) {
	t.Parallel()
	j := evidence.NewJournal(felixReader(t))
	j.Line(dials)
	j.Line(takes)
	if a := j.Account(t.Context(), ""); a.Claim != handshake.Accepted {
		t.Fatalf("wanted it accepted, found %+v", a)
	}
	j.Line(isRefused) // the server has gone
	j.Line(dials)
	j.Line(refuses)
	if a := j.Account(t.Context(), ""); a.Claim != handshake.Refused {
		t.Errorf("wanted the next connection's, found %+v", a)
	}
}

// TestJournalInOrderWaits: the account of a connection is waited for until its line comes, and the next one's word is
// none.
func TestJournalInOrderWaits(t *testing.T) {
	t.Parallel()
	j := evidence.NewJournal(felixReader(t))
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	got := make(chan handshake.Account)
	go func() { got <- j.Account(ctx, "") }()
	for _, line := range []string{dials, chatter, refuses} {
		j.Line(line)
	}
	if a := <-got; a.Claim != handshake.Refused {
		t.Errorf("wanted a refusal, found %+v", a)
	}
}

// TestJournalInOrderKeepsCount: however many connections there are, the n-th account is of the n-th.
func TestJournalInOrderKeepsCount(t *testing.T) {
	t.Parallel()
	j := evidence.NewJournal(felixReader(t))
	over, end := context.WithCancel(t.Context())
	end()
	for n := range 10_000 {
		j.Line(dials)
		j.Line(strings.Replace(refuses, "x509: ", fmt.Sprintf("x509: %d: ", n), 1))
		j.Line(chatter)
		if n%2 == 0 {
			continue // two wait at a time
		}
		for _, want := range []int{n - 1, n} {
			if a := j.Account(over, ""); !strings.HasPrefix(a.Error, "x509: "+strconv.Itoa(want)+":") {
				t.Fatalf("wanted the account of connection %d, found %+v", want, a)
			}
		}
	}
}

// TestJournalKeepsLittle: of a connection about which much is said, little is kept, but all of it is read.
func TestJournalKeepsLittle(t *testing.T) {
	t.Parallel()
	j := evidence.NewJournal(felixReader(t))
	j.Line(dials)
	for range 1000 {
		j.Line(chatter)
	}
	j.Line(strings.Repeat("x", 1<<20) + refuses)
	j.Line(dials)
	j.Line(strings.Repeat("x", 1<<20) + takes)
	for _, want := range []handshake.Claim{handshake.Refused, handshake.Accepted} {
		a := j.Account(t.Context(), "")
		if size := len(strings.Join(a.Log, "")); a.Claim != want || len(a.Log) > 16 || size > 16*longestKept {
			t.Errorf("wanted claim %v and little of the log, found %v with %d lines of %d octets", want, a.Claim, len(a.Log), size)
		}
	}
}

func TestReaderBypasses(t *testing.T) {
	t.Parallel()
	const bypasses = `2026-11-23 16:32:36.131 [INFO][7] felix/daemon.go 546: Starting the datastore Syncer/client.`
	for _, line := range []string{dials, takes, refuses, chatter} {
		if felixReader(t).Bypasses(line) {
			t.Errorf("wanted nothing bypassed by %q", line)
		}
	}
	if r := felixReader(t); !r.Bypasses(bypasses) || r.Ready(bypasses) {
		t.Errorf("wanted Felix to bypass Typha by %q, and not to be ready by it", bypasses)
	}
	if typhaReader(t).Bypasses(bypasses) {
		t.Error("wanted a component without a pattern to bypass nothing")
	}
	if _, err := evidence.NewReader(evidence.Patterns{Bypasses: "("}); err == nil {
		t.Error("wanted an error for a pattern that is no expression, found none")
	}
	if _, err := evidence.NewReader(evidence.Patterns{Begins: "("}); err == nil {
		t.Error("wanted an error for a pattern that is no expression, found none")
	}
}

// longestKept is how much is kept of a line.
const longestKept = 4096

// FuzzJournalInOrder: whatever a log says, as many accounts come as connections have begun, each with its own beginning.
func FuzzJournalInOrder(f *testing.F) {
	f.Add(strings.Join([]string{chatter, dials, refuses, dials, takes, dials, dials, isRefused}, "\n"))
	f.Add(dials)
	f.Add("")
	r := felixReader(f)
	over, end := context.WithCancel(f.Context())
	end()
	f.Fuzz(func(t *testing.T, log string) {
		j := evidence.NewJournal(r)
		begun := 0
		for line := range strings.SplitSeq(log, "\n") {
			j.Line(line)
			if r.Ready(line) { // in Felix's words that is how a connection begins
				begun++
			}
		}
		for n := range begun {
			if a := j.Account(over, ""); len(a.Log) == 0 || len(a.Log[0]) < longestKept && !r.Ready(a.Log[0]) {
				t.Fatalf("wanted the account of connection %d of %d, found %+v", n+1, begun, a)
			}
		}
		if a := j.Account(over, ""); len(a.Log) > 0 {
			t.Fatalf("wanted no account beyond %d, found %+v", begun, a)
		}
	})
}
