package stub_test

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/calico-tls/conformance/harness/component/stub"
	"github.com/calico-tls/conformance/harness/evidence"
	"github.com/calico-tls/conformance/harness/handshake"
	"github.com/calico-tls/conformance/harness/launch"
	"github.com/calico-tls/conformance/harness/link"
	"github.com/calico-tls/conformance/harness/link/felixtypha"
	"github.com/calico-tls/conformance/pki"
)

// deadline bounds every wait of these tests.
const deadline = 20 * time.Second

// authorities are those of the whole run: large keys are made once.
var authorities = pki.NewAuthorities()

// trusted is the trust bundle of both ends, such that each variant breaks the check that it says.
var trusted = []pki.AuthorityName{pki.Trusted, pki.ExpiredRoot, pki.HardWayRoot}

// asks returns a verifier that requires what a variant is about.
func asks(t pki.Touched, peer pki.Identity) link.Verifier {
	v := link.Verifier{Trust: trusted, CN: peer.CN, URISAN: peer.URISAN}
	switch t {
	case pki.TouchesCN:
		v.URISAN = ""
	case pki.TouchesURI:
		v.CN = ""
	case pki.TouchesNone, pki.TouchesBoth, pki.TouchesHost:
	}
	return v
}

func identity(role pki.Role) pki.Identity {
	if role == pki.Server {
		return felixtypha.Link.Server.Identity
	}
	return felixtypha.Link.Client.Identity
}

// issued returns what an end shows as a variant.
func issued(t testing.TB, role pki.Role, variant string) *pki.Issued {
	t.Helper()
	v, ok := pki.VariantNamed(variant)
	if !ok {
		t.Fatalf("there is no variant %q", variant)
	}
	i, err := authorities.Issue(v.Credential(pki.Origin{Role: role, Own: identity(role), Peer: identity(role.Other())}))
	if err != nil {
		t.Fatal(err)
	}
	return i
}

// attempt is what an instrument in a role does, with a variant.
func attempt(t testing.TB, role pki.Role, variant string, version link.Version) link.Attempt {
	t.Helper()
	pool, err := authorities.Pool(trusted, pki.Credential{})
	if err != nil {
		t.Fatal(err)
	}
	return link.Attempt{
		Show: issued(t, role, variant), Roots: pool, Version: version,
		Require: asks(pki.TouchesBoth, identity(role.Other())),
	}
}

// settings are those of a stub in a role with its good credential.
func settings(t testing.TB, role pki.Role, v link.Verifier) map[string]string {
	t.Helper()
	s := map[string]string{"TYPHA_SERVERHOST": "127.0.0.1"}
	if v.Plaintext() {
		return s
	}
	dir := t.TempDir()
	files, err := issued(t, role, "good").WriteFiles(dir, "own", pki.PKCS8)
	if err != nil {
		t.Fatal(err)
	}
	bundle, err := authorities.Bundle(v.Trust, pki.Credential{})
	if err != nil {
		t.Fatal(err)
	}
	ca := filepath.Join(dir, "ca.pem")
	if err := os.WriteFile(ca, bundle, 0o600); err != nil {
		t.Fatal(err)
	}
	if role == pki.Server {
		maps.Copy(s, map[string]string{
			"TYPHA_CAFILE": ca, "TYPHA_SERVERCERTFILE": files.Certificate, "TYPHA_SERVERKEYFILE": files.Key,
			"TYPHA_CLIENTCN": v.CN, "TYPHA_CLIENTURISAN": v.URISAN,
		})
		return s
	}
	maps.Copy(s, map[string]string{
		"FELIX_TYPHACAFILE": ca, "FELIX_TYPHACERTFILE": files.Certificate, "FELIX_TYPHAKEYFILE": files.Key,
		"FELIX_TYPHACN": v.CN, "FELIX_TYPHAURISAN": v.URISAN,
	})
	return s
}

// running is a stub under test.
type running struct {
	log     *launch.Log
	journal *evidence.Journal
	address string
	done    chan int
}

// start runs a stub until the test ends, when it must end as well.
func start(t testing.TB, run func(context.Context, map[string]string, io.Writer) int, r *evidence.Reader, s map[string]string) *running {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	running := &running{log: &launch.Log{}, journal: evidence.NewJournal(r), done: make(chan int, 1)}
	running.log.Watch(running.journal.Line)
	go func() {
		running.done <- run(ctx, s, running.log)
		_ = running.log.Close()
	}()
	t.Cleanup(func() {
		cancel()
		select {
		case <-running.done:
		case <-time.After(deadline):
			t.Error("wanted the stub to end with its context, found that it goes on")
		}
	})
	return running
}

var readyPort = regexp.MustCompile(`address=(\S+) `)

// typha starts a stub Typha.
func typha(t testing.TB, s map[string]string) *running {
	t.Helper()
	r := stub.Typha().Reader
	running := start(t, stub.RunTypha, r, s)
	ctx, cancel := context.WithTimeout(t.Context(), deadline)
	defer cancel()
	line, err := running.log.Wait(ctx, r.Ready)
	if err != nil {
		t.Fatalf("waiting for the stub to listen: %v; its log:\n%q", err, running.log.Tail(10))
	}
	running.address = readyPort.FindStringSubmatch(line)[1]
	return running
}

// felix starts a stub Felix that dials an observer.
func felix(t testing.TB, s map[string]string) (*running, link.Listener) {
	t.Helper()
	l, err := felixtypha.Observer{}.Listen(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	s["FELIX_TYPHAADDR"] = l.Address()
	return start(t, stub.RunFelix, stub.Felix().Reader, s), l
}

// probe makes one connection to a stub Typha, and returns both accounts.
func (r *running) probe(t testing.TB, a link.Attempt) (client, server handshake.Account) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), deadline)
	defer cancel()
	client, from := felixtypha.Prober{}.Probe(ctx, r.address, source(), a)
	if from == "" {
		t.Fatalf("wanted a connection, found: %s", client.Error)
	}
	return client, r.journal.Account(ctx, from)
}

var sources atomic.Uint32

// source returns an address of this machine that nobody has dialled from: a journal tells connections apart by it.
func source() string {
	if runtime.GOOS != "linux" {
		return "" // there is but one
	}
	n := sources.Add(1)
	return netip.AddrFrom4([4]byte{127, 77, byte(n >> 8), byte(n)}).String()
}

// serve serves one connection of a stub Felix, and returns both accounts.
func (r *running) serve(t testing.TB, l link.Listener, a link.Attempt) (client, server handshake.Account) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), deadline)
	defer cancel()
	server, from := l.Serve(ctx, a)
	if from == "" {
		t.Fatalf("wanted a connection, found: %s", server.Error)
	}
	return r.journal.Account(ctx, from), server
}

// versions are the versions in which a variant can be posed.
func versions(v pki.Variant) []link.Version {
	return slices.DeleteFunc([]link.Version{link.TLS12, link.TLS13}, func(version link.Version) bool {
		return len(v.Versions) > 0 && !slices.Contains(v.Versions, string(version))
	})
}

// freePort returns a port on which nobody listens.
func freePort(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// starts says whether a stub starts, or what becomes of it.
func starts(t *testing.T, run func(context.Context, map[string]string, io.Writer) int, r *evidence.Reader, s map[string]string) string {
	t.Helper()
	running := start(t, run, r, s)
	ctx, cancel := context.WithTimeout(t.Context(), deadline)
	defer cancel()
	line, err := running.log.Wait(ctx, r.Ready)
	if err == nil {
		return "it starts: " + line[strings.Index(line, "tls="):]
	}
	code := <-running.done
	running.done <- code
	return fmt.Sprintf("exit code %d", code)
}

// streaming reads from a stub Typha's metrics how many clients it serves, until that is as wanted or time is up.
func streaming(t *testing.T, s map[string]string, wanted string) string {
	t.Helper()
	const series = `typha_connections_streaming{syncer="felix"} `
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for over := time.After(time.Second); ; {
		_, rest, _ := strings.Cut(scrape(t, s), series)
		n, _, _ := strings.Cut(rest, "\n")
		if n == wanted {
			return n
		}
		select {
		case <-tick.C:
		case <-over:
			return n
		}
	}
}

// scrape returns a stub Typha's metrics.
func scrape(t *testing.T, s map[string]string) string {
	t.Helper()
	address := net.JoinHostPort(s["TYPHA_PROMETHEUSMETRICSHOST"], s["TYPHA_PROMETHEUSMETRICSPORT"])
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+"/metrics", nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
