package component

import (
	"cmp"
	"encoding/json"
	"maps"
	"net"

	"github.com/calico-tls/conformance/harness/launch"
	"github.com/calico-tls/conformance/harness/link"
)

// The files by which a program is told of kube-apiserver: a kubeconfig, or two that are read as one; and a configuration
// file of Calico's that has one within it.
const (
	kubeconfigFile = "kubeconfig"
	clusterFile    = "kubeconfig-cluster"
	userFile       = "kubeconfig-user"
	inlineFile     = "calico.cfg"
)

// overrides are the variables that win over a kubeconfig (Calico libcalico-go/lib/apiconfig/apiconfig.go).
var overrides = map[link.Parameter]string{
	link.Bundle: "K8S_CA_FILE", link.Certificate: "K8S_CERT_FILE", link.Key: "K8S_KEY_FILE", link.BearerToken: "CALICO_K8SAPITOKEN",
}

// The variables that name a kubeconfig, and the address of kube-apiserver.
const (
	kubeconfigVariable = "KUBECONFIG"
	endpointVariable   = "K8S_API_ENDPOINT"
)

// Kubernetes tells a program of Calico's, in its environment and in files, how to reach kube-apiserver, whom to trust and what
// to show: by a kubeconfig, by the variables that win over one, by both, where the kubeconfig gives everything otherwise, by
// a list of two, or by one within Calico's own configuration file, which inline tells the program of.
func Kubernetes(p launch.Program, s Start, inline func(in *launch.Invocation, path string)) launch.Program {
	if s.From == link.FromPod {
		return s.inPod(p)
	}
	p.Files = filed(p.Files, s)
	add := func(name string, of func(launch.Placement) []byte) {
		p.Files = append(p.Files, launch.File{Name: name, Fill: of})
	}
	switch s.From {
	case link.FromEnvironment:
		add(kubeconfigFile, s.kubeconfig(everything))
	case link.FromBoth:
		add(kubeconfigFile, s.elsewhere)
	case link.FromSections:
		add(clusterFile, s.kubeconfig(clusterOnly))
		add(userFile, s.kubeconfig(userOnly))
	case link.FromFile:
		add(inlineFile, s.inlined)
	case link.FromLowerCase, link.FromOverrides, link.FromInline, link.FromMixture, link.FromPod:
	}
	configure := p.Configure
	p.Configure = func(place launch.Placement) launch.Invocation {
		in := configure(place)
		switch s.From {
		case link.FromEnvironment:
			in.Env[kubeconfigVariable] = place.Path(kubeconfigFile)
		case link.FromBoth:
			in.Env[kubeconfigVariable] = place.Path(kubeconfigFile)
			s.override(in.Env, place)
		case link.FromSections:
			in.Env[kubeconfigVariable] = place.Path(clusterFile) + ":" + place.Path(userFile)
		case link.FromFile:
			inline(&in, place.Path(inlineFile))
		case link.FromOverrides, link.FromLowerCase, link.FromInline, link.FromMixture, link.FromPod:
			s.override(in.Env, place)
		}
		if s.System != nil {
			in.Env[systemVariable] = place.Path(systemFile)
		}
		maps.Copy(in.Env, s.Env)
		return in
	}
	return p
}

// override sets the variables that win over a kubeconfig.
func (s Start) override(env map[string]string, place launch.Placement) {
	env[endpointVariable] = s.server(place)
	for parameter, name := range overrides {
		v, given := s.Given[parameter]
		switch {
		case !given:
		case parameter == link.BearerToken && v.File == Own: // there is no variable for a file
			env[name] = string(v.Data)
		default:
			env[name] = v.at(parameter, place)
		}
	}
}

// server is the address of kube-apiserver, with its scheme.
func (s Start) server(place launch.Placement) string {
	scheme := "https"
	if s.Scheme != "" {
		scheme = s.Scheme
	}
	return scheme + "://" + net.JoinHostPort(s.dialled(place))
}

// dialled is the host and the port of kube-apiserver.
func (s Start) dialled(place launch.Placement) (host, port string) {
	host, port, _ = net.SplitHostPort(place.Reach(s.Peer)) // whoever describes a program only has no address
	return cmp.Or(s.Host, host), port
}

// The parts of a kubeconfig (k8s.io/client-go/tools/clientcmd/api/v1), of which one file may have some.
type parts string

const (
	everything  parts = "everything"
	clusterOnly parts = "cluster"
	userOnly    parts = "user"
)

type kubeconfig struct {
	APIVersion string        `json:"apiVersion"`
	Kind       string        `json:"kind"`
	Clusters   []kubeCluster `json:"clusters,omitempty"`
	Users      []kubeUser    `json:"users,omitempty"`
	Contexts   []kubeContext `json:"contexts,omitempty"`
	Current    string        `json:"current-context,omitempty"`
}

type kubeCluster struct {
	Name    string `json:"name"`
	Cluster struct {
		Server    string `json:"server"`
		Authority string `json:"certificate-authority,omitempty"`
	} `json:"cluster"`
}

type kubeUser struct {
	Name string `json:"name"`
	User struct {
		Certificate string `json:"client-certificate,omitempty"`
		Key         string `json:"client-key,omitempty"`
		TokenFile   string `json:"tokenFile,omitempty"`
	} `json:"user"`
}

type kubeContext struct {
	Name    string `json:"name"`
	Context struct {
		Cluster string `json:"cluster"`
		User    string `json:"user"`
	} `json:"context"`
}

// named is what everything in a kubeconfig of ours is called.
const named = "conformance"

// kubeconfig returns what fills a kubeconfig with parts of what is given.
func (s Start) kubeconfig(with parts) func(launch.Placement) []byte {
	return func(place launch.Placement) []byte {
		at := func(p link.Parameter) string {
			if v, given := s.Given[p]; given {
				return v.at(p, place)
			}
			return ""
		}
		k := kubeconfig{APIVersion: "v1", Kind: "Config"}
		if with != userOnly {
			c := kubeCluster{Name: named}
			c.Cluster.Server, c.Cluster.Authority = s.server(place), at(link.Bundle)
			k.Clusters = []kubeCluster{c}
		}
		if with != clusterOnly {
			u, c := kubeUser{Name: named}, kubeContext{Name: named}
			u.User.Certificate, u.User.Key, u.User.TokenFile = at(link.Certificate), at(link.Key), at(link.BearerToken)
			c.Context.Cluster, c.Context.User = named, named
			k.Users, k.Contexts, k.Current = []kubeUser{u}, []kubeContext{c}, named
		}
		return written(k)
	}
}

// elsewhere fills a kubeconfig that gives everything otherwise: its address is in the clear, its trust bundle holds no authority
// that signs anything, and its other files do not exist. Whoever goes by its address or its bundle is heard to do so, as its peer
// is there.
func (s Start) elsewhere(place launch.Placement) []byte {
	other := s
	other.Scheme, other.Given = "http", map[link.Parameter]Value{}
	for p := range s.Given {
		if p != link.BearerToken { // a token that overrides is no file, and a file that does not exist is an error all the same
			other.Given[p] = Value{File: Absent}
		}
	}
	if own, given := s.Given[link.Certificate]; given {
		other.Given[link.Bundle] = Value{Text: own.at(link.Certificate, place)}
	}
	return other.kubeconfig(everything)(place)
}

// inlined fills a configuration file of Calico's that has a kubeconfig within it, and beside it an address that counts for
// nothing (Calico libcalico-go/lib/backend/k8s/k8s.go: overrides do not win over an inline one).
func (s Start) inlined(place launch.Placement) []byte {
	return written(map[string]any{
		"apiVersion": "projectcalico.org/v3", "kind": "CalicoAPIConfig",
		"spec": map[string]any{
			"datastoreType": "kubernetes", "kubeconfigInline": string(s.kubeconfig(everything)(place)),
			"k8sAPIEndpoint": "https://127.0.0.1:1", "k8sCAFile": place.Path("absent-bundle.pem"),
		},
	})
}

// written writes what cannot fail to be written. JSON is YAML.
func written(v any) []byte {
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		panic("writing a kubeconfig: " + err.Error()) // it is one of strings
	}
	return append(data, '\n')
}
