package felix

import (
	"github.com/calico-tls/conformance/harness/component"
	"github.com/calico-tls/conformance/harness/evidence"
	"github.com/calico-tls/conformance/harness/launch"
	"github.com/calico-tls/conformance/harness/link/kubeapiserver"
)

// ForKubernetes returns Felix as a client of kube-apiserver, where it keeps its data, and whose log is read by r. It is told of it
// by variables alone, and asks again each second until it is answered.
func ForKubernetes(r *evidence.Reader) component.Component {
	return component.Component{
		Name: "felix", Link: kubeapiserver.Link.Name, Behind: []string{"kube-apiserver"}, Reader: r,
		Dials: component.DialsOnce, Ready: component.AskReady(HealthPort),
		Program: func(s component.Start) launch.Program {
			of := s
			of.Peer = "" // that of Felix is Typha's client or server; this one is told of otherwise
			p := base(of, r, always("kubernetes"))
			p.Ready = nil
			return component.Kubernetes(p, s, nil)
		},
	}
}
