// Package typhaclient describes typha-client, Calico's command-line client for Typha: a further client of the
// felix-typha link.
package typhaclient

import (
	"context"

	"github.com/calico-tls/conformance/harness/component"
	"github.com/calico-tls/conformance/harness/evidence"
	"github.com/calico-tls/conformance/harness/launch"
	"github.com/calico-tls/conformance/harness/link/felixtypha"
)

// ServerFlag is the flag that says where its server is, as "IP:port".
const ServerFlag = "server"

// New returns typha-client, whose log is read by r.
func New(r *evidence.Reader) component.Component {
	return component.Component{
		Name:    "typha-client",
		Link:    felixtypha.Link.Name,
		Reader:  r,
		Program: func(s component.Start) launch.Program { return Program(s, r) },
	}
}

// Program describes a program that takes typha-client's flags. All of them are passed, as the real one ends over any
// that is not (Calico typha/cmd/typha-client/typha-client.go).
func Program(s component.Start, r *evidence.Reader) launch.Program {
	return component.Flags(felixtypha.TyphaClientNames).Configure(launch.Program{
		Name: "typha-client",
		Configure: func(place launch.Placement) launch.Invocation {
			in := launch.Invocation{Env: map[string]string{}}
			if s.Peer != "" {
				in.Args = append(in.Args, "--"+ServerFlag+"="+place.Reach(s.Peer))
			}
			return in
		},
		Ready: func(ctx context.Context, i launch.Instance) error {
			return component.AwaitReady(ctx, "typha-client", r, i)
		},
	}, s)
}
