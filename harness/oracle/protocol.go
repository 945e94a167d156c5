package oracle

import (
	"slices"
	"strings"

	"github.com/calico-tls/conformance/harness/handshake"
	"github.com/calico-tls/conformance/harness/link"
	"github.com/calico-tls/conformance/pki"
)

// What fails before a certificate is shown.
var (
	clearOnTLS = row{name: "plaintext-on-tls", check: pki.CheckProtocol}
	tlsOnClear = row{name: "tls-on-plaintext", check: pki.CheckProtocol}
	oldVersion = row{name: "version", check: pki.CheckProtocol}
	noSuite    = row{name: "suite", check: pki.CheckProtocol}
)

// offences are what an instrument does by its conduct that its peer must not bear.
var offences = map[link.Offence]row{
	link.UnofferedSuite: {name: string(link.UnofferedSuite), check: pki.CheckProtocol},
	link.Renegotiation:  {name: string(link.Renegotiation), check: pki.CheckProtocol},
	link.HangUp:         {name: string(link.HangUp), check: pki.CheckProtocol},
	link.Stall:          {name: string(link.Stall), check: pki.CheckProtocol},
}

// afterwards are the offences that come once both have shaken hands, and so have accepted each other.
var afterwards = []link.Offence{link.Renegotiation}

// offence finds what the subject does not bear of a peer that it has accepted.
func (q question) offence() (*row, handshake.Side) {
	if !slices.Contains(afterwards, q.conduct.Offence) {
		return nil, ""
	}
	r := offences[q.conduct.Offence]
	return &r, q.subject
}

// resigned are the offences that leave a peer nothing but to give up, and what it says of that: that it was left, or
// that it waited in vain.
var resigned = map[string]handshake.Claim{
	string(link.HangUp): handshake.WasRefused,
	string(link.Stall):  handshake.Failed,
}

// settable are the causes that a setting of the subject's can bring about.
var settable = []string{oldVersion.name, noSuite.name}

// floors are the values of TLS_MIN_VERSION that move the lowest version, and the versions that they forbid. Any other
// value leaves it at TLS 1.2 (Calico crypto/pkg/tls/tls.go).
var floors = map[string]link.Version{"1.3": link.TLS12}

// transport finds what fails before a certificate is shown.
func (q question) transport() (*row, handshake.Side) {
	subjectClear := q.client.asked.Plaintext()
	if q.subject == handshake.Client {
		subjectClear = q.server.asked.Plaintext()
	}
	offence, offends := offences[q.conduct.Offence]
	switch {
	case q.c.Version != link.Clear && subjectClear:
		return &tlsOnClear, handshake.Server // the client in the clear is the first to speak
	case offends && !subjectClear && !slices.Contains(afterwards, q.conduct.Offence):
		return &offence, q.subject
	case q.c.Version == link.Clear && !subjectClear:
		return &clearOnTLS, q.subject
	case q.c.Version == link.TLS10, q.c.Version == link.TLS11, q.c.Version != "" && q.c.Version == floors[q.setting.MinVersion]:
		return &oldVersion, q.subject
	case q.c.Version != link.Clear && !q.suiteInCommon():
		return &noSuite, handshake.Server // who chooses
	}
	return nil, ""
}

// suiteInCommon reports whether one of the suites that the instrument offers, or would choose, is one that the subject
// takes.
func (q question) suiteInCommon() bool {
	if offered, ok := q.link.Suite(q.conduct.Suite); ok {
		return q.takes(offered)
	}
	for _, s := range q.link.Suites {
		if s.Standing == link.Listed && q.takes(s) {
			return true
		}
	}
	return len(q.link.Suites) == 0
}

// takes reports whether the subject takes a suite in the version of the case: one that TLS_CIPHER_SUITES names, or one
// that is listed where it names none. It says nothing of TLS 1.3.
func (q question) takes(s link.Suite) bool {
	switch {
	case s.Version != q.c.Version:
		return false
	case q.setting.Suites == "", s.Version == link.TLS13:
		return s.Standing == link.Listed
	}
	for name := range named(q.setting) {
		if name == s.Name {
			return q.hasKeyFor(s)
		}
	}
	return false
}

// hasKeyFor reports whether the server that a client judges has the key that a suite needs. What a server's own key is for,
// the settings of servers see to.
func (q question) hasKeyFor(s link.Suite) bool {
	if q.subject == handshake.Server {
		return true
	}
	return (s.Key == link.KeyRSA) == slices.Contains(rsaKeys, q.server.cred.Leaf.Key)
}

var rsaKeys = []pki.KeyType{pki.RSA1024, pki.RSA2048, pki.RSA3072, pki.RSA4096, pki.RSA8200}

// named yields the suites that TLS_CIPHER_SUITES names.
func named(s link.Setting) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for name := range strings.SplitSeq(s.Suites, ",") {
			if name = strings.TrimSpace(name); name != "" && !yield(name) {
				return
			}
		}
	}
}
