package kubeapiserver

import (
	"time"

	"github.com/calico-tls/conformance/harness/handshake"
	"github.com/calico-tls/conformance/harness/link"
	"github.com/calico-tls/conformance/pki"
)

// clientNames are those of the configuration that Calico's clients of kube-apiserver have in common (Calico
// libcalico-go/lib/apiconfig/apiconfig.go).
var clientNames = map[link.Parameter]string{
	link.Key: "k8sKeyFile", link.Certificate: "k8sCertFile", link.Bundle: "k8sCAFile", link.BearerToken: "k8sAPIToken",
}

// credentialed are the variants of a server that are shown to a client that has a token to lose.
var credentialed = []string{
	"good", "other-authority", "same-name-authority", "self-signed", "expired", "not-yet-valid", "eku-other-role", "wrong-key",
	"intermediate", "intermediate-omitted", "host-other", "host-absent", "host-in-cn", "host-name-only", "host-address-as-name", "host-several",
}

// shownToOthers are those that are shown to the further clients, which have the same library.
var shownToOthers = []string{
	"good", "other-authority", "self-signed", "expired", "eku-other-role", "wrong-key", "intermediate", "host-other", "host-in-cn", "host-several",
}

var further = []link.Further{
	{Component: "typha", Side: handshake.Client, Names: clientNames, Variants: shownToOthers, Rules: nil},
	{Component: "felix", Side: handshake.Client, Names: clientNames, Variants: shownToOthers, Rules: nil},
}

// nowhere is the version of a start that no connection follows.
var nowhere = []link.Version{link.None}

// The variables of Calico's clients that settings set.
const (
	InsecureSkipTLSVerify = "K8S_INSECURE_SKIP_TLS_VERIFY"
	APIToken              = "K8S_API_TOKEN" //nolint:gosec // the name of a variable
)

// clientSettings are those of Calico's clients.
var clientSettings = []link.Setting{
	{
		Name: "unset-k8sCAFile", Mode: "x509", Side: handshake.Client, Given: map[link.Parameter]link.Form{link.Bundle: link.FormUnset},
		System: []pki.AuthorityName{pki.Second}, Change: trustSecond,
		Text: "it is told of no authority: those of its system count", Variants: []string{"authority-second", "good", "self-signed"}, Rules: []string{"KAPI-04"},
	},
	{
		Name: "unset-k8sCAFile", Mode: "jwt", Side: handshake.Client, Given: map[link.Parameter]link.Form{link.Bundle: link.FormUnset},
		System: []pki.AuthorityName{pki.Second}, Change: trustSecond,
		Text: "it is told of no authority: those of its system count", Variants: []string{"authority-second", "good"}, Rules: []string{"KAPI-04"},
	},
	{
		Name: "k8sInsecureSkipTLSVerify", Mode: "x509", Side: handshake.Client, Env: map[string]string{InsecureSkipTLSVerify: "true"}, Change: blindly,
		Text: "it is told to verify nothing", Variants: []string{"good", "other-authority", "self-signed", "expired", "host-other", "eku-other-role"}, Rules: []string{"KAPI-05"},
	},
	{
		Name: "k8sInsecureSkipTLSVerify+k8sCAFile", Mode: "x509", Side: handshake.Client, From: link.FromOverrides, Env: map[string]string{InsecureSkipTLSVerify: "true"}, Unfit: true,
		Text: "it is told to verify nothing, and whom to trust", Versions: nowhere, Rules: []string{"KAPI-05"},
	},
	{
		Name: "k8sInsecureSkipTLSVerify-over-kubeconfig", Mode: "x509", Side: handshake.Client, Env: map[string]string{InsecureSkipTLSVerify: "true"}, Change: heedlessly,
		Text: "its kubeconfig says whom to trust, and the variable that wins over it to verify nothing", Variants: []string{"good", "other-authority"}, Rules: []string{"KAPI-05"},
	},
	{
		Name: "k8sAPIEndpoint-http", Mode: "x509", Side: handshake.Client, Scheme: "http", Unfit: true,
		Text: "it is told of an address that begins with http://", Versions: nowhere, Level: "SHOULD", Rules: []string{"KAPI-06"},
	},
	{
		Name: "k8sAPIEndpoint-http", Mode: "jwt", Side: handshake.Client, Scheme: "http", Unfit: true,
		Text: "it is told of an address that begins with http://", Versions: nowhere, Level: "SHOULD", Rules: []string{"KAPI-06"},
	},
	{
		Name: "variables", Mode: "x509", Side: handshake.Client, From: link.FromOverrides,
		Text: "it is told by the variables that win over a kubeconfig, and has none", Variants: []string{"good", "other-authority"}, Rules: []string{"KAPI-15"},
	},
	{
		Name: "variables-over-kubeconfig", Mode: "x509", Side: handshake.Client, From: link.FromBoth,
		Text: "it is told by the variables that win over a kubeconfig, which says otherwise", Variants: []string{"good", "other-authority"}, Rules: []string{"KAPI-15"},
	},
	{
		Name: "kubeconfig-list", Mode: "x509", Side: handshake.Client, From: link.FromSections,
		Text: "its kubeconfig is two, of which one has the server, and one what it shows", Variants: []string{"good", "other-authority"}, Rules: []string{"KAPI-15"},
	},
	{
		Name: "kubeconfig-list", Mode: "jwt", Side: handshake.Client, From: link.FromSections,
		Text: "its kubeconfig is two, of which one has the server, and one what it shows", Variants: []string{"good", "other-authority"}, Rules: []string{"KAPI-15"},
	},
	{
		Name: "kubeconfig-inline", Mode: "x509", Side: handshake.Client, From: link.FromFile,
		Text:     "its kubeconfig stands in its own configuration file, which gives another address and authority beside it",
		Variants: []string{"good", "other-authority"}, Rules: []string{"KAPI-16"},
	},
	{
		Name: "token-variable", Mode: "jwt", Side: handshake.Client, From: link.FromOverrides,
		Text: "its token stands in CALICO_K8SAPITOKEN", Variants: []string{"good", "other-authority"}, Rules: []string{"KAPI-16"},
	},
	{
		Name: "token-variable-other", Mode: "jwt", Side: handshake.Client, From: link.FromOverrides, Token: "none", Env: map[string]string{APIToken: "read.by.nobody"},
		Text: "its token stands in K8S_API_TOKEN, which nobody reads", Variants: []string{"good"}, Rules: []string{"KAPI-16"},
	},
	{
		Name: "pod", Mode: "jwt", Side: handshake.Client, From: link.FromPod,
		Text: "it runs in a pod, which has its token and the authority of its cluster", Variants: []string{"good", "other-authority"}, Rules: []string{"KAPI-16"},
	},
	badAuthority(""), badAuthority("typha"), badAuthority("felix"),
	{
		Name: "min-version-variable", Mode: "x509", Side: handshake.Client, Env: map[string]string{"TLS_MIN_VERSION": "1.3"}, Versions: []link.Version{link.TLS12},
		Text: "TLS_MIN_VERSION is 1.3, which has no effect here", Variants: []string{"good"}, Rules: []string{"KAPI-20"},
	},
	{
		Name: "suites-variable", Mode: "x509", Side: handshake.Client, Env: map[string]string{"TLS_CIPHER_SUITES": "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"}, Versions: []link.Version{link.TLS12},
		Text: "TLS_CIPHER_SUITES names a suite that needs another key than the server has, which has no effect here", Variants: []string{"good"}, Rules: []string{"KAPI-20"},
	},
	{
		Name: "rejected", Mode: "x509", Side: handshake.Client, Component: "typha", Own: "expired", Unready: true,
		Text: "its own certificate has expired: it must not call itself ready", Variants: []string{"good"}, Rules: []string{"KAPI-22"},
	},
	{
		Name: "rejecting", Mode: "x509", Side: handshake.Client, Component: "typha", Unready: true,
		Text: "it must not call itself ready where it has refused its server", Variants: []string{"good", "other-authority", "host-other"}, Rules: []string{"KAPI-22"},
	},
}

// badAuthority is the setting of a client in a pod whose ca.crt is bad: "" for the link's own.
func badAuthority(component string) link.Setting {
	return link.Setting{
		Name: "pod-junk-ca.crt", Mode: "jwt", Side: handshake.Client, Component: component, From: link.FromPod,
		Given: map[link.Parameter]link.Form{link.Bundle: link.FormDisregarded}, System: []pki.AuthorityName{pki.Second}, Change: trustSecond,
		Text:     "it runs in a pod whose ca.crt is no certificate: the authorities of its system count",
		Variants: []string{"authority-second", "good"}, Rules: []string{"KAPI-17"},
	}
}

// renewed are the settings of clients whose files are replaced while they run, of such as ask again.
func renewed() []link.Setting {
	var all []link.Setting
	for _, component := range []string{"typha", "felix"} {
		all = append(all,
			link.Setting{
				Name: "client-renewed", Mode: "x509", Side: handshake.Client, Component: component, Before: link.Holding{Own: "expired"}, Within: aboutAMinute, Profile: "slow",
				Text: "its key and certificate have been replaced while it runs", Variants: []string{"good"}, Rules: []string{"KAPI-18"},
			},
			link.Setting{
				Name: "token-renewed", Mode: "jwt", Side: handshake.Client, Component: component, Before: link.Holding{Token: "expired"}, Within: aboutAMinute, Profile: "slow",
				Text: "its token has been replaced while it runs", Variants: []string{"good"}, Rules: []string{"KAPI-18"},
			},
		)
	}
	return all
}

// aboutAMinute is how long a client may take to use what its files hold (rule KAPI-18).
const aboutAMinute = 75 * time.Second

func trustSecond(v link.Verifier) link.Verifier {
	v.Trust = []pki.AuthorityName{pki.Second}
	return v
}

// heedlessly leaves the trust bundle, which counts for nothing.
func heedlessly(v link.Verifier) link.Verifier {
	v.Asking, v.Host = link.Blindly, ""
	return v
}

func blindly(v link.Verifier) link.Verifier {
	v.Trust, v.Asking, v.Host = nil, link.Blindly, ""
	return v
}
