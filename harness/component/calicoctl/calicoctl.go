// Package calicoctl describes calicoctl: one command of it makes one request of the datastore, and ends.
package calicoctl

import (
	"maps"

	"github.com/calico-tls/conformance/harness/component"
	"github.com/calico-tls/conformance/harness/component/etcdclient"
	"github.com/calico-tls/conformance/harness/evidence"
	"github.com/calico-tls/conformance/harness/launch"
	"github.com/calico-tls/conformance/harness/link/etcd"
)

// configFile tells calicoctl of its configuration file.
func configFile(in *launch.Invocation, path string) { in.Args = append(in.Args, "--config", path) }

// ForEtcd returns calicoctl as a client of etcd, whose log is read by r.
func ForEtcd(r *evidence.Reader) component.Component {
	return component.Component{
		Name: "calicoctl", Link: etcd.Link.Name, Behind: []string{"etcd"}, Reader: r, Dials: component.DialsOnce,
		Program: func(s component.Start) launch.Program {
			p := Program(func(launch.Placement) map[string]string { return etcdclient.Environment() })
			return etcdclient.Config(s, configFile).Configure(p, s)
		},
	}
}

// Program describes a calicoctl that lists the nodes of a cluster, and says why it cannot. It is told of its datastore by
// the variables that environment returns.
func Program(environment func(launch.Placement) map[string]string) launch.Program {
	return launch.Program{
		Name: "calicoctl",
		Configure: func(place launch.Placement) launch.Invocation {
			env := map[string]string{}
			maps.Copy(env, environment(place))
			return launch.Invocation{Args: []string{"--log-level=error", "get", "nodes", "--output=json", "--allow-version-mismatch"}, Env: env}
		},
	}
}
