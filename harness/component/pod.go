package component

import (
	"maps"
	"slices"
	"strings"

	"github.com/calico-tls/conformance/harness/launch"
	"github.com/calico-tls/conformance/harness/link"
)

// The folder in which Kubernetes puts the files of a service account into a pod, those files, and the variables that say where
// kube-apiserver is (k8s.io/client-go/rest).
const (
	PodFolder    = "/var/run/secrets/kubernetes.io/serviceaccount"
	podToken     = PodFolder + "/token"
	podAuthority = PodFolder + "/ca.crt"

	hostVariable = "KUBERNETES_SERVICE_HOST"
	portVariable = "KUBERNETES_SERVICE_PORT"
)

// podFiles are the files by which a program in a pod is given parameters. It looks for them there, and is told of none.
var podFiles = map[link.Parameter]string{link.BearerToken: podToken, link.Bundle: podAuthority}

// inPod tells a program of kube-apiserver as Kubernetes does in a pod.
func (s Start) inPod(p launch.Program) launch.Program {
	p.Files = slices.Clone(p.Files)
	for parameter, name := range podFiles {
		if v, given := s.Given[parameter]; given && v.File == Own {
			p.Files = append(p.Files, launch.File{Name: name, Data: v.Data, Place: launch.Fixed})
		}
	}
	if s.System != nil {
		p.Files = append(p.Files, launch.File{Name: systemFile, Data: s.System})
	}
	slices.SortFunc(p.Files, func(a, b launch.File) int { return strings.Compare(a.Name, b.Name) })
	configure := p.Configure
	p.Configure = func(place launch.Placement) launch.Invocation {
		in := configure(place)
		in.Env[hostVariable], in.Env[portVariable] = s.dialled(place)
		if s.System != nil {
			in.Env[systemVariable] = place.Path(systemFile)
		}
		maps.Copy(in.Env, s.Env)
		return in
	}
	return p
}
