package harness_test

import (
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/calico-tls/conformance/harness"
	"github.com/calico-tls/conformance/harness/component"
	"github.com/calico-tls/conformance/harness/component/stub"
	"github.com/calico-tls/conformance/harness/launch"
	"github.com/calico-tls/conformance/harness/oracle"
)

// TestPlanMeetings: one start of Typha for each mode, variant and setting of its own, whatever Felix is started with.
func TestPlanMeetings(t *testing.T) {
	t.Parallel()
	batches := harness.Plan(selected(t, "felix-typha/*/typha+felix/**"))
	names := map[string]int{}
	for _, b := range batches {
		names[b.Name()] = len(b.Cases)
		if strings.Contains(b.Name(), "setting=felix-") || strings.Contains(b.Name(), "other-Typha") {
			t.Errorf("%s: wanted no start of Typha for a setting of Felix", b.Name())
		}
	}
	if names["felix-typha/cn/typha+felix/shows=uri-absent"] != 15 || names["felix-typha/cn/typha+felix/shows=uri-absent/setting=other-ClientCN"] != 1 {
		t.Errorf("wanted 15 cases against the page's Typha, and one where its ClientCN is another, found %v", names)
	}
}

// TestMeetSeesFaults: what either of two subjects does wrong is seen where they meet.
func TestMeetSeesFaults(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ fault, id string }{
		{"skip-eku", "felix-typha/cn/typha+felix/client=eku-other-role/server=uri-absent/tls1.3"},
		{"skip-eku", "felix-typha/uri-san/typha+felix/client=cn-absent/server=eku-other-role/tls1.3"},
		{"skip-chain", "felix-typha/cn/typha+felix/client=uri-absent/server=uri-absent/tls1.3/setting=other-TyphaCAFile"},
		{"skip-identity", "felix-typha/cn/typha+felix/client=cn-other/server=uri-absent/tls1.3"},
		{"and-instead-of-or", "felix-typha/cn-or-uri-san/typha+felix/client=uri-absent/server=uri-absent/tls1.3"},
		{"client-certificate-optional", "felix-typha/cn/typha+felix/client=other-authority/server=uri-absent/tls1.3"},
		{"plaintext-fallback", "felix-typha/cn/typha+felix/client=none/server=good/plaintext/setting=felix-plaintext"},
	} {
		t.Run(test.fault, func(t *testing.T) {
			t.Parallel()
			if _, ok := stub.FaultNamed(test.fault); !ok {
				t.Fatalf("there is no fault %s", test.fault)
			}
			cases := selected(t, test.id)
			for _, is := range []struct {
				complete func(launch.Program) launch.Program
				want     oracle.Finding
			}{
				{func(p launch.Program) launch.Program { return p }, oracle.Conforms},
				{faulty(test.fault), oracle.Deviates},
			} {
				lab := labWith(t, inProcess, is.complete)
				if v := verdict(t, cases[0], lab.Run(t.Context(), cases)[test.id]); v.Finding != is.want {
					t.Errorf("wanted %s, found %s: %s", is.want, v.Finding, v.Why)
				}
			}
		})
	}
}

// TestMeetWantsSync: who was accepted and never is in sync has not been served.
func TestMeetWantsSync(t *testing.T) {
	t.Parallel()
	cases := selected(t, "felix-typha/cn/typha+felix/client=uri-absent/server=uri-absent/tls1.3")
	lab := labWith(t, inProcess, func(p launch.Program) launch.Program { return p })
	lab.Deadline = time.Second
	felix := partNamed(lab, "felix")
	felix.Ready = func(context.Context, launch.Instance) (component.Readiness, error) { return component.IsNotReady, nil }
	if v := verdict(t, cases[0], lab.Run(t.Context(), cases)[cases[0].ID()]); v.Finding != oracle.Deviates {
		t.Errorf("wanted it to deviate, found %s: %s", v.Finding, v.Why)
	}
}

// TestMeetBreaks: a Felix that ends instead of dialling, and a Typha that ends when it is dialled, prove nothing.
func TestMeetBreaks(t *testing.T) {
	t.Parallel()
	cases := selected(t, "felix-typha/cn/typha+felix/client={uri-absent,expired}/server=uri-absent/tls1.3")
	for name, complete := range map[string]func(launch.Program) launch.Program{
		"felix": func(p launch.Program) launch.Program {
			if p.Name == "felix" {
				p.Main = func(_ context.Context, _ launch.Invocation, log io.Writer) int {
					_, _ = io.WriteString(log, "Connecting to Typha.\n")
					return 7
				}
			}
			return p
		},
		"typha": func(p launch.Program) launch.Program {
			if p.Name != "typha" {
				return p
			}
			p = endingOn("Opened listen socket")(p)
			p.Ready = func(_ context.Context, i launch.Instance) error {
				<-i.Done()
				return nil
			}
			return p
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			seen := labWith(t, inProcess, complete).Run(t.Context(), cases)
			for _, c := range cases {
				if v := verdict(t, c, seen[c.ID()]); v.Finding != oracle.Broken {
					t.Errorf("%s: wanted it broken, found %s: %s", c.ID(), v.Finding, v.Why)
				}
			}
		})
	}
}
