package matrix_test

import (
	"errors"
	"flag"
	"fmt"
	"math"
	"math/bits"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/calico-tls/conformance/harness"
	"github.com/calico-tls/conformance/harness/handshake"
	"github.com/calico-tls/conformance/harness/link"
	"github.com/calico-tls/conformance/harness/link/felixtypha"
	"github.com/calico-tls/conformance/harness/matrix"
	"github.com/calico-tls/conformance/pki"
)

var update = flag.Bool("update", false, "write the golden files anew")

func ids(cases []matrix.Case) []string {
	all := make([]string, len(cases))
	for i, c := range cases {
		all[i] = c.ID()
	}
	return all
}

func TestCoreGolden(t *testing.T) {
	t.Parallel()
	compareGolden(t, "core.txt", ids(ofLinks(matrix.Core)))
}

// ofLinks enumerates the cases of all links, sorted by ID.
func ofLinks(enumerate func(link.Link) []matrix.Case) []matrix.Case {
	var all []matrix.Case
	for _, l := range harness.Links {
		all = append(all, enumerate(l.Link)...)
	}
	slices.SortFunc(all, func(a, b matrix.Case) int { return strings.Compare(a.ID(), b.ID()) })
	return all
}

// compareGolden holds IDs against a golden file. One that vanishes from it, or changes, breaks a promise.
func compareGolden(t *testing.T, file string, all []string) {
	t.Helper()
	golden := filepath.Join("..", "..", "fixtures", "golden", file)
	got := strings.Join(all, "\n") + "\n"
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
		t.Errorf("the case list is not that of %s (-want +got); IDs are for ever, new ones are added with `make golden`:\n%s", golden, diff)
	}
}

// TestSlow: what takes long by nature is in no strategy, and is listed by itself.
func TestSlow(t *testing.T) {
	t.Parallel()
	slow := ids(ofLinks(func(l link.Link) []matrix.Case { return matrix.InProfile(l, matrix.Strategies[0], matrix.Slow) }))
	compareGolden(t, "slow.txt", slow)
	for _, s := range matrix.Strategies {
		for _, id := range ids(ofLinks(s.Cases)) {
			if slices.Contains(slow, id) {
				t.Errorf("%s: %s takes long, and is among the cases", s.Name, id)
			}
		}
	}
}

func TestIDs(t *testing.T) {
	t.Parallel()
	for _, s := range matrix.Strategies {
		cases := ofLinks(s.Cases)
		all := ids(cases)
		if !slices.IsSorted(all) {
			t.Errorf("%s: the cases are not sorted", s.Name)
		}
		if unique := slices.Compact(slices.Clone(all)); len(unique) != len(all) {
			t.Errorf("%s: wanted %d different IDs, found %d", s.Name, len(all), len(unique))
		}
		for _, c := range cases {
			back, err := matrix.Parse(c.ID())
			if err != nil {
				t.Errorf("%s: %v", s.Name, err)
			}
			if back != c {
				t.Errorf("%s: %s was read as %s", s.Name, c.ID(), back.ID())
			}
		}
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	whole := "etcd/x509/etcd/client=good/server=good/tls1.3/setting=unset-CAFile+ClientCN/token=expired/conduct=silent"
	c, err := matrix.Parse(whole)
	if err != nil {
		t.Fatal(err)
	}
	want := matrix.Case{
		Link: "etcd", Mode: "x509", Subject: "etcd", Client: "good", Server: "good", Version: link.TLS13,
		Setting: "unset-CAFile+ClientCN", Token: "expired", Conduct: "silent",
	}
	if diff := cmp.Diff(want, c); diff != "" {
		t.Error(diff)
	}
	for _, bad := range []string{
		"", "a/b/c", "a/b/c/good/server=good/tls1.3", "a/b/c/client=good/good/tls1.3", "a/b/c/client=good/server=good/tls1.4",
		"a/b/c/client=good/server=good/tls1.3/", "a/b/c/client=good/server=good/tls1.3/setting=",
		"a/b/c/client=good/server=good/tls1.3/conduct=x/setting=y", "a/b/c/client=good/server=good/tls1.3/other=x",
		"a/b/c/client=/server=good/tls1.3", "a/b c/c/client=good/server=good/tls1.3", "a//c/client=good/server=good/tls1.3",
		"a/b/c/client=good*/server=good/tls1.3", "a/b/c/client=good/server=good/tls1.3/setting=x/setting=y",
	} {
		if got, err := matrix.Parse(bad); err == nil {
			t.Errorf("wanted an error for %q, found %+v", bad, got)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, c := range matrix.Core(felixtypha.Link)[:8] {
		f.Add(c.ID())
	}
	f.Add("a/b/c/client=d/server=e/none/setting=f/token=g/conduct=h")
	f.Fuzz(func(t *testing.T, id string) {
		c, err := matrix.Parse(id)
		if err == nil && c.ID() != id {
			t.Errorf("%q was read and is written %q", id, c.ID())
		}
	})
}

// TestStrategiesCover counts, by an enumeration of its own: pairwise has each pair of values that can be seen together,
// for each end as the subject, and full each triple; core has not all of either.
func TestStrategiesCover(t *testing.T) {
	t.Parallel()
	l := felixtypha.Link
	for _, c := range []struct {
		strategy string
		n        int
		whole    bool
	}{{"pairwise", 2, true}, {"full", 2, true}, {"full", 3, true}, {"core", 2, false}, {"pairwise", 3, false}} {
		s, ok := matrix.StrategyNamed(c.strategy)
		if !ok {
			t.Fatalf("there is no strategy %s", c.strategy)
		}
		cases := s.Cases(l)
		missing := map[values]bool{}
		possible := map[values]bool{}
		covered := map[values]bool{}
		for _, x := range cases {
			if x.Setting == "" && x.Conduct == "" {
				for _, combination := range chosen(x, c.n) {
					covered[combination] = true
				}
			}
		}
		for _, subject := range []handshake.Side{handshake.Server, handshake.Client} {
			for _, x := range everything(l, subject) {
				for _, combination := range chosen(x, c.n) {
					possible[combination] = true
					if !covered[combination] {
						missing[combination] = true
					}
				}
			}
		}
		if len(possible) == 0 || c.whole != (len(missing) == 0) {
			t.Errorf("%s: %d of %d combinations of %d are not covered, such as %v", c.strategy, len(missing), len(possible), c.n, first(missing))
		}
		want := 1 - float64(len(missing))/float64(len(possible))
		if got := matrix.Coverage(l, cases, c.n); math.Abs(got-want) > 1e-9 {
			t.Errorf("%s: wanted a coverage of %v, found %v", c.strategy, want, got)
		}
	}
}

// TestFull: it is big, in order, and holds all of core.
func TestFull(t *testing.T) {
	t.Parallel()
	full := ids(matrix.Full(felixtypha.Link))
	const least = 20_000
	if len(full) < least || !slices.IsSorted(full) || len(slices.Compact(slices.Clone(full))) != len(full) {
		t.Errorf("wanted %d cases or more, in order, none twice, found %d", least, len(full))
	}
	for _, id := range ids(matrix.Core(felixtypha.Link)) {
		if _, found := slices.BinarySearch(full, id); !found {
			t.Errorf("%s is in core, and not in full", id)
		}
	}
}

// values are what some of the five factors of a case are; "" are the others.
type values [5]string

// chosen returns each choice of n of the factors of a case.
func chosen(c matrix.Case, n int) []values {
	factors := values{c.Mode, c.Client, c.Server, string(c.Version), c.Subject}
	var all []values
	for mask := range uint(1) << len(factors) {
		if bits.OnesCount(mask) != n {
			continue
		}
		var some values
		for i, factor := range factors {
			if mask&(1<<i) != 0 {
				some[i] = factor
			}
		}
		all = append(all, some)
	}
	return all
}

func first(missing map[values]bool) any {
	for c := range missing {
		return c
	}
	return nil
}

// everything enumerates each combination in which the subject is asked something, without the generator's help.
func everything(l link.Link, subject handshake.Side) []matrix.Case {
	var all []matrix.Case
	for _, m := range l.Modes {
		for _, client := range pki.Variants {
			for _, server := range pki.Variants {
				for _, version := range []link.Version{link.TLS12, link.TLS13} {
					own, serverAsked, clientAsked := server, m.Server, m.Client
					if subject == handshake.Client {
						own = client
					}
					if m.Server.Plaintext() || client.Setting || server.Setting || server.Name == "none" || own.Breaks != "" && own.Touches != pki.TouchesHost ||
						!asked(client, serverAsked) || !asked(server, clientAsked) || !spoken(client, version) || !spoken(server, version) {
						continue
					}
					all = append(all, matrix.Case{
						Link: l.Name, Mode: m.Name, Subject: l.End(subject).Component,
						Client: client.Name, Server: server.Name, Version: version,
					})
				}
			}
		}
	}
	return all
}

func asked(v pki.Variant, by link.Verifier) bool {
	needsCN := v.Touches == pki.TouchesCN || v.Touches == pki.TouchesBoth
	needsURI := v.Touches == pki.TouchesURI || v.Touches == pki.TouchesBoth
	if v.Touches == pki.TouchesHost {
		return v.Name == "host-other" // the one that is shown to those who ask for no host
	}
	return (!needsCN || by.CN != "") && (!needsURI || by.URISAN != "")
}

func spoken(v pki.Variant, version link.Version) bool {
	return len(v.Versions) == 0 || slices.Contains(v.Versions, string(version))
}

func TestSelect(t *testing.T) {
	t.Parallel()
	cases := matrix.Core(felixtypha.Link)
	for glob, want := range map[string]func(matrix.Case) bool{
		"**":                     func(matrix.Case) bool { return true },
		"felix-typha/*/typha/**": func(c matrix.Case) bool { return c.Subject == "typha" },
		"felix-typha/cn/*/client=expired/server=good/*": func(c matrix.Case) bool {
			return c.Mode == "cn" && c.Client == "expired" && c.Server == "good" && c.Conduct == ""
		},
		"felix-typha/{cn,uri-san}/typha/client=good/**/tls1.3": func(c matrix.Case) bool {
			return c.Subject == "typha" && c.Client == "good" && c.Version == link.TLS13 && c.Setting+c.Conduct == "" && (c.Mode == "cn" || c.Mode == "uri-san")
		},
		"felix-typha/cn/typha/client=good/server=good/plaintext": nil,
	} {
		got, err := matrix.Select(cases, glob)
		if want == nil {
			var none *matrix.NoneError
			if !errors.As(err, &none) || len(none.Nearest) == 0 {
				t.Errorf("%s: wanted an error with the nearest IDs, found %v", glob, err)
			}
			continue
		}
		expected := slices.DeleteFunc(slices.Clone(cases), func(c matrix.Case) bool { return !want(c) })
		if diff := cmp.Diff(ids(expected), ids(got)); err != nil || diff != "" {
			t.Errorf("%s: %v\n%s", glob, err, diff)
		}
	}
	if _, err := matrix.Select(cases, "a["); err == nil {
		t.Error("wanted an error for a broken glob, found none")
	}
}

func ExampleCase_ID() {
	c := matrix.Case{
		Link: "felix-typha", Mode: "cn", Subject: "typha",
		Client: "expired", Server: "good", Version: link.TLS13,
	}
	fmt.Println(c.ID())
	// Output: felix-typha/cn/typha/client=expired/server=good/tls1.3
}
