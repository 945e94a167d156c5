package matrix

import (
	"cmp"
	"slices"
	"strings"

	"github.com/calico-tls/conformance/harness/handshake"
	"github.com/calico-tls/conformance/harness/link"
	"github.com/calico-tls/conformance/pki"
)

// Strategy is a way to enumerate cases.
type Strategy struct {
	// Name is the strategy's name in flags and reports.
	Name string
	// Text says what it enumerates.
	Text string
	// Cases enumerates the cases of a link, sorted by ID, none twice.
	Cases func(link.Link) []Case
}

// Strategies lists the strategies, the default first.
var Strategies = []Strategy{
	{"core", "one difference from the accepted case at a time, in each mode, at both TLS versions", Core},
	{"pairwise", "each pair of variants, modes and versions in which neither defect hides the other", Pairwise},
	{"full", "every combination of variants, modes and versions in which neither defect hides the other", Full},
}

// StrategyNamed returns the strategy of that name.
func StrategyNamed(name string) (Strategy, bool) {
	i := slices.IndexFunc(Strategies, func(s Strategy) bool { return s.Name == name })
	if i < 0 {
		return Strategy{}, false
	}
	return Strategies[i], true
}

// spoken are the TLS versions in which every variant is posed.
var spoken = []link.Version{link.TLS12, link.TLS13}

// obsolete are the versions that no end may speak.
var obsolete = []link.Version{link.TLS10, link.TLS11}

// Slow is the profile of what takes long by nature.
const Slow = "slow"

// Profile returns where a case belongs that is not for every run; "" for one that is.
func Profile(l link.Link, c Case) string {
	d, _ := l.Conduct(c.Conduct)
	s, _ := l.Setting(c.Setting, c.Mode, c.Subject)
	return cmp.Or(d.Profile, s.Profile)
}

// Since returns the first version of the subject that a case can be put to, as "v3.32.0"; "" for any.
func Since(l link.Link, c Case) string {
	s, _ := l.Setting(c.Setting, c.Mode, c.Subject)
	return s.Since
}

// InProfile enumerates the cases of a link by a strategy that belong to a profile: "" for those of every run. The others
// are the same whatever the strategy.
func InProfile(l link.Link, s Strategy, profile string) []Case {
	if profile == "" {
		return s.Cases(l)
	}
	return slices.DeleteFunc(single(l), func(c Case) bool { return Profile(l, c) != profile })
}

// Core enumerates the cases that differ from the accepted one in one attribute, for each end as the subject, and those
// in which the two ends meet each other. Those of a profile are not among them.
func Core(l link.Link) []Case {
	return slices.DeleteFunc(single(l), func(c Case) bool { return Profile(l, c) != "" })
}

// single enumerates the cases that differ from the accepted one in one attribute, those of all profiles.
func single(l link.Link) []Case {
	var cases []Case
	for _, subject := range judged(l) {
		for _, m := range l.Modes {
			if m.IsFor(subject) {
				cases = append(cases, modeCases(l, m, subject)...)
			}
		}
		for _, s := range l.Settings {
			if s.Side == subject && !s.Meets {
				cases = append(cases, settingCases(l, s)...)
			}
		}
		for _, c := range l.Conducts {
			if c.Side == subject.Other() {
				cases = append(cases, conductCases(l, c)...)
			}
		}
		for _, s := range l.Shown {
			if s.Side == subject {
				cases = append(cases, shownCases(l, s)...)
			}
		}
	}
	for _, f := range l.Further {
		cases = append(cases, furtherCases(l, f)...)
	}
	for _, p := range l.Pairs {
		cases = append(cases, pairCases(l, p)...)
	}
	for _, m := range l.Meetings {
		cases = append(cases, meetingCase(l, m))
	}
	return sorted(cases)
}

// judged are the sides of a link whose component is judged.
func judged(l link.Link) []handshake.Side {
	return slices.DeleteFunc([]handshake.Side{handshake.Server, handshake.Client}, func(s handshake.Side) bool { return l.End(s).Component == "" })
}

// begin is the case of a mode in which nothing is amiss, but for its version.
func begin(l link.Link, m link.Mode, subject string) Case {
	return Case{Link: l.Name, Mode: m.Name, Subject: subject, Client: m.Shown(handshake.Client), Server: m.Shown(handshake.Server)}
}

// modeCases enumerates the variants of the instrument's credential, and what is not TLS.
func modeCases(l link.Link, m link.Mode, subject handshake.Side) []Case {
	base := begin(l, m, l.End(subject).Component)
	if m.Server.Plaintext() {
		return clearCases(l, base, subject)
	}
	var cases []Case
	asked := m.Asked(subject)
	for _, v := range pki.Variants {
		if !Posed(v, asked, subject.Other()) || !posedIn(m, v, subject) || subject == handshake.Server && bare(m, v) {
			continue
		}
		c := base
		*shown(&c, subject) = v.Name
		cases = append(cases, versions(c, v)...)
	}
	cases = append(cases, tokenCases(m, base, subject)...)
	c := base
	*shown(&c, subject), c.Version = "none", link.Clear
	cases = append(cases, c)
	if m.Name == firstWithTLS(l) {
		for _, version := range obsolete {
			c := base
			c.Version = version
			cases = append(cases, c)
		}
	}
	return cases
}

// bare reports whether a mode keeps a client's certificate back: it shows a token in its place.
func bare(m link.Mode, v pki.Variant) bool { return m.Token != "" && v.Name != "none" }

// tokenCases enumerates the variants of the token that a client shows to a server, in a mode in which it shows one.
func tokenCases(m link.Mode, base Case, subject handshake.Side) []Case {
	if m.Token == "" || subject != handshake.Server {
		return nil
	}
	var cases []Case
	for _, v := range pki.TokenVariants {
		if v.Name == m.Token || !v.Of(m.Server.Bearer.Identity.Kind) {
			continue
		}
		c := base
		c.Token = v.Name
		cases = append(cases, versions(c, pki.Variant{})...)
	}
	return cases
}

// pairCases is a certificate and a token together.
func pairCases(l link.Link, p link.Pair) []Case {
	m, _ := l.Mode(p.Mode)
	c := begin(l, m, l.Server.Component)
	c.Client, c.Token = p.Client, p.Token
	return versions(c, variant(p.Client))
}

// firstWithTLS is the mode in which the obsolete versions are posed: another one would repeat its evidence.
func firstWithTLS(l link.Link) string {
	i := slices.IndexFunc(l.Modes, func(m link.Mode) bool { return !m.Server.Plaintext() })
	return l.Modes[i].Name
}

// clearCases enumerates a mode without TLS: a peer that speaks plaintext too, and for a server, if the link has a rule for
// it, one that speaks TLS.
func clearCases(l link.Link, base Case, subject handshake.Side) []Case {
	base.Version = link.Clear
	cases := []Case{base}
	if subject == handshake.Server && l.Rules(subject, "tls-on-plaintext") {
		base.Client, base.Version = "good", link.TLS13
		cases = append(cases, base)
	}
	return cases
}

// settingCases enumerates a setting's variants, and the conducts in which it is run besides.
func settingCases(l link.Link, s link.Setting) []Case {
	m, _ := l.Mode(s.Mode)
	base := begin(l, m, l.Started(s))
	base.Setting = s.Name
	*shown(&base, s.Side.Other()) = cmp.Or(s.Own, m.Shown(s.Side))
	base.Token = s.Token
	var cases []Case
	if len(s.Variants) == 0 {
		cases = inVersions(base, s.Side, m.Shown(s.Side.Other()), s.Versions)
	}
	for _, name := range s.Variants {
		cases = append(cases, inVersions(base, s.Side, name, s.Versions)...)
	}
	for _, name := range s.Conducts {
		d, _ := l.Conduct(name)
		c := base
		c.Conduct = d.Name
		for _, name := range d.Variants {
			cases = append(cases, inVersions(c, s.Side, name, d.Versions)...)
		}
	}
	return cases
}

// furtherCases enumerates what a further component must be accepted in, which is each mode, once, as it is one start
// each; and what it is shown besides.
func furtherCases(l link.Link, f link.Further) []Case {
	var cases []Case
	for _, m := range l.Modes {
		if !m.IsFor(f.Side) {
			continue
		}
		c := begin(l, m, f.Component)
		c.Version = link.TLS13
		if m.Server.Plaintext() {
			c.Version = link.Clear
		}
		cases = append(cases, c)
		if m.Name != firstWithTLS(l) {
			continue
		}
		for _, name := range f.Variants {
			cases = append(cases, inVersions(c, f.Side, name, nil)...)
		}
	}
	return cases
}

// shownCases enumerates what a subject itself shows to a peer that shows the good variant.
func shownCases(l link.Link, s link.Shown) []Case {
	m, _ := l.Mode(s.Mode)
	c := begin(l, m, l.End(s.Side).Component)
	*shown(&c, s.Side.Other()) = s.Variant
	return versions(c, variant(s.Variant))
}

// meetingCase is the case of two ends that meet: they agree on TLS 1.3, unless the client is set up to speak plaintext.
func meetingCase(l link.Link, m link.Meeting) Case {
	c := Case{Link: l.Name, Mode: m.Mode, Subject: l.Both(), Client: m.Client, Server: m.Server, Version: link.TLS13, Setting: m.Setting}
	mode, _ := l.Mode(m.Mode)
	client := mode.Client
	if s, ok := l.Setting(m.Setting, m.Mode, c.Subject); ok && s.Side == handshake.Client {
		client = s.Require(client)
	}
	if client.Plaintext() {
		c.Version = link.Clear
	}
	return c
}

func conductCases(l link.Link, d link.Conduct) []Case {
	var cases []Case
	subject := d.Side.Other()
	for _, mode := range d.Modes {
		m, _ := l.Mode(mode)
		c := begin(l, m, l.Tried(d))
		c.Conduct = d.Name
		*shown(&c, d.Side) = cmp.Or(d.Own, m.Shown(subject))
		for _, name := range d.Variants {
			cases = append(cases, inVersions(c, subject, name, d.Versions)...)
		}
	}
	return cases
}

// inVersions makes a case of each of the versions in which a subject is shown a variant; where none are said, of each in
// which it can be posed.
func inVersions(c Case, subject handshake.Side, name string, said []link.Version) []Case {
	*shown(&c, subject) = name
	if len(said) == 0 {
		return versions(c, variant(name))
	}
	var cases []Case
	for _, version := range said {
		c.Version = version
		cases = append(cases, c)
	}
	return cases
}

// shown returns the field of the variant that the instrument shows to a subject.
func shown(c *Case, subject handshake.Side) *string {
	if subject == handshake.Server {
		return &c.Client
	}
	return &c.Server
}

// Posed reports whether core poses a variant to an end that asks for these names, shown by the side that plays by.
// A near-miss of a name is posed where that name alone is asked for; elsewhere its evidence would repeat that of a
// name that is plainly another, or absent.
func Posed(v pki.Variant, asked link.Verifier, by handshake.Side) bool {
	if v.Name == "none" && by == handshake.Server {
		return false // a server without a certificate cannot shake hands
	}
	if v.Setting {
		return false // posed by the settings that name it
	}
	if asked.Asking == link.Ignores {
		return slices.Contains(unseen, v.Name)
	}
	nameless := asked.CN+asked.URISAN == ""
	switch v.Touches {
	case pki.TouchesCN:
		return isPlain(v) || asked.URISAN == "" && !nameless
	case pki.TouchesURI:
		return isPlain(v) || asked.CN == "" && !nameless
	case pki.TouchesHost:
		return isPlain(v) || asked.Host != ""
	case pki.TouchesBoth:
		return asked.CN != "" && asked.URISAN != ""
	case pki.TouchesNone:
	}
	return true
}

// posedIn reports whether a mode poses a variant to a subject.
func posedIn(m link.Mode, v pki.Variant, subject handshake.Side) bool {
	posed := m.Variants
	if subject == handshake.Client && len(m.Servers) > 0 {
		posed = m.Servers
	}
	return len(posed) == 0 || slices.Contains(posed, v.Name)
}

// plain are the variants that have plainly another name, or none. They are shown to those too who do not ask for it.
var plain = []string{"cn-other", "cn-absent", "uri-other", "uri-absent", "host-other"}

func isPlain(v pki.Variant) bool { return slices.Contains(plain, v.Name) }

// unseen are the variants that are shown to an end that asks for none, and so sees none.
var unseen = []string{"none", "good", "other-authority", "expired"}

// versions makes a case of each TLS version in which the variant can be posed.
func versions(c Case, v pki.Variant) []Case {
	var cases []Case
	for _, version := range spoken {
		if len(v.Versions) == 0 || slices.Contains(v.Versions, string(version)) {
			c.Version = version
			cases = append(cases, c)
		}
	}
	return cases
}

func variant(name string) pki.Variant {
	v, _ := pki.VariantNamed(name)
	return v
}

func sorted(cases []Case) []Case {
	Sort(cases)
	return slices.Compact(cases)
}

// Sort sorts cases by ID, in place. An ID is spelt once for each case, not for each comparison, which took most of the
// time of an enumeration.
func Sort(cases []Case) {
	type named struct {
		id string
		c  Case
	}
	all := make([]named, len(cases))
	for i, c := range cases {
		all[i] = named{c.ID(), c}
	}
	slices.SortFunc(all, func(a, b named) int { return strings.Compare(a.id, b.id) })
	for i, n := range all {
		cases[i] = n.c
	}
}
