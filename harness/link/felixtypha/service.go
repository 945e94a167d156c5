package felixtypha

import (
	"encoding/json"
	"net"
	"net/http"
	"strconv"
	"strings"

	"github.com/calico-tls/conformance/harness/handshake"
	"github.com/calico-tls/conformance/harness/link"
)

// The service of Kubernetes by which Felix finds Typha, where it is told of no address (Calico felix/config/config_params.go).
const (
	ServiceName      = "calico-typha"
	ServiceNamespace = "calico-system"
)

// Host is the name of the host on which Felix runs.
const Host = "conformance"

// found are the settings in which Felix finds Typha by its service.
var found = []link.Setting{
	{
		Name: "service", Mode: "cn", Side: handshake.Client, Endpoints: []link.Endpoint{{}},
		Text: "Felix finds Typha by its service, which has one endpoint", Variants: []string{"good", "other-authority"}, Rules: []string{"FELIX-13"},
	},
	{
		Name: "service-endpoints-two", Mode: "cn", Side: handshake.Client, Endpoints: []link.Endpoint{{Shows: "other-authority"}, {}},
		Text:     "Felix finds Typha by its service, which has two endpoints, and cannot verify the one that it tries first",
		Variants: []string{"good", "other-authority"}, Rules: []string{"FELIX-13"},
	},
}

// ListedAt is the path under which [Directory] lists endpoints ("IP:port"). The first one is on Felix's own host, so that Felix
// tries it before the others (Calico typha/pkg/discovery/discovery.go).
func ListedAt(endpoints []string) string { return "/" + strings.Join(endpoints, ",") }

// Directory returns as much of kube-apiserver as it takes to find the endpoints of Typha: it says of which version it is, and
// which slices of endpoints the service has. It knows of no endpoints but by the path under which it is asked.
func Directory() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{endpoints}/version", func(w http.ResponseWriter, _ *http.Request) {
		say(w, map[string]string{"major": "1", "minor": "37", "gitVersion": "v1.37.2"})
	})
	mux.HandleFunc("GET /{endpoints}/apis/discovery.k8s.io/v1/namespaces/{namespace}/endpointslices", func(w http.ResponseWriter, r *http.Request) {
		list := EndpointSlices{APIVersion: discoveryVersion, Kind: "EndpointSliceList", Items: []EndpointSlice{}}
		if r.PathValue("namespace") == ServiceNamespace && r.FormValue("labelSelector") == ServiceLabel+"="+ServiceName {
			list.Items = slicesOf(strings.Split(r.PathValue("endpoints"), ","))
		}
		say(w, list)
	})
	return mux
}

// ServiceLabel is the label of a slice that says whose endpoints it has, and PortName the name of Typha's port.
const (
	ServiceLabel = "kubernetes.io/service-name"
	PortName     = "calico-typha"
)

const discoveryVersion = "discovery.k8s.io/v1"

// EndpointSlices is a list of slices, with what Felix reads of them (Kubernetes, discovery.k8s.io/v1 EndpointSliceList).
type EndpointSlices struct {
	APIVersion string          `json:"apiVersion"`
	Kind       string          `json:"kind"`
	Items      []EndpointSlice `json:"items"`
}

// EndpointSlice has the endpoints of a service at a port.
type EndpointSlice struct {
	Metadata struct {
		Name      string            `json:"name"`
		Namespace string            `json:"namespace"`
		Labels    map[string]string `json:"labels"`
	} `json:"metadata"`
	AddressType string         `json:"addressType"`
	Endpoints   []Endpoint     `json:"endpoints"`
	Ports       []EndpointPort `json:"ports"`
}

// Endpoint is one or several addresses on a host.
type Endpoint struct {
	Addresses []string `json:"addresses"`
	NodeName  string   `json:"nodeName"`
}

// EndpointPort is a port with its name.
type EndpointPort struct {
	Name string `json:"name"`
	Port int    `json:"port"`
}

// slicesOf returns a slice for each endpoint, as the ports differ. What is no endpoint is left out.
func slicesOf(endpoints []string) []EndpointSlice {
	all := []EndpointSlice{}
	for i, endpoint := range endpoints {
		ip, port, err := net.SplitHostPort(endpoint)
		number, invalid := strconv.Atoi(port)
		if err != nil || invalid != nil {
			continue
		}
		s := EndpointSlice{AddressType: "IPv4", Ports: []EndpointPort{{PortName, number}}}
		s.Metadata.Name, s.Metadata.Namespace = ServiceName+"-"+strconv.Itoa(i), ServiceNamespace
		s.Metadata.Labels = map[string]string{ServiceLabel: ServiceName}
		host := Host
		if i > 0 {
			host += "-" + strconv.Itoa(i)
		}
		s.Endpoints = []Endpoint{{[]string{ip}, host}}
		all = append(all, s)
	}
	return all
}

func say(w http.ResponseWriter, what any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(what) // the client has gone
}
