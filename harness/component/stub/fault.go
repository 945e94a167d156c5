package stub

import (
	"cmp"
	"crypto/x509"
	"fmt"
	"net/url"
	"os"
	stdpath "path"
	"slices"
	"strings"
	"time"

	"github.com/calico-tls/conformance/harness/link/felixtypha"
)

// FaultNamed returns the fault of that name.
func FaultNamed(name string) (Fault, bool) {
	i := slices.IndexFunc(Faults, func(f Fault) bool { return f.Name == name })
	if i < 0 {
		return Fault{}, false
	}
	return Faults[i], true
}

// policy returns what a stub asks of its peer and does, with the fault that its settings name, if any.
func (e environment) policy(seat Seat) (policy, error) {
	p := reference()
	p.oldest = e.floor()
	var err error
	if p.suites, err = e.suites(); err != nil {
		return p, err
	}
	if err := e.strictly(&p); err != nil {
		return p, err
	}
	name := e[FaultSetting]
	if name == "" {
		return p, nil
	}
	f, ok := FaultNamed(name)
	if !ok || f.Breaks[seat] == "" {
		return p, fmt.Errorf("%s: wanted a fault of the %s of the link %s, found %q", FaultSetting, seat.Side, seat.Link, name)
	}
	f.change(&p)
	if p.quirk == trustsSystem {
		system, err := e.system()
		if err != nil {
			return p, err
		}
		p.path = func(w *path) { w.anchors = append(w.anchors, system...) }
	}
	return p, nil
}

// system returns the authorities of the system, where crypto/x509 looks for them first on Linux.
func (e environment) system() ([]*x509.Certificate, error) {
	bundle, err := os.ReadFile(cmp.Or(e["SSL_CERT_FILE"], "/etc/ssl/certs/ca-certificates.crt"))
	if err != nil {
		return nil, fmt.Errorf("reading the authorities of the system: %w", err)
	}
	return parseBundle(bundle)
}

var roles = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth}

func always(c *x509.Certificate) {
	c.NotBefore, c.NotAfter = time.Unix(0, 0), time.Unix(1<<40, 0)
}

func anyUsage(c *x509.Certificate) { c.ExtKeyUsage, c.UnknownExtKeyUsage = nil, nil }

func authorise(c *x509.Certificate) {
	c.BasicConstraintsValid, c.IsCA, c.KeyUsage = true, true, c.KeyUsage|x509.KeyUsageCertSign
}

func unlimited(c *x509.Certificate) { c.MaxPathLen, c.MaxPathLenZero = -1, false }

func unconstrained(c *x509.Certificate) {
	c.PermittedURIDomains, c.ExcludedURIDomains, c.PermittedDNSDomains, c.ExcludedDNSDomains = nil, nil, nil, nil
}

func uncritical(c *x509.Certificate) { c.UnhandledCriticalExtensions = nil }

func preferCN(required, found names) bool {
	if required.cn != "" {
		return found.cn != ""
	}
	return found.uriSAN != ""
}

func preferURI(required, found names) bool {
	if required.uriSAN != "" {
		return found.uriSAN != ""
	}
	return found.cn != ""
}

func everyName(c *x509.Certificate) []string {
	s := c.Subject
	return slices.Concat([]string{s.CommonName}, s.Organization, s.OrganizationalUnit, c.DNSNames, c.EmailAddresses, uriSANs(c))
}

func orDNS(c *x509.Certificate) []string {
	return append([]string{c.Subject.CommonName}, c.DNSNames...)
}

func firstCN(c *x509.Certificate) []string {
	var all []string
	for _, attribute := range c.Subject.Names {
		if text, ok := attribute.Value.(string); ok && attribute.Type.String() == oidCommonName {
			all = append(all, text)
		}
	}
	return first(all)
}

// oidCommonName is the attribute type of a Common Name (RFC 5280 appendix A).
const oidCommonName = "2.5.4.3"

func first(all []string) []string { return all[:min(1, len(all))] }

func last[T any](all []T) []T { return all[max(0, len(all)-1):] }

// compare makes a fault that compares both names so.
func compare(same func(have, required string) bool) func(*policy) {
	return func(p *policy) {
		p.sameCN = same
		p.sameURI = func(have, required string) bool { return same(felixtypha.LowerScheme(have), required) }
	}
}

func before(s, separator string) string {
	s, _, _ = strings.Cut(s, separator)
	return s
}

func fits(have, required string) bool {
	asPattern, _ := stdpath.Match(have, required)
	toPattern, _ := stdpath.Match(required, have)
	return asPattern || toPattern
}

func reserialised(have, required string) bool {
	u, err := url.Parse(have)
	return err == nil && u.String() == required
}

func normalised(have, required string) bool {
	u, err := url.Parse(have)
	if err != nil {
		return false
	}
	u.RawPath, u.Path = "", stdpath.Clean(u.Path)
	return felixtypha.SameURI(u.String(), required)
}

func without(separator string) func(have, required string) bool {
	return func(have, required string) bool {
		return felixtypha.SameURI(before(have, separator), before(required, separator))
	}
}

// alike compares the parts of two URIs.
func alike(part func(*url.URL) string) func(have, required string) bool {
	return func(have, required string) bool {
		a, err := url.Parse(have)
		if err != nil {
			return false
		}
		b, err := url.Parse(required)
		return err == nil && part(a) == part(b)
	}
}

func decoded(have, required string) bool {
	plain, err := url.PathUnescape(have)
	return err == nil && felixtypha.SameURI(plain, required)
}

// quirky makes a fault of something that is no question asked of a peer.
func quirky(q quirk) func(*policy) { return func(p *policy) { p.quirk = q } }

func anyHost(*x509.Certificate, string) error { return nil }

func hostOrCN(leaf *x509.Certificate, dialled string) error {
	if leaf.Subject.CommonName == dialled {
		return nil
	}
	return leaf.VerifyHostname(dialled)
}

func hostOrText(leaf *x509.Certificate, dialled string) error {
	if slices.Contains(leaf.DNSNames, dialled) {
		return nil
	}
	return leaf.VerifyHostname(dialled)
}

// unverified leaves nothing to ask of a certificate: it is its own anchor.
func unverified(p *path) {
	p.each(func(c *x509.Certificate) {
		always(c)
		anyUsage(c)
		uncritical(c)
	})
	p.anchors = []*x509.Certificate{p.leaf}
}
