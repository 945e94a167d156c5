package typha

import (
	"maps"

	"github.com/calico-tls/conformance/harness/component"
	"github.com/calico-tls/conformance/harness/component/etcdclient"
	"github.com/calico-tls/conformance/harness/evidence"
	"github.com/calico-tls/conformance/harness/launch"
	"github.com/calico-tls/conformance/harness/link/etcd"
)

// etcdDialect says how Typha calls its parameters for etcd (Calico typha/pkg/config/config_params.go).
var etcdDialect = component.Dialect{Prefix: "TYPHA_", Names: etcd.TyphaNames, ConfigFile: dialect.ConfigFile}

// ForEtcd returns Typha as a client of etcd, where it keeps its data, and whose log is read by r.
func ForEtcd(r *evidence.Reader) component.Component {
	return component.Component{
		Name: "typha", Link: etcd.Link.Name, Behind: []string{"etcd"}, Reader: r, Dials: component.DialsOnce,
		Program: func(s component.Start) launch.Program {
			of := s
			of.Behind = nil // it is the peer that it dials
			p := base(of, r, always("etcdv3"))
			p.Ready = nil
			configure := p.Configure
			p.Configure = func(place launch.Placement) launch.Invocation {
				in := configure(place)
				maps.Copy(in.Env, etcdclient.Talkative())
				if s.Peer != "" {
					in.Env["TYPHA_ETCDENDPOINTS"] = etcdclient.Endpoints(s, place)
				}
				return in
			}
			return etcdDialect.Configure(p, s)
		},
	}
}
