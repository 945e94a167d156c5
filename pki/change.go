package pki

import (
	"crypto/x509"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

const (
	serverAuth = x509.ExtKeyUsageServerAuth
	clientAuth = x509.ExtKeyUsageClientAuth

	// past and future bound a validity that does not hold now, and overlaps that of every other certificate.
	past   = -30 * time.Minute
	future = time.Hour

	otherDomain = "other.example.org"
	// otherAddress is of a network that is kept for documentation (RFC 5737), so that no end has it.
	otherAddress = "192.0.2.1"
	operatorDays = 825
	hardWayDays  = 365

	// skew is how far from the moment of issue a boundary of a validity lies that has only just been passed.
	skew = 2 * time.Second
)

// change makes a credential from the good one.
type change = func(Credential, Origin) Credential

// edit changes a template in place; the template is a copy already.
type edit = func(*Template, Origin)

func keep(c Credential, _ Origin) Credential { return c }

// all makes one change after the other.
func all(changes ...change) change {
	return func(c Credential, o Origin) Credential {
		for _, change := range changes {
			c = change(c, o)
		}
		return c
	}
}

// leaf edits the leaf. An edit puts new slices in the place of old ones and changes none.
func leaf(e edit) change {
	return func(c Credential, o Origin) Credential {
		e(&c.Leaf, o)
		return c
	}
}

// cns gives the leaf the Common Names that are made of the required one.
func cns(names ...func(string) string) change {
	return leaf(func(t *Template, o Origin) { t.CommonNames = each(names, o.Own.CN) })
}

// uris gives the leaf the URI SANs that are made of the required one.
func uris(names ...func(string) string) change {
	return leaf(func(t *Template, o Origin) { t.URIs = each(names, o.Own.URISAN) })
}

func each(names []func(string) string, own string) []string {
	var made []string
	for _, name := range names {
		made = append(made, name(own))
	}
	return made
}

// named gives the leaf the names of an identity, and no others.
func named(of func(Origin) Identity) change {
	return func(c Credential, o Origin) Credential {
		names := Good(o.Role, of(o)).Leaf
		c.Leaf.CommonNames, c.Leaf.URIs = names.CommonNames, names.URIs
		return c
	}
}

func usages(of ...x509.ExtKeyUsage) change {
	return leaf(func(t *Template, _ Origin) { t.Usages = of })
}

func keyed(kind KeyType) change { return leaf(func(t *Template, _ Origin) { t.Key = kind }) }

func underKey(kind KeyType) change { return under(func(t *Template, _ Origin) { t.Key = kind }) }

func foreignKey(c Credential, _ Origin) Credential {
	c.ForeignKey = true
	return c
}

func sent(how Sending) change {
	return func(c Credential, _ Origin) Credential {
		c.Sending = how
		return c
	}
}

func padded(octets int) change {
	return func(c Credential, _ Origin) Credential {
		c.Padding = octets
		return c
	}
}

func signedBy(name AuthorityName) change {
	return func(c Credential, _ Origin) Credential {
		c.Root = name
		return c
	}
}

// under puts the intermediate authority, edited, between leaf and root.
func under(edits ...edit) change {
	return func(c Credential, o Origin) Credential {
		t := AuthorityTemplate(Intermediate)
		for _, e := range edits {
			e(&t, o)
		}
		c.Path = []Template{t}
		return c
	}
}

// twoDeep puts two intermediates between leaf and root, the upper one with a path length.
func twoDeep(pathLen int) change {
	return func(c Credential, _ Origin) Credential {
		upper, lower := AuthorityTemplate(Intermediate), AuthorityTemplate(Intermediate)
		upper.PathLen = pathLen
		lower.CommonNames = []string{"conformance lower intermediate authority"}
		c.Path = []Template{lower, upper}
		return c
	}
}

func permit(domain func(string) string) edit {
	return func(t *Template, o Origin) { t.PermittedURIDomains = []string{domain(o.Own.URISAN)} }
}

func exclude(domain func(string) string) edit {
	return func(t *Template, o Origin) { t.ExcludedURIDomains = []string{domain(o.Own.URISAN)} }
}

// extra sends two leaves one after the other.
func extra(first, second func(Credential, Origin) Template) change {
	return func(c Credential, o Origin) Credential {
		c.Extra = []Template{second(c, o)}
		c.Leaf = first(c, o)
		return c
	}
}

func good(c Credential, _ Origin) Template { return c.Leaf }

func unnamed(c Credential, o Origin) Template {
	return all(cns(stranger), uris(strangerURI))(c, o).Leaf
}

func operatorShape(t *Template, o Origin) {
	t.Key = RSA2048
	t.KeyUsage = x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment
	t.Usages = []x509.ExtKeyUsage{serverAuth, clientAuth}
	t.DNSNames = []string{o.Own.CN}
	t.URIs = nil
	t.NotAfter = operatorDays * 24 * time.Hour
}

// hardWayShape makes a leaf as the manual installation does, which asks openssl for nothing but a subject and a life.
func hardWayShape(form Form) edit {
	return func(t *Template, _ Origin) {
		t.Form, t.Key = form, RSA4096
		t.URIs, t.Usages, t.KeyUsage = nil, nil, 0
		t.NotAfter = hardWayDays * 24 * time.Hour
	}
}

// svidShape makes a leaf that keeps to the letter of SPIFFE X509-SVID sections 2 and 4.
func svidShape(t *Template, _ Origin) {
	t.CommonNames = nil
	t.Usages = []x509.ExtKeyUsage{serverAuth, clientAuth}
	t.BasicConstraints = true
}

func hostOther(t *Template, _ Origin) {
	t.DNSNames, t.IPAddresses = []string{"host." + otherDomain}, []string{otherAddress}
}

// hosts gives the leaf these DNS names and IP addresses, and no others.
func hosts(names, addresses []string) change {
	return leaf(func(t *Template, _ Origin) { t.DNSNames, t.IPAddresses = names, addresses })
}

func hostSeveral(t *Template, o Origin) {
	own := *t
	hostOther(t, o)
	t.DNSNames, t.IPAddresses = append(t.DNSNames, own.DNSNames...), append(t.IPAddresses, own.IPAddresses...)
}

// What names are made of the required one.

func same(name string) string { return name }

func always(name string) func(string) string { return func(string) string { return name } }

func with(before, after string) func(string) string {
	return func(name string) string { return before + name + after }
}

func shortened(name string) string {
	_, size := utf8.DecodeLastRuneInString(name)
	return name[:len(name)-size]
}

func stranger(string) string { return "stranger" }

func strangerURI(uri string) string { return path(always("/stranger"))(uri) }

// wildcard keeps the first word.
func wildcard(name string) string {
	word, _, _ := strings.Cut(name, "-")
	return word + "-*"
}

// lookalikes pairs Latin letters with Cyrillic ones.
var lookalikes = strings.NewReplacer(
	"a", "\u0430", "c", "\u0441", "e", "\u0435", "o", "\u043e", "p", "\u0440", "x", "\u0445", "y", "\u0443",
)

// lookalike puts a Cyrillic letter in the place of the first Latin one that has a double, or else a full-width letter
// in the place of the first one.
func lookalike(name string) string {
	for i, letter := range name {
		if double := lookalikes.Replace(string(letter)); double != string(letter) {
			return name[:i] + double + name[i+utf8.RuneLen(letter):]
		}
	}
	letter, size := utf8.DecodeRuneInString(name)
	return string(letter+0xfee0) + name[size:]
}

func percentEncoded(uri string) string {
	if uri == "" {
		return uri
	}
	last := len(uri) - 1
	return uri[:last] + fmt.Sprintf("%%%02X", uri[last])
}

// split cuts a URI into its scheme with what follows up to the host, the host, and the rest. One without a host is all
// scheme and rest.
func split(uri string) (scheme, host, rest string) {
	scheme, rest, ok := strings.Cut(uri, "://")
	if !ok {
		scheme, rest, _ = strings.Cut(uri, ":")
		return scheme + ":", "", rest
	}
	end := strings.IndexAny(rest, "/?#")
	if end < 0 {
		end = len(rest)
	}
	return scheme + "://", rest[:end], rest[end:]
}

func scheme(change func(string) string) func(string) string {
	return func(uri string) string {
		scheme, host, rest := split(uri)
		name, separator, _ := strings.Cut(scheme, ":")
		return change(name) + ":" + separator + host + rest
	}
}

func domain(change func(string) string) func(string) string {
	return func(uri string) string {
		scheme, host, rest := split(uri)
		return scheme + change(host) + rest
	}
}

func path(change func(string) string) func(string) string {
	return func(uri string) string {
		scheme, host, rest := split(uri)
		return scheme + host + change(rest)
	}
}

func ownDomain(uri string) string {
	_, host, _ := split(uri)
	return host
}

func belowParent(uri string) string {
	_, parent, _ := strings.Cut(ownDomain(uri), ".")
	return "." + parent
}
