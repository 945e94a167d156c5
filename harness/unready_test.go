package harness_test

import (
	"context"
	"runtime"
	"testing"

	"github.com/calico-tls/conformance/harness"
	"github.com/calico-tls/conformance/harness/component"
	"github.com/calico-tls/conformance/harness/component/stub"
	"github.com/calico-tls/conformance/harness/launch"
	"github.com/calico-tls/conformance/harness/link/kubeapiserver"
	"github.com/calico-tls/conformance/harness/matrix"
	"github.com/calico-tls/conformance/harness/oracle"
)

// TestLabAsksWhetherItIsReady: a Typha that calls itself ready though it has refused its kube-apiserver deviates, and one
// that does so where it was served does not (rule KAPI-22).
func TestLabAsksWhetherItIsReady(t *testing.T) {
	t.Parallel()
	for server, want := range map[string]oracle.Finding{"other-authority": oracle.Deviates, "good": oracle.Conforms} {
		cases, err := matrix.Select(matrix.Core(kubeapiserver.Link), "kube-apiserver/x509/typha/client=good/server="+server+"/tls1.3/setting=rejecting")
		if err != nil || len(cases) != 1 {
			t.Fatalf("wanted one case, found %d (%v)", len(cases), err)
		}
		boasts := stub.TyphaOnKubernetes()
		boasts.Ready = func(context.Context, launch.Instance) (component.Readiness, error) { return component.IsReady, nil }
		options := optionsWith(t, inProcess, func(p launch.Program) launch.Program { return p })
		options.Parts = append(options.Parts, harness.Part{Component: boasts, Complete: options.Parts[0].Complete, Stack: runtime.Version()})
		lab := closing(t, harness.NewLab(t.Context(), options))
		o := lab.Run(t.Context(), cases)[cases[0].ID()]
		e, err := oracle.Predict(kubeapiserver.Link, cases[0])
		if err != nil {
			t.Fatal(err)
		}
		if v := oracle.Judge(cases[0], e, o); v.Finding != want {
			t.Errorf("%s: wanted it %s, found %s: %s", cases[0].ID(), want, v.Finding, v.Why)
		}
	}
}
