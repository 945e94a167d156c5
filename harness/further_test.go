package harness_test

import (
	"testing"

	"github.com/calico-tls/conformance/harness/component"
	"github.com/calico-tls/conformance/harness/launch"
	"github.com/calico-tls/conformance/harness/link/felixtypha"
	"github.com/calico-tls/conformance/harness/oracle"
)

// TestLabSeesAFurtherClientDial: a typha-client that forgets what it was told of TLS dials in spite of a setting that is
// incomplete, in the clear. Each of the 28 tells, and what is right without TLS stays right.
func TestLabSeesAFurtherClientDial(t *testing.T) {
	t.Parallel()
	lab := labWith(t, inProcess, func(p launch.Program) launch.Program {
		var nothing []string
		for _, name := range felixtypha.TyphaClientNames {
			nothing = append(nothing, "--"+name+"=")
		}
		return component.Override(p, nothing, nil)
	})
	incomplete := selected(t, "felix-typha/*/typha-client/**/none/setting=unset-*")
	if len(incomplete) != 28 {
		t.Fatalf("wanted 28 settings that are incomplete, found %d", len(incomplete))
	}
	plain := selected(t, "felix-typha/plaintext/typha-client/**")
	if len(plain) != 1 {
		t.Fatalf("wanted one case in plaintext, found %d", len(plain))
	}
	seen := lab.Run(t.Context(), append(plain, incomplete...))
	for _, c := range incomplete {
		if v := verdict(t, c, seen[c.ID()]); v.Finding != oracle.Deviates {
			t.Errorf("%s is %s, wanted deviates: %s", c.ID(), v.Finding, v.Why)
		}
	}
	if v := verdict(t, plain[0], seen[plain[0].ID()]); v.Finding != oracle.Conforms {
		t.Errorf("%s is %s, wanted conforms: %s", plain[0].ID(), v.Finding, v.Why)
	}
}

// TestLabJudgesAFurtherClient: as it should be, all its cases conform, those 28 by its own words and nobody's dial.
func TestLabJudgesAFurtherClient(t *testing.T) {
	t.Parallel()
	lab := labWith(t, inProcess, func(p launch.Program) launch.Program { return p })
	cases := selected(t, "felix-typha/*/typha-client/**")
	seen := lab.Run(t.Context(), cases)
	for _, c := range cases {
		if v := verdict(t, c, seen[c.ID()]); v.Finding != oracle.Conforms {
			t.Errorf("%s is %s, wanted conforms: %s", c.ID(), v.Finding, v.Why)
		}
	}
}
