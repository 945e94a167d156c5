package harness

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"time"

	"github.com/calico-tls/conformance/harness/link"
	"github.com/calico-tls/conformance/pki"
)

// provider is an OpenID provider in this process, which says what it is and by which keys its tokens are verified, and issues
// none itself.
type provider struct {
	server  *http.Server
	address string
}

// The paths of a provider.
const (
	discoveryPath = "/.well-known/openid-configuration" // OpenID Connect Discovery 1.0 section 4
	keysPath      = "/keys"
)

// patienceOfProvider bounds how long a client may take to ask.
const patienceOfProvider = 10 * time.Second

// providerOf returns the address of the provider of which an end takes tokens, as "IP:port"; "" if it takes none. It is started
// when it is first asked for, and stops with the lab.
func (l *Lab) providerOf(ctx context.Context, v link.Verifier) (string, error) {
	if v.Bearer.Identity.Kind != pki.ProviderToken {
		return "", nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.provider == nil {
		p, err := l.newProvider(ctx, v.Bearer)
		if err != nil {
			return "", fmt.Errorf("starting a provider of tokens: %w", err)
		}
		l.provider = p
	}
	return l.provider.address, nil
}

// providerDown returns an error unless the provider whose tokens a subject was to take still says by which keys they are verified:
// else it is not the subject's fault that it takes none. An address of "" is that of no provider, which is never down.
func providerDown(ctx context.Context, address string) error {
	if address == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, patienceOfProvider)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+address+keysPath, nil)
	if err != nil {
		return fmt.Errorf("asking the provider of tokens for its keys: %w", err)
	}
	transport := &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}} //nolint:gosec // it is asked whether it is there
	response, err := (&http.Client{Transport: transport}).Do(request)
	if err != nil {
		return fmt.Errorf("asking the provider of tokens for its keys: %w", err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("asking the provider of tokens for its keys: wanted status 200, found %s", response.Status)
	}
	return nil
}

func (l *Lab) newProvider(ctx context.Context, b link.Bearer) (*provider, error) {
	keys, err := l.authorities.KeySet(b.Keys...)
	if err != nil {
		return nil, err
	}
	own, err := l.authorities.Issue(pki.Good(pki.Server, pki.Identity{CN: "provider", IPAddress: loopbackAddress}))
	if err != nil {
		return nil, err
	}
	var listening net.ListenConfig
	listener, err := listening.Listen(ctx, "tcp", net.JoinHostPort(loopbackAddress, "0"))
	if err != nil {
		return nil, err
	}
	p := &provider{address: listener.Addr().String()}
	description, err := json.Marshal(map[string]any{
		"issuer": b.Identity.Issuer, "jwks_uri": "https://" + p.address + keysPath,
		"response_types_supported": []string{"id_token"}, "subject_types_supported": []string{"public"},
		"id_token_signing_alg_values_supported": []pki.Algorithm{pki.RS256, pki.ES256},
	})
	if err != nil {
		_ = listener.Close()
		return nil, err
	}
	mux := http.NewServeMux()
	for path, text := range map[string][]byte{discoveryPath: description, keysPath: keys} {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write(text)
		})
	}
	p.server = &http.Server{
		Handler: mux, ReadHeaderTimeout: patienceOfProvider, ErrorLog: log.New(io.Discard, "", 0),
		TLSConfig: &tls.Config{Certificates: []tls.Certificate{*own.TLS()}, MinVersion: tls.VersionTLS12},
	}
	go func() { _ = p.server.ServeTLS(listener, "", "") }()
	return p, nil
}

// loopbackAddress is where a provider listens.
const loopbackAddress = "127.0.0.1"
