package target

import (
	"slices"

	"github.com/calico-tls/conformance/fixtures"
)

// Running says what is known of a component that runs already. It counts for the way [Endpoint] alone.
type Running struct {
	// Mode is the mode of its link in which it runs; "" for that of the page's example.
	Mode string
	// Authority is the authority that the component trusts. Without its key nothing can be issued for the component.
	Authority Pair
	// Client is a credential of a client that the component accepts; empty to have one issued.
	Client Pair
	// Trust is the path of the trust bundle by which the component's own certificate is verified; "" for the authority's.
	Trust string
	// Log is the path of the file to which the component writes its log; "" if it cannot be had.
	Log string
}

// Pair has the paths of a certificate and of its private key, in PEM; "" for what is not given.
type Pair struct {
	Certificate, Key string
}

type pairFile struct {
	Certificate fixtures.Text `yaml:"certificate"`
	Key         fixtures.Text `yaml:"key"`
}

// runningKeys are the keys of a component that count for an endpoint alone.
var runningKeys = []string{"mode", "authority", "client", "trust", "log"}

// servers are the roles that serve, so that something can be asked of them where they run already.
var servers = []Role{Typha, Etcd, KubeAPIServer}

// running reads what is known of an endpoint.
func (p *parsed) running(c Component, raw componentFile) (Running, error) {
	at := "/components/" + string(c.Role)
	isEndpoint := slices.ContainsFunc(c.Ways, func(s Source) bool { return s.Way == Endpoint })
	if isEndpoint && !slices.Contains(servers, c.Role) {
		return Running{}, p.wrong(at+"/endpoint", "name an image, a binary or a build", "%s: endpoint: wanted a server, found a client, which dials whom it is told when it is started", c.Role)
	}
	for _, key := range p.keys[at] {
		if !isEndpoint && slices.Contains(runningKeys, key) {
			return Running{}, p.wrong(at+"/"+key, "leave it out, or name an endpoint", "%s: %s: wanted it with an endpoint, found it without", c.Role, key)
		}
	}
	r := Running{Mode: string(raw.Mode)}
	for _, f := range []struct {
		key  string
		text fixtures.Text
		into *string
	}{
		{"authority/certificate", raw.Authority.Certificate, &r.Authority.Certificate},
		{"authority/key", raw.Authority.Key, &r.Authority.Key},
		{"client/certificate", raw.Client.Certificate, &r.Client.Certificate},
		{"client/key", raw.Client.Key, &r.Client.Key},
		{"trust", raw.Trust, &r.Trust},
		{"log", raw.Log, &r.Log},
	} {
		if _, set := p.lines[at+"/"+f.key]; !set {
			continue
		}
		var err error
		if *f.into, err = p.path(string(f.text)); err == nil {
			err = readable(*f.into)
		}
		if err != nil {
			return Running{}, p.wrong(at+"/"+f.key, "paths are relative to the target file", "%s: %s: %v", c.Role, f.key, err)
		}
	}
	return r, p.whole(at, r)
}

// whole refuses halves of pairs.
func (p *parsed) whole(at string, r Running) error {
	for _, half := range []struct {
		has, lacks, key, wanted string
	}{
		{r.Authority.Key, r.Authority.Certificate, "authority", "a certificate beside the key"},
		{r.Client.Key, r.Client.Certificate, "client", "a certificate beside the key"},
		{r.Client.Certificate, r.Client.Key, "client", "a key beside the certificate"},
	} {
		if half.has != "" && half.lacks == "" {
			return p.wrong(at+"/"+half.key, "name both", "%s: wanted %s, found none", half.key, half.wanted)
		}
	}
	return nil
}
