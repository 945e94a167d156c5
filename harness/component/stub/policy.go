package stub

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/golang-jwt/jwt/v5"

	"github.com/calico-tls/conformance/harness/link/felixtypha"
)

// policy is what an end asks of its peer, step by step, and how it behaves besides. Each [Fault] changes one field of
// the [reference].
type policy struct {
	// oldest and newest are the TLS versions that the end speaks.
	oldest, newest uint16
	// suites are those to which the end agrees up to TLS 1.2.
	suites []uint16
	// insists is how a Typha asks for a certificate.
	insists tls.ClientAuthType
	// path changes what is asked about the path from the leaf to an anchor; nil leaves it as it is.
	path func(*path)
	// bearers are the certificates, of those that were sent, that may name the peer.
	bearers func(chain []*x509.Certificate) []*x509.Certificate
	// commonNames and uris are what a certificate says of whom it names, and sameCN and sameURI compare that with what
	// is required.
	commonNames, uris func(*x509.Certificate) []string
	sameCN, sameURI   func(have, required string) bool
	// suffices says whether the names that were found are enough.
	suffices func(required, found names) bool
	// host says whether a leaf is that of the host that was dialled.
	host func(leaf *x509.Certificate, dialled string) error
	// signed says whether one of the keys has signed a token, and questions are what is asked of it besides.
	signed    func(text string, token *jwt.Token, keys []any) error
	questions []question
	// shows makes what the end shows of what it was given; nil leaves it as it is.
	shows func(tls.Certificate) (*tls.Certificate, error)
	// quirk is what the end does amiss besides.
	quirk quirk
}

// quirk is something that an end does amiss and that is no question asked of its peer.
type quirk string

// The quirks.
const (
	none                    quirk = ""
	acceptsPlaintext        quirk = "accepts plaintext"
	plaintextWithoutFiles   quirk = "plaintext without files"
	closesSilently          quirk = "closes silently"
	speaksFirst             quirk = "speaks first"
	sendsBeforeVerification quirk = "sends before verification"
	oneAtATime              quirk = "one at a time"
	countsRefused           quirk = "counts refused clients"
	listsNoAuthorities      quirk = "lists no authorities"
	trustsSystem            quirk = "trusts the system"
	skipsPossession         quirk = "skips possession"
	startsAnyway            quirk = "starts anyway"
	deniesAccess            quirk = "denies access"
	provokes                quirk = "provokes its peer"
	closesAtOnce            quirk = "closes at once"
	remembers               quirk = "remembers its verdict"
	blocksNext              quirk = "blocks the next"
	goesWithoutFiles        quirk = "goes without files"
	goesByFirstScheme       quirk = "goes by the first scheme"
	goesByFirstHost         quirk = "goes by the first host"
	keepsCertificate        quirk = "keeps its certificate"
	takesAnyIssuer          quirk = "takes any issuer"
	tokenFirst              quirk = "looks at the token first"
	badTokenIsNone          quirk = "takes a bad token for none" //nolint:gosec // there is none in it
	badCertificateIsNone    quirk = "takes a bad certificate for none"
	refusesInHandshake      quirk = "refuses bad certificates in the handshake"
	trustsHeaders           quirk = "trusts headers"
	trustsEveryProxy        quirk = "trusts every proxy"
	servesAnonymous         quirk = "serves anonymous clients"
	servesEverybody         quirk = "serves everybody"
	forgetsGroups           quirk = "forgets groups"
	knowsNobody             quirk = "knows nobody"
	asksInTheClear          quirk = "asks in the clear"
	readsOtherToken         quirk = "reads another token"
	trustsWithoutBundle     quirk = "trusts anybody without a bundle"
	heedsVariables          quirk = "heeds variables"
	keepsToFirst            quirk = "keeps to the first endpoint"
	verifiesFirst           quirk = "verifies the first endpoint alone"
	trustsAnyInPod          quirk = "trusts anybody in a pod with a bad bundle"
	inTheClearInPod         quirk = "asks in the clear in a pod with a bad bundle"
	needsVersion            quirk = "needs the version"
)

// reference is what the rules ask.
func reference() policy {
	return policy{
		oldest:      tls.VersionTLS12,
		newest:      tls.VersionTLS13,
		insists:     tls.RequireAndVerifyClientCert,
		bearers:     func(chain []*x509.Certificate) []*x509.Certificate { return chain[:1] },
		commonNames: func(c *x509.Certificate) []string { return []string{c.Subject.CommonName} },
		uris:        uriSANs,
		sameCN:      func(have, required string) bool { return have == required },
		sameURI:     felixtypha.SameURI,
		host:        (*x509.Certificate).VerifyHostname,
		signed:      isSigned,
		questions:   questions,
		suffices: func(required, found names) bool {
			return required.cn != "" && found.cn != "" || required.uriSAN != "" && found.uriSAN != ""
		},
	}
}

// uriSANs returns none for a subject alternative name that cannot be parsed: then it names nobody.
func uriSANs(c *x509.Certificate) []string {
	uris, err := felixtypha.URISANs(c)
	if err != nil {
		return nil
	}
	return uris
}

// path is what is asked about the path from a leaf to an anchor.
type path struct {
	leaf                   *x509.Certificate
	intermediates, anchors []*x509.Certificate
	usages                 []x509.ExtKeyUsage
}

// each changes copies of the certificates, as others may hold the originals.
func (p *path) each(change func(*x509.Certificate)) {
	p.leafOnly(change)
	p.issuers(change)
}

// leafOnly changes a copy of the leaf.
func (p *path) leafOnly(change func(*x509.Certificate)) {
	altered := *p.leaf
	change(&altered)
	p.leaf = &altered
}

// issuers changes copies of all certificates but the leaf.
func (p *path) issuers(change func(*x509.Certificate)) {
	anew := func(certs []*x509.Certificate) []*x509.Certificate {
		certs = slices.Clone(certs)
		for i, c := range certs {
			altered := *c
			change(&altered)
			certs[i] = &altered
		}
		return certs
	}
	p.intermediates, p.anchors = anew(p.intermediates), anew(p.anchors)
}

// walk asks whether there is a path from the leaf, which stands first in chain, to one of the anchors.
func (p policy) walk(chain, anchors []*x509.Certificate, usage x509.ExtKeyUsage) error {
	way := path{leaf: chain[0], intermediates: chain[1:], anchors: anchors, usages: []x509.ExtKeyUsage{usage}}
	if p.path != nil {
		p.path(&way)
	}
	_, err := way.leaf.Verify(x509.VerifyOptions{Roots: pool(way.anchors), Intermediates: pool(way.intermediates), KeyUsages: way.usages})
	return err
}

// identify returns the name by which the peer is known, or an error that says which is missing.
func (p policy) identify(chain []*x509.Certificate, required names) (string, error) {
	var found names
	for _, cert := range p.bearers(chain) {
		if slices.ContainsFunc(p.commonNames(cert), func(have string) bool { return required.cn != "" && p.sameCN(have, required.cn) }) {
			found.cn = required.cn
		}
		if slices.ContainsFunc(p.uris(cert), func(have string) bool { return required.uriSAN != "" && p.sameURI(have, required.uriSAN) }) {
			found.uriSAN = required.uriSAN
		}
	}
	switch {
	case !p.suffices(required, found):
		return "", felixtypha.NotRequired(required.cn, required.uriSAN)
	case found.cn != "":
		return found.cn, nil
	case found.uriSAN != "":
		return found.uriSAN, nil
	}
	// Nothing was found, and yet it suffices: the peer is whoever it says it is.
	return strings.Join(append(p.commonNames(chain[0]), p.uris(chain[0])...), " "), nil
}

// load reads what an end is to use; the error is that of its parameters. Faulty ends go on without.
func (p policy) load(c credentials, last *material, err error) (*material, error) {
	complete := err == nil
	if complete {
		if c.plaintext() {
			return nil, nil
		}
		m, failed := c.load(last)
		if failed == nil {
			return m, nil
		}
		err = failed
	}
	if p.quirk == startsAnyway {
		return makeshift()
	}
	if p.quirk == plaintextWithoutFiles && complete {
		return nil, nil
	}
	return nil, err
}

// blamed returns what an end says of a refusal of its own: if it has provoked its peer, that it was the peer.
func blamed(err error) error {
	if errors.Is(err, errProvoked) {
		return io.EOF
	}
	return err
}
