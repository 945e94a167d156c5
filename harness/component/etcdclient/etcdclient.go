// Package etcdclient holds what Calico's clients of etcd have in common: the variables of the package by which they connect
// (Calico libcalico-go/lib/apiconfig), and that of the library that tells why a connection fails.
package etcdclient

import (
	"net"
	"strings"

	"github.com/calico-tls/conformance/harness/component"
	"github.com/calico-tls/conformance/harness/launch"
	"github.com/calico-tls/conformance/harness/link"
	"github.com/calico-tls/conformance/harness/link/etcd"
)

// Datastore is the variable by which a client is told that it has an etcd.
const Datastore = "DATASTORE_TYPE"

// Variables are the names of those of the parameters for TLS.
var Variables = map[link.Parameter]string{
	link.Key: "ETCD_KEY_FILE", link.Certificate: "ETCD_CERT_FILE", link.Bundle: "ETCD_CA_CERT_FILE",
}

// severity makes gRPC tell why a connection was not made: no client of Calico's says so itself (google.golang.org/grpc
// grpclog/loggerv2.go).
const severity = "GRPC_GO_LOG_SEVERITY_LEVEL"

// Talkative are the variables that make a client's library say why it fails.
func Talkative() map[string]string { return map[string]string{severity: "warning"} }

// Environment is what a client is told of its library and of its datastore, but for the etcd itself.
func Environment() map[string]string {
	env := Talkative()
	env[Datastore] = "etcdv3"
	return env
}

// Config says how a client is told of the etcd that a start names. configFile tells it where its configuration file is.
func Config(s component.Start, configFile func(in *launch.Invocation, path string)) component.APIConfig {
	return component.APIConfig{
		Variables: Variables, Fields: etcd.Link.Client.Names, ConfigFile: configFile,
		Endpoints: func(place launch.Placement) string { return Endpoints(s, place) },
	}
}

// Endpoints returns what a start names as a list of URLs: with https where it has parameters for TLS, unless it says
// otherwise.
func Endpoints(s component.Start, place launch.Placement) string {
	told := s.Endpoints
	if len(told) == 0 {
		told = []component.Endpoint{{Host: s.Host, Peer: s.Peer}}
	}
	var urls []string
	for _, e := range told {
		scheme := "http://"
		if len(s.Given) > 0 {
			scheme = "https://"
		}
		switch e.Scheme {
		case "":
		case link.Schemeless:
			scheme = ""
		default:
			scheme = e.Scheme + "://"
		}
		urls = append(urls, scheme+address(e, place))
	}
	return strings.Join(urls, ",")
}

// address returns an endpoint as "host:port".
func address(e component.Endpoint, place launch.Placement) string {
	address := place.Reach(e.Peer)
	_, port, err := net.SplitHostPort(address)
	if err != nil || e.Host == "" {
		return address
	}
	return net.JoinHostPort(e.Host, port)
}
