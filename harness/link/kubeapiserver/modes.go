package kubeapiserver

import (
	"slices"
	"time"

	"github.com/calico-tls/conformance/harness/handshake"
	"github.com/calico-tls/conformance/harness/link"
	"github.com/calico-tls/conformance/pki"
)

// What names the two ends: the user and the group that a component of Calico is by its certificate, and kube-apiserver
// itself, which is dialled.
const (
	ClientCN    = "calico-node"
	ClientGroup = "calico-nodes"
	ClientURI   = "spiffe://k8s.example.com/calico-node"
	ServerCN    = "kube-apiserver"
	ServerURI   = "spiffe://k8s.example.com/kube-apiserver"
	Address     = "127.0.0.1"
	LocalName   = "localhost"
)

// Anonymous is whom kube-apiserver takes a client for that shows nothing, Forwarded a user for whom a front proxy asks.
const (
	Anonymous = "system:anonymous"
	Forwarded = "calico-typha"
)

// Link is the connection to kube-apiserver.
var Link = link.Link{
	Name:      "kube-apiserver",
	Groups:    []string{"KAPI"},
	Decisions: decisions,
	Client: link.End{
		Component: "calicoctl", Names: clientNames, State: link.Paired,
		Identity: pki.Identity{CN: ClientCN, URISAN: ClientURI, Organization: ClientGroup},
	},
	Server: link.End{
		Component: "kube-apiserver", Names: serverNames, State: link.Paired,
		Identity: pki.Identity{CN: ServerCN, URISAN: ServerURI, DNSName: LocalName, IPAddress: Address},
	},
	Modes:    modes,
	Settings: slices.Concat(serverSettings, clientSettings, renewed()),
	Further:  further,
	Conducts: conducts,
	Pairs:    pairs,
}

var anchors = []pki.AuthorityName{pki.Trusted}

// dialled is what a client requires of a kube-apiserver.
var dialled = link.Verifier{Trust: anchors, Host: Address}

// answers are the checks by which a kube-apiserver answers, with 401 or 403, whom it has shaken hands with.
var answers = append([]pki.Check{
	pki.CheckPresence, pki.CheckChain, pki.CheckValidity, pki.CheckEKU, pki.CheckIdentity,
}, pki.TokenChecks...)

// known is what a kube-apiserver knows its clients by that takes such tokens.
func known(tokens link.Bearer) link.Verifier {
	return link.Verifier{
		Trust: anchors, Asking: link.Invites, CN: ClientCN, Answers: answers, Nobody: Anonymous, Users: Users,
		Bearer: tokens,
	}
}

var modes = []link.Mode{
	{Name: "x509", Text: "the client shows a certificate, whose Common Name is its user", Client: dialled, Server: known(accountTokens)},
	{
		Name: "jwt", Text: "the client shows the token of a service account",
		Client: dialled, Server: known(accountTokens), Token: "good", Servers: credentialed,
	},
	{
		Name: "oidc", Text: "the client shows a token of an OpenID provider",
		Client: dialled, Server: known(providerTokens), Token: "good", Judges: []handshake.Side{handshake.Server},
	},
}

// pairs are certificates and tokens together.
var pairs = []link.Pair{
	{Mode: "x509", Client: "good", Token: "good", Rules: []string{"KAPI-11"}},
	{Mode: "x509", Client: "good", Token: "expired", Rules: []string{"KAPI-11"}},
	{Mode: "x509", Client: "good", Token: "key-other", Rules: []string{"KAPI-11"}},
	{Mode: "x509", Client: "good", Token: "junk", Rules: []string{"KAPI-11"}},
	{Mode: "x509", Client: "good", Token: "empty", Rules: []string{"KAPI-11"}},
	{Mode: "x509", Client: "expired", Token: "good", Rules: []string{"KAPI-11"}},
	{Mode: "x509", Client: "other-authority", Token: "good", Rules: []string{"KAPI-11"}},
	{Mode: "x509", Client: "eku-other-role", Token: "good", Rules: []string{"KAPI-11"}},
	{Mode: "x509", Client: "cn-absent", Token: "good", Rules: []string{"KAPI-11"}},
	{Mode: "x509", Client: "cn-other", Token: "good", Rules: []string{"KAPI-11"}},
	{Mode: "x509", Client: "none", Token: "good", Rules: []string{"KAPI-11"}},
	{Mode: "x509", Client: "none", Token: "expired", Rules: []string{"KAPI-11"}},
	{Mode: "x509", Client: "expired", Token: "expired", Rules: []string{"KAPI-11"}},
	{Mode: "x509", Client: "other-authority", Token: "key-other", Rules: []string{"KAPI-11"}},
	{Mode: "x509", Client: "other-authority", Token: "empty", Rules: []string{"KAPI-11"}},
	{Mode: "oidc", Client: "good", Token: "good", Rules: []string{"KAPI-11"}},
	{Mode: "oidc", Client: "good", Token: "expired", Rules: []string{"KAPI-11"}},
	{Mode: "oidc", Client: "other-authority", Token: "good", Rules: []string{"KAPI-11"}},
	{Mode: "oidc", Client: "expired", Token: "expired", Rules: []string{"KAPI-11"}},
}

// versionPath is where kube-apiserver says of which version it is.
const versionPath = "/version"

// conducts are those of a client, and of a server.
var conducts = []link.Conduct{
	{
		Name: "remote-user", Side: handshake.Client, Text: "says in its headers that it asks for another user", Forwards: Forwarded,
		Modes: []string{"x509"}, Variants: []string{"good", "none", "cn-other", "expired", "authority-second"}, Rules: []string{"KAPI-14"},
	},
	{
		Name: "remote-user-token", Side: handshake.Client, Text: "shows a token, and says in its headers that it asks for another user", Forwards: Forwarded,
		Modes: []string{"jwt"}, Variants: []string{"none"}, Rules: []string{"KAPI-14"},
	},
	{
		Name: "version-denied", Side: handshake.Server, Component: "felix", Text: "answers 401 to whoever asks for its version, and serves all else", Denies: versionPath,
		Modes: []string{"x509"}, Variants: []string{"good"}, Level: "SHOULD", Rules: []string{"KAPI-19"},
	},
}

// The flags of kube-apiserver that settings set.
const (
	AnonymousAuth = "anonymous-auth"
	MinVersion    = "tls-min-version"
)

// serverNames are those of kube-apiserver's flags.
var serverNames = map[link.Parameter]string{
	link.Key: "tls-private-key-file", link.Certificate: "tls-cert-file", link.Bundle: "client-ca-file", link.ProxyBundle: "requestheader-client-ca-file",
	link.TokenKeys: "service-account-key-file", link.SigningKey: "service-account-signing-key-file",
}

// serverSettings are those of kube-apiserver.
var serverSettings = []link.Setting{
	{
		Name: "anonymous-auth", Mode: "x509", Side: handshake.Server, Flags: map[string]string{AnonymousAuth: "false"}, Change: knowNobody,
		Text: "anonymous-auth is false", Variants: []string{"good", "none", "cn-absent", "cn-other", "other-authority"}, Rules: []string{"KAPI-12"},
	},
	{
		Name: "requestheader-client-ca-file", Mode: "x509", Side: handshake.Server, Change: byProxy,
		Text: "it is told of an authority of front proxies", Variants: []string{"good", "authority-second"}, Conducts: []string{"remote-user"}, Rules: []string{"KAPI-14"},
	},
	{
		Name: "tls-min-version", Mode: "x509", Side: handshake.Server, MinVersion: "1.3", Flags: map[string]string{MinVersion: "VersionTLS13"},
		Text: "tls-min-version is VersionTLS13", Variants: []string{"good"}, Rules: []string{"KAPI-08"},
	},
	{
		Name: "renewed", Mode: "x509", Side: handshake.Server, Before: link.Holding{Own: "other-authority"}, Within: twoMinutes, Profile: "slow",
		Text: "its key and certificate have been replaced while it runs", Variants: []string{"good", "other-authority"}, Rules: []string{"KAPI-21"},
	},
	{
		Name: "client-ca-renewed", Mode: "x509", Side: handshake.Server, Before: link.Holding{Trust: []pki.AuthorityName{pki.Second}}, Within: twoMinutes, Profile: "slow",
		Text: "client-ca-file has been replaced while it runs", Variants: []string{"good", "authority-second"}, Rules: []string{"KAPI-21"},
	},
}

// twoMinutes is how long kube-apiserver may take to use what its files hold (rule KAPI-21).
const twoMinutes = 2 * time.Minute

// byProxy adds the authority of front proxies.
func byProxy(v link.Verifier) link.Verifier {
	v.Proxies = []pki.AuthorityName{pki.Second}
	return v
}

func knowNobody(v link.Verifier) link.Verifier {
	v.Nobody = ""
	return v
}
