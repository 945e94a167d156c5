package stub

import (
	"context"
	"io"

	"github.com/calico-tls/conformance/harness/component"
	"github.com/calico-tls/conformance/harness/evidence"
	"github.com/calico-tls/conformance/harness/handshake"
	"github.com/calico-tls/conformance/harness/launch"
	"github.com/calico-tls/conformance/harness/link/kubeapiserver"
)

// kubePatterns say how a stub client of kube-apiserver speaks of its connections.
var kubePatterns = evidence.Patterns{
	Refuses: saysInvalid + `"? error=(.*)`,
	Remote:  `remote error: tls: |EOF$|connection reset by peer`,
	Fails:   `i/o timeout|deadline exceeded|connection refused`,
	Says: []evidence.Saying{
		{Text: saysAnswered, Claim: handshake.Accepted},
		{Text: saysDenied, Claim: handshake.WasRefused, Error: ` error=` + value, Phase: handshake.PhaseApplication},
		{Text: saysUnserved, Claim: handshake.Refused, Error: ` error=` + value},
	},
}

// KubeCommand returns the stub of calicoctl as a client of kube-apiserver, which asks once.
func KubeCommand() component.Component {
	return onKubernetes("calicoctl", "kube-command", RunKubeCommand)
}

// TyphaOnKubernetes and FelixOnKubernetes return the stubs of Typha and Felix as such, which ask until they are answered.
func TyphaOnKubernetes() component.Component {
	return onKubernetes("typha", "kube-client", RunKubeClient)
}

// FelixOnKubernetes is like [TyphaOnKubernetes].
func FelixOnKubernetes() component.Component {
	return onKubernetes("felix", "kube-client", RunKubeClient)
}

func onKubernetes(role, program string, run func(context.Context, map[string]string, io.Writer) int) component.Component {
	configFile := func(in *launch.Invocation, path string) { in.Env[ConfigFileSetting] = path }
	return component.Component{
		Name: role, Link: kubeapiserver.Link.Name, Reader: reader(kubePatterns), Dials: component.DialsOnce,
		Program: func(s component.Start) launch.Program {
			p := launch.Program{Name: role, Configure: func(launch.Placement) launch.Invocation { return launch.Invocation{Env: map[string]string{}} }}
			return ours(component.Kubernetes(p, s, configFile), program, run)
		},
	}
}
