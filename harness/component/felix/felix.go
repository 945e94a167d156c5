// Package felix describes Felix: the client of the felix-typha link.
package felix

import (
	"context"
	"maps"
	"strconv"

	"github.com/calico-tls/conformance/harness/component"
	"github.com/calico-tls/conformance/harness/evidence"
	"github.com/calico-tls/conformance/harness/launch"
	"github.com/calico-tls/conformance/harness/link/felixtypha"
)

// HealthPort is the port on which Felix says whether it is ready.
const HealthPort = "health"

// stamina is how many connections in a row a Felix lets fail, once it has been accepted, before it gives up: it tries
// six times to connect again, and ends when the sixth fails (Calico typha/pkg/syncclient/sync_client.go).
const stamina = 5

// dialect says how Felix calls its parameters, and how it is told of a configuration file (Calico
// felix/config/config_params.go, felix/cmd/calico-felix).
var dialect = component.Dialect{
	Prefix: "FELIX_", Names: felixtypha.Link.Client.Names,
	ConfigFile: func(in *launch.Invocation, path string) { in.Args = append(in.Args, "--config-file", path) },
}

// New returns Felix, whose log is read by r. It has no dataplane, needs no privileges, and finds in etcd what a cluster
// has that is ready.
func New(r *evidence.Reader) component.Component {
	return component.Component{
		Name:    "felix",
		Link:    felixtypha.Link.Name,
		Behind:  []string{"etcd"},
		Reader:  r,
		Ready:   component.AskReady(HealthPort),
		Stamina: stamina,
		Program: func(s component.Start) launch.Program {
			return Program(s, r, dialect, always("etcdv3"))
		},
	}
}

// Program describes a program that takes Felix's parameters in a dialect from its environment, beside those that every
// setting has.
func Program(s component.Start, r *evidence.Reader, d component.Dialect, always map[string]string) launch.Program {
	return d.Configure(base(s, r, always), s)
}

// always are the variables of a Felix that keeps its data in such a datastore, whatever it is started for.
func always(datastore string) map[string]string {
	return map[string]string{
		"FELIX_VARIANT":                 "none-such",
		"FELIX_NFTABLESMODE":            "Disabled",
		"FELIX_USAGEREPORTINGENABLED":   "false",
		"FELIX_LOGFILEPATH":             "none",
		"FELIX_LOGSEVERITYSYS":          "none",
		"FELIX_LOGSEVERITYSCREEN":       "info",
		"FELIX_EARLYLOGSEVERITYSCREEN":  "info",
		"FELIX_DEBUGDISABLELOGDROPPING": "true",
		// Variables of Felix's own have no say in which datastore it uses.
		"DATASTORE_TYPE": datastore,
	}
}

// base describes a Felix but for its parameters for TLS.
func base(s component.Start, r *evidence.Reader, always map[string]string) launch.Program {
	var files []launch.File
	if len(s.Endpoints) > 0 {
		files = []launch.File{component.Directory(s, felixtypha.ListedAt)}
	}
	return launch.Program{
		Name:  "felix",
		Ports: []string{HealthPort},
		Files: files,
		Configure: func(place launch.Placement) launch.Invocation {
			env := map[string]string{"FELIX_FELIXHOSTNAME": felixtypha.Host}
			maps.Copy(env, always)
			env["FELIX_HEALTHENABLED"] = "true"
			env["FELIX_HEALTHHOST"] = place.Host()
			env["FELIX_HEALTHPORT"] = strconv.Itoa(place.Port(HealthPort))
			switch {
			case len(s.Endpoints) > 0:
				component.AskDirectory(env, place)
				env["FELIX_TYPHAK8SSERVICENAME"], env["FELIX_TYPHAK8SNAMESPACE"] = felixtypha.ServiceName, felixtypha.ServiceNamespace
			case s.Peer != "":
				env["FELIX_TYPHAADDR"] = place.Reach(s.Peer)
			}
			if etcd, ok := s.Behind["etcd"]; ok {
				env["ETCD_ENDPOINTS"] = "http://" + place.Reach(etcd)
			}
			return launch.Invocation{Env: env}
		},
		Ready: func(ctx context.Context, i launch.Instance) error {
			return component.AwaitReady(ctx, "felix", r, i)
		},
	}
}

// Datastore is what must stand in etcd so that Felix takes the cluster for ready (Calico
// libcalico-go/lib/clientv3/client.go, felix/daemon/daemon.go), and what must not count, for one host: parameters that
// are local to Felix, in the annotations by which any parameter can be set (Calico
// libcalico-go/lib/backend/syncersv1/updateprocessors/configurationprocessor.go).
var Datastore = map[string]string{
	"/calico/resources/v3/projectcalico.org/clusterinformations/default": `{"kind":"ClusterInformation","apiVersion":"projectcalico.org/v3",` +
		`"metadata":{"name":"default","uid":"5d0a1c0e-6a52-4c8e-9d0b-0d5a5f1c7e11","creationTimestamp":"2025-01-01T00:00:00Z"},` +
		`"spec":{"clusterGUID":"c0f0c0f0c0f0c0f0c0f0c0f0c0f0c0f0","datastoreReady":true}}`,
	"/calico/resources/v3/projectcalico.org/felixconfigurations/node." + felixtypha.PoisonedHost: `{"kind":"FelixConfiguration","apiVersion":"projectcalico.org/v3",` +
		`"metadata":{"name":"node.` + felixtypha.PoisonedHost + `","uid":"5d0a1c0e-6a52-4c8e-9d0b-0d5a5f1c7e12","creationTimestamp":"2025-01-01T00:00:00Z",` +
		`"annotations":{"config.projectcalico.org/TyphaCN":"someone-else","config.projectcalico.org/TyphaURISAN":"spiffe://k8s.example.com/someone-else",` +
		`"config.projectcalico.org/TyphaCAFile":"/absent.pem","config.projectcalico.org/TyphaKeyFile":"/absent.pem","config.projectcalico.org/TyphaCertFile":"/absent.pem",` +
		`"config.projectcalico.org/TyphaAddr":"127.0.0.1:1"}},"spec":{}}`,
}
