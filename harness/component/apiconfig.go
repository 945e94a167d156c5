package component

import (
	"maps"
	"strings"

	"github.com/calico-tls/conformance/harness/launch"
	"github.com/calico-tls/conformance/harness/link"
)

// APIConfig is how a program of Calico's is told of its etcd by the package that its clients have in common (Calico
// libcalico-go/lib/apiconfig): by variables, by those that win over them, or by a file.
type APIConfig struct {
	// Variables are the names of the parameters as variables, Fields those in the file. A field that holds what a file would
	// has the same name without "File" at its end, and there is no such variable.
	Variables, Fields map[link.Parameter]string
	// Endpoints writes the endpoints that the program is told.
	Endpoints func(launch.Placement) string
	// ConfigFile tells the program where its file is.
	ConfigFile func(in *launch.Invocation, path string)
}

// What a program is told of its etcd besides the parameters, in the file and by variables. A variable with winning before its
// name wins over the one without.
const (
	endpointsField     = "etcdEndpoints"
	endpointsOfEtcd    = "ETCD_ENDPOINTS"
	winning            = "CALICO_"
	nobodysEndpoint    = "https://127.0.0.1:1"
	fieldOfFileSuffix  = "File"
	apiConfigGroup     = "projectcalico.org/v3"
	apiConfigKind      = "CalicoAPIConfig"
	apiConfigDatastore = "etcdv3"
)

// Configure adds to a program what it is told of its etcd, and the files that this names.
func (a APIConfig) Configure(p launch.Program, s Start) launch.Program {
	if s.From == link.FromFile || s.From == link.FromInline || s.From == link.FromMixture {
		p.Files = append(p.Files, launch.File{Name: inlineFile, Fill: func(place launch.Placement) []byte { return a.file(s, place) }})
	}
	p.Files = filed(p.Files, s)
	configure := p.Configure
	p.Configure = func(place launch.Placement) launch.Invocation {
		in := configure(place)
		a.tell(&in, s, place)
		if s.System != nil {
			in.Env[systemVariable] = place.Path(systemFile)
		}
		maps.Copy(in.Env, s.Env)
		return in
	}
	return p
}

// tell adds the variables to an invocation, or where the file is.
func (a APIConfig) tell(in *launch.Invocation, s Start, place launch.Placement) {
	prefix := ""
	switch s.From {
	case link.FromFile, link.FromInline, link.FromMixture, link.FromSections:
		a.ConfigFile(in, place.Path(inlineFile))
		return
	case link.FromBoth:
		in.Env[endpointsOfEtcd] = nobodysEndpoint
		for p := range s.Given {
			in.Env[a.Variables[p]] = Value{File: Absent}.at(p, place)
		}
		prefix = winning
	case link.FromOverrides:
		prefix = winning
	case link.FromEnvironment, link.FromLowerCase, link.FromPod:
	}
	if s.Peer != "" {
		in.Env[prefix+endpointsOfEtcd] = a.Endpoints(place)
	}
	for p, v := range s.Given {
		in.Env[prefix+a.Variables[p]] = v.at(p, place)
	}
}

// file is the configuration file: its parameters name files, hold what those would, or do both.
func (a APIConfig) file(s Start, place launch.Placement) []byte {
	spec := map[string]any{"datastoreType": apiConfigDatastore, endpointsField: a.Endpoints(place)}
	for p, v := range s.Given {
		switch {
		case s.From == link.FromFile, s.From == link.FromMixture && p == link.Bundle:
			spec[a.Fields[p]] = v.at(p, place)
		default:
			spec[strings.TrimSuffix(a.Fields[p], fieldOfFileSuffix)] = string(v.Data)
		}
	}
	return written(map[string]any{"apiVersion": apiConfigGroup, "kind": apiConfigKind, "spec": spec})
}
