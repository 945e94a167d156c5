package etcd

import (
	"slices"

	"github.com/calico-tls/conformance/harness/handshake"
	"github.com/calico-tls/conformance/harness/link"
	"github.com/calico-tls/conformance/pki"
)

// What names the two ends: the user that Calico is to etcd, and etcd itself, which is dialled. Neither asks for the URI SAN
// of the other.
const (
	ClientCN  = "calico"
	ClientURI = "spiffe://k8s.example.com/calico"
	ServerCN  = "etcd"
	ServerURI = "spiffe://k8s.example.com/etcd"
	Address   = "127.0.0.1"
	LocalName = "localhost"
	// AddressIPv6 is another address of this machine.
	AddressIPv6 = "::1"
)

// Link is the connection to etcd.
var Link = link.Link{
	Name:      "etcd",
	Groups:    []string{"ETCD"},
	Decisions: decisions,
	Client:    link.End{Component: "calicoctl", Identity: pki.Identity{CN: ClientCN, URISAN: ClientURI}, Names: clientNames, State: link.Paired},
	Server:    link.End{Component: "etcd", Identity: pki.Identity{CN: ServerCN, URISAN: ServerURI, DNSName: LocalName, IPAddress: Address}, Names: serverNames, State: link.Paired},
	Further:   further,
	Modes:     modes,
	Settings:  slices.Concat(serverSettings, clientSettings),
	Suites:    suites,
}

var anchors = []pki.AuthorityName{pki.Trusted}

// dialled is what a client requires of an etcd.
var dialled = link.Verifier{Trust: anchors, Host: Address}

var modes = []link.Mode{
	{Name: "plaintext", Text: "nothing is set: no TLS"},
	{
		Name: "mutual-tls", Text: "each end requires a certificate of the other",
		Client: dialled, Server: link.Verifier{Trust: anchors, Asking: link.Anybody},
	},
	{
		Name: "cn-user", Text: "etcd has users besides, and takes the Common Name of its client for one",
		Client: dialled, Server: link.Verifier{Trust: anchors, CN: ClientCN, Answers: []pki.Check{pki.CheckIdentity}},
		Variants: []string{"good", "none", "cn-other", "cn-absent", "cn-case", "cn-longer", "cn-good-last", "cn-good-first", "other-authority", "expired", "eku-other-role", "host-other"},
	},
	{
		Name: "server-tls", Text: "the client requires a certificate of etcd, which asks for none",
		Client: dialled, Server: link.Verifier{Asking: link.Ignores},
		Variants: []string{"good", "none", "other-authority", "expired", "eku-other-role", "host-other"},
	},
}

// clientNames are those of the configuration that Calico's clients of etcd have in common (Calico
// libcalico-go/lib/apiconfig/apiconfig.go).
var clientNames = map[link.Parameter]string{link.Key: "etcdKeyFile", link.Certificate: "etcdCertFile", link.Bundle: "etcdCACertFile"}

// TyphaNames are Typha's own (Calico typha/pkg/config/config_params.go).
var TyphaNames = map[link.Parameter]string{link.Key: "EtcdKeyFile", link.Certificate: "EtcdCertFile", link.Bundle: "EtcdCaFile"}

// KubeNames are those of kube-apiserver's flags (Kubernetes apiserver/pkg/server/options/etcd.go).
var KubeNames = map[link.Parameter]string{link.Key: "etcd-keyfile", link.Certificate: "etcd-certfile", link.Bundle: "etcd-cafile"}

// shownToOthers are the variants that are shown to the further clients, which have calicoctl's library.
var shownToOthers = []string{
	"good", "other-authority", "self-signed", "expired", "not-yet-valid", "eku-other-role", "wrong-key", "intermediate", "intermediate-omitted",
	"host-other", "host-absent", "host-in-cn", "host-several",
}

var further = []link.Further{
	{Component: "typha", Side: handshake.Client, Names: TyphaNames, Variants: shownToOthers, Rules: nil},
	{Component: "felix", Side: handshake.Client, Names: clientNames, Variants: shownToOthers, Rules: nil},
	{
		Component: "kube-apiserver", Side: handshake.Client, Names: KubeNames, Unready: true, Rules: []string{"ETCD-30"},
		Variants: []string{"good", "other-authority", "expired", "eku-other-role", "host-other"},
	},
}

// serverNames are those of etcd's flags (etcd server/etcdmain/help.go).
var serverNames = map[link.Parameter]string{
	link.Key: "key-file", link.Certificate: "cert-file", link.Bundle: "trusted-ca-file", link.Revocations: "client-crl-file",
}

// serverSettings are those of etcd.
var serverSettings = []link.Setting{
	{
		Name: "unset-client-cert-auth", Mode: "mutual-tls", Side: handshake.Server, Env: map[string]string{ClientCertAuth: "false"},
		Text: "it is given trusted-ca-file, and client-cert-auth is not set", Variants: []string{"good", "none", "other-authority"}, Rules: []string{"ETCD-04"},
	},
	{
		Name: "unset-trusted-ca-file", Mode: "mutual-tls", Side: handshake.Server, Given: map[link.Parameter]link.Form{link.Bundle: link.FormUnset},
		System: []pki.AuthorityName{pki.Second}, Change: trust(pki.Second),
		Text: "client-cert-auth is set, and it is not given trusted-ca-file: the authorities are those of its system", Variants: []string{"authority-second", "good", "none"}, Rules: []string{"ETCD-04"},
	},
	{
		Name: "client-crl-file", Mode: "mutual-tls", Side: handshake.Server, Change: revoke,
		Text: "it is given a revocation list", Variants: []string{"good", "revoked"}, Rules: []string{"ETCD-05"},
	},
	{
		Name: "tls-min-version", Mode: "mutual-tls", Side: handshake.Server, MinVersion: "1.3", Env: map[string]string{MinVersion: "TLS1.3"},
		Text: "tls-min-version is TLS1.3", Variants: []string{"good"}, Rules: []string{"ETCD-07"},
	},
	{
		Name: "renewed", Mode: "mutual-tls", Side: handshake.Server, Before: link.Holding{Own: "other-authority"},
		Text: "its key and certificate have been replaced while it runs", Variants: []string{"good", "other-authority"}, Rules: []string{"ETCD-25"},
	},
}

// The variables of etcd that settings set.
const (
	ClientCertAuth = "ETCD_CLIENT_CERT_AUTH"
	MinVersion     = "ETCD_TLS_MIN_VERSION"
)

// trust replaces the trust bundle.
func trust(names ...pki.AuthorityName) func(link.Verifier) link.Verifier {
	return func(v link.Verifier) link.Verifier {
		v.Trust = names
		return v
	}
}

func revoke(v link.Verifier) link.Verifier {
	v.Revokes = true
	return v
}
