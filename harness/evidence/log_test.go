package evidence_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/calico-tls/conformance/fixtures"
	"github.com/calico-tls/conformance/harness/evidence"
	"github.com/calico-tls/conformance/harness/handshake"
	"github.com/calico-tls/conformance/pki"
)

// typhaReader reads the log of the newest release's Typha.
func typhaReader(t testing.TB) *evidence.Reader {
	t.Helper()
	release, err := fixtures.ProgramNamed("calico-typha")
	if err != nil {
		t.Fatal(err)
	}
	var patterns map[string]map[string]evidence.Patterns
	if err := release.Release.Logs(&patterns); err != nil {
		t.Fatal(err)
	}
	r, err := evidence.NewReader(patterns["felix-typha"]["typha"])
	if err != nil {
		t.Fatal(err)
	}
	return r
}

const (
	refusedCN  = `2026-11-23 16:32:37.658 [INFO][10314] typha/sync_server.go 861: Failed to read from client client=127.0.0.1:39042 connID=0xdbf3ef6400000001 error=peer certificate does not have required CN thread="read"`
	started    = `2026-11-23 16:32:37.653 [INFO][10314] typha/sync_server.go 726: Per-connection goroutine started client=127.0.0.1:39042 connID=0xdbf3ef6400000001`
	afterwards = `2026-11-23 16:32:37.658 [WARNING][10314] typha/sync_server.go 904: Failed to read client hello. client=127.0.0.1:39042 connID=0xdbf3ef6400000001 error=context canceled`
	noCert     = `2026-11-23 16:32:37.733 [INFO][10314] typha/sync_server.go 861: Failed to read from client client=127.0.0.1:39058 connID=0xdbf3ef6400000002 error=tls: client didn't provide a certificate thread="read"`
	hello      = `2026-11-23 16:32:37.890 [INFO][10314] typha/sync_server.go 912: Received Hello message from client. client=127.0.0.1:39064 connID=0xdbf3ef6400000003 msg=syncproto.MsgClientHello{Hostname:"vm"}`
	closed     = `2026-11-23 16:32:39.744 [INFO][10314] typha/sync_server.go 859: Client closed the connection. client=127.0.0.1:39064 connID=0xdbf3ef6400000003 thread="read"`
	remote     = `2026-11-23 16:32:39.744 [INFO][10314] typha/sync_server.go 861: Failed to read from client client=127.0.0.1:39070 connID=0xdbf3ef6400000004 error=remote error: tls: bad certificate thread="read"`
	timedOut   = `2026-11-23 16:32:39.744 [INFO][10314] typha/sync_server.go 861: Failed to read from client client=127.0.0.1:39071 connID=0xdbf3ef6400000005 error=read tcp 127.0.0.1:1->127.0.0.1:39071: i/o timeout thread="read"`
	unrelated  = `2026-11-23 16:32:36.131 [INFO][10314] typha/sync_server.go 387: Opened listen socket port=15473`
)

func TestJournal(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		address string
		lines   []string
		want    handshake.Account
	}{
		{
			"refused for its name", "127.0.0.1:39042",
			[]string{unrelated, started, refusedCN, afterwards},
			handshake.Account{
				Claim: handshake.Refused, Phase: handshake.PhaseHandshake, Checks: []pki.Check{pki.CheckIdentity}, AlertReceived: handshake.NoAlert,
				Error: "peer certificate does not have required CN", Log: []string{started, refusedCN, afterwards},
			},
		},
		{
			"another connection's line between", "127.0.0.1:39042",
			[]string{noCert, started, hello, refusedCN},
			handshake.Account{
				Claim: handshake.Refused, Phase: handshake.PhaseHandshake, Checks: []pki.Check{pki.CheckIdentity}, AlertReceived: handshake.NoAlert,
				Error: "peer certificate does not have required CN", Log: []string{started, refusedCN},
			},
		},
		{
			"accepted, then closed", "127.0.0.1:39064",
			[]string{hello, closed},
			handshake.Account{Claim: handshake.Accepted, Phase: handshake.PhaseApplication, AlertReceived: handshake.NoAlert, Log: []string{hello, closed}},
		},
		{
			"refused by its peer", "127.0.0.1:39070",
			[]string{remote},
			handshake.Account{
				Claim: handshake.WasRefused, Phase: handshake.PhaseHandshake, AlertReceived: handshake.BadCertificate,
				Error: "remote error: tls: bad certificate", Log: []string{remote},
			},
		},
		{
			"timed out", "127.0.0.1:39071",
			[]string{timedOut},
			handshake.Account{
				Claim: handshake.Failed, Phase: handshake.PhaseHandshake, AlertReceived: handshake.NoAlert,
				Error: "read tcp 127.0.0.1:1->127.0.0.1:39071: i/o timeout", Log: []string{timedOut},
			},
		},
		{"no line of this connection", "127.0.0.1:1", []string{refusedCN, hello, noCert}, handshake.Account{AlertReceived: handshake.NoAlert}},
		{"no line that says anything", "127.0.0.1:39042", []string{started, afterwards}, handshake.Account{AlertReceived: handshake.NoAlert, Log: []string{started, afterwards}}},
		{
			"whatever comes first, where addresses are not seen", "",
			[]string{unrelated, noCert, refusedCN},
			handshake.Account{
				Claim: handshake.Refused, Phase: handshake.PhaseHandshake, Checks: []pki.Check{pki.CheckPresence}, AlertReceived: handshake.NoAlert,
				Error: "tls: client didn't provide a certificate", Log: []string{noCert},
			},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			j := evidence.NewJournal(typhaReader(t))
			for _, line := range test.lines {
				j.Line(line)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			if diff := cmp.Diff(test.want, j.Account(ctx, test.address)); diff != "" {
				t.Errorf("account (-want +got):\n%s", diff)
			}
		})
	}
}

// TestJournalForgets: what is written of a connection after it was asked for is no connection of its own.
func TestJournalForgets(t *testing.T) {
	t.Parallel()
	j := evidence.NewJournal(typhaReader(t))
	j.Line(hello)
	if a := j.Account(t.Context(), ""); a.Claim != handshake.Accepted {
		t.Fatalf("wanted an accepted connection, found %+v", a)
	}
	j.Line(closed)
	j.Line(noCert)
	if a := j.Account(t.Context(), ""); a.Error != "tls: client didn't provide a certificate" {
		t.Errorf("wanted the next connection, found %+v", a)
	}
}

// TestJournalTellsNamesakes: an address comes back, for another connection.
func TestJournalTellsNamesakes(t *testing.T) {
	t.Parallel()
	again := strings.ReplaceAll(strings.ReplaceAll(noCert, "127.0.0.1:39058", "127.0.0.1:39064"), "0002", "0009")
	for name, lines := range map[string][]string{
		"asked for between": {hello, "", closed, again},
		"at once":           {hello, closed, again},
	} {
		j := evidence.NewJournal(typhaReader(t))
		for _, line := range lines {
			if line == "" {
				j.Account(t.Context(), "127.0.0.1:39064")
			}
			j.Line(line)
		}
		if a := j.Account(t.Context(), "127.0.0.1:39064"); a.Claim != handshake.Refused {
			t.Errorf("%s: wanted the account of the later connection, found %+v", name, a)
		}
	}
}

// TestJournalWaits: a line that comes after it was asked for is still taken.
func TestJournalWaits(t *testing.T) {
	t.Parallel()
	j := evidence.NewJournal(typhaReader(t))
	got := make(chan handshake.Account)
	go func() { got <- j.Account(t.Context(), "127.0.0.1:39042") }()
	j.Line(started)
	j.Line(refusedCN)
	if a := <-got; a.Claim != handshake.Refused {
		t.Errorf("wanted a refusal, found %+v", a)
	}
}

func TestReaderRefuses(t *testing.T) {
	t.Parallel()
	r := typhaReader(t)
	for line, want := range map[string]bool{
		`2026-11-23 16:32:37.653 [ERROR][1] typha/daemon.go 209: Failed to parse/validate configuration. error=if any Felix-Typha TLS config parameters are specified, they _all_ must be`: true,
		unrelated: false,
		refusedCN: false,
	} {
		if _, got := r.Refuses(line); got != want {
			t.Errorf("wanted refuses=%t of %q, found %t", want, line, got)
		}
	}
	if !r.Ready(unrelated) || r.Ready(hello) {
		t.Error("wanted the listening line, and it alone, to say that Typha is ready")
	}
}

func TestNewReaderRejects(t *testing.T) {
	t.Parallel()
	for name, p := range map[string]evidence.Patterns{
		"no expression": {Ready: "("},
		"no group":      {Connection: "client="},
		"unknown claim": {Says: []evidence.Saying{{Text: "x", Claim: "maybe"}}},
		"no reason":     {Says: []evidence.Saying{{Text: "x", Claim: handshake.Refused, Error: "error="}}},
	} {
		if _, err := evidence.NewReader(p); err == nil {
			t.Errorf("%s: wanted an error, found none", name)
		}
	}
}

func FuzzJournal(f *testing.F) {
	for _, line := range []string{refusedCN, hello, closed, remote, unrelated} {
		f.Add(line)
	}
	r := typhaReader(f)
	f.Fuzz(func(_ *testing.T, line string) {
		evidence.NewJournal(r).Line(line)
	})
}
