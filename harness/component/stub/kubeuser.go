package stub

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/calico-tls/conformance/harness/evidence"
	"github.com/calico-tls/conformance/harness/handshake"
	"github.com/calico-tls/conformance/harness/link/kubeapiserver"
	"github.com/calico-tls/conformance/pki"
)

// anonymousUser is whom a client is taken for that shows nothing, and the groups are those that Kubernetes gives (Kubernetes
// apiserver/pkg/authentication/user/user.go).
const (
	anonymousUser   = "system:anonymous"
	authenticated   = "system:authenticated"
	unauthenticated = "system:unauthenticated"
	serviceAccounts = "system:serviceaccounts"
)

// known is whom a client is taken for.
type known struct {
	name   string
	groups []string
	// served says that there is something for it.
	served bool
}

// String returns the user as accounts name it.
func (u known) String() string { return handshake.User(u.name, u.groups) }

// certificateError is an objection to a client's certificate.
type certificateError struct {
	check pki.Check
	err   error
}

func (e *certificateError) Error() string { return fmt.Sprintf("verifying certificate: %v", e.err) }

func (e *certificateError) Unwrap() error { return e.err }

var errNobody = errors.New("wanted a credential, found none")

// who returns whom a request comes from, or why nobody is known: a certificate counts before a token, and what is wrong with
// one of them counts only where the other is of no use (Kubernetes apiserver/pkg/authentication/request/union).
func (k *kubeServer) who(r *http.Request) (known, error) {
	byCertificate := func() (known, error) { return k.certified(chainOf(r.TLS), r.Header.Get("X-Remote-User")) }
	byToken := func() (known, error) { return k.bearer(r.Header.Get("Authorization")) }
	ways := []func() (known, error){byCertificate, byToken}
	if k.policy.quirk == tokenFirst {
		slices.Reverse(ways)
	}
	var wrong error
	for _, by := range ways {
		user, err := by()
		switch {
		case err == nil && user.name != "":
			user.groups = append(slices.Clone(user.groups), authenticated)
			if k.policy.quirk == forgetsGroups {
				user.groups = []string{authenticated}
			}
			user.served = slices.Contains(kubeapiserver.Users, user.name)
			if k.policy.quirk == knowsNobody {
				user.served = false
			}
			return user, nil
		case wrong == nil:
			wrong = err
		}
	}
	switch {
	case wrong != nil:
		return known{}, wrong
	case k.anonymous == "" && k.policy.quirk != servesAnonymous:
		return known{}, errNobody
	}
	return known{name: anonymousUser, groups: []string{unauthenticated}}, nil
}

func chainOf(state *tls.ConnectionState) []*x509.Certificate {
	if state == nil {
		return nil
	}
	return state.PeerCertificates
}

// certified returns whom a certificate names, or whom a front proxy speaks for whose certificate it is; nobody where there is
// none, or it names nobody.
func (k *kubeServer) certified(chain []*x509.Certificate, forwards string) (known, error) {
	if forwards != "" && k.policy.quirk == trustsHeaders {
		return known{name: forwards}, nil
	}
	if len(chain) == 0 {
		return known{}, nil
	}
	proxies := k.proxies
	if k.policy.quirk == trustsEveryProxy {
		proxies = append(slices.Clone(proxies), k.clients()...)
	}
	if forwards != "" && len(proxies) > 0 && k.policy.walk(chain, proxies, x509.ExtKeyUsageClientAuth) == nil {
		return known{name: forwards}, nil
	}
	clients := k.clients()
	if len(clients) == 0 {
		return known{}, nil
	}
	if err := k.policy.walk(chain, clients, x509.ExtKeyUsageClientAuth); err != nil {
		if k.policy.quirk == badCertificateIsNone {
			return known{}, nil
		}
		check := pki.CheckChain
		if causes := evidence.CausesOf(err.Error()); len(causes) > 0 {
			check = causes[0]
		}
		return known{}, &certificateError{check, err}
	}
	return known{name: chain[0].Subject.CommonName, groups: chain[0].Subject.Organization}, nil
}

// bearer returns whom a token names; nobody where there is none, or it is empty.
func (k *kubeServer) bearer(authorization string) (known, error) {
	token, is := strings.CutPrefix(authorization, "Bearer ")
	if !is || strings.TrimSpace(token) == "" {
		return known{}, nil
	}
	user, err := k.policy.owner(token, k.issuers)
	if err != nil && k.policy.quirk == badTokenIsNone {
		return known{}, nil
	}
	return user, err
}

// issuersOf returns those whose tokens are taken: Kubernetes itself, and the provider of which a configuration tells, which is
// asked for its keys when its first token comes, until ctx ends.
func issuersOf(ctx context.Context, settings environment) ([]issuer, error) {
	file, err := named(settings["service-account-key-file"])
	if err != nil {
		return nil, err
	}
	keys, err := publicKeys(file)
	if err != nil {
		return nil, err
	}
	all := []issuer{{
		name: kubeapiserver.AccountIssuer, audience: kubeapiserver.AccountAudience, lasting: true,
		keys: func() ([]any, error) { return keys, nil }, bound: isThere, user: accountOf,
	}}
	config, err := named(settings["authentication-config"])
	if err != nil || config == nil {
		return all, err
	}
	var told authenticationConfig
	if err := json.Unmarshal(config, &told); err != nil {
		return nil, fmt.Errorf("reading authentication-config: %w", err)
	}
	for _, p := range told.Providers {
		all = append(all, issuer{
			name: p.Issuer.URL, audience: p.Issuer.Audiences[0], keys: sync.OnceValues(func() ([]any, error) { return p.fetch(ctx) }),
			user: func(c claims) known {
				user := known{name: p.Mappings.Username.Prefix + c.Subject}
				for _, g := range c.Groups {
					user.groups = append(user.groups, p.Mappings.Groups.Prefix+g)
				}
				return user
			},
		})
	}
	return all, nil
}

// named reads the file that a flag names; a flag that is not set names none.
func named(path string) ([]byte, error) {
	if path == "" {
		return nil, nil
	}
	return os.ReadFile(path)
}

// publicKeys reads public keys in PEM.
func publicKeys(file []byte) ([]any, error) {
	var keys []any
	for block, rest := pem.Decode(file); block != nil; block, rest = pem.Decode(rest) {
		key, err := x509.ParsePKIXPublicKey(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("reading service-account-key-file: %w", err)
		}
		keys = append(keys, key)
	}
	return keys, nil
}

// accountOf returns the user that a service account is.
func accountOf(c claims) known {
	account := pki.Account{Namespace: c.Kubernetes.Namespace, Object: pki.Object{Name: c.Kubernetes.Account.Name}}
	return known{name: account.User(), groups: []string{serviceAccounts, serviceAccounts + ":" + account.Namespace}}
}

// isThere reports by an error that what a token of a service account is bound to is not there, or is another by now.
func isThere(c claims) error {
	for _, a := range []pki.Account{kubeapiserver.Own, kubeapiserver.Other} {
		if a.Namespace != c.Kubernetes.Namespace || pki.Object(c.Kubernetes.Account) != a.Object {
			continue
		}
		for _, b := range []struct {
			to    bound
			there pki.Object
		}{{c.Kubernetes.Pod, a.Pod}, {c.Kubernetes.Secret, a.Secret}} {
			if b.to != (bound{}) && pki.Object(b.to) != b.there {
				return fmt.Errorf("wanted %s, found %s", b.there, b.to)
			}
		}
		return nil
	}
	return fmt.Errorf("there is no service account %s in %s", c.Kubernetes.Account, c.Kubernetes.Namespace)
}
