package etcd

import (
	"time"

	"github.com/calico-tls/conformance/harness/link"
	"github.com/calico-tls/conformance/pki"
)

// inFile are the settings of clients that are told by their configuration file, or by variables that win over others.
var inFile = []link.Setting{
	calicoctl.of(link.Setting{
		Name: "file", From: link.FromFile, Text: "its parameters stand in its configuration file, and name files",
		Variants: []string{"good", "other-authority"}, Versions: newest, Rules: []string{"ETCD-01"},
	}),
	typha.of(link.Setting{
		Name: "file", From: link.FromFile, Text: "its parameters stand in its configuration file",
		Variants: []string{"good", "other-authority"}, Versions: newest, Rules: []string{"ETCD-28"},
	}),
	calicoctl.of(link.Setting{
		Name: "inline", From: link.FromInline, Text: "its key, certificate and authority stand in its configuration file",
		Variants: []string{"good", "other-authority", "expired"}, Rules: []string{"ETCD-19"},
	}),
	calicoctl.of(link.Setting{
		Name: "inline-and-file", From: link.FromMixture, Unfit: true, Says: "Cannot mix inline certificate-key and certificate / key files",
		Text: "its key and certificate stand in its configuration file, which names the file of its authority", Versions: nowhere, Rules: []string{"ETCD-19"},
	}),
	calicoctl.of(link.Setting{
		Name: "inline-unset-etcdKey", From: link.FromInline, Given: map[link.Parameter]link.Form{link.Key: link.FormUnset}, Says: bothInline,
		Text: "its certificate and authority stand in its configuration file, and no key", Versions: nowhere, Rules: []string{"ETCD-17"},
	}),
	calicoctl.of(link.Setting{
		Name: "inline-unset-etcdCert", From: link.FromInline, Given: map[link.Parameter]link.Form{link.Certificate: link.FormUnset}, Says: bothInline,
		Text: "its key and authority stand in its configuration file, and no certificate", Versions: nowhere, Rules: []string{"ETCD-17"},
	}),
	calicoctl.of(link.Setting{
		Name: "inline-junk-etcdCACert", From: link.FromInline, Given: map[link.Parameter]link.Form{link.Bundle: link.FormJunk},
		Text: "its authority stands in its configuration file, and is no PEM", Versions: nowhere, Rules: []string{"ETCD-19"},
	}),
	calicoctl.of(link.Setting{
		Name: "inline-bundle-2", From: link.FromInline, Change: trust(pki.Second, pki.Trusted),
		Text:     "two authorities stand in its configuration file",
		Variants: []string{"authority-second", "good", "other-authority"}, Versions: newest, Level: "SHOULD", Rules: []string{"ETCD-20"},
	}),
	calicoctl.of(link.Setting{
		Name: "bundle-2", Change: trust(pki.Second, pki.Trusted), Text: "the file of its authorities holds two",
		Variants: []string{"authority-second", "good", "other-authority"}, Rules: []string{"ETCD-20"},
	}),
	felix.of(link.Setting{
		Name: "variables-that-win", From: link.FromBoth, Text: "its variables begin with CALICO_, and those without that say otherwise",
		Variants: []string{"good", "other-authority"}, Versions: newest, Rules: []string{"ETCD-28"},
	}),
}

// bothInline is what is said of a half of what goes together.
const bothInline = "Certificate and Key must both be present inline"

// listed are the settings with endpoints that are not written as in the mode.
var listed = each(everybody, func(c client) []link.Setting {
	return []link.Setting{
		c.of(link.Setting{
			Name: "endpoints-three", Text: "it is told of three endpoints, of which two are not what their names say",
			Endpoints: []link.Endpoint{{Host: LocalName, Shows: "other-authority"}, {Host: Address, Shows: "host-name-only"}, {}},
			Variants:  []string{"good"}, Rules: []string{"ETCD-12"},
		}),
		c.of(link.Setting{
			Name: "endpoints-https-http", Text: "of its endpoints the first is written with https, the second with http", Unfit: true,
			Endpoints: []link.Endpoint{{Scheme: "https"}, {Scheme: "http", Host: LocalName}}, Versions: nowhere, Level: "SHOULD", Rules: []string{"ETCD-16"},
		}),
		c.of(link.Setting{
			Name: "endpoints-http-https", Text: "of its endpoints the first is written with http, the second with https", Unfit: true,
			Endpoints: []link.Endpoint{{Scheme: "http"}, {Scheme: "https", Host: LocalName}}, Versions: nowhere, Level: "SHOULD", Rules: []string{"ETCD-16"},
		}),
	}
})

// schemeless are those with an endpoint that has no scheme. Typha does not take one: it goes to port 2379 of this machine, in
// the clear, where the suite has nobody to tell of it.
var schemeless = each([]client{calicoctl, felix}, func(c client) []link.Setting {
	return []link.Setting{c.of(link.Setting{
		Name: "endpoints-schemeless", Text: "its endpoint is written without a scheme", Endpoints: []link.Endpoint{{Scheme: link.Schemeless}},
		Variants: []string{"good", "other-authority"}, Versions: newest, Rules: []string{"ETCD-16"},
	})}
})

// addressed are the settings with an endpoint at an IPv6 address.
var addressed = each(everybody, func(c client) []link.Setting {
	return []link.Setting{c.of(link.Setting{
		Name: "endpoints-ipv6", Text: "its endpoint has an IPv6 address", Change: dial(AddressIPv6),
		Variants: []string{"host-ipv6", "good"}, Versions: newest, Rules: []string{"ETCD-29"},
	})}
})

// renewed are the settings of clients whose files are replaced while they run.
var renewed = each(everybody, func(c client) []link.Setting {
	return []link.Setting{c.of(link.Setting{
		Name: "client-renewed", Before: link.Holding{Own: "other-authority"}, Text: "its key and certificate have been replaced while it runs",
		Variants: []string{"good"}, Rules: []string{"ETCD-24"},
	})}
})

// kept are the settings of clients whose trust bundle is replaced while they run: they keep to the one that they have read.
var kept = each([]client{typha, felix}, func(c client) []link.Setting {
	return []link.Setting{c.of(link.Setting{
		Name: "bundle-renewed", After: link.Holding{Trust: anchors}, Change: trust(pki.Second), Level: "OBS",
		Text:     "its trust bundle has been replaced while it runs, and that has no effect",
		Variants: []string{"authority-second", "good"}, Rules: []string{"ETCD-24"},
	})}
})

// patience is how long a client is given to say why it has no etcd: Typha tells after half a minute.
const patience = 40 * time.Second

// untold are the settings of clients whose library is not told to say why a connection was not made.
var untold = each(everybody, func(c client) []link.Setting {
	return []link.Setting{c.of(link.Setting{
		Name: "untold", Env: map[string]string{"GRPC_GO_LOG_SEVERITY_LEVEL": ""}, Within: patience, Profile: "slow", Level: "SHOULD",
		Text:     "it is told nothing of what it is to log",
		Variants: []string{"good", "other-authority"}, Versions: newest, Rules: []string{"ETCD-23"},
	})}
})

// dial replaces the host that is dialled.
func dial(host string) func(link.Verifier) link.Verifier {
	return func(v link.Verifier) link.Verifier {
		v.Host = host
		return v
	}
}

// undiscovered are the settings by which a client cannot tell where its etcd is. That servers found by way of DNS are verified
// is posed by none: it takes a resolver at port 53 of the address that the machine's own settings name.
var undiscovered = each([]client{calicoctl, felix}, func(c client) []link.Setting {
	return []link.Setting{
		c.of(link.Setting{
			Name: "endpoints-and-domain", Env: map[string]string{"ETCD_DISCOVERY_SRV": "k8s.example.com"}, Unfit: true,
			Text: "it is told of endpoints and of a domain", Versions: nowhere, Rules: []string{"ETCD-22"},
			Says: "multiple discovery or bootstrap options specified, use either ",
		}),
		c.of(link.Setting{
			Name: "endpoints-none", Env: map[string]string{"ETCD_ENDPOINTS": ""}, Unfit: true, Says: "no etcd endpoints specified",
			Text: "it is told neither of endpoints nor of a domain", Versions: nowhere, Rules: []string{"ETCD-22"},
		}),
	}
})
