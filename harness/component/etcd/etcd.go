// Package etcd describes etcd: the server of the etcd link, and what stands behind Typha, Felix and kube-apiserver. It is
// the only package that may import etcd's embed.
package etcd

import (
	"context"
	"net"
	"strconv"

	"github.com/calico-tls/conformance/harness/component"
	"github.com/calico-tls/conformance/harness/evidence"
	"github.com/calico-tls/conformance/harness/launch"
	"github.com/calico-tls/conformance/harness/link/etcd"
)

// The ports on which etcd listens.
const (
	ClientPort = "client"
	PeerPort   = "peer"
	// AdminPort is one of its own, in the clear, by which an etcd on trial is asked for its health, and given users: no
	// credential of a case has to do with that.
	AdminPort = "admin"
)

// pace is how many connections a second etcd logs one by one: of a hundred like lines within a second it leaves out all but
// one in a hundred (etcd client/pkg/logutil/zap.go).
const pace = 80

// dialect says how etcd calls its parameters: the variables are those of its flags.
var dialect = component.Dialect{Prefix: "ETCD_", Names: etcd.Link.Server.Names}

// New returns etcd as the server of its link, whose log is read by r.
func New(r *evidence.Reader) component.Component {
	return component.Component{
		Name: "etcd", Link: etcd.Link.Name, Reader: r, Pace: pace,
		Program: func(s component.Start) launch.Program {
			scheme := "http"
			if len(s.Given) > 0 {
				scheme = "https"
			}
			return dialect.Configure(launch.Program{
				Name:  "etcd",
				Ports: []string{ClientPort, PeerPort, AdminPort},
				Main:  run,
				Configure: func(place launch.Placement) launch.Invocation {
					env := member(place)
					env["ETCD_LISTEN_CLIENT_URLS"] = urlOf(scheme, place, ClientPort) + "," + urlOf("http", place, AdminPort)
					env["ETCD_ADVERTISE_CLIENT_URLS"] = urlOf(scheme, place, ClientPort)
					env["ETCD_LOG_LEVEL"] = "debug" // it tells of those whom it serves on that level alone
					if scheme == "https" && s.Mode != serverOnly {
						env[etcd.ClientCertAuth] = "true"
					}
					return launch.Invocation{Env: env}
				},
				Ready: func(ctx context.Context, i launch.Instance) error {
					if err := awaitHealth(ctx, i.Address(AdminPort)); err != nil {
						return err
					}
					if s.Mode == withUsers {
						return addUsers(ctx, i.Address(AdminPort))
					}
					return nil
				},
			}, s)
		},
	}
}

// The modes in which etcd has more to be told than its parameters for TLS.
const (
	withUsers  = "cn-user"
	serverOnly = "server-tls"
)

// Behind returns etcd with one member and no TLS, as it stands behind others, with these keys and their values.
func Behind(keys map[string]string) component.Component {
	return component.Component{Name: "etcd", Program: func(component.Start) launch.Program {
		return launch.Program{
			Name:  "etcd",
			Ports: []string{ClientPort, PeerPort},
			Main:  run,
			Configure: func(place launch.Placement) launch.Invocation {
				env := member(place)
				env["ETCD_LISTEN_CLIENT_URLS"] = urlOf("http", place, ClientPort)
				env["ETCD_ADVERTISE_CLIENT_URLS"] = urlOf("http", place, ClientPort)
				env["ETCD_LOG_LEVEL"] = "warn"
				return launch.Invocation{Env: env}
			},
			Ready: func(ctx context.Context, i launch.Instance) error {
				if err := awaitHealth(ctx, i.Address(ClientPort)); err != nil {
					return err
				}
				return fill(ctx, i.Address(ClientPort), keys)
			},
		}
	}}
}

// member is what an etcd is told of which it is the only one.
func member(place launch.Placement) map[string]string {
	peer := "http://" + net.JoinHostPort("127.0.0.1", strconv.Itoa(place.Port(PeerPort)))
	return map[string]string{
		"ETCD_NAME":                        "conformance",
		"ETCD_DATA_DIR":                    place.Folder(),
		"ETCD_LISTEN_PEER_URLS":            peer,
		"ETCD_INITIAL_ADVERTISE_PEER_URLS": peer,
		"ETCD_INITIAL_CLUSTER":             "conformance=" + peer,
		"ETCD_UNSAFE_NO_FSYNC":             "true",
	}
}

func urlOf(scheme string, place launch.Placement, port string) string {
	return scheme + "://" + net.JoinHostPort(place.Host(), strconv.Itoa(place.Port(port)))
}
