package stub

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strconv"

	"github.com/calico-tls/conformance/harness/link/felixtypha"
)

// endpoints returns the addresses at which a stub Felix on a host finds Typha: the one that it is told, or else those that the
// service has, of which those on its own host come first (Calico typha/pkg/discovery/discovery.go).
func (e environment) endpoints(host string) ([]string, error) {
	const addressSetting, serviceSetting, namespaceSetting = "FELIX_TYPHAADDR", "FELIX_TYPHAK8SSERVICENAME", "FELIX_TYPHAK8SNAMESPACE"
	told, service := e.value(addressSetting), e.value(serviceSetting)
	if told == "" && service != "" {
		return e.discover(host, cmp.Or(e.value(namespaceSetting), "kube-system"), service)
	}
	if at, err := netip.ParseAddrPort(told); err != nil || !at.Addr().Is4() || at.Port() == 0 {
		return nil, fmt.Errorf("%s: wanted an IPv4 address with a port, found %q", addressSetting, told)
	}
	return []string{told}, nil
}

// listed is where kube-apiserver lists the slices of a service.
func listed(namespace, service string) string {
	return "/apis/discovery.k8s.io/v1/namespaces/" + url.PathEscape(namespace) + "/endpointslices?labelSelector=" + url.QueryEscape(felixtypha.ServiceLabel+"="+service)
}

// discover asks kube-apiserver for the endpoints of a service.
func (e environment) discover(host, namespace, service string) ([]string, error) {
	config, err := os.ReadFile(e[kubeconfigSetting])
	if err != nil {
		return nil, fmt.Errorf("looking for the endpoints of %s: %w", service, err)
	}
	c, err := merged(config)
	if err != nil {
		return nil, fmt.Errorf("looking for the endpoints of %s: %w", service, err)
	}
	client := http.Client{Timeout: dialTimeout}
	answer, err := client.Get(c.server + listed(namespace, service)) //nolint:noctx // it has a timeout
	if err != nil {
		return nil, fmt.Errorf("looking for the endpoints of %s: %w", service, err)
	}
	defer answer.Body.Close()
	var list felixtypha.EndpointSlices
	if err := json.NewDecoder(answer.Body).Decode(&list); err != nil || answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("looking for the endpoints of %s: wanted a list, found %s: %w", service, answer.Status, err)
	}
	var local, remote []string
	for _, s := range list.Items {
		i := slices.IndexFunc(s.Ports, func(p felixtypha.EndpointPort) bool { return p.Name == felixtypha.PortName })
		if i < 0 {
			continue
		}
		for _, endpoint := range s.Endpoints {
			into := &remote
			if endpoint.NodeName == host {
				into = &local
			}
			for _, address := range endpoint.Addresses {
				*into = append(*into, net.JoinHostPort(address, strconv.Itoa(s.Ports[i].Port)))
			}
		}
	}
	if len(local)+len(remote) == 0 {
		return nil, fmt.Errorf("looking for the endpoints of %s: wanted one, found none", service)
	}
	return append(local, remote...), nil
}
