// Package etcdclient holds what Calico's clients of etcd have in common: the variables of the package by which they connect
// (Calico libcalico-go/lib/apiconfig), and that of the library that tells why a connection fails.
package etcdclient

import (
	"net"

	"github.com/calico-tls/conformance/harness/component"
	"github.com/calico-tls/conformance/harness/launch"
	"github.com/calico-tls/conformance/harness/link"
)

// The variables by which a client is told of its etcd.
const (
	Endpoints = "ETCD_ENDPOINTS"
	Datastore = "DATASTORE_TYPE"
)

// Variables are the names of those of the parameters for TLS.
var Variables = map[link.Parameter]string{
	link.Key: "ETCD_KEY_FILE", link.Certificate: "ETCD_CERT_FILE", link.Bundle: "ETCD_CA_CERT_FILE",
}

// severity makes gRPC tell why a connection was not made: no client of Calico's says so itself (google.golang.org/grpc
// grpclog/loggerv2.go).
const severity = "GRPC_GO_LOG_SEVERITY_LEVEL"

// Talkative are the variables that make a client's library say why it fails.
func Talkative() map[string]string { return map[string]string{severity: "warning"} }

// Environment is what a client of the etcd that a start names is told, but for its parameters for TLS.
func Environment(s component.Start, place launch.Placement) map[string]string {
	env := Talkative()
	env[Datastore] = "etcdv3"
	if s.Peer != "" {
		env[Endpoints] = Endpoint(s, place)
	}
	return env
}

// Endpoint returns the etcd that a start names as a URL: with https where it has parameters for TLS.
func Endpoint(s component.Start, place launch.Placement) string {
	scheme := "http"
	if len(s.Given) > 0 {
		scheme = "https"
	}
	return scheme + "://" + Address(s, place)
}

// Address returns the etcd that a start names as "host:port".
func Address(s component.Start, place launch.Placement) string {
	address := place.Reach(s.Peer)
	if s.Host == "" {
		return address
	}
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return address
	}
	return net.JoinHostPort(s.Host, port)
}
