package etcd_test

import (
	"context"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/mvccpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/calico-tls/conformance/harness/handshake"
	"github.com/calico-tls/conformance/harness/link"
	"github.com/calico-tls/conformance/harness/link/etcd"
	"github.com/calico-tls/conformance/pki"
)

// deadline bounds every wait of these tests.
const deadline = 20 * time.Second

// authorities are those of the whole run.
var authorities = pki.NewAuthorities()

// attempt is what an instrument in a role does that shows a variant.
func attempt(t *testing.T, role pki.Role, variant string, version link.Version) link.Attempt {
	t.Helper()
	own, peer := etcd.Link.Client.Identity, etcd.Link.Server.Identity
	if role == pki.Server {
		own, peer = peer, own
	}
	v, ok := pki.VariantNamed(variant)
	if !ok {
		t.Fatalf("there is no variant %q", variant)
	}
	pool, err := authorities.Pool([]pki.AuthorityName{pki.Trusted}, pki.Credential{})
	if err != nil {
		t.Fatal(err)
	}
	a := link.Attempt{Roots: pool, Version: version}
	if role == pki.Client {
		a.Require.Host = etcd.Address
	}
	if version == link.Clear {
		return a
	}
	if a.Show, err = authorities.Issue(v.Credential(pki.Origin{Role: role, Own: own, Peer: peer})); err != nil {
		t.Fatal(err)
	}
	return a
}

// keys is an etcd of one key, which it answers for or denies.
type keys struct {
	etcdserverpb.UnimplementedKVServer
	denies bool
}

// Range implements [etcdserverpb.KVServer].
func (k keys) Range(_ context.Context, r *etcdserverpb.RangeRequest) (*etcdserverpb.RangeResponse, error) {
	if k.denies {
		return nil, status.Error(codes.PermissionDenied, "etcdserver: permission denied")
	}
	return &etcdserverpb.RangeResponse{Kvs: []*mvccpb.KeyValue{{Key: r.GetKey(), Value: []byte(etcd.ClientCN)}}}, nil
}

// stand has such an etcd stand behind observers, in the clear, and returns its address.
func stand(t *testing.T, k keys) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	etcdserverpb.RegisterKVServer(server, k)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(l)
	}()
	t.Cleanup(func() {
		server.Stop()
		<-done
	})
	return l.Addr().String()
}

// meet lets the two instruments meet, at an address of the observer's.
func meet(t *testing.T, observer link.Observer, client, server link.Attempt) (c, s handshake.Account) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), deadline)
	defer cancel()
	l, err := observer.Listen(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	done := make(chan handshake.Account, 1)
	go func() {
		a, _ := etcd.Prober{}.Probe(ctx, l.Address(), "", client)
		done <- a
	}()
	s, _ = l.Serve(ctx, server)
	return <-done, s
}

// TestInstrumentsMeet: what both say of each other, where one of them is as it must not be.
func TestInstrumentsMeet(t *testing.T) {
	t.Parallel()
	behind := stand(t, keys{})
	for name, c := range map[string]struct {
		client, server          string
		versions                [2]link.Version // the client's and the server's; none for TLS 1.3
		byClient, byServer      handshake.Claim
		alertToServer, toClient handshake.Alert
	}{
		"good":                      {client: "good", server: "good", byClient: handshake.Accepted, byServer: handshake.Accepted, alertToServer: handshake.NoAlert, toClient: handshake.NoAlert},
		"good over TLS 1.2":         {client: "good", server: "good", versions: both(link.TLS12), byClient: handshake.Accepted, byServer: handshake.Accepted, alertToServer: handshake.NoAlert, toClient: handshake.NoAlert},
		"in the clear":              {client: "good", server: "good", versions: both(link.Clear), byClient: handshake.Accepted, byServer: handshake.Accepted, alertToServer: handshake.NoAlert, toClient: handshake.NoAlert},
		"server of another":         {client: "good", server: "other-authority", byClient: handshake.Refused, byServer: handshake.WasRefused, alertToServer: handshake.BadCertificate, toClient: handshake.NoAlert},
		"server of another host":    {client: "good", server: "host-other", versions: both(link.TLS12), byClient: handshake.Refused, byServer: handshake.WasRefused, alertToServer: handshake.BadCertificate, toClient: handshake.NoAlert},
		"server for clients":        {client: "good", server: "eku-other-role", byClient: handshake.Refused, byServer: handshake.WasRefused, alertToServer: handshake.BadCertificate, toClient: handshake.NoAlert},
		"client of another":         {client: "other-authority", server: "good", byClient: handshake.WasRefused, byServer: handshake.Refused, alertToServer: handshake.NoAlert, toClient: handshake.BadCertificate},
		"client for servers":        {client: "eku-other-role", server: "good", versions: both(link.TLS12), byClient: handshake.WasRefused, byServer: handshake.Refused, alertToServer: handshake.NoAlert, toClient: handshake.BadCertificate},
		"client without any":        {client: "none", server: "good", byClient: handshake.WasRefused, byServer: handshake.Refused, alertToServer: handshake.NoAlert, toClient: handshake.CertificateRequired},
		"client of another version": {client: "good", server: "good", versions: [2]link.Version{link.TLS12, link.TLS13}, byClient: handshake.Refused, byServer: handshake.WasRefused, alertToServer: handshake.ProtocolVersion, toClient: handshake.NoAlert},
		"the clear to TLS":          {client: "good", server: "good", versions: [2]link.Version{link.Clear, link.TLS13}, byClient: handshake.WasRefused, byServer: handshake.Refused, alertToServer: handshake.NoAlert, toClient: handshake.NoAlert},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if c.versions[0] == "" {
				c.versions = both(link.TLS13)
			}
			server := attempt(t, pki.Server, c.server, c.versions[1])
			server.Behind = behind
			byClient, byServer := meet(t, etcd.Observer{}, attempt(t, pki.Client, c.client, c.versions[0]), server)
			if byClient.Claim != c.byClient || byClient.AlertReceived != c.toClient {
				t.Errorf("of the client wanted %q, told %s, found %+v", c.byClient, c.toClient, byClient)
			}
			if byServer.Claim != c.byServer || byServer.AlertReceived != c.alertToServer {
				t.Errorf("of the server wanted %q, told %s, found %+v", c.byServer, c.alertToServer, byServer)
			}
			if said := byServer.Octets > 0; said != (c.byServer == handshake.Accepted) && c.byServer != handshake.Refused {
				t.Errorf("wanted application data of a client that accepts and of no other, found %d octets", byServer.Octets)
			}
			if c.byClient == handshake.Accepted && (byClient.Identity != etcd.ClientCN || byClient.Phase != handshake.PhaseApplication || byServer.Phase != handshake.PhaseApplication) {
				t.Errorf("wanted an answer to the user %s, found %+v", etcd.ClientCN, byClient)
			}
		})
	}
}

// TestGivenUp: a client that leaves without a word is waited for once more, as those of gRPC give their first connection up; one
// that has spoken TLS to an observer in the clear has said nothing to it.
func TestGivenUp(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), deadline)
	defer cancel()
	l, err := etcd.Observer{}.Listen(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	client := attempt(t, pki.Client, "good", link.TLS13)
	probed := make(chan handshake.Account, 2)
	go func() {
		for range 2 {
			a, _ := etcd.Prober{}.Probe(ctx, l.Address(), "", client)
			probed <- a
		}
	}()
	account, from := l.Serve(ctx, attempt(t, pki.Server, "good", link.Clear))
	if account.Claim != handshake.WasRefused || account.Octets != 0 || from == "" {
		t.Errorf("wanted a client that gives up, and no application data, found %+v", account)
	}
	for range 2 {
		if a := <-probed; a.Claim != handshake.Refused || a.Octets != 0 {
			t.Errorf("wanted the client to refuse what is no TLS, found %+v", a)
		}
	}
}

func both(version link.Version) [2]link.Version { return [2]link.Version{version, version} }

// TestAnotherAddress: an observer listens where it is told to.
func TestAnotherAddress(t *testing.T) {
	t.Parallel()
	l, err := etcd.Observer{}.At("127.0.0.2").Listen(t.Context())
	if err != nil {
		t.Skipf("this machine has no other address: %v", err)
	}
	defer l.Close()
	if host, _, err := net.SplitHostPort(l.Address()); err != nil || host != "127.0.0.2" {
		t.Errorf("wanted an observer at 127.0.0.2, found it at %s", l.Address())
	}
}

// TestDenied: an answer that denies is a refusal by the server, of one whom it has let in.
func TestDenied(t *testing.T) {
	t.Parallel()
	server := attempt(t, pki.Server, "good", link.TLS13)
	server.Behind = stand(t, keys{denies: true})
	client, _ := meetUntil(t, attempt(t, pki.Client, "good", link.TLS13), server)
	if client.Claim != handshake.WasRefused || client.Phase != handshake.PhaseApplication || client.AlertReceived != handshake.NoAlert || !strings.Contains(client.Error, "permission denied") {
		t.Errorf("wanted a denial by an answer, found %+v", client)
	}
}

// meetUntil is like meet, for a client after which the observer waits on for one that is answered.
func meetUntil(t *testing.T, client, server link.Attempt) (c, s handshake.Account) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	l, err := etcd.Observer{}.Listen(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	served := make(chan handshake.Account, 1)
	go func() {
		a, _ := l.Serve(ctx, server)
		served <- a
	}()
	probing, stop := context.WithTimeout(ctx, deadline)
	defer stop()
	c, _ = etcd.Prober{}.Probe(probing, l.Address(), "", client)
	cancel()
	return c, <-served
}

// TestObserverNeedsWhatStandsBehind: what is missing there is no fault of the client's.
func TestObserverNeedsWhatStandsBehind(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*link.Attempt){
		"nobody stands behind": func(a *link.Attempt) { a.Behind = "" },
		"nobody listens":       func(a *link.Attempt) { a.Behind = "127.0.0.1:1" },
		"no such version":      func(a *link.Attempt) { a.Version = "tls9" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := attempt(t, pki.Server, "good", link.TLS13)
			change(&server)
			if _, account := meet(t, etcd.Observer{}, attempt(t, pki.Client, "good", link.TLS13), server); account.Claim != handshake.Failed || account.Error == "" {
				t.Errorf("wanted no verdict on the client, found %+v", account)
			}
		})
	}
}

// TestAcceptedWhileItStands: whoever asks while the connection stands sees the client served on.
func TestAcceptedWhileItStands(t *testing.T) {
	t.Parallel()
	server := attempt(t, pki.Server, "good", link.TLS13)
	server.Behind = stand(t, keys{})
	client := attempt(t, pki.Client, "good", link.TLS13)
	had := make(chan struct{})
	client.Accepted = func() { close(had) }
	called := 0
	server.Accepted = func() {
		called++
		select {
		case <-had: // the client has its answer while the observer still holds the connection
		case <-time.After(deadline):
			t.Error("wanted the client to have its answer before the connection ends, found none")
		}
	}
	if c, s := meet(t, etcd.Observer{}, client, server); c.Claim != handshake.Accepted || s.Claim != handshake.Accepted || called != 1 {
		t.Errorf("wanted both to accept, and to be told once; found %d times, %+v and %+v", called, c, s)
	}
}

// noLeaks fails the test if more goroutines run at its end than did at its beginning. Such a test is not parallel.
func noLeaks(t *testing.T) {
	t.Helper()
	before := runtime.NumGoroutine()
	t.Cleanup(func() {
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for over := time.After(deadline); runtime.NumGoroutine() > before; {
			select {
			case <-tick.C:
			case <-over:
				stacks := make([]byte, 1<<16)
				t.Fatalf("wanted %d goroutines, found %d:\n%s", before, runtime.NumGoroutine(), stacks[:runtime.Stack(stacks, true)])
			}
		}
	})
}
