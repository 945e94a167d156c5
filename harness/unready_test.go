package harness_test

import (
	"context"
	"runtime"
	"testing"

	"github.com/calico-tls/conformance/harness"
	"github.com/calico-tls/conformance/harness/component"
	"github.com/calico-tls/conformance/harness/component/calicoctl"
	etcdserver "github.com/calico-tls/conformance/harness/component/etcd"
	"github.com/calico-tls/conformance/harness/component/stub"
	"github.com/calico-tls/conformance/harness/launch"
	"github.com/calico-tls/conformance/harness/oracle"
)

// TestLabAsksWhetherItIsReady: a Typha that calls itself ready though it has refused its kube-apiserver deviates, and one
// that does so where it was served does not (rule KAPI-22); and so a kube-apiserver and its etcd (rule ETCD-30).
func TestLabAsksWhetherItIsReady(t *testing.T) {
	t.Parallel()
	ofEtcd := stub.EtcdClient(calicoctl.ForEtcd)
	ofEtcd.Name, ofEtcd.Dials = "kube-apiserver", component.DialsAtOnce
	for _, c := range []struct {
		boasts component.Component
		id     string
		want   oracle.Finding
	}{
		{stub.TyphaOnKubernetes(), "kube-apiserver/x509/typha/client=good/server=other-authority/tls1.3/setting=rejecting", oracle.Deviates},
		{stub.TyphaOnKubernetes(), "kube-apiserver/x509/typha/client=good/server=good/tls1.3/setting=rejecting", oracle.Conforms},
		{ofEtcd, "etcd/mutual-tls/kube-apiserver/client=good/server=other-authority/tls1.3", oracle.Deviates},
		{ofEtcd, "etcd/mutual-tls/kube-apiserver/client=good/server=good/tls1.3", oracle.Conforms},
	} {
		t.Run(c.id, func(t *testing.T) {
			t.Parallel()
			c.boasts.Ready = func(context.Context, launch.Instance) (component.Readiness, error) { return component.IsReady, nil }
			options := optionsWith(t, inProcess, func(p launch.Program) launch.Program { return p })
			for _, described := range []component.Component{c.boasts, stub.Embedded(etcdserver.Behind(nil))} {
				options.Parts = append(options.Parts, harness.Part{Component: described, Complete: options.Parts[0].Complete, Stack: runtime.Version()})
			}
			lab := closing(t, harness.NewLab(t.Context(), options))
			if v := judged(t, lab, core(t, c.id)); v.Finding != c.want {
				t.Errorf("wanted it %s, found %s: %s", c.want, v.Finding, v.Why)
			}
		})
	}
}
