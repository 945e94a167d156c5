package calicoctl

import (
	"github.com/calico-tls/conformance/harness/component"
	"github.com/calico-tls/conformance/harness/evidence"
	"github.com/calico-tls/conformance/harness/launch"
	"github.com/calico-tls/conformance/harness/link/kubeapiserver"
)

// ForKubernetes returns calicoctl as a client of kube-apiserver, whose log is read by r.
func ForKubernetes(r *evidence.Reader) component.Component {
	return component.Component{
		Name: "calicoctl", Link: kubeapiserver.Link.Name, Behind: []string{"kube-apiserver"}, Reader: r, Dials: component.DialsOnce,
		Program: func(s component.Start) launch.Program {
			p := Program(func(launch.Placement) map[string]string { return map[string]string{"DATASTORE_TYPE": "kubernetes"} })
			return component.Kubernetes(p, s, configFile)
		},
	}
}
