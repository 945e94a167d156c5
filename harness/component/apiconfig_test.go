package component_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/calico-tls/conformance/harness/component"
	"github.com/calico-tls/conformance/harness/launch"
	"github.com/calico-tls/conformance/harness/link"
)

// TestAPIConfig describes a program with each way to tell it of its etcd.
func TestAPIConfig(t *testing.T) {
	t.Parallel()
	given := map[link.Parameter]component.Value{link.Key: own("a key"), link.Certificate: own("a chain"), link.Bundle: own("a bundle")}
	config := component.APIConfig{
		Variables: map[link.Parameter]string{link.Key: "ETCD_KEY_FILE", link.Certificate: "ETCD_CERT_FILE", link.Bundle: "ETCD_CA_CERT_FILE"},
		Fields:    map[link.Parameter]string{link.Key: "etcdKeyFile", link.Certificate: "etcdCertFile", link.Bundle: "etcdCACertFile"},
		Endpoints: func(launch.Placement) string { return "https://one,https://two" },
		ConfigFile: func(in *launch.Invocation, path string) {
			in.Args = append(in.Args, "--config", path)
		},
	}
	var b strings.Builder
	for _, s := range []component.Start{
		{Given: given, Peer: "peer", System: []byte("a system's bundle"), Env: map[string]string{"OTHER": "2"}},
		{Given: given, Peer: "peer", From: link.FromOverrides},
		{Given: given, Peer: "peer", From: link.FromBoth},
		{Given: given, Peer: "peer", From: link.FromFile},
		{Given: given, Peer: "peer", From: link.FromInline},
		{Given: given, Peer: "peer", From: link.FromMixture},
		{},
	} {
		p := config.Configure(launch.Program{Name: "pear", Configure: func(launch.Placement) launch.Invocation {
			return launch.Invocation{Args: []string{"get"}, Env: map[string]string{"OTHER": "1"}}
		}}, s)
		if err := p.Check(); err != nil {
			t.Errorf("%s: %v", s.From, err)
		}
		fmt.Fprintf(&b, "%q, %d parameters\n%s\n", s.From, len(s.Given), describe(p))
	}
	golden(t, "testdata/apiconfig.golden", b.String())
}
