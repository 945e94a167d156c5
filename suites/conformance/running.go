package conformance

import (
	"cmp"
	"fmt"
	"os"
	"strings"

	"github.com/calico-tls/conformance/harness"
	"github.com/calico-tls/conformance/harness/launch/endpoint"
	"github.com/calico-tls/conformance/harness/target"
	"github.com/calico-tls/conformance/pki"
)

// usualModes are the modes in which an endpoint is taken to run unless its target says otherwise: those of the page's
// example, and of a manual installation.
var usualModes = map[target.Role]string{target.Typha: "cn", target.Etcd: "mutual-tls", target.KubeAPIServer: "x509"}

// runningOf returns what the lab is to know of an endpoint.
func runningOf(link string, o target.Obtained) (*harness.Running, error) {
	named := o.Running
	l, _ := harness.LinkNamed(link)
	if l.Server.Component != string(o.Role) {
		return &harness.Running{}, nil // a client, of which nothing is asked
	}
	r := &harness.Running{
		Launcher: endpoint.Launcher{Address: o.Endpoint, LogFile: named.Log},
		Mode:     cmp.Or(named.Mode, usualModes[o.Role]),
		Mute:     named.Log == "",
	}
	mode, ok := l.Mode(r.Mode)
	if !ok {
		var names []string
		for _, m := range l.Modes {
			names = append(names, m.Name)
		}
		return nil, &UsageError{fmt.Sprintf("describing %s: mode: there is none named %q", o.Role, r.Mode), "the modes of the link " + link + " are " + strings.Join(names, ", ")}
	}
	if mode.Client.Plaintext() && mode.Server.Plaintext() {
		r.Authorities = pki.NewAuthorities()
		return r, nil
	}
	if named.Authority.Certificate == "" {
		return nil, &UsageError{
			fmt.Sprintf("describing %s: wanted the authority that the endpoint trusts, found none", o.Role),
			"name its certificate and key, as in authority: {certificate: ca.pem, key: ca.key}; without the key, a client's certificate and key besides",
		}
	}
	if err := credentials(r, named); err != nil {
		return nil, &UsageError{fmt.Sprintf("describing %s: %v", o.Role, err), "the files are PEM, and a key is that of the certificate beside it"}
	}
	if named.Authority.Key == "" && r.Given == nil {
		return nil, &UsageError{
			fmt.Sprintf("describing %s: wanted a key of the authority or the credential of a client, found neither", o.Role),
			"name the authority's key, as in authority: {certificate: ca.pem, key: ca.key}, or client: {certificate: client.pem, key: client.key}",
		}
	}
	return r, nil
}

// credentials reads what an endpoint trusts, and by which it is trusted.
func credentials(r *harness.Running, named target.Running) error {
	authority, key, err := readPair(named.Authority)
	if err != nil {
		return err
	}
	if r.Authorities, err = pki.Adopt(authority, key); err != nil {
		return fmt.Errorf("authority: %w", err)
	}
	trust := authority
	if named.Trust != "" {
		if trust, err = os.ReadFile(named.Trust); err != nil {
			return err
		}
	}
	if r.Roots, err = pki.Anchors(trust); err != nil {
		return fmt.Errorf("trust: %w", err)
	}
	if named.Client.Certificate == "" {
		return nil
	}
	certificate, key, err := readPair(named.Client)
	if err != nil {
		return err
	}
	if r.Given, err = pki.ReadCredential(certificate, key); err != nil {
		return fmt.Errorf("client: %w", err)
	}
	return nil
}

// readPair reads the files of a certificate and its key; a key that is not named is nil.
func readPair(p target.Pair) (certificate, key []byte, err error) {
	if certificate, err = os.ReadFile(p.Certificate); err != nil || p.Key == "" {
		return certificate, nil, err
	}
	key, err = os.ReadFile(p.Key)
	return certificate, key, err
}
