package stub

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"
)

// authenticationConfig is what a kube-apiserver is told of OpenID providers (Kubernetes apiserver/pkg/apis/apiserver/v1,
// AuthenticationConfiguration).
type authenticationConfig struct {
	Providers []openIDProvider `json:"jwt"`
}

// openIDProvider is one of them.
type openIDProvider struct {
	Issuer struct {
		URL       string   `json:"url"`
		Discovery string   `json:"discoveryURL"`
		Authority string   `json:"certificateAuthority"`
		Audiences []string `json:"audiences"`
	} `json:"issuer"`
	Mappings struct {
		Username prefixed `json:"username"`
		Groups   prefixed `json:"groups"`
	} `json:"claimMappings"`
}

// prefixed says what stands before a name.
type prefixed struct {
	Prefix string `json:"prefix"`
}

// fetchTimeout bounds how long a provider may take to say what its keys are, in all.
const fetchTimeout = 10 * time.Second

// maxDocument bounds what is read of a provider, in octets.
const maxDocument = 1 << 20

// fetch asks a provider for its public keys (OpenID Connect Discovery 1.0 section 4).
func (p openIDProvider) fetch(ctx context.Context) ([]any, error) {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM([]byte(p.Issuer.Authority))
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}
	defer transport.CloseIdleConnections()
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	get := func(address string, into any) error {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
		if err != nil {
			return fmt.Errorf("asking a provider of tokens: %w", err)
		}
		response, err := transport.RoundTrip(r)
		if err != nil {
			return fmt.Errorf("asking a provider of tokens: %w", err)
		}
		defer response.Body.Close()
		if err := json.NewDecoder(io.LimitReader(response.Body, maxDocument)).Decode(into); err != nil {
			return fmt.Errorf("reading what %s says: %w", address, err)
		}
		return nil
	}
	var at struct {
		Keys string `json:"jwks_uri"`
	}
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := get(p.Issuer.Discovery, &at); err != nil {
		return nil, err
	}
	if err := get(at.Keys, &set); err != nil {
		return nil, err
	}
	var keys []any
	for _, text := range set.Keys {
		key, err := parseWebKey(text)
		if err != nil {
			return nil, err
		}
		keys = append(keys, key)
	}
	return keys, nil
}
