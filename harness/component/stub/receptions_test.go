package stub_test

import (
	"context"
	"net"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/calico-tls/conformance/harness/component/stub"
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
		if c.Subject != "felix" || c.Mode != "cn" || c.Setting != "" || ofTheLab(c) || c.Conduct == "" && !old {
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
		if ofTheLab(c) {
			continue
		}
		meet, result := pose(t, c), make(chan meeting, 1)
		go func() { result <- meet() }()
		met = append(met, result)
	}
	for _, m := range met {
		(<-m).judge(t)
	}
}

// ofTheLab reports whether it is the lab that plays the conduct of a case, of which an observer does not know.
func ofTheLab(c matrix.Case) bool {
	d, _ := felixtypha.Link.Conduct(c.Conduct)
	return d.Persists != "" || d.AwaitsReady
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
	for conduct, code := range map[string]int{"no-ready-flag": 1, "old-hello": -1, "": -1} {
		r, l := felix(t, settings(t, pki.Client, asks(pki.TouchesBoth, identity(pki.Server))))
		for range 2 {
			a := attempt(t, pki.Server, "good", link.TLS13)
			a.Conduct = conduct
			if client, server := r.serve(t, l, a); client.Claim != handshake.Accepted || server.Claim != handshake.Accepted {
				t.Errorf("%s: wanted it to be served, found\n%+v\n%+v", conduct, client, server)
			}
			if code >= 0 {
				r.ends(t, code)
				break
			}
		}
	}
}

// ends waits until a stub has ended by itself.
func (r *running) ends(t *testing.T, wanted int) {
	t.Helper()
	select {
	case code := <-r.done:
		if r.done <- code; code != wanted {
			t.Errorf("wanted exit code %d, found %d", wanted, code)
		}
	case <-time.After(deadline):
		t.Errorf("wanted it to end with exit code %d, found that it goes on", wanted)
	}
}

// TestReadyFlag: a stub Felix goes on if, and only if, the datastore is flagged as ready.
func TestReadyFlag(t *testing.T) {
	t.Parallel()
	flag := func(key, value string) felixtypha.SerializedUpdate {
		return felixtypha.SerializedUpdate{Key: key, Value: []byte(value), UpdateType: 1}
	}
	for name, c := range map[string]struct {
		says []felixtypha.SerializedUpdate
		stay bool
	}{
		"ready":       {[]felixtypha.SerializedUpdate{flag("/calico/v1/other", "x"), flag(felixtypha.ReadyKey, "true")}, true},
		"not ready":   {[]felixtypha.SerializedUpdate{flag(felixtypha.ReadyKey, "false")}, false},
		"another key": {[]felixtypha.SerializedUpdate{flag("/calico/v1/other", "true")}, false},
		"nothing":     {nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			r := start(t, stub.RunFelix, stub.Felix().Reader, map[string]string{"FELIX_TYPHAADDR": l.Addr().String()})
			conn, err := l.Accept()
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if err := conn.SetDeadline(time.Now().Add(deadline)); err != nil {
				t.Fatal(err)
			}
			err = felixtypha.NewWriter(conn).Write(
				felixtypha.MsgServerHello{SyncerType: felixtypha.SyncerFelix, SupportsNodeResourceUpdates: true},
				felixtypha.MsgKVs{KVs: c.says}, felixtypha.MsgSyncStatus{SyncStatus: felixtypha.InSync}, felixtypha.MsgPing{},
			)
			if err != nil {
				t.Fatal(err)
			}
			reader := felixtypha.NewReader(conn)
			if _, err := reader.Read(); err != nil {
				t.Fatalf("waiting for its hello: %v", err)
			}
			if _, err := reader.Read(); (err == nil) != c.stay {
				t.Errorf("wanted it to answer a ping: %t, found %v", c.stay, err)
			}
			if !c.stay {
				r.ends(t, 1)
			}
		})
	}
}
