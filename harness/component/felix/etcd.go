package felix

import (
	"maps"

	"github.com/calico-tls/conformance/harness/component"
	"github.com/calico-tls/conformance/harness/component/etcdclient"
	"github.com/calico-tls/conformance/harness/evidence"
	"github.com/calico-tls/conformance/harness/launch"
	"github.com/calico-tls/conformance/harness/link/etcd"
)

// ForEtcd returns Felix as a client of etcd, where it keeps its data, and whose log is read by r.
func ForEtcd(r *evidence.Reader) component.Component {
	return component.Component{
		Name: "felix", Link: etcd.Link.Name, Behind: []string{"etcd"}, Reader: r, Dials: component.DialsOnce,
		Program: func(s component.Start) launch.Program {
			of := s
			of.Peer, of.Endpoints, of.Behind = "", nil, nil // the peer is etcd, and no Typha
			p := base(of, r, always("etcdv3"))
			p.Ready = nil
			configure := p.Configure
			p.Configure = func(place launch.Placement) launch.Invocation {
				in := configure(place)
				maps.Copy(in.Env, etcdclient.Environment())
				return in
			}
			return etcdclient.Config(s, nil).Configure(p, s) // variables of its own have no say in it
		},
	}
}
