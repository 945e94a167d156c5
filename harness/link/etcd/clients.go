package etcd

import (
	"fmt"
	"slices"

	"github.com/calico-tls/conformance/harness/handshake"
	"github.com/calico-tls/conformance/harness/link"
	"github.com/calico-tls/conformance/pki"
)

// client is one of those that are started with settings of clients.
type client struct {
	// component is the further component, "" for the link's own, and names are its names of the parameters.
	component string
	names     map[link.Parameter]string
}

var (
	calicoctl = client{"", clientNames}
	typha     = client{"typha", TyphaNames}
	felix     = client{"felix", clientNames}
	// everybody are all of them.
	everybody = []client{calicoctl, typha, felix}
)

// nowhere is the version of a start that no connection follows, newest that of one where the version tells nothing.
var (
	nowhere = []link.Version{link.None}
	newest  = []link.Version{link.TLS13}
)

// clientSettings are those of Calico's clients of etcd.
var clientSettings = slices.Concat(
	each(everybody, client.incomplete), each(everybody, client.missing), each(everybody, client.anchored),
	calicoctl.useless(), misnamed, inFile, listed, schemeless, addressed, suited, renewed, kept, untold, undiscovered,
)

// each makes settings for each of some clients.
func each(clients []client, settings func(client) []link.Setting) []link.Setting {
	var all []link.Setting
	for _, c := range clients {
		all = append(all, settings(c)...)
	}
	return all
}

// of makes a setting of mutual TLS one of the client's.
func (c client) of(s link.Setting) link.Setting {
	s.Mode, s.Side, s.Component = "mutual-tls", handshake.Client, c.component
	return s
}

// says adds to settings a part of what the client must say.
func says(words string, settings ...link.Setting) []link.Setting {
	for i := range settings {
		settings[i].Says = words
	}
	return settings
}

// formed is the setting in which one parameter is given in a form, with which the client must not start.
func (c client) formed(p link.Parameter, form link.Form, text, rule string) link.Setting {
	return c.of(link.Setting{
		Name: fmt.Sprintf("%s-%s", form, c.names[p]), Given: map[link.Parameter]link.Form{p: form}, Versions: nowhere,
		Text: fmt.Sprintf(text, c.names[p]), Rules: []string{rule},
	})
}

// incomplete are the settings without a key, or without its certificate.
func (c client) incomplete() []link.Setting {
	return says("KeyFile and CertFile must both be present[key: ",
		c.formed(link.Key, link.FormUnset, "without %s", "ETCD-17"),
		c.formed(link.Certificate, link.FormUnset, "without %s", "ETCD-17"),
	)
}

// missing are those in which a file does not exist.
func (c client) missing() []link.Setting {
	var all []link.Setting
	for _, p := range []link.Parameter{link.Key, link.Certificate, link.Bundle} {
		all = append(all, c.formed(p, link.FormMissing, "the file of %s does not exist", "ETCD-18"))
	}
	both := c.formed(link.Certificate, link.FormMissing, "neither the file of %s nor that of the key exists", "ETCD-18")
	both.Name, both.Given = both.Name+"+"+c.names[link.Key], map[link.Parameter]link.Form{link.Certificate: link.FormMissing, link.Key: link.FormMissing}
	return append(all, both)
}

// useless are those in which a certificate has no key that is its own, or a key no certificate.
func (c client) useless() []link.Setting {
	return []link.Setting{
		c.formed(link.Key, link.FormForeign, "%s is the key of another certificate", "ETCD-17"),
		c.formed(link.Key, link.FormJunk, "%s is a file that is no PEM", "ETCD-17"),
		c.formed(link.Certificate, link.FormJunk, "%s is a file that is no PEM", "ETCD-17"),
	}
}

// anchored are those in which the authorities that count are others than in the mode. Whoever is told of none has those of
// its system.
func (c client) anchored() []link.Setting {
	bundle := c.names[link.Bundle]
	return []link.Setting{
		c.of(link.Setting{
			Name: "unset-" + bundle, Given: map[link.Parameter]link.Form{link.Bundle: link.FormUnset}, System: []pki.AuthorityName{pki.Second}, Change: trust(pki.Second),
			Text: "it is told of no authority: those of its system count", Variants: []string{"authority-second", "good"}, Versions: newest, Rules: []string{"ETCD-14"},
		}),
		c.of(link.Setting{
			Name: "empty-" + bundle, Bundle: pki.BundleEmpty, Change: trust(pki.Third),
			Text: bundle + " is an empty file", Variants: []string{"good"}, Versions: newest, Rules: []string{"ETCD-21"},
		}),
	}
}

// The variables that wrong names of parameters set to what would keep a client from its etcd.
const (
	nobodysAddress = "https://127.0.0.1:1"
	nobodysFile    = "/absent.pem"
)

// misnamed are the settings in which parameters stand under names that are another component's.
var misnamed = []link.Setting{
	typha.of(link.Setting{
		Name: "variables-of-others", Env: map[string]string{"ETCD_ENDPOINTS": nobodysAddress, "ETCD_CA_CERT_FILE": nobodysFile, "CALICO_ETCD_ENDPOINTS": nobodysAddress},
		Text: "the variables that other components read say otherwise", Variants: []string{"good", "other-authority"}, Versions: newest, Rules: []string{"ETCD-28"},
	}),
	felix.of(link.Setting{
		Name: "variables-of-its-own", Env: map[string]string{"FELIX_ETCDENDPOINTS": nobodysAddress, "FELIX_DATASTORETYPE": "kubernetes"},
		Text: "variables of its own say otherwise", Variants: []string{"good", "other-authority"}, Versions: newest, Rules: []string{"ETCD-28"},
	}),
}
