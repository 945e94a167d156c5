package oracle_test

import (
	"crypto/x509"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/calico-tls/conformance/harness/handshake"
	"github.com/calico-tls/conformance/harness/link"
	"github.com/calico-tls/conformance/harness/link/felixtypha"
	"github.com/calico-tls/conformance/harness/matrix"
	"github.com/calico-tls/conformance/harness/oracle"
	"github.com/calico-tls/conformance/pki"
)

// TestPredictAgreesWithVariants holds the oracle against what each variant's row says that it breaks, wherever the
// case asks for the name that the variant is about.
func TestPredictAgreesWithVariants(t *testing.T) {
	t.Parallel()
	l := felixtypha.Link
	for _, c := range matrix.Core(l) {
		if c.Setting != "" || c.Conduct != "" || c.Version != link.TLS13 && c.Version != link.TLS12 || c.Mode == "plaintext" || c.Subject == l.Both() {
			continue
		}
		v, by := peer(c)
		m, _ := l.Mode(c.Mode)
		asked := m.Server
		if by == handshake.Client {
			asked = m.Client
		}
		want := v.Breaks
		switch {
		case v.Touches == pki.TouchesCN && asked.URISAN != "", v.Touches == pki.TouchesURI && asked.CN != "":
			want = "" // the other name is right, and suffices or is all that is asked for
		case v.Touches == pki.TouchesHost:
			want = "" // nobody asks for it
		}
		e, err := oracle.Predict(l, c)
		if err != nil {
			t.Fatal(err)
		}
		if e.Elsewhere {
			continue // it is about what the subject shows
		}
		if e.Check != want {
			t.Errorf("%s: the variant breaks %q, the oracle says %q", c.ID(), want, e.Check)
		}
		if (e.Outcome == handshake.Accept) != (want == "") {
			t.Errorf("%s: the variant breaks %q, the oracle says %s", c.ID(), want, e.Outcome)
		}
		if e.Outcome == handshake.Refuse && e.By != by {
			t.Errorf("%s: wanted the %s to refuse, found the %s", c.ID(), by, e.By)
		}
	}
}

// peer returns the variant that the subject is shown, and the subject's side.
func peer(c matrix.Case) (pki.Variant, handshake.Side) {
	side, _ := felixtypha.Link.Side(c.Subject)
	name := c.Client
	if side == handshake.Client {
		name = c.Server
	}
	v, _ := pki.VariantNamed(name)
	return v, side
}

func TestTwins(t *testing.T) {
	t.Parallel()
	l := felixtypha.Link
	for _, strategy := range matrix.Strategies {
		for _, c := range append(strategy.Cases(l), matrix.InProfile(l, strategy, matrix.Slow)...) {
			e, err := oracle.Predict(l, c)
			if err != nil {
				t.Fatal(err)
			}
			if e.Outcome == handshake.NotStarted {
				if twin, err := oracle.Predict(l, *e.Twin); err != nil || twin.Outcome != handshake.Accept {
					t.Errorf("%s must not start, and its twin %s is not accepted: %s (%v)", c.ID(), e.Twin.ID(), twin.Outcome, err)
				}
				continue
			}
			if e.Outcome != handshake.Refuse {
				if e.Twin != nil {
					t.Errorf("%s is accepted and has the twin %s", c.ID(), e.Twin.ID())
				}
				continue
			}
			if e.Twin == nil {
				t.Errorf("%s is refused and has no twin", c.ID())
				continue
			}
			twin, err := oracle.Predict(l, *e.Twin)
			if err != nil {
				t.Errorf("%s: %v", c.ID(), err)
				continue
			}
			if twin.Outcome == handshake.Refuse {
				t.Errorf("%s has the twin %s, which is refused for %s (%s)", c.ID(), e.Twin.ID(), twin.Check, twin.Cause)
			}
			want := 1
			if refusedByBoth(c) {
				want = 2
			}
			if n := differences(c, *e.Twin); n != want {
				t.Errorf("%s differs from its twin %s in %d attributes, wanted %d", c.ID(), e.Twin.ID(), n, want)
			}
		}
	}
}

// refusedByBoth reports whether two ends meet of which either must refuse the other: such a state of the migration has no
// accepted neighbour.
func refusedByBoth(c matrix.Case) bool {
	for _, state := range felixtypha.Migrations() {
		if m, _ := state.Meeting(); c.Subject == felixtypha.Link.Both() &&
			m.Mode == c.Mode && m.Setting == c.Setting && m.Client == c.Client && m.Server == c.Server {
			return !shares(state.TyphaSetting, state.FelixCertificate) && !shares(state.FelixSetting, state.TyphaCertificate)
		}
	}
	return false
}

// shares reports whether what is required and what is shown have a name in common.
func shares(a, b felixtypha.Stage) bool {
	return a == b || a == felixtypha.StageBoth || b == felixtypha.StageBoth
}

// differences counts the attributes in which two cases differ; plaintext differs in the version, and so also in that
// nothing is shown, and in how a server without TLS deals with a client that speaks it. A setting that unsets all takes
// away all of that with it.
func differences(a, b matrix.Case) int {
	n := 0
	clear := (a.Version == link.Clear) != (b.Version == link.Clear)
	if s, ok := felixtypha.Link.Setting(a.Setting, a.Mode, a.Subject); ok && b.Setting == "" &&
		s.Change != nil && s.Require(felixtypha.Link.Modes[1].Client).Plaintext() {
		clear, b.Version = true, a.Version
	}
	for _, d := range []bool{
		a.Link != b.Link || a.Mode != b.Mode || a.Subject != b.Subject,
		a.Client != b.Client && !clear, a.Server != b.Server && !clear, a.Version != b.Version,
		a.Setting != b.Setting, a.Token != b.Token, a.Conduct != b.Conduct && !clear,
	} {
		if d {
			n++
		}
	}
	return n
}

// TestMeetings: what two real ends must make of each other, and which rules decide.
func TestMeetings(t *testing.T) {
	t.Parallel()
	for id, want := range map[string]struct {
		outcome handshake.Outcome
		by      handshake.Side
		check   pki.Check
		rules   []string
		twin    string
	}{
		"cn/typha+felix/client=uri-absent/server=uri-absent/tls1.3":                        {handshake.Accept, "", "", []string{"CONF-12", "CONF-14", "IDENT-01"}, ""},
		"uri-san/typha+felix/client=cn-absent/server=cn-absent/tls1.3":                     {handshake.Accept, "", "", []string{"CONF-13", "CONF-14", "IDENT-04"}, ""},
		"plaintext/typha+felix/client=none/server=none/plaintext":                          {handshake.Plaintext, "", "", []string{"CONF-01"}, ""},
		"cn/typha+felix/client=uri-absent/server=uri-absent/tls1.3/setting=other-TyphaCN":  {handshake.Refuse, handshake.Client, pki.CheckIdentity, []string{"CONF-12", "IDENT-02", "FELIX-11"}, "cn/typha+felix/client=uri-absent/server=uri-absent/tls1.3"},
		"cn/typha+felix/client=uri-absent/server=uri-absent/tls1.3/setting=other-ClientCN": {handshake.Refuse, handshake.Server, pki.CheckIdentity, []string{"CONF-12", "IDENT-02", "TYPHA-19", "FELIX-11"}, "cn/typha+felix/client=uri-absent/server=uri-absent/tls1.3"},
		// A real Felix withholds what Typha's list of authorities does not name.
		"cn/typha+felix/client=other-authority/server=uri-absent/tls1.3":                           {handshake.Refuse, handshake.Server, pki.CheckPresence, []string{"CONF-12", "TYPHA-02", "TYPHA-19", "FELIX-11"}, "cn/typha+felix/client=good/server=uri-absent/tls1.3"},
		"cn/typha+felix/client=uri-absent/server=uri-absent/tls1.3/setting=other-CAFile":           {handshake.Refuse, handshake.Server, pki.CheckPresence, []string{"CONF-12", "TYPHA-02", "TYPHA-19", "FELIX-11"}, "cn/typha+felix/client=uri-absent/server=uri-absent/tls1.3"},
		"cn/typha+felix/client=uri-absent/server=uri-absent/tls1.3/setting=other-TyphaCAFile":      {handshake.Refuse, handshake.Client, pki.CheckChain, []string{"CONF-12", "IDENT-40", "FELIX-11"}, "cn/typha+felix/client=uri-absent/server=uri-absent/tls1.3"},
		"cn/typha+felix/client=uri-absent/server=uri-absent/tls1.3/setting=felix-by-uri-san":       {handshake.Refuse, handshake.Client, pki.CheckIdentity, []string{"CONF-14", "IDENT-05", "IDENT-08", "FELIX-11"}, "cn/typha+felix/client=uri-absent/server=good/tls1.3/setting=felix-by-uri-san"},
		"cn/typha+felix/client=good/server=none/tls1.3/setting=typha-plaintext":                    {handshake.Refuse, handshake.Server, pki.CheckProtocol, []string{"CONF-17", "TYPHA-19", "FELIX-11"}, "cn/typha+felix/client=good/server=good/tls1.3"},
		"cn/typha+felix/client=none/server=good/plaintext/setting=felix-plaintext":                 {handshake.Refuse, handshake.Server, pki.CheckProtocol, []string{"CONF-17", "TYPHA-01", "TYPHA-19", "FELIX-11"}, "cn/typha+felix/client=good/server=good/tls1.3"},
		"cn/typha+felix/client=hard-way-v1/server=good/tls1.3/setting=hard-way-CAFile":             {handshake.Accept, "", "", []string{"CONF-16", "IDENT-01"}, ""},
		"cn-or-uri-san/typha+felix/client=uri-absent/server=uri-absent/tls1.3/setting=felix-by-cn": {handshake.Accept, "", "", []string{"CONF-12", "CONF-14", "IDENT-06", "IDENT-01"}, ""},
	} {
		c, err := matrix.Parse("felix-typha/" + id)
		if err != nil {
			t.Fatal(err)
		}
		e, err := oracle.Predict(felixtypha.Link, c)
		if err != nil {
			t.Fatal(err)
		}
		twin := ""
		if e.Twin != nil {
			twin = strings.TrimPrefix(e.Twin.ID(), "felix-typha/")
		}
		if e.Outcome != want.outcome || e.By != want.by || e.Check != want.check || !slices.Equal(e.Rules, want.rules) || twin != want.twin {
			t.Errorf("%s: wanted %+v, found %s by %q for %q, %v, twin %s", id, want, e.Outcome, e.By, e.Check, e.Rules, twin)
		}
	}
}

// TestWalkthroughCredentials: what the two ends show in the walk-throughs is what the page says, and has no other name.
func TestWalkthroughCredentials(t *testing.T) {
	t.Parallel()
	for _, want := range []struct {
		variant   string
		side      handshake.Side
		cns, uris []string
		usage     x509.ExtKeyUsage
	}{
		{"uri-absent", handshake.Client, []string{"typha-client"}, nil, x509.ExtKeyUsageClientAuth},
		{"uri-absent", handshake.Server, []string{"typha-server"}, nil, x509.ExtKeyUsageServerAuth},
		{"cn-absent", handshake.Client, nil, []string{"spiffe://k8s.example.com/typha-client"}, x509.ExtKeyUsageClientAuth},
		{"cn-absent", handshake.Server, nil, []string{"spiffe://k8s.example.com/typha-server"}, x509.ExtKeyUsageServerAuth},
	} {
		v, _ := pki.VariantNamed(want.variant)
		c := oracle.Credential(felixtypha.Link, want.side, v)
		wanted := pki.Credential{Root: pki.Trusted, Leaf: pki.Template{
			CommonNames: want.cns, URIs: want.uris, Usages: []x509.ExtKeyUsage{want.usage},
			NotBefore: -time.Hour, NotAfter: 24 * time.Hour, KeyUsage: x509.KeyUsageDigitalSignature, PathLen: pki.NoPathLen, Key: pki.P256,
		}}
		if !reflect.DeepEqual(c, wanted) {
			t.Errorf("%s of the %s: wanted %+v, found %+v", want.variant, want.side, wanted, c)
		}
	}
	cn, _ := felixtypha.Link.Mode("cn")
	if cn.Client.CN != "typha-server" || cn.Server.CN != "typha-client" || cn.Client.URISAN+cn.Server.URISAN != "" {
		t.Errorf("wanted the page's names to be required, and no other, found %+v", cn)
	}
}

// TestMigrationConnects: a state connects if each end shows a name that the other requires.
func TestMigrationConnects(t *testing.T) {
	t.Parallel()
	connecting := 0
	for _, state := range felixtypha.Migrations() {
		m, ok := state.Meeting()
		if !ok {
			t.Fatalf("wanted a meeting of %+v, found none", state)
		}
		c := matrix.Case{Link: felixtypha.Link.Name, Mode: m.Mode, Subject: felixtypha.Link.Both(), Client: m.Client, Server: m.Server, Version: link.TLS13, Setting: m.Setting}
		e, err := oracle.Predict(felixtypha.Link, c)
		if err != nil {
			t.Fatal(err)
		}
		want := shares(state.TyphaSetting, state.FelixCertificate) && shares(state.FelixSetting, state.TyphaCertificate)
		if (e.Outcome == handshake.Accept) != want {
			t.Errorf("%+v: wanted it to connect: %t, found %s", state, want, e.Wanted())
		}
		if want {
			connecting++
		}
	}
	if connecting != 49 {
		t.Errorf("wanted 49 states that connect, found %d", connecting)
	}
}

func TestRulesAreNamedOnce(t *testing.T) {
	t.Parallel()
	for _, c := range matrix.Core(felixtypha.Link) {
		e, err := oracle.Predict(felixtypha.Link, c)
		if err != nil {
			t.Fatal(err)
		}
		if len(e.Rules) == 0 {
			t.Errorf("%s: no rule decides", c.ID())
		}
		sorted := slices.Sorted(slices.Values(e.Rules))
		if len(slices.Compact(sorted)) != len(e.Rules) {
			t.Errorf("%s: a rule is named twice: %v", c.ID(), e.Rules)
		}
	}
}

// TestRulesThatBindOneSide shows a leaf of another host to either end: that Felix looks at no address is nothing to a
// Typha, which must accept it for its names.
func TestRulesThatBindOneSide(t *testing.T) {
	t.Parallel()
	for id, want := range map[string][]string{
		"felix-typha/cn/felix/client=good/server=host-other/tls1.3":      {"FELIX-05", "IDENT-01"},
		"felix-typha/uri-san/typha/client=host-other/server=good/tls1.2": {"IDENT-04"},
	} {
		c, err := matrix.Parse(id)
		if err != nil {
			t.Fatal(err)
		}
		e, err := oracle.Predict(felixtypha.Link, c)
		if err != nil || e.Outcome != handshake.Accept || !slices.Equal(e.Rules, want) {
			t.Errorf("%s: wanted it accepted by %v, found %s by %v (%v)", id, want, e.Outcome, e.Rules, err)
		}
	}
}

// TestNewShapesArePredicted asks of each what its setting and its issuer make of it.
func TestNewShapesArePredicted(t *testing.T) {
	t.Parallel()
	for id, want := range map[string]oracle.Expectation{
		"felix-typha/cn/typha/client=hard-way-v1/server=good/tls1.3/setting=anchor-hard-way": {Outcome: handshake.Accept, Rules: []string{"CONF-16"}},
		"felix-typha/cn/felix/client=good/server=hard-way/tls1.2/setting=anchor-hard-way":    {Outcome: handshake.Accept, Rules: []string{"CONF-16"}},
		"felix-typha/cn/typha/client=good/server=good/tls1.3/setting=anchor-hard-way":        {Outcome: handshake.Refuse, Check: pki.CheckChain, Rules: []string{"CONF-16"}},
		"felix-typha/uri-san/typha/client=md5/server=good/tls1.2":                            {Outcome: handshake.Refuse, Check: pki.CheckChain, Rules: []string{"IDENT-59"}},
		"felix-typha/uri-san/felix/client=good/server=spiffe-svid/tls1.3":                    {Outcome: handshake.Accept, Rules: []string{"IDENT-51"}},
		"felix-typha/cn/typha/client=just-expired/server=good/tls1.3":                        {Outcome: handshake.Refuse, Check: pki.CheckValidity, Rules: []string{"IDENT-62"}},
		"felix-typha/cn/felix/client=good/server=just-valid/tls1.3":                          {Outcome: handshake.Accept, Rules: []string{"IDENT-62"}},
	} {
		c, err := matrix.Parse(id)
		if err != nil {
			t.Fatal(err)
		}
		e, err := oracle.Predict(felixtypha.Link, c)
		if err != nil || e.Outcome != want.Outcome || e.Check != want.Check || e.Rules[0] != want.Rules[0] {
			t.Errorf("%s: wanted %s for %q by %s, found %s for %q by %v (%v)", id, want.Outcome, want.Check, want.Rules[0], e.Outcome, e.Check, e.Rules, err)
		}
	}
}
