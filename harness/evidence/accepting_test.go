package evidence_test

import (
	"context"
	"testing"

	"github.com/calico-tls/conformance/harness/evidence"
	"github.com/calico-tls/conformance/harness/handshake"
)

// TestAccepting: what is said of refused peers does not count, before and after; to the reader itself it still does.
func TestAccepting(t *testing.T) {
	t.Parallel()
	r, err := evidence.NewReader(evidence.Patterns{Says: []evidence.Saying{
		{Text: "refused", Claim: handshake.Refused, Error: ` error=(.*)`}, {Text: "accepted", Claim: handshake.Accepted}, {Text: "turned away", Claim: handshake.WasRefused},
	}})
	if err != nil {
		t.Fatal(err)
	}
	lines := []string{"refused error=x509: certificate signed by unknown authority", "turned away", "accepted", "refused error=EOF"}
	for _, c := range []struct {
		reader *evidence.Reader
		lines  []string
		want   handshake.Claim
	}{
		{r, lines, handshake.Refused},
		{r.Accepting(), lines, handshake.Accepted},
		{r.Accepting(), lines[:2], handshake.Silent},
		{r, lines[:2], handshake.Refused},
	} {
		j := evidence.NewJournal(c.reader)
		for _, line := range c.lines {
			j.Line(line)
		}
		over, end := context.WithCancel(t.Context())
		end()
		if got := j.Account(over, ""); got.Claim != c.want {
			t.Errorf("of %q wanted %q, found %+v", c.lines, c.want, got)
		}
	}
}
