package suites_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/calico-tls/conformance/fixtures"
	"github.com/calico-tls/conformance/harness/handshake"
	"github.com/calico-tls/conformance/harness/link"
	"github.com/calico-tls/conformance/harness/link/felixtypha"
	"github.com/calico-tls/conformance/harness/matrix"
	"github.com/calico-tls/conformance/harness/oracle"
	"github.com/calico-tls/conformance/pki"
)

// plant is a wrong setting that a target file puts into a real component, whatever a case sets it to.
type plant struct {
	name string
	// side is the end that the component plays, env what its environment says.
	side handshake.Side
	env  map[string]string
	// require makes what it then requires from what it should; nil if that is the same.
	require func(link.Verifier) link.Verifier
	// given is how parameters are then given; "" for one that is as it should be.
	given map[link.Parameter]link.Form
}

// foreign stands for an authority that is none of ours.
const foreign pki.AuthorityName = "planted"

const (
	someoneElse = "someone-else"
	none        = "none"
	// incomplete is why an end does not start by what is planted.
	incomplete = "incomplete"
)

// plants are the wrong settings. A single parameter that an end in plaintext is given makes it incomplete.
func plants(t *testing.T) []plant {
	t.Helper()
	nothing := map[link.Parameter]link.Form{}
	for _, p := range link.Parameters {
		nothing[p] = link.FormNone
	}
	require := func(v link.Verifier) link.Verifier {
		v.CN = someoneElse
		return v
	}
	trust := func(v link.Verifier) link.Verifier {
		v.Trust = []pki.AuthorityName{foreign}
		return v
	}
	return []plant{
		{
			name: "typha requires another Common Name", side: handshake.Server, env: map[string]string{"TYPHA_CLIENTCN": someoneElse},
			require: require, given: map[link.Parameter]link.Form{link.CommonName: ""},
		},
		{
			name: "typha trusts another authority", side: handshake.Server, env: map[string]string{"TYPHA_CAFILE": foreignBundle(t)},
			require: trust, given: map[link.Parameter]link.Form{link.Bundle: ""},
		},
		{name: "typha speaks plaintext", side: handshake.Server, env: unset("TYPHA_", felixtypha.Link.Server), given: nothing},
		{
			name: "felix requires another Common Name", side: handshake.Client, env: map[string]string{"FELIX_TYPHACN": someoneElse},
			require: require, given: map[link.Parameter]link.Form{link.CommonName: ""},
		},
		{
			name: "felix has no authority", side: handshake.Client, env: map[string]string{"FELIX_TYPHACAFILE": none},
			given: map[link.Parameter]link.Form{link.Bundle: link.FormNone},
		},
		{name: "felix speaks plaintext", side: handshake.Client, env: unset("FELIX_", felixtypha.Link.Client), given: nothing},
	}
}

// unset is the environment in which an end has no parameter at all, whatever stands in its configuration file.
func unset(prefix string, e link.End) map[string]string {
	env := map[string]string{}
	for _, name := range e.Names {
		env[prefix+strings.ToUpper(name)] = none
	}
	return env
}

// foreignBundle writes a trust bundle with an authority of another run.
func foreignBundle(t *testing.T) string {
	t.Helper()
	bundle, err := pki.NewAuthorities().Bundle([]pki.AuthorityName{pki.Second}, pki.Credential{})
	if err != nil {
		t.Fatal(err)
	}
	return written(t, "foreign.pem", bundle)
}

// written writes a file of the test's, and returns its path.
func written(t *testing.T, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// target writes a target like calico-v3.31.0 that has the plant. Its project has no known deviations.
func (p plant) target(t *testing.T) string {
	t.Helper()
	role := felixtypha.Link.End(p.side).Component
	var b strings.Builder
	b.WriteString("name: planted\nimplementation: {project: Planted, version: v3.31.0}\ncomponents:\n  etcd: {build: etcd@v3.7.3}\n")
	for _, r := range []string{"typha", "felix"} {
		fmt.Fprintf(&b, "  %s:\n    build: calico-%s@v3.31.0\n", r, r)
		if r != role {
			continue
		}
		b.WriteString("    env:\n")
		for _, name := range slices.Sorted(maps.Keys(p.env)) {
			fmt.Fprintf(&b, "      %s: %q\n", name, p.env[name])
		}
	}
	return written(t, "planted.yaml", []byte(b.String()))
}

// reddens reports whether the plant turns a case red: what must happen, and what happens with the plant, do not look
// alike, or the real component fails the case anyway.
func (p plant) reddens(t *testing.T, c matrix.Case) bool {
	t.Helper()
	declared, err := oracle.Predict(felixtypha.Link, c)
	if err != nil {
		t.Fatal(err)
	}
	under, err := p.predict(c)
	if err != nil {
		t.Fatal(err)
	}
	return !alike(c, declared, under) || standing(t, c, under)
}

// predict says what happens in a case with the plant.
func (p plant) predict(c matrix.Case) (oracle.Expectation, error) {
	l := felixtypha.Link
	s, _ := l.Setting(c.Setting, c.Mode, c.Subject)
	m, _ := l.Mode(c.Mode)
	asked := m.Server
	if p.side == handshake.Client {
		asked = m.Client
	}
	if s.Side != p.side {
		s = link.Setting{}
	}
	if s.From == link.FromLowerCase { // of two variables that differ in case alone the last one counts, and they are sorted
		return oracle.Predict(l, c)
	}
	if s.Change != nil {
		asked = s.Change(asked)
	}
	wasClear := asked.Plaintext()
	if p.require != nil {
		asked = p.require(asked)
	}
	s.Given = p.over(s.Given)
	state := l.State(s, asked)
	if state == link.Incomplete || state == link.Spoilt || wasClear && p.require != nil {
		return oracle.Expectation{Outcome: handshake.NotStarted, Cause: incomplete}, nil
	}
	s.Change = nil
	if asked = s.Require(asked); state == link.Plain {
		asked = link.Verifier{}
	}
	l = replaced(l, c, p.side, asked)
	if state == link.Plain && p.side == handshake.Client && c.Subject == l.Both() {
		c.Version = link.Clear
	}
	return oracle.Predict(l, c)
}

// over returns how parameters are given with the plant. Calico takes one whose file does not exist for one that is not
// set.
func (p plant) over(given map[link.Parameter]link.Form) map[link.Parameter]link.Form {
	all := map[link.Parameter]link.Form{}
	for parameter, form := range given {
		if all[parameter] = form; form == link.FormMissing {
			all[parameter] = link.FormUnset
		}
	}
	for parameter, form := range p.given {
		if all[parameter] = form; form == "" {
			delete(all, parameter)
		}
	}
	return all
}

// replaced returns the link with what one end of a case requires replaced, and without what Calico v3.31.0 does not know.
func replaced(l link.Link, c matrix.Case, side handshake.Side, v link.Verifier) link.Link {
	l.Modes, l.Settings = slices.Clone(l.Modes), slices.Clone(l.Settings)
	for i, m := range l.Modes {
		switch {
		case m.Name != c.Mode:
		case side == handshake.Server:
			l.Modes[i].Server = v
		default:
			l.Modes[i].Client = v
		}
	}
	for i, s := range l.Settings {
		if s.Name == c.Setting && s.Side == side {
			l.Settings[i].Change, l.Settings[i].Given = nil, nil
			if s.Since != "" {
				l.Settings[i].Suites, l.Settings[i].MinVersion = "", ""
			}
		}
	}
	return l
}

// alike reports whether two predictions look the same from outside, alerts included.
func alike(c matrix.Case, a, b oracle.Expectation) bool {
	alertsOf := func(e oracle.Expectation) []handshake.Alert {
		alerts, _ := oracle.Alerts(e, c.Version, "go1.24.9")
		return alerts
	}
	return a.Outcome == b.Outcome && a.By == b.By && a.Check == b.Check && slices.Equal(alertsOf(a), alertsOf(b))
}

// standing reports whether a case deviates on the real component with the plant as without: it is a known deviation. An
// end that is incomplete looks at no address, and what becomes of one whose files are missing is predicted.
func standing(t *testing.T, c matrix.Case, under oracle.Expectation) bool {
	t.Helper()
	if strings.HasPrefix(c.Setting, "missing-") || strings.HasPrefix(c.Setting, "address-") && under.Cause == incomplete {
		return false
	}
	known, err := fixtures.Deviations()
	if err != nil {
		t.Fatal(err)
	}
	return slices.ContainsFunc(known, func(d fixtures.Deviation) bool { return d.Matches(c.ID(), "calico", "v3.31.0") })
}
