package component_test

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/calico-tls/conformance/harness/component"
	"github.com/calico-tls/conformance/harness/evidence"
	"github.com/calico-tls/conformance/harness/launch"
	"github.com/calico-tls/conformance/harness/link"
)

var update = flag.Bool("update", false, "write the golden files anew")

// place is where a program is put that is only described.
type place struct{}

func (place) Path(file string) string { return path.Join("/own", file) }
func (place) Host() string            { return "127.0.0.9" }
func (place) Port(name string) int    { return 1000 + len(name) }
func (place) Reach(a string) string   { return "reach(" + a + ")" }
func (place) Folder() string          { return "/folder" }

// dialect is one that no program has.
var dialect = component.Dialect{
	Prefix: "PEAR_",
	Names:  map[link.Parameter]string{link.Key: "KeyFile", link.Certificate: "CertFile", link.Bundle: "CAFile", link.CommonName: "PeerCN", link.URISAN: "PeerURI"},
	ConfigFile: func(in *launch.Invocation, path string) {
		in.Args = append(in.Args, "--config", path)
	},
}

// origins lists where parameters come from.
var origins = []link.Origin{link.FromEnvironment, link.FromLowerCase, link.FromFile, link.FromSections, link.FromBoth}

// own is a file of ours.
func own(data string) component.Value {
	return component.Value{File: component.Own, Data: []byte(data)}
}

var givens = []struct {
	name  string
	given map[link.Parameter]component.Value
}{
	{"nothing", nil},
	{"all of it", map[link.Parameter]component.Value{
		link.Key: own("a key"), link.Certificate: own("a chain"), link.Bundle: own("a bundle"), link.CommonName: {Text: "peer"}, link.URISAN: {Text: "spiffe://peer"},
	}},
	{"files of no use", map[link.Parameter]component.Value{
		link.Key: {File: component.Absent}, link.Certificate: {File: component.Folder}, link.Bundle: {File: component.Unreadable}, link.CommonName: {Text: "peer"},
	}},
	{"files that are empty, and values", map[link.Parameter]component.Value{
		link.Key: own(""), link.Certificate: {}, link.Bundle: {Text: "none"}, link.CommonName: {Text: "peer\n"}, link.URISAN: {Text: "peer "},
	}},
}

// describe tells of a program as it is started at a place.
func describe(p launch.Program) string { return describeAt(place{}, p) }

// describeAt tells of a program as it is started at one place or another.
func describeAt(at launch.Placement, p launch.Program) string {
	var b strings.Builder
	in := p.Invocation(at)
	for _, arg := range in.Args {
		fmt.Fprintf(&b, "\targ %s\n", arg)
	}
	for _, name := range slices.Sorted(maps.Keys(in.Env)) {
		fmt.Fprintf(&b, "\tenv %s=%s\n", name, strconv.Quote(in.Env[name]))
	}
	for _, file := range p.Files {
		fmt.Fprintf(&b, "\tfile %s\n", file.Name)
		for line := range strings.Lines(string(file.Content(at))) {
			fmt.Fprintf(&b, "\t\t%s\n", strings.TrimSuffix(line, "\n"))
		}
	}
	return b.String()
}

// TestConfigure describes a program with each origin and kind of file.
func TestConfigure(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	for _, origin := range origins {
		for _, g := range givens {
			p := dialect.Configure(launch.Program{
				Name:  "pear",
				Files: []launch.File{{Name: "own.conf", Data: []byte("its own")}},
				Configure: func(launch.Placement) launch.Invocation {
					return launch.Invocation{Args: []string{"serve"}, Env: map[string]string{"PEAR_OWN": "1", "PEAR_MORE": "own"}}
				},
			}, component.Start{Given: g.given, From: origin, Env: map[string]string{"PEAR_MORE": "more", "OTHER": "2"}})
			if err := p.Check(); err != nil {
				t.Errorf("%s, %s: %v", origin, g.name, err)
			}
			fmt.Fprintf(&b, "%s: %s\n%s\n", map[link.Origin]string{link.FromEnvironment: "upper-case"}[origin]+string(origin), g.name, describe(p))
		}
	}
	golden(t, "testdata/configure.golden", b.String())
}

// TestConfigureKeepsTheStart: describing a program twice gives the same, and changes nothing of what it was given.
func TestConfigureKeepsTheStart(t *testing.T) {
	t.Parallel()
	env := map[string]string{"OTHER": "2"}
	shared := map[string]string{"PEAR_OWN": "1"}
	files := make([]launch.File, 1, 8)
	files[0] = launch.File{Name: "own.conf"}
	start := component.Start{Given: givens[1].given, From: link.FromBoth, Env: env}
	build := func() launch.Program {
		return dialect.Configure(launch.Program{Name: "pear", Files: files, Configure: func(launch.Placement) launch.Invocation {
			return launch.Invocation{Env: maps.Clone(shared)}
		}}, start)
	}
	first := build()
	want := describe(first)
	for range 3 {
		if diff := cmp.Diff(want, describe(build())); diff != "" {
			t.Fatalf("once more (-want +got):\n%s", diff)
		}
	}
	if diff := cmp.Diff(want, describe(first)); diff != "" {
		t.Errorf("the first once more (-want +got):\n%s", diff)
	}
	if len(env) != 1 || len(shared) != 1 {
		t.Errorf("wanted what was given unchanged, found %v and %v", env, shared)
	}
}

// TestOverride: what is set over a program's own wins, and a program without an environment gets one.
func TestOverride(t *testing.T) {
	t.Parallel()
	p := component.Override(launch.Program{Configure: func(launch.Placement) launch.Invocation {
		return launch.Invocation{Args: []string{"a"}, Env: map[string]string{"X": "own", "Y": "own"}}
	}}, []string{"b"}, map[string]string{"X": "over"})
	if diff := cmp.Diff(launch.Invocation{Args: []string{"a", "b"}, Env: map[string]string{"X": "over", "Y": "own"}}, p.Invocation(place{})); diff != "" {
		t.Errorf("invocation (-want +got):\n%s", diff)
	}
	p = component.Override(launch.Program{Configure: func(launch.Placement) launch.Invocation {
		return launch.Invocation{Args: []string{"--of-which-several-count=own", "--other=own"}}
	}}, []string{"--of-which-several-count=1", "--of-which-several-count=2"}, nil)
	if diff := cmp.Diff([]string{"--other=own", "--of-which-several-count=1", "--of-which-several-count=2"}, p.Invocation(place{}).Args); diff != "" {
		t.Errorf("arguments (-want +got):\n%s", diff)
	}
	p = component.Override(launch.Program{Configure: func(launch.Placement) launch.Invocation { return launch.Invocation{} }}, nil, map[string]string{"X": "over"})
	if got := p.Invocation(place{}).Env["X"]; got != "over" {
		t.Errorf("wanted an environment, found %q", got)
	}
}

// golden compares a text with a golden file.
func golden(t *testing.T, name, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(name, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

// reader reads a log of three lines.
func reader(t *testing.T) *evidence.Reader {
	t.Helper()
	r, err := evidence.NewReader(evidence.Patterns{Ready: "^ready$", Refuses: "^no: (.*)$"})
	if err != nil {
		t.Fatal(err)
	}
	return r
}
