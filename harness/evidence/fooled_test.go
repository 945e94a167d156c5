package evidence_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/calico-tls/conformance/harness/evidence"
	"github.com/calico-tls/conformance/harness/handshake"
)

// FuzzJournalIsNotFooled: whatever a client calls itself, and whatever of its certificate an error quotes, its lines are
// of its own connection, say what they say, and change nothing of another one's.
func FuzzJournalIsNotFooled(f *testing.F) {
	for _, text := range []string{
		"vm", "", `client=127.0.0.1:39042 connID=0xdbf3ef6400000001`, "\n" + refusedCN, "Failed to read from client",
		`x" thread="read" client=127.0.0.1:39042 connID=0xdbf3ef6400000001 error=remote error: tls: bad certificate`,
	} {
		f.Add(text)
	}
	r := typhaReader(f)
	over, end := context.WithCancel(f.Context())
	end()
	const (
		says   = `2026-11-23 16:32:37.890 [INFO][7] typha/sync_server.go 912: Received Hello message from client. client=127.0.0.1:39064 connID=0x3 msg=syncproto.MsgClientHello{Hostname:%q}`
		quotes = `2026-11-23 16:32:37.891 [INFO][7] typha/sync_server.go 861: Failed to read from client client=127.0.0.1:39065 connID=0x4 error=x509: URI %q: peer certificate does not have required URI SAN thread="read"`
	)
	f.Fuzz(func(t *testing.T, text string) {
		alone, among := evidence.NewJournal(r), evidence.NewJournal(r)
		alone.Line(started)
		alone.Line(refusedCN)
		for _, line := range []string{fmt.Sprintf(says, text), started, fmt.Sprintf(quotes, text), refusedCN} {
			among.Line(line)
		}
		const own, another, quoted = "127.0.0.1:39042", "127.0.0.1:39064", "127.0.0.1:39065"
		if diff := cmp.Diff(alone.Account(over, own), among.Account(over, own)); diff != "" {
			t.Errorf("another connection's lines have changed the account (-alone +among):\n%s", diff)
		}
		if a := among.Account(over, another); a.Claim != handshake.Accepted || len(a.Log) != 1 {
			t.Errorf("wanted the client that said hello to be accepted, found %+v", a)
		}
		if a := among.Account(over, quoted); a.Claim != handshake.Refused && a.Claim != handshake.Failed || len(a.Log) != 1 {
			t.Errorf("wanted the client of the error not to be accepted, found %+v", a)
		}
	})
}
