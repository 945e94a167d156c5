package kubeapiserver

import (
	"github.com/calico-tls/conformance/harness/link"
	"github.com/calico-tls/conformance/pki"
)

// Who issues tokens, and for whom.
const (
	AccountIssuer    = "https://kubernetes.conformance.example"
	AccountAudience  = "https://kubernetes.conformance.example/api"
	ProviderIssuer   = "https://provider.conformance.example"
	ProviderAudience = "conformance"
	// ProviderPrefix stands before the names of users and groups that a provider's token gives.
	ProviderPrefix = "oidc:"
	// ProviderSubject and ProviderGroup are whom a provider's token names.
	ProviderSubject = "calico-node"
	ProviderGroup   = "calico-nodes"
)

// Namespace is where Calico's service accounts are.
const Namespace = "calico-system"

// Own is the service account of a component of Calico, with what a token of it can be bound to. Other is one without
// rights. Their UIDs are those under which etcd is given them.
var (
	Own = pki.Account{
		Namespace: Namespace,
		Object:    pki.Object{Name: "calico-node", UID: "3f6f2f0a-6a0f-4b7a-9f3e-5d3c1c0a0001"},
		Pod:       pki.Object{Name: "calico-node-x7k2p", UID: "3f6f2f0a-6a0f-4b7a-9f3e-5d3c1c0a0002"},
		Secret:    pki.Object{Name: "calico-node-token", UID: "3f6f2f0a-6a0f-4b7a-9f3e-5d3c1c0a0003"},
	}
	Other = pki.Account{
		Namespace: Namespace,
		Object:    pki.Object{Name: "stranger", UID: "3f6f2f0a-6a0f-4b7a-9f3e-5d3c1c0a0004"},
	}
)

// Users are those whom kube-apiserver serves: each of the names by which it knows Calico.
var Users = []string{ClientCN, Forwarded, Own.User(), ProviderPrefix + ProviderSubject}

// accountTokens and providerTokens say which tokens kube-apiserver takes.
var (
	accountTokens = link.Bearer{
		Identity: pki.TokenIdentity{Kind: pki.AccountToken, Issuer: AccountIssuer, Audience: AccountAudience, Account: Own, Other: Other},
		Keys:     []pki.TokenKey{pki.AccountKey, pki.AccountNextKey},
	}
	providerTokens = link.Bearer{
		Identity: pki.TokenIdentity{
			Kind: pki.ProviderToken, Issuer: ProviderIssuer, Audience: ProviderAudience, Subject: ProviderSubject, Groups: []string{ProviderGroup},
		},
		Keys:   []pki.TokenKey{pki.ProviderKey, pki.ProviderNextKey},
		Prefix: ProviderPrefix,
	}
)
