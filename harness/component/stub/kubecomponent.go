package stub

import (
	"context"
	"io"
	"slices"
	"strings"

	"github.com/calico-tls/conformance/harness/component"
	realkube "github.com/calico-tls/conformance/harness/component/kubeapiserver"
	"github.com/calico-tls/conformance/harness/evidence"
	"github.com/calico-tls/conformance/harness/handshake"
	"github.com/calico-tls/conformance/harness/launch"
	"github.com/calico-tls/conformance/harness/link/kubeapiserver"
	"github.com/calico-tls/conformance/pki"
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

// kubeServerPatterns say how a stub kube-apiserver does.
var kubeServerPatterns = patterns(`\bclient=(\S+)`, saysServing, kubeServerSays()...)

func kubeServerSays() []evidence.Saying {
	says := []evidence.Saying{
		{Text: saysUnshaken, Claim: handshake.Refused, Error: ` error=` + value},
		{Text: "msg=" + saysForbidden, Claim: handshake.Refused, Phase: handshake.PhaseApplication, Identity: ` identity=` + value, Checks: []pki.Check{pki.CheckIdentity}},
		{Text: "msg=" + saysKnown, Claim: handshake.Accepted, Identity: ` identity=` + value},
	}
	for _, check := range slices.Concat(pki.Checks, pki.TokenChecks) {
		says = append(says, evidence.Saying{Text: ` check=` + string(check) + " ", Claim: handshake.Refused, Phase: handshake.PhaseApplication, Checks: []pki.Check{check}})
	}
	return says
}

// KubeAPIServer returns the stub kube-apiserver as a component, which needs no etcd.
func KubeAPIServer() component.Component {
	c := realkube.New(reader(kubeServerPatterns))
	c.Behind = nil
	program := c.Program
	c.Program = func(s component.Start) launch.Program {
		p := program(s)
		configure := p.Configure
		p.Configure = func(place launch.Placement) launch.Invocation {
			in := configure(place)
			in.Args = slices.DeleteFunc(in.Args, func(arg string) bool {
				name, _, _ := strings.Cut(strings.TrimPrefix(arg, "--"), "=")
				return !slices.Contains(KubeAPIServerFlags, name)
			})
			return in
		}
		return ours(p, "kube-apiserver", RunKubeAPIServer)
	}
	return c
}

func onKubernetes(role, program string, run func(context.Context, map[string]string, io.Writer) int) component.Component {
	configFile := func(in *launch.Invocation, path string) { in.Env[ConfigFileSetting] = path }
	return component.Component{
		Name: role, Link: kubeapiserver.Link.Name, Reader: reader(kubePatterns), Dials: component.DialsOnce,
		Program: func(s component.Start) launch.Program {
			p := launch.Program{Name: role, Configure: func(launch.Placement) launch.Invocation { return launch.Invocation{Env: map[string]string{}} }}
			return ours(placed(component.Kubernetes(p, s, configFile)), program, run)
		},
	}
}

// placed tells a stub in which folder it finds the files of a pod, as it need not run in a container.
func placed(p launch.Program) launch.Program {
	for i := range p.Files {
		p.Files[i].Place = launch.Told
	}
	configure := p.Configure
	p.Configure = func(place launch.Placement) launch.Invocation {
		in := configure(place)
		in.Env[PodFolderSetting] = place.Path(component.PodFolder)
		return in
	}
	return p
}
