package stub_test

import (
	"context"
	"runtime"
	"slices"
	"testing"

	"github.com/calico-tls/conformance/harness/handshake"
	"github.com/calico-tls/conformance/harness/link"
	"github.com/calico-tls/conformance/harness/link/felixtypha"
	"github.com/calico-tls/conformance/harness/matrix"
	"github.com/calico-tls/conformance/harness/oracle"
	"github.com/calico-tls/conformance/pki"
)

// TestReceptions plays each conduct of the observer to a stub Felix, and what is no TLS or an old one, and lets the
// judge say what it makes of it.
func TestReceptions(t *testing.T) {
	t.Parallel()
	for _, c := range matrix.Core(felixtypha.Link) {
		old := slices.Contains([]link.Version{link.TLS10, link.TLS11, link.Clear}, c.Version)
		if c.Subject != "felix" || c.Mode != "cn" || c.Conduct == "" && !old {
			continue
		}
		t.Run(c.ID(), func(t *testing.T) {
			t.Parallel()
			pose(t, c)().judge(t)
		})
	}
}

// TestStalls: a stub Felix is as patient as the real one, so that each of these takes 10 seconds; they go on side by
// side.
func TestStalls(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("ten seconds of waiting")
	}
	var met []chan meeting
	for _, c := range matrix.InProfile(felixtypha.Link, matrix.Strategies[0], matrix.Slow) {
		meet, result := pose(t, c), make(chan meeting, 1)
		go func() { result <- meet() }()
		met = append(met, result)
	}
	for _, m := range met {
		(<-m).judge(t)
	}
}

// meeting is what was seen of a case.
type meeting struct {
	matrix.Case
	handshake.Observation
}

// pose starts the stub Felix of a case, and returns a function that lets it meet the observer.
func pose(t *testing.T, c matrix.Case) func() meeting {
	t.Helper()
	mode, _ := felixtypha.Link.Mode(c.Mode)
	s := settings(t, pki.Client, mode.Client)
	files, err := issued(t, pki.Client, c.Client).WriteFiles(t.TempDir(), "own", pki.PKCS8)
	if err != nil {
		t.Fatal(err)
	}
	s["FELIX_TYPHACERTFILE"], s["FELIX_TYPHAKEYFILE"] = files.Certificate, files.Key
	r, l := felix(t, s)
	a := attempt(t, pki.Server, "good", c.Version)
	a.Conduct, a.Require = c.Conduct, mode.Server
	if c.Version == link.Clear {
		a.Show = nil
	}
	return func() meeting {
		ctx, cancel := context.WithTimeout(t.Context(), deadline)
		defer cancel()
		m := meeting{c, handshake.Observation{Issued: a.Show.Fingerprint(), Evidence: handshake.Both, Stack: runtime.Version()}}
		var from string
		m.Observation.Server, from = l.Serve(ctx, a)
		m.Observation.Client = r.journal.Account(ctx, from)
		return m
	}
}

func (m meeting) judge(t *testing.T) {
	t.Helper()
	e, err := oracle.Predict(felixtypha.Link, m.Case)
	if err != nil {
		t.Fatal(err)
	}
	if v := oracle.Judge(m.Case, e, m.Observation); v.Finding != oracle.Conforms {
		t.Errorf("%s: wanted it to conform, found that it %s: %s\nclient: %+v\nserver: %+v",
			m.ID(), v.Finding, v.Why, m.Observation.Client, m.Observation.Server)
	}
}

// TestFelixStartsAgain, and does not, as its datastore is flagged.
func TestFelixStartsAgain(t *testing.T) {
	t.Parallel()
	for conduct, code := range map[string]int{"no-ready-flag": 129, "old-hello": -1, "": -1} {
		r, l := felix(t, settings(t, pki.Client, asks(pki.TouchesBoth, identity(pki.Server))))
		for range 2 {
			a := attempt(t, pki.Server, "good", link.TLS13)
			a.Conduct = conduct
			if client, server := r.serve(t, l, a); client.Claim != handshake.Accepted || server.Claim != handshake.Accepted {
				t.Errorf("%s: wanted it to be served, found\n%+v\n%+v", conduct, client, server)
			}
			if code >= 0 {
				got := <-r.done
				r.done <- got
				if got != code {
					t.Errorf("%s: wanted exit code %d, found %d", conduct, code, got)
				}
				break
			}
		}
	}
}
