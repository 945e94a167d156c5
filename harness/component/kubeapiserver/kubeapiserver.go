package kubeapiserver

import (
	"maps"
	"slices"

	"github.com/calico-tls/conformance/harness/component"
	"github.com/calico-tls/conformance/harness/evidence"
	"github.com/calico-tls/conformance/harness/launch"
	"github.com/calico-tls/conformance/harness/link"
	"github.com/calico-tls/conformance/harness/link/kubeapiserver"
)

// The files that kube-apiserver is given where it is judged.
const (
	policyFile         = "audit-policy.yaml"
	authenticationFile = "authentication.yaml"
)

// New returns kube-apiserver as the server of its link, whose log is read by r. What it serves stands in the etcd behind it,
// see [Registry].
func New(r *evidence.Reader) component.Component {
	return component.Component{
		Name: "kube-apiserver", Link: kubeapiserver.Link.Name, Behind: []string{"etcd"}, Reader: r,
		Program: func(s component.Start) launch.Program {
			p := program(s, nil)
			p.Files = append(p.Files, launch.File{Name: policyFile, Data: []byte(auditPolicy)})
			if s.Provider != "" {
				p.Files = append(p.Files, launch.File{Name: authenticationFile, Fill: func(place launch.Placement) []byte {
					return authentication(place.Reach(s.Provider), s.Given[link.Bundle].Data)
				}})
			}
			configure := p.Configure
			p.Configure = func(place launch.Placement) launch.Invocation {
				in := configure(place)
				in.Args = append(in.Args, telling(s, place)...)
				return in
			}
			return p
		},
	}
}

// telling are the flags by which it tells what it makes of its clients, and those of a setting. Of what goes wrong in a
// handshake it tells on a level of its own, to which the one file is set that does so. Its audit log goes where its log goes,
// so that their lines keep their order.
func telling(s component.Start, place launch.Placement) []string {
	args := []string{
		"--audit-policy-file=" + place.Path(policyFile), "--audit-log-path=/dev/stderr", "--audit-log-maxsize=1024",
		"--vmodule=secure_serving=5",
	}
	if s.Provider != "" {
		args = append(args, "--authentication-config="+place.Path(authenticationFile))
	}
	for _, name := range slices.Sorted(maps.Keys(s.Flags)) {
		args = append(args, "--"+name+"="+s.Flags[name])
	}
	return args
}

// auditPolicy has each request logged once it was answered.
const auditPolicy = `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: Metadata
`
