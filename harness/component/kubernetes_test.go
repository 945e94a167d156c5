package component_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/calico-tls/conformance/harness/component"
	"github.com/calico-tls/conformance/harness/launch"
	"github.com/calico-tls/conformance/harness/link"
)

// TestKubernetes describes a program with each way to tell it of its kube-apiserver, outside a pod.
func TestKubernetes(t *testing.T) {
	t.Parallel()
	certified := map[link.Parameter]component.Value{link.Key: own("a key"), link.Certificate: own("a chain"), link.Bundle: own("a bundle")}
	tokened := map[link.Parameter]component.Value{link.BearerToken: own("a token"), link.Bundle: own("a bundle")}
	inline := func(in *launch.Invocation, path string) { in.Args = append(in.Args, "--config", path) }
	var b strings.Builder
	for _, s := range []component.Start{
		{Given: certified, Peer: "127.0.0.1:5"},
		{Given: tokened, Peer: "127.0.0.1:5", System: []byte("a system's bundle"), Env: map[string]string{"OTHER": "2"}},
		{Given: certified, Peer: "127.0.0.1:5", Host: "::1", From: link.FromOverrides},
		{Given: tokened, Peer: "127.0.0.1:5", Scheme: "http", From: link.FromOverrides},
		{Given: certified, Peer: "127.0.0.1:5", From: link.FromBoth},
		{Given: tokened, Peer: "127.0.0.1:5", From: link.FromBoth},
		{Given: certified, Peer: "127.0.0.1:5", From: link.FromSections},
		{Given: tokened, Peer: "127.0.0.1:5", From: link.FromFile},
		{Peer: "127.0.0.1:5"},
	} {
		p := component.Kubernetes(launch.Program{Name: "pear", Configure: func(launch.Placement) launch.Invocation {
			return launch.Invocation{Args: []string{"get"}, Env: map[string]string{"OTHER": "1"}}
		}}, s, inline)
		if err := p.Check(); err != nil {
			t.Errorf("%s: %v", s.From, err)
		}
		fmt.Fprintf(&b, "%q, %d parameters\n%s\n", s.From, len(s.Given), describeAt(here{}, p))
	}
	golden(t, "testdata/kubernetes.golden", b.String())
}
