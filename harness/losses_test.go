package harness_test

import (
	"context"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/calico-tls/conformance/harness"
	"github.com/calico-tls/conformance/harness/component"
	"github.com/calico-tls/conformance/harness/component/calicoctl"
	realetcd "github.com/calico-tls/conformance/harness/component/etcd"
	"github.com/calico-tls/conformance/harness/component/stub"
	"github.com/calico-tls/conformance/harness/launch"
	"github.com/calico-tls/conformance/harness/matrix"
	"github.com/calico-tls/conformance/harness/oracle"
)

// TestLabTellsWhatStandsBehindFromItsSubjects: an etcd that ends in the midst of a run, and a provider of tokens that is down,
// break the cases that need them, which say so; they count against no subject, and other links know nothing of it.
func TestLabTellsWhatStandsBehindFromItsSubjects(t *testing.T) {
	t.Parallel()
	end := make(chan struct{})
	options := optionsWith(t, inProcess, func(p launch.Program) launch.Program {
		if main := p.Main; p.Name == "etcd" {
			p.Main = func(ctx context.Context, in launch.Invocation, log io.Writer) int {
				ctx, cancel := context.WithCancel(ctx)
				defer cancel()
				go func() {
					select {
					case <-end:
						cancel()
					case <-ctx.Done():
					}
				}()
				return main(ctx, in, log)
			}
		}
		return p
	})
	for _, c := range []component.Component{stub.EtcdClient(calicoctl.ForEtcd), stub.Embedded(realetcd.Behind(nil)), stub.KubeAPIServer()} {
		options.Parts = append(options.Parts, harness.Part{Component: c, Complete: options.Parts[0].Complete, Stack: runtime.Version()})
	}
	lab := closing(t, harness.NewLab(t.Context(), options))
	lab.Deadline = impatience
	ofEtcd, ofKube, ofTypha := core(t, "etcd/mutual-tls/calicoctl/client=good/server=good/tls1.3"),
		core(t, "kube-apiserver/oidc/kube-apiserver/client=none/server=good/tls1.3"),
		core(t, "felix-typha/cn/typha/client=good/server=good/tls1.3")
	all := []matrix.Case{ofEtcd, ofKube, ofTypha}
	for _, c := range all {
		if v := judged(t, lab, c); v.Finding != oracle.Conforms {
			t.Fatalf("%s: wanted it to conform at first, found %s: %s", c.ID(), v.Finding, v.Why)
		}
	}
	close(end)
	lab.EndProvider()
	for c, says := range map[matrix.Case]string{ofEtcd: "what stands behind calicoctl is gone: etcd ended", ofKube: "asking the provider of tokens for its keys"} {
		if v := judged(t, lab, c); v.Finding != oracle.Broken || !strings.Contains(v.Why, says) {
			t.Errorf("%s: wanted it broken, by %q, found %s: %s", c.ID(), says, v.Finding, v.Why)
		}
	}
	if v := judged(t, lab, ofTypha); v.Finding != oracle.Conforms {
		t.Errorf("%s: wanted it to conform as before, found %s: %s", ofTypha.ID(), v.Finding, v.Why)
	}
}

// core returns the case of that ID.
func core(t *testing.T, id string) matrix.Case {
	t.Helper()
	of, _, _ := strings.Cut(id, "/")
	l, _ := harness.LinkNamed(of)
	cases, err := matrix.Select(matrix.Core(l.Link), id)
	if err != nil || len(cases) != 1 {
		t.Fatalf("wanted one case %s, found %d (%v)", id, len(cases), err)
	}
	return cases[0]
}

// judged runs a case, and judges what is seen of it.
func judged(t *testing.T, lab *harness.Lab, c matrix.Case) oracle.Verdict {
	t.Helper()
	l, _ := harness.LinkNamed(c.Link)
	e, err := oracle.Predict(l.Link, c)
	if err != nil {
		t.Fatal(err)
	}
	return oracle.Judge(c, e, lab.Run(t.Context(), []matrix.Case{c})[c.ID()])
}
