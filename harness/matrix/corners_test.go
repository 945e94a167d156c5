package matrix_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/calico-tls/conformance/harness/link"
	"github.com/calico-tls/conformance/harness/link/felixtypha"
	"github.com/calico-tls/conformance/harness/matrix"
	"github.com/calico-tls/conformance/pki"
)

func TestStrategyNamed(t *testing.T) {
	t.Parallel()
	for _, want := range matrix.Strategies {
		if got, ok := matrix.StrategyNamed(want.Name); !ok || got.Text != want.Text {
			t.Errorf("wanted the strategy %s, found %q", want.Name, got.Name)
		}
	}
	if got, ok := matrix.StrategyNamed("none-such"); ok {
		t.Errorf("wanted no strategy, found %q", got.Name)
	}
}

func TestHintOfNone(t *testing.T) {
	t.Parallel()
	for want, e := range map[string]*matrix.NoneError{
		"no cases at all":                   {Glob: "x"},
		"the nearest IDs are\n  a/b\n  c/d": {Glob: "x", Nearest: []string{"a/b", "c/d"}},
	} {
		if hint := e.Hint(); !strings.Contains(hint, want) {
			t.Errorf("wanted %q in the hint, found %q", want, hint)
		}
	}
}

// TestPairwiseTakesTheFirst: where several cases would do, the first one is taken.
func TestPairwiseTakesTheFirst(t *testing.T) {
	t.Parallel()
	const first = "felix-typha/cn/typha/client=good/server=good/tls1.2"
	if !slices.ContainsFunc(matrix.Pairwise(felixtypha.Link), func(c matrix.Case) bool { return c.ID() == first }) {
		t.Errorf("wanted %s among the cases", first)
	}
}

// TestCoreAsksTheSubject: which near-misses are posed follows from what the subject asks, where the two ends ask for
// different names.
func TestCoreAsksTheSubject(t *testing.T) {
	t.Parallel()
	trust := []pki.AuthorityName{pki.Trusted}
	l := link.Link{
		Name: "x", Client: link.End{Component: "c"}, Server: link.End{Component: "s"},
		Modes: []link.Mode{{Name: "mixed", Client: link.Verifier{Trust: trust, CN: "s"}, Server: link.Verifier{Trust: trust, URISAN: "spiffe://x/c"}}},
	}
	posed := map[string]bool{}
	for _, c := range matrix.Core(l) {
		posed[c.ID()] = true
	}
	for id, want := range map[string]bool{
		"x/mixed/s/client=uri-percent/server=good/tls1.3": true,
		"x/mixed/s/client=cn-case/server=good/tls1.3":     false,
		"x/mixed/c/client=good/server=cn-case/tls1.3":     true,
		"x/mixed/c/client=good/server=uri-percent/tls1.3": false,
	} {
		if posed[id] != want {
			t.Errorf("%s: wanted it posed: %t", id, want)
		}
	}
}

// TestParseQuotesWhatIsMissing: the part that is refused is the one that is said.
func TestParseQuotesWhatIsMissing(t *testing.T) {
	t.Parallel()
	for id, quoted := range map[string]string{
		"a/b/c/client=/server=good/tls1.3":       `"" is no name`,
		"a/b/c/client=good/server=b c/tls1.3":    `"b c" is no name`,
		"a//c/client=good/server=good/plaintext": `"" is no name`,
	} {
		if _, err := matrix.Parse(id); err == nil || !strings.Contains(err.Error(), quoted) {
			t.Errorf("%s: wanted an error that says %s, found %v", id, quoted, err)
		}
	}
}
