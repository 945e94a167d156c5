package kubeapiserver

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/calico-tls/conformance/harness/handshake"
	"github.com/calico-tls/conformance/harness/link"
	"github.com/calico-tls/conformance/pki"
)

// stage is an observer with a server behind it that knows a front proxy and one token.
type stage struct {
	authorities *pki.Authorities
	listener    link.Listener
	behind      string
	vouch       *pki.Issued
}

var (
	of    = pki.Identity{CN: "kube-apiserver", DNSName: "localhost", IPAddress: Address}
	whose = pki.Identity{CN: "calico-node"}
)

func (s *stage) issue(t *testing.T, role pki.Role, own pki.Identity, variant string) *pki.Issued {
	t.Helper()
	v, ok := pki.VariantNamed(variant)
	if !ok {
		t.Fatalf("there is no variant %q", variant)
	}
	issued, err := s.authorities.Issue(v.Change(pki.Good(role, own), pki.Origin{Role: role, Own: own}))
	if err != nil {
		t.Fatal(err)
	}
	return issued
}

// attempt is that of an observer that shows a variant.
func (s *stage) attempt(t *testing.T, variant string, version link.Version) link.Attempt {
	t.Helper()
	pool, err := s.authorities.Pool([]pki.AuthorityName{pki.Trusted}, pki.Credential{})
	if err != nil {
		t.Fatal(err)
	}
	a := link.Attempt{Roots: pool, Version: version, Behind: s.behind, Vouch: s.vouch}
	if version != link.Clear {
		a.Show = s.issue(t, pki.Server, of, variant)
	}
	return a
}

func newStage(t *testing.T) *stage {
	t.Helper()
	s := &stage{authorities: pki.NewAuthorities()}
	s.vouch = s.issue(t, pki.Client, pki.Identity{CN: "front-proxy"}, "good")
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user := map[string]string{"Bearer good": "system:serviceaccount:a:b"}[r.Header.Get("Authorization")]
		if chain := r.TLS.PeerCertificates; len(chain) > 0 && chain[0].Subject.CommonName == "front-proxy" {
			user = r.Header.Get("X-Remote-User") + strings.Join(r.Header["X-Remote-Group"], "")
		}
		switch {
		case user == "":
			w.WriteHeader(http.StatusUnauthorized)
		case r.URL.Path == "/nothing":
			w.WriteHeader(http.StatusNotFound)
		case r.URL.Path == reviewPath:
			w.WriteHeader(http.StatusCreated)
			_ = json.NewEncoder(w).Encode(map[string]any{"status": map[string]any{"userInfo": map[string]any{"username": user}}})
		default:
			fmt.Fprint(w, "answered")
		}
	}))
	server.TLS = &tls.Config{Certificates: []tls.Certificate{*s.issue(t, pki.Server, of, "good").TLS()}, ClientAuth: tls.RequestClientCert}
	server.StartTLS()
	t.Cleanup(server.Close)
	s.behind = server.Listener.Addr().String()
	l, err := Observer{}.Listen(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	s.listener = l
	return s
}

// client is a client of HTTP that trusts the authority of the observer.
func (s *stage) client(t *testing.T, shows *pki.Issued, newest uint16) *http.Client {
	t.Helper()
	pool, err := s.authorities.Pool([]pki.AuthorityName{pki.Trusted}, pki.Credential{})
	if err != nil {
		t.Fatal(err)
	}
	settings := &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12, MaxVersion: newest}
	if shows != nil {
		settings.Certificates = []tls.Certificate{*shows.TLS()}
	}
	transport := &http.Transport{TLSClientConfig: settings, ForceAttemptHTTP2: true}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: 10 * time.Second}
}

// asked is what became of a request.
type asked struct {
	status int
	body   string
	err    error
}

func get(t *testing.T, c *http.Client, url string, header http.Header) asked {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		return asked{err: err}
	}
	r.Header = header.Clone()
	response, err := c.Do(r)
	if err != nil {
		return asked{err: err}
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return asked{response.StatusCode, string(body), err}
}

func TestObserver(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	good := s.issue(t, pki.Client, whose, "good")
	stranger := s.issue(t, pki.Client, whose, "other-authority")
	token := http.Header{"Authorization": {"Bearer good"}}
	for name, c := range map[string]struct {
		shows   string
		version link.Version
		client  *pki.Issued
		header  http.Header
		scheme  string
		newest  uint16

		claim    handshake.Claim
		identity string
		alert    handshake.Alert // the zero one is none
		silent   bool
		words    string
	}{
		"certificate":                {shows: "good", client: good, claim: handshake.Accepted, identity: "calico-node"},
		"certificate over TLS 1.2":   {shows: "good", version: link.TLS12, client: good, claim: handshake.Accepted, identity: "calico-node"},
		"token":                      {shows: "good", header: token, claim: handshake.Accepted, identity: "system:serviceaccount:a:b"},
		"both":                       {shows: "good", client: good, header: token, claim: handshake.Accepted, identity: "calico-node"},
		"claims to be somebody else": {shows: "good", client: good, header: http.Header{"X-Remote-User": {"root"}, "X-Remote-Group": {"system:masters"}}, claim: handshake.Accepted, identity: "calico-node"},
		"claims, and shows nothing":  {shows: "good", header: http.Header{"X-Remote-User": {"root"}}, claim: handshake.Refused, words: "the server answered 401"},
		"stranger with a token":      {shows: "good", client: stranger, header: token, claim: handshake.Accepted, identity: "system:serviceaccount:a:b"},
		"bad token":                  {shows: "good", header: http.Header{"Authorization": {"Bearer bad"}}, claim: handshake.Refused, words: "the server answered 401"},
		"other authority":            {shows: "other-authority", client: good, header: token, claim: handshake.WasRefused, alert: handshake.BadCertificate, silent: true},
		"other authority, TLS 1.2":   {shows: "other-authority", version: link.TLS12, client: good, header: token, claim: handshake.WasRefused, alert: handshake.BadCertificate, silent: true},
		"other host":                 {shows: "host-other", client: good, header: token, claim: handshake.WasRefused, alert: handshake.BadCertificate, silent: true},
		"old version":                {shows: "good", version: link.TLS10, client: good, claim: handshake.WasRefused, alert: handshake.ProtocolVersion, silent: true},
		"version not offered":        {shows: "good", version: link.TLS13, newest: tls.VersionTLS12, claim: handshake.WasRefused, alert: handshake.ProtocolVersion, silent: true},
		"TLS to plaintext":           {version: link.Clear, client: good, header: token, claim: handshake.WasRefused, silent: true},
		"plaintext to TLS":           {shows: "good", scheme: "http", header: token, claim: handshake.Refused, silent: true, words: "first record does not look like a TLS handshake"},
		"token in the clear":         {version: link.Clear, scheme: "http", header: token, claim: handshake.Refused, words: "its token in the clear"},
		"in the clear":               {version: link.Clear, scheme: "http", claim: handshake.Refused, words: "the server answered 401"},
	} {
		t.Run(name, func(t *testing.T) {
			version, newest, scheme := c.version, c.newest, c.scheme
			if version == "" {
				version = link.TLS13
			}
			if newest == 0 {
				newest = tls.VersionTLS13
			}
			if scheme == "" {
				scheme = "https"
			}
			if c.alert == handshake.CloseNotify {
				c.alert = handshake.NoAlert
			}
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			done := make(chan asked, 1)
			go func() {
				done <- get(t, s.client(t, c.client, newest), scheme+"://"+s.listener.Address()+"/x", c.header)
			}()
			account, from := s.listener.Serve(ctx, s.attempt(t, c.shows, version))
			client := <-done
			if from == "" || account.Claim != c.claim || account.Identity != c.identity || account.AlertReceived != c.alert {
				t.Errorf("wanted claim %q of %q, told %s; found %+v, and the client %+v", c.claim, c.identity, c.alert, account, client)
			}
			if c.silent != (account.Octets == 0) {
				t.Errorf("wanted octets of the application: %t, found %d", !c.silent, account.Octets)
			}
			if !strings.Contains(account.Error, c.words) {
				t.Errorf("wanted an error with %q, found %q", c.words, account.Error)
			}
			if accepted := account.Claim == handshake.Accepted; accepted && client.body != "answered" {
				t.Errorf("wanted the client to have its answer, found %+v", client)
			}
		})
	}
}

// TestObserverGoesOn: a client that was accepted has more to ask, over the same connection; what is not there tells nothing.
func TestObserverGoesOn(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	client := s.client(t, s.issue(t, pki.Client, whose, "good"), tls.VersionTLS13)
	url := "https://" + s.listener.Address()
	served := make(chan handshake.Account, 1)
	go func() {
		account, _ := s.listener.Serve(ctx, s.attempt(t, "good", link.TLS13))
		served <- account
	}()
	if got := get(t, client, url+"/nothing", nil); got.status != http.StatusNotFound {
		t.Fatalf("wanted what the server behind says, found %+v", got)
	}
	select {
	case account := <-served:
		t.Fatalf("wanted the observer to wait for more than a 404, found %+v", account)
	default:
	}
	for range 2 {
		if got := get(t, client, url+"/x", nil); got.body != "answered" {
			t.Fatalf("wanted an answer, found %+v", got)
		}
	}
	if account := <-served; account.Claim != handshake.Accepted {
		t.Errorf("wanted the client to be accepted, found %+v", account)
	}
	if waiting, err := s.listener.Waiting(ctx); err != nil || waiting != 0 {
		t.Errorf("wanted nobody to have dialled again, found %d, %v", waiting, err)
	}
	cancel()
	if got := get(t, &http.Client{Transport: client.Transport, Timeout: 200 * time.Millisecond}, url+"/x", nil); got.err == nil {
		t.Errorf("wanted the connection to end with the case, found %+v", got)
	}
}

// TestObserverDenies: a client that is to be denied something is served all else, and has not been judged before it was.
func TestObserverDenies(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		asks  []string
		claim handshake.Claim
	}{
		"asks for it":                {[]string{"/x", "/version", "/x"}, handshake.Accepted},
		"asks for it before all":     {[]string{"/version", "/x"}, handshake.Accepted},
		"asks for it more than once": {[]string{"/version", "/version", "/x"}, handshake.Accepted},
		"never asks for it":          {[]string{"/x"}, handshake.Failed},
		"asks for nothing else":      {[]string{"/version"}, handshake.Failed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			a := s.attempt(t, "good", link.TLS13)
			a.Conduct = "version-denied"
			client := s.client(t, s.issue(t, pki.Client, whose, "good"), tls.VersionTLS13)
			served := make(chan handshake.Account, 1)
			go func() {
				account, _ := s.listener.Serve(ctx, a)
				served <- account
			}()
			for _, path := range c.asks {
				want := http.StatusOK
				if path == "/version" {
					want = http.StatusUnauthorized
				}
				if got := get(t, client, "https://"+s.listener.Address()+path, nil); got.status != want {
					t.Errorf("%s: wanted status %d, found %+v", path, want, got)
				}
			}
			if account := <-served; account.Claim != c.claim {
				t.Errorf("wanted %q, found %+v", c.claim, account)
			}
		})
	}
}

// TestObserverOfSilence: who says nothing, or nothing that can be read, is neither accepted nor refused by mistake.
func TestObserverOfSilence(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	for name, c := range map[string]struct {
		version link.Version
		says    string
		stays   bool
		claim   handshake.Claim
	}{
		"hangs up":                   {version: link.TLS13, claim: handshake.WasRefused},
		"hangs up in the clear":      {version: link.Clear, claim: handshake.WasRefused},
		"junk":                       {version: link.TLS13, says: "junk and more", claim: handshake.Refused},
		"junk in the clear":          {version: link.Clear, says: "junk and more of it\r\n\r\n", claim: handshake.Refused},
		"silence":                    {version: link.TLS13, stays: true, claim: handshake.Failed},
		"silence in the clear":       {version: link.Clear, stays: true, claim: handshake.Failed},
		"half a request":             {version: link.Clear, says: "GET / HTTP/1.1\r\n", stays: true, claim: handshake.Failed},
		"half a request and the end": {version: link.Clear, says: "GET / HTTP/1.1\r\n", claim: handshake.WasRefused},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
			defer cancel()
			conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", s.listener.Address())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if _, err := io.WriteString(conn, c.says); err != nil {
				t.Fatal(err)
			}
			if !c.stays {
				_ = conn.(*net.TCPConn).CloseWrite()
			}
			account, _ := s.listener.Serve(ctx, s.attempt(t, "good", c.version))
			if account.Claim != c.claim {
				t.Errorf("wanted %q, found %+v", c.claim, account)
			}
		})
	}
}

// TestObserverNeedsWhatStandsBehind: what is missing there is no fault of the client's.
func TestObserverNeedsWhatStandsBehind(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	for name, change := range map[string]func(*link.Attempt){
		"nobody listens":    func(a *link.Attempt) { a.Behind = "127.0.0.1:1" },
		"nothing to vouch":  func(a *link.Attempt) { a.Vouch = nil },
		"no such version":   func(a *link.Attempt) { a.Version = "tls9" },
		"another authority": func(a *link.Attempt) { a.Roots = nil },
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
			defer cancel()
			a := s.attempt(t, "good", link.TLS13)
			change(&a)
			go get(t, s.client(t, s.issue(t, pki.Client, whose, "good"), tls.VersionTLS13), "https://"+s.listener.Address()+"/x", nil)
			if account, _ := s.listener.Serve(ctx, a); account.Claim == handshake.Accepted || account.Claim == handshake.WasRefused && account.AlertReceived != handshake.NoAlert {
				t.Errorf("wanted no verdict on the client, found %+v", account)
			}
		})
	}
}
