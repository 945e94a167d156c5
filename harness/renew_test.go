package harness_test

import (
	"context"
	"runtime"
	"testing"
	"time"

	"github.com/calico-tls/conformance/harness"
	"github.com/calico-tls/conformance/harness/component"
	"github.com/calico-tls/conformance/harness/component/stub"
	"github.com/calico-tls/conformance/harness/handshake"
	"github.com/calico-tls/conformance/harness/launch"
	"github.com/calico-tls/conformance/harness/launch/inprocess"
	"github.com/calico-tls/conformance/harness/link/kubeapiserver"
	"github.com/calico-tls/conformance/harness/matrix"
	"github.com/calico-tls/conformance/harness/oracle"
)

// keeping launches programs that do not notice when their files are replaced.
type keeping struct{ launch.Launcher }

// Start implements [launch.Launcher].
func (k keeping) Start(ctx context.Context, p launch.Program) (launch.Instance, error) {
	i, err := k.Launcher.Start(ctx, p)
	if err != nil {
		return nil, err
	}
	return unchanged{i}, nil
}

type unchanged struct{ launch.Instance }

// Replace implements [launch.Instance].
func (unchanged) Replace(context.Context, string, []byte) error { return nil }

// TestLabSeesWhoKeepsItsFiles: whoever goes on with what its files held before they were replaced deviates, and whoever uses
// what they hold now does not, be it a key and certificate, a trust bundle or a token (rules KAPI-18 and KAPI-21).
func TestLabSeesWhoKeepsItsFiles(t *testing.T) {
	t.Parallel()
	for _, id := range []string{
		"kube-apiserver/x509/kube-apiserver/client=good/server=good/tls1.3/setting=renewed",
		"kube-apiserver/x509/kube-apiserver/client=good/server=good/tls1.3/setting=client-ca-renewed",
		"kube-apiserver/x509/kube-apiserver/client=authority-second/server=good/tls1.3/setting=client-ca-renewed",
		"kube-apiserver/x509/typha/client=good/server=good/tls1.3/setting=client-renewed",
		"kube-apiserver/jwt/felix/client=none/server=good/tls1.3/setting=token-renewed",
	} {
		t.Run(id, func(t *testing.T) {
			t.Parallel()
			cases, err := matrix.Select(matrix.InProfile(kubeapiserver.Link, matrix.Strategies[0], matrix.Slow), id)
			if err != nil || len(cases) != 1 {
				t.Fatalf("wanted one case, found %d (%v)", len(cases), err)
			}
			e, err := oracle.Predict(kubeapiserver.Link, cases[0])
			if err != nil {
				t.Fatal(err)
			}
			for want, l := range map[oracle.Finding]func(*launch.Run) launch.Launcher{
				oracle.Conforms: inProcess,
				oracle.Deviates: func(run *launch.Run) launch.Launcher { return keeping{inprocess.New(run)} },
			} {
				if v := oracle.Judge(cases[0], e, observeRenewed(t, l, cases[0])); v.Finding != want {
					t.Errorf("wanted it %s, found %s: %s", want, v.Finding, v.Why)
				}
			}
		})
	}
}

// observeRenewed runs a case with stubs that are given little time to use what their files hold.
func observeRenewed(t *testing.T, l func(*launch.Run) launch.Launcher, c matrix.Case) handshake.Observation {
	t.Helper()
	options := optionsWith(t, l, func(p launch.Program) launch.Program { return p })
	for _, own := range []component.Component{stub.KubeAPIServer(), stub.TyphaOnKubernetes(), stub.FelixOnKubernetes()} {
		options.Parts = append(options.Parts, harness.Part{Component: own, Complete: options.Parts[0].Complete, Stack: runtime.Version()})
	}
	lab := closing(t, harness.NewLab(t.Context(), options))
	const within = 2 * time.Second // a stub asks again each second
	lab.Hasten(within)
	return lab.Run(t.Context(), []matrix.Case{c})[c.ID()]
}
