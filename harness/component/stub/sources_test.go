package stub_test

import (
	"bytes"
	"context"
	"encoding/pem"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/calico-tls/conformance/harness/component/stub"
	"github.com/calico-tls/conformance/harness/handshake"
	"github.com/calico-tls/conformance/harness/link"
	"github.com/calico-tls/conformance/harness/link/felixtypha"
	"github.com/calico-tls/conformance/pki"
)

// The places of the parameters in [program].
const (
	bundle = iota
	certificate
	key
	commonName
	uriSAN
)

// someoneElse is a name that no good certificate has.
const someoneElse = "someone-else"

// configFile moves parameters of a program into a configuration file of this form, in which %s stands for their names
// and values.
func configFile(t *testing.T, p program, s map[string]string, form string, parameters ...int) {
	t.Helper()
	var b strings.Builder
	for _, i := range parameters {
		variable := p.parameters[i]
		_, name, _ := strings.Cut(variable, "_")
		b.WriteString(strings.NewReplacer("NAME", name, "name", strings.ToLower(name), "VALUE", s[variable]).Replace(form))
		delete(s, variable)
	}
	s[stub.ConfigFileSetting] = filepath.Join(t.TempDir(), "conformance.cfg")
	if err := os.WriteFile(s[stub.ConfigFileSetting], []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestSources: where a parameter comes from has no say in what it does, and who wins is known.
func TestSources(t *testing.T) {
	t.Parallel()
	const secure, plain, refused = "it starts: tls=true", "it starts: tls=false", "exit code 1"
	all := []int{bundle, certificate, key, commonName, uriSAN}
	rename := func(to func(string) string) func(*testing.T, program, map[string]string) {
		return func(_ *testing.T, p program, s map[string]string) {
			for _, name := range p.parameters {
				value := s[name]
				delete(s, name)
				s[to(name)] = value
			}
		}
	}
	for name, c := range map[string]struct {
		change func(*testing.T, program, map[string]string)
		want   string
	}{
		"small letters": {rename(strings.ToLower), secure},
		"mixed letters": {rename(func(name string) string { return name[:3] + strings.ToLower(name[3:]) }), secure},
		"unknown names": {rename(func(name string) string { return name + "X" }), plain},
		"a file":        {func(t *testing.T, p program, s map[string]string) { configFile(t, p, s, "NAME = VALUE\n", all...) }, secure},
		"a file in small letters without blanks": {func(t *testing.T, p program, s map[string]string) {
			configFile(t, p, s, "name=VALUE\n", all...)
		}, secure},
		"a file with sections and comments": {func(t *testing.T, p program, s map[string]string) {
			configFile(t, p, s, "[NAME]\n# NAME = x\n; NAME = x\n\n  NAME =  VALUE  \n", all...)
		}, secure},
		"half a file": {func(t *testing.T, p program, s map[string]string) {
			configFile(t, p, s, "NAME = VALUE\n", bundle, key)
		}, secure},
		"a file that lacks one": {func(t *testing.T, p program, s map[string]string) {
			delete(s, p.parameters[key])
			configFile(t, p, s, "NAME = VALUE\n", bundle, certificate)
		}, refused},
		"a file with nothing": {func(t *testing.T, p program, s map[string]string) { configFile(t, p, s, "NAME =\n", all...) }, plain},
		"a file with none":    {func(t *testing.T, p program, s map[string]string) { configFile(t, p, s, "NAME = none\n", all...) }, plain},
		"an empty variable beside a file": {func(t *testing.T, p program, s map[string]string) {
			configFile(t, p, s, "NAME = VALUE\n", key)
			s[p.parameters[key]] = ""
		}, secure},
		"none in a variable beside a file": {func(t *testing.T, p program, s map[string]string) {
			configFile(t, p, s, "NAME = VALUE\n", key)
			s[p.parameters[key]] = "None"
		}, refused},
		"a line break in a variable beside a file": {func(t *testing.T, p program, s map[string]string) {
			value := s[p.parameters[key]]
			configFile(t, p, s, "NAME = VALUE\n", key)
			s[p.parameters[key]] = value + "\n"
		}, refused},
		"a good variable beside a file of junk": {func(t *testing.T, p program, s map[string]string) {
			whole := maps.Clone(s)
			configFile(t, p, s, "NAME = /nowhere\n", all...)
			for _, name := range p.parameters {
				s[name] = whole[name]
			}
		}, secure},
		"a line break in one name": {func(_ *testing.T, p program, s map[string]string) {
			s[p.parameters[commonName]] += "\n"
		}, secure},
		"a line break in both names": {func(_ *testing.T, p program, s map[string]string) {
			s[p.parameters[commonName]] += "\n"
			s[p.parameters[uriSAN]] = "x\ny"
		}, refused},
		"a file that is absent": {func(t *testing.T, _ program, s map[string]string) {
			s[stub.ConfigFileSetting] = filepath.Join(t.TempDir(), "absent")
		}, refused},
		"a file that is none": {func(t *testing.T, p program, s map[string]string) { configFile(t, p, s, "NAME\n", key) }, refused},
	} {
		for _, p := range programs {
			t.Run(p.name+"/"+name, func(t *testing.T) {
				s := p.settings(t)
				c.change(t, p, s)
				if got := starts(t, p.run, p.reader, s); got != c.want {
					t.Errorf("wanted %q, found %q", c.want, got)
				}
			})
		}
	}
}

// TestWhoWins: of two values for the name that is required, the variable's counts, and that in upper case first.
func TestWhoWins(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change  func(t *testing.T, s map[string]string)
		refused bool
	}{
		"nothing beside": {func(*testing.T, map[string]string) {}, false},
		"a file beside": {func(t *testing.T, s map[string]string) {
			own := maps.Clone(s)
			own["TYPHA_CLIENTCN"] = someoneElse
			configFile(t, programs[0], own, "NAME = VALUE\n", commonName)
			s[stub.ConfigFileSetting] = own[stub.ConfigFileSetting]
		}, false},
		"someone else in the file alone": {func(t *testing.T, s map[string]string) {
			s["TYPHA_CLIENTCN"] = someoneElse
			configFile(t, programs[0], s, "NAME = VALUE\n", commonName)
		}, true},
		"small letters beside": {func(_ *testing.T, s map[string]string) { s["typha_clientcn"] = someoneElse }, false},
		"someone else in upper case": {func(_ *testing.T, s map[string]string) {
			s["typha_clientcn"] = s["TYPHA_CLIENTCN"]
			s["TYPHA_CLIENTCN"] = someoneElse
		}, true},
		"a blank after it":  {func(_ *testing.T, s map[string]string) { s["TYPHA_CLIENTCN"] += " " }, true},
		"a blank before it": {func(_ *testing.T, s map[string]string) { s["TYPHA_CLIENTCN"] = " " + s["TYPHA_CLIENTCN"] }, true},
	} {
		t.Run(name, func(t *testing.T) {
			s := settings(t, pki.Server, asks(pki.TouchesCN, identity(pki.Client)))
			c.change(t, s)
			want := wanted{}
			if c.refused {
				want = outcome(handshake.Server, pki.CheckIdentity, serverAlerts)
			}
			client, server := typha(t, s).probe(t, attempt(t, pki.Client, "good", link.TLS13))
			compare(t, want, client, server)
		})
	}
}

// TestUnknownParameters: a parameter that is not known secures nothing and changes nothing, and the log names it, but
// not its value.
func TestUnknownParameters(t *testing.T) {
	t.Parallel()
	for _, p := range programs {
		unknown := map[string]string{"typha": "typha_TyphaCN", "felix": "FELIX_CLIENTCN"}[p.name]
		alone := p.settings(t)
		for _, name := range p.parameters {
			delete(alone, name)
		}
		for want, s := range map[string]map[string]string{"it starts: tls=true": p.settings(t), "it starts: tls=false": alone} {
			s[unknown] = someoneElse
			if got := starts(t, p.run, p.reader, s); got != want {
				t.Errorf("%s beside %s: wanted %q, found %q", unknown, p.name, want, got)
			}
			ctx, cancel := context.WithCancel(t.Context())
			var log bytes.Buffer
			cancel()
			p.run(ctx, s, &log)
			if text := log.String(); !strings.Contains(text, "name="+unknown) || strings.Contains(text, someoneElse) {
				t.Errorf("wanted the log to name %s and not its value, found %q", unknown, text)
			}
			if n := strings.Count(log.String(), "Ignoring"); n != 1 {
				t.Errorf("wanted one parameter unknown, found %d: %q", n, log.String())
			}
		}
	}
}

// TestBundleWithABrokenPart: the sound certificates of a bundle count, wherever a broken one stands.
func TestBundleWithABrokenPart(t *testing.T) {
	t.Parallel()
	broken := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("no DER at all")})
	for name, join := range map[string]func(sound []byte) []byte{
		"before": func(sound []byte) []byte { return slices.Concat(broken, sound) },
		"after":  func(sound []byte) []byte { return slices.Concat(sound, broken) },
	} {
		t.Run(name, func(t *testing.T) {
			s := programs[0].settings(t)
			sound, err := os.ReadFile(s["TYPHA_CAFILE"])
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(s["TYPHA_CAFILE"], join(sound), 0o600); err != nil {
				t.Fatal(err)
			}
			client, server := typha(t, s).probe(t, attempt(t, pki.Client, "good", link.TLS12))
			compare(t, wanted{}, client, server)
		})
	}
}

// TestFelixThatIsRefusedDialsNobody: whatever form of a parameter spoils its setting, nobody is dialled.
func TestFelixThatIsRefusedDialsNobody(t *testing.T) {
	t.Parallel()
	felix := programs[1]
	replaced := func(parameter int, content []byte) func(*testing.T, map[string]string) {
		return func(t *testing.T, s map[string]string) {
			if err := os.WriteFile(s[felix.parameters[parameter]], content, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	set := func(parameter int, value string) func(*testing.T, map[string]string) {
		return func(_ *testing.T, s map[string]string) { s[felix.parameters[parameter]] = value }
	}
	junk := pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: []byte("only whoever knows the passphrase can tell")})
	changes := map[string]func(*testing.T, map[string]string){
		"key encrypted":  replaced(key, junk),
		"key of another": replaced(key, keyOfAnother(t)),
		"unset":          set(bundle, ""),
		"none":           set(certificate, "none"),
	}
	for i, name := range []string{"bundle", "certificate", "key"} {
		changes[name+" empty"] = replaced(i, nil)
		changes[name+" junk"] = replaced(i, []byte("neither PEM nor DER\n"))
		changes[name+" a folder"] = set(i, t.TempDir())
		changes[name+" missing"] = set(i, filepath.Join(t.TempDir(), "missing"))
		changes[name+" unreadable"] = set(i, "/proc/self/mem")
	}
	for name, change := range changes {
		t.Run(name, func(t *testing.T) {
			l, err := felixtypha.Observer{}.Listen(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			s := settings(t, pki.Client, asks(pki.TouchesBoth, identity(pki.Server)))
			s["FELIX_TYPHAADDR"] = l.Address()
			change(t, s)
			var log bytes.Buffer
			if code := stub.RunFelix(t.Context(), s, &log); code != 1 || !strings.Contains(log.String(), "Failed to parse/validate configuration.") {
				t.Errorf("wanted exit code 1, found %d and %q", code, log.String())
			}
			if quiet, err := l.Quiet(t.Context()); err != nil || !quiet {
				t.Errorf("wanted nobody dialled, found quiet=%t and %v", quiet, err)
			}
		})
	}
}

func keyOfAnother(t *testing.T) []byte {
	t.Helper()
	data, err := issued(t, pki.Client, "key-p384").KeyPEM(pki.PKCS8)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestFelixStumbles: a file that is gone when Felix connects again is said to be, by a line that the reader takes for a
// refusal; nobody is dialled meanwhile, and it connects once the file is back.
func TestFelixStumbles(t *testing.T) {
	t.Parallel()
	s := settings(t, pki.Client, asks(pki.TouchesBoth, identity(pki.Server)))
	r, l := felix(t, s)
	file := s["FELIX_TYPHAKEYFILE"]
	a := attempt(t, pki.Server, "good", link.TLS13)
	a.Accepted = func() {
		if err := os.Rename(file, file+".gone"); err != nil {
			t.Error(err)
		}
	}
	client, server := r.serve(t, l, a)
	compare(t, wanted{}, client, server)
	ctx, cancel := context.WithTimeout(t.Context(), deadline)
	defer cancel()
	if _, err := r.log.Wait(ctx, func(line string) bool {
		words, refuses := stub.Felix().Reader.Refuses(line)
		return refuses && strings.Contains(words, "FELIX_TYPHAKEYFILE")
	}); err != nil {
		t.Fatalf("waiting for it to stumble: %v; its log:\n%q", err, r.log.Tail(5))
	}
	if quiet, err := l.Quiet(ctx); err != nil || !quiet {
		t.Errorf("wanted nobody dialled, found quiet=%t and %v", quiet, err)
	}
	if err := os.Rename(file+".gone", file); err != nil {
		t.Fatal(err)
	}
	a.Accepted = nil
	client, server = r.serve(t, l, a)
	compare(t, wanted{}, client, server)
}
