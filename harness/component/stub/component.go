package stub

import (
	"context"
	"fmt"
	"io"
	"maps"
	"regexp"
	"strconv"
	"strings"

	"github.com/calico-tls/conformance/harness/component"
	realetcd "github.com/calico-tls/conformance/harness/component/etcd"
	realfelix "github.com/calico-tls/conformance/harness/component/felix"
	realtypha "github.com/calico-tls/conformance/harness/component/typha"
	"github.com/calico-tls/conformance/harness/component/typhaclient"
	"github.com/calico-tls/conformance/harness/evidence"
	"github.com/calico-tls/conformance/harness/handshake"
	"github.com/calico-tls/conformance/harness/launch"
	"github.com/calico-tls/conformance/harness/link"
	"github.com/calico-tls/conformance/harness/link/felixtypha"
)

// How a value is written by [slog.TextHandler].
const value = `("(?:[^"\\]|\\.)*"|\S+)`

// patterns say how the stubs' logs speak of connections: in the words of this package.
func patterns(connection, ready string, says ...evidence.Saying) evidence.Patterns {
	return evidence.Patterns{
		Ready:      regexp.QuoteMeta(ready),
		Refuses:    `(?:` + regexp.QuoteMeta(saysInvalid) + `|` + regexp.QuoteMeta(saysUnusable) + `)"? error=(.*)`,
		Connection: connection,
		Remote:     `remote error: tls: |^EOF$|connection reset by peer|server closed the connection`,
		Fails:      `i/o timeout|deadline exceeded|connection refused`,
		Says:       says,
	}
}

var (
	typhaPatterns = patterns(`\bclient=(\S+) connID=(\S+)`, saysListening,
		evidence.Saying{Text: saysHello, Claim: handshake.Accepted, Identity: ` identity=` + value},
		evidence.Saying{Text: saysFailed, Claim: handshake.Refused, Error: ` error=` + value},
		evidence.Saying{Text: saysClosed, Claim: handshake.WasRefused},
	)
	felixPatterns = patterns(`\blocal=(\S+) dial=(\S+)`, saysDialling,
		evidence.Saying{Text: saysConnected, Claim: handshake.Accepted, Identity: ` identity=` + value},
		evidence.Saying{Text: saysRefused, Claim: handshake.Refused, Error: ` error=` + value},
	)
)

// ConfigFileSetting is the setting that names a stub's configuration file.
const ConfigFileSetting = "TLSCONFORM_CONFIG_FILE"

// dialect is how a stub takes the parameters of the real one of that end.
func dialect(prefix string, end link.End) component.Dialect {
	return component.Dialect{
		Prefix: prefix, Names: end.Names,
		ConfigFile: func(in *launch.Invocation, path string) { in.Env[ConfigFileSetting] = path },
	}
}

// Typha returns the stub Typha as a component.
func Typha() component.Component {
	r := reader(typhaPatterns)
	return component.Component{
		Name:     "typha",
		Link:     felixtypha.Link.Name,
		Reader:   r,
		Counters: realtypha.Counters,
		Ready:    component.AskReady(realtypha.HealthPort),
		Program: func(s component.Start) launch.Program {
			p := realtypha.Program(s, r, dialect("TYPHA_", felixtypha.Link.Server), map[string]string{"TYPHA_SERVERPINGINTERVALSECS": "1"})
			return ours(p, "typha", RunTypha)
		},
	}
}

// Felix returns the stub Felix as a component.
func Felix() component.Component {
	p := felixPatterns
	p.InSync = saysInSync
	r := reader(p)
	return component.Component{
		Name:   "felix",
		Link:   felixtypha.Link.Name,
		Reader: r,
		Ready:  component.AskReady(realfelix.HealthPort),
		Program: func(s component.Start) launch.Program {
			return ours(realfelix.Program(s, r, dialect("FELIX_", felixtypha.Link.Client), nil), "felix", RunFelix)
		},
	}
}

// Embedded returns etcd as this very program runs it, which is etcd itself. Its log leaves out no line, however many cases
// there are.
func Embedded(etcd component.Component) component.Component {
	etcd.Pace = 0
	program := etcd.Program
	etcd.Program = func(s component.Start) launch.Program { return ours(program(s), "etcd", realetcd.Run) }
	return etcd
}

// ours makes a program of one that runs in this process by a function, and elsewhere as `tlsconform stub NAME`.
func ours(p launch.Program, name string, run func(context.Context, map[string]string, io.Writer) int) launch.Program {
	p.Main = func(ctx context.Context, in launch.Invocation, log io.Writer) int {
		settings := flagged(in.Args)
		maps.Copy(settings, in.Env)
		return run(ctx, settings, log)
	}
	configure := p.Configure
	p.Configure = func(place launch.Placement) launch.Invocation {
		in := configure(place)
		in.Args = append([]string{"stub", name}, in.Args...)
		return in
	}
	return p
}

// TyphaClient returns the stub typha-client as a component.
func TyphaClient() component.Component {
	r := reader(felixPatterns)
	return component.Component{
		Name:   "typha-client",
		Link:   felixtypha.Link.Name,
		Reader: r,
		Program: func(s component.Start) launch.Program {
			return ours(typhaclient.Program(s, r), "typha-client", RunTyphaClient)
		},
	}
}

// flagged returns the settings among arguments that are written as --NAME=VALUE.
func flagged(args []string) map[string]string {
	settings := map[string]string{}
	for _, arg := range args {
		if name, value, ok := strings.Cut(arg, "="); ok && strings.HasPrefix(name, "--") {
			settings[strings.TrimPrefix(name, "--")] = value
		}
	}
	return settings
}

// reader compiles patterns of our own, which a test compiles too.
func reader(p evidence.Patterns) *evidence.Reader {
	r, err := evidence.NewReader(p)
	if err != nil {
		panic(fmt.Sprintf("the stub's log patterns: %s", strconv.Quote(err.Error())))
	}
	return r
}
