package stub

import (
	"slices"

	"github.com/calico-tls/conformance/harness/component"
	"github.com/calico-tls/conformance/harness/evidence"
	"github.com/calico-tls/conformance/harness/handshake"
	"github.com/calico-tls/conformance/harness/launch"
)

// etcdPatterns say how a stub client of etcd speaks of its connections.
var etcdPatterns = evidence.Patterns{
	Refuses: saysInvalid + `"? error=(.*)`,
	Remote:  `remote error: tls: |EOF|connection reset by peer`,
	Fails:   `i/o timeout|deadline exceeded|connection refused`,
	Says: []evidence.Saying{
		{Text: saysRead, Claim: handshake.Accepted},
		{Text: saysUnread, Claim: handshake.Refused, Error: ` error=` + value},
	},
}

// isConfig reports whether an argument of a real one says that the next one names its configuration file.
func isConfig(arg string) bool { return arg == "--config" || arg == "--config-file" }

// EtcdClient returns the stub of a client of etcd, which takes what the real one is told by its variables.
func EtcdClient(of func(*evidence.Reader) component.Component) component.Component {
	c := of(reader(etcdPatterns))
	program := c.Program
	c.Program = func(s component.Start) launch.Program {
		p := program(s)
		configure := p.Configure
		p.Configure = func(place launch.Placement) launch.Invocation {
			in := configure(place)
			if i := slices.IndexFunc(in.Args, isConfig) + 1; i > 0 {
				in.Env[ConfigFileSetting] = in.Args[i]
			}
			in.Args = nil // a command of the real one
			return in
		}
		return ours(p, "etcd-client", RunEtcdClient)
	}
	return c
}
