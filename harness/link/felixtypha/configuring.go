package felixtypha

import (
	"fmt"
	"strings"

	"github.com/calico-tls/conformance/harness/handshake"
	"github.com/calico-tls/conformance/harness/link"
	"github.com/calico-tls/conformance/pki"
)

// nowhere is the version of a start that no connection follows.
var nowhere = []link.Version{link.None}

// PoisonedHost is the name of a node for which the datastore has values of its own for Felix's parameters.
const PoisonedHost = "poisoned"

// onTyphaAlone are settings that Felix has nothing like.
var onTyphaAlone = []link.Setting{{
	Name: "operator-mixed", Mode: "cn", Side: handshake.Server, Versions: nowhere,
	Given: map[link.Parameter]link.Form{link.CommonName: link.FormBlank, link.URISAN: link.FormUnset},
	Text:  "it is configured as the operator does where Typha goes by a Common Name and Felix by a SPIFFE ID", Rules: []string{"CONF-20"},
}}

// onFelixAlone are settings that Typha has nothing like.
var onFelixAlone = []link.Setting{
	{
		Name: "ClientCN-for-TyphaCN", Mode: "cn", Side: handshake.Client, Versions: nowhere,
		Given: map[link.Parameter]link.Form{link.CommonName: link.FormUnset}, Env: map[string]string{"FELIX_CLIENTCN": TyphaCN},
		Text: "the name required is given as ClientCN, as the page says in one place, and not as TyphaCN", Rules: []string{"CONF-11"},
	},
	{
		Name: "ClientCN-beside-TyphaCN", Mode: "cn", Side: handshake.Client, Env: map[string]string{"FELIX_CLIENTCN": "someone-else"},
		Text: "ClientCN names somebody else beside TyphaCN", Variants: []string{"good", "cn-other"}, Rules: []string{"CONF-11"},
	},
	{
		Name: "datastore", Mode: "cn", Side: handshake.Client, Env: map[string]string{"FELIX_FELIXHOSTNAME": PoisonedHost},
		Text: "the datastore has other values for each of its parameters", Variants: []string{"good", "cn-other"}, Rules: []string{"CONF-10"},
	},
	{
		Name: "address-name", Mode: "cn", Side: handshake.Client, Address: "localhost:5473", Versions: nowhere,
		Text: "TyphaAddr has a host name", Level: "SHOULD", Rules: []string{"FELIX-24"},
	},
	{
		Name: "address-ipv6", Mode: "cn", Side: handshake.Client, Address: "[::1]:5473", Versions: nowhere,
		Text: "TyphaAddr is an IPv6 address", Level: "SHOULD", Rules: []string{"FELIX-24"},
	},
	{
		Name: "address-malformed", Mode: "cn", Side: handshake.Client, Address: "typha", Versions: nowhere,
		Text: "TyphaAddr is no address", Level: "SHOULD", Rules: []string{"FELIX-24"},
	},
}

// configured are the settings in which a side is given what its mode asks for, in another manner.
func configured(side handshake.Side) []link.Setting {
	n := names(side)
	shown := []string{"good", "cn-other"}
	all := []link.Setting{
		{Name: "lower-case", Mode: "cn", Side: side, From: link.FromLowerCase, Text: "its variables are written in lower case", Variants: shown, Rules: []string{"CONF-07"}},
		{Name: "file", Mode: "cn", Side: side, From: link.FromFile, Text: "its parameters stand in the configuration file", Variants: shown, Rules: []string{"CONF-07"}},
		{Name: "file-sections", Mode: "cn", Side: side, From: link.FromSections, Text: "its parameters stand in the configuration file, each in a section of its own", Variants: shown, Rules: []string{"CONF-07"}},
		{Name: "file-and-variables", Mode: "cn", Side: side, From: link.FromBoth, Text: "its configuration file says otherwise than its variables", Variants: shown, Rules: []string{"CONF-07"}},
		{Name: "log-debug", Mode: "cn", Side: side, Env: debugging[side], Text: "it logs all that it can", Variants: shown, Rules: []string{"CONF-18"}},
		{Name: "bundle-broken", Mode: "cn", Side: side, Bundle: pki.BundleBroken, Change: trust(pki.Second, pki.Trusted), Text: "blocks of its trust bundle are broken, between sound ones", Variants: []string{"good", "authority-second", "other-authority"}, Level: "SHOULD", Rules: []string{"IDENT-43"}},
		{Name: "anchor-hard-way", Mode: "cn", Side: side, Change: trust(pki.HardWayRoot), Text: "the trust bundle holds the authority of the manual installation", Variants: []string{"hard-way", "hard-way-v1", "good"}, Rules: []string{"CONF-16"}},
		{Name: "pkcs1-" + n[link.Key], Mode: "cn", Side: side, Own: "key-rsa-2048", Key: pki.PKCS1, Text: "its key is in the form of PKCS #1", Variants: []string{"good"}, Rules: []string{"TYPHA-31"}},
		{Name: "sec1-" + n[link.Key], Mode: "cn", Side: side, Key: pki.SEC1, Text: "its key is in the form of SEC 1", Variants: []string{"good"}, Rules: []string{"TYPHA-31"}},
	}
	for _, o := range oddities {
		all = append(all, o.on(side))
	}
	return all
}

// debugging makes a side log all that it can.
var debugging = map[handshake.Side]map[string]string{
	handshake.Server: {"TYPHA_LOGSEVERITYSCREEN": "debug", "TYPHA_EARLYLOGSEVERITYSCREEN": "debug"},
	handshake.Client: {"FELIX_LOGSEVERITYSCREEN": "debug", "FELIX_EARLYLOGSEVERITYSCREEN": "debug"},
}

// mended are the settings in which a file is spoilt while Felix runs, and is right again later.
func mended() []link.Setting {
	var all []link.Setting
	for _, p := range everyFile {
		all = append(all, link.Setting{
			Name: "mended-" + felixNames[p], Mode: "cn", Side: handshake.Client, Spoils: p, Variants: []string{"good"},
			Text: fmt.Sprintf("the file of %s is gone when it connects again, then holds junk, and then is right again", felixNames[p]), Rules: []string{"FELIX-17"},
		})
	}
	return all
}

// oddity is one parameter that is given in a form. Without variants the end must not start.
type oddity struct {
	mode      string
	parameter link.Parameter
	form      link.Form
	rule      string
	variants  []string
}

// oddities are the values that count otherwise than they look.
var oddities = []oddity{
	{"cn-or-uri-san", link.URISAN, link.FormBlank, "CONF-08", []string{"good", "cn-other"}},
	{"cn-or-uri-san", link.URISAN, link.FormNone, "CONF-08", []string{"good", "cn-other"}},
	{"cn-or-uri-san", link.CommonName, link.FormNone, "CONF-08", []string{"good", "uri-other"}},
	{"cn", link.Bundle, link.FormNone, "CONF-08", nil},
	{"cn", link.Key, link.FormBlank, "CONF-08", nil},
	{"cn", link.CommonName, link.FormPadded, "CONF-09", []string{"cn-space-after", "good"}},
	{"cn", link.CommonName, link.FormLineBreak, "CONF-09", nil},
	{"cn", link.CommonName, link.FormNone, "CONF-09", nil},
}

// on makes a setting of it for a side.
func (o oddity) on(side handshake.Side) link.Setting {
	name := names(side)[o.parameter]
	s := link.Setting{
		Name: string(o.form) + "-" + name, Mode: o.mode, Side: side, Given: map[link.Parameter]link.Form{o.parameter: o.form},
		Text: name + " is " + forms[o.form], Variants: o.variants, Rules: []string{o.rule},
	}
	if len(o.variants) == 0 {
		s.Versions = nowhere
	}
	return s
}

// forms say what a form is.
var forms = map[link.Form]string{
	link.FormUnset: "not set", link.FormBlank: "set to nothing", link.FormNone: "set to the word none",
	link.FormLineBreak: "followed by a line break", link.FormPadded: "followed by a blank",
	link.FormMissing: "a file that does not exist", link.FormFolder: "a folder", link.FormUnreadable: "a file that cannot be read",
	link.FormEmpty: "an empty file", link.FormJunk: "a file that is no PEM", link.FormJunkPEM: "a PEM file that holds no DER",
	link.FormEncrypted: "a key under a passphrase", link.FormForeign: "the key of another certificate",
}

// names are a side's names of its parameters.
func names(side handshake.Side) map[link.Parameter]string {
	if side == handshake.Server {
		return typhaNames
	}
	return felixNames
}

// parameters are those of either end.
var parameters = []link.Parameter{link.Key, link.Certificate, link.Bundle, link.CommonName, link.URISAN}

// incomplete are the 28 of the 32 ways to set or leave out the parameters that are neither complete nor empty. The
// other four are the modes. The component is a further one that plays the side; "" for the link's own.
func incomplete(side handshake.Side, component string, names map[link.Parameter]string, rules ...string) []link.Setting {
	var all []link.Setting
	for subset := range 1 << len(parameters) {
		s := link.Setting{Mode: "cn-or-uri-san", Side: side, Component: component, Given: map[link.Parameter]link.Form{}, Versions: nowhere, Rules: rules}
		var unset []string
		for i, p := range parameters {
			if subset>>i&1 == 1 {
				s.Given[p] = link.FormUnset
				unset = append(unset, names[p])
			}
		}
		if link.AllOrNothing(s.Effects(link.Verifier{Trust: anchors, CN: TyphaCN, URISAN: TyphaURISAN})) != link.Incomplete {
			continue
		}
		s.Name, s.Text = "unset-"+strings.Join(unset, "+"), "without "+strings.Join(unset, ", ")
		if s.Name == "unset-"+names[link.CommonName]+"+"+names[link.URISAN] {
			s.Rules = append([]string{}, append(rules, "IDENT-28")...)
		}
		if side == handshake.Server && len(unset) == 1 {
			s.Conducts = []string{"asks-health"}
		}
		all = append(all, s)
	}
	return all
}

// blemish is a form of a file that is of no use, and the parameters whose file may have it.
type blemish struct {
	form  link.Form
	files []link.Parameter
}

var (
	everyFile = []link.Parameter{link.Key, link.Certificate, link.Bundle}
	blemishes = []blemish{
		{link.FormEmpty, everyFile},
		{link.FormJunk, everyFile},
		{link.FormJunkPEM, everyFile},
		{link.FormFolder, everyFile},
		{link.FormUnreadable, everyFile},
		{link.FormEncrypted, []link.Parameter{link.Key}},
		{link.FormForeign, []link.Parameter{link.Key}},
	}
)

// spoilt are the settings in which files are missing or of no use.
func spoilt(side handshake.Side) []link.Setting {
	rule := map[handshake.Side]string{handshake.Server: "TYPHA-30", handshake.Client: "FELIX-17"}[side]
	var all []link.Setting
	for _, b := range blemishes {
		for _, p := range b.files {
			all = append(all, oddity{"cn", p, b.form, rule, nil}.on(side))
		}
	}
	for subset := 1; subset < 1<<len(everyFile); subset++ {
		s := link.Setting{Mode: "cn", Side: side, Given: map[link.Parameter]link.Form{}, Versions: nowhere, Rules: []string{"CONF-06", "CONF-05"}}
		var missing []string
		for i, p := range everyFile {
			if subset>>i&1 == 1 {
				s.Given[p] = link.FormMissing
				missing = append(missing, names(side)[p])
			}
		}
		s.Name, s.Text = "missing-"+strings.Join(missing, "+"), fmt.Sprintf("the files of %s do not exist", strings.Join(missing, ", "))
		all = append(all, s)
	}
	nameless := all[len(all)-1]
	nameless.Given = map[link.Parameter]link.Form{link.CommonName: link.FormUnset}
	for _, p := range everyFile {
		nameless.Given[p] = link.FormMissing
	}
	nameless.Name += "-unset-" + names(side)[link.CommonName]
	nameless.Text += ", and no name is required"
	nameless.Level, nameless.Rules = "SHOULD", []string{"CONF-05"}
	return append(all, nameless)
}
