package stub

import (
	"context"
	"fmt"
	"io"
	"maps"
	"regexp"
	"strconv"

	"github.com/calico-tls/conformance/harness/component"
	realtypha "github.com/calico-tls/conformance/harness/component/typha"
	"github.com/calico-tls/conformance/harness/evidence"
	"github.com/calico-tls/conformance/harness/handshake"
	"github.com/calico-tls/conformance/harness/launch"
)

// How a value is written by [slog.TextHandler].
const value = `("(?:[^"\\]|\\.)*"|\S+)`

// patterns say how the stubs' logs speak of connections: in the words of this package.
func patterns(connection, ready string, says ...evidence.Saying) evidence.Patterns {
	return evidence.Patterns{
		Ready:      regexp.QuoteMeta(ready),
		Refuses:    regexp.QuoteMeta(saysInvalid) + `"? error=(.*)`,
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

// Typha returns the stub Typha as a component.
func Typha() component.Component {
	r := reader(typhaPatterns)
	return component.Component{
		Name:     "typha",
		Reader:   r,
		Counters: realtypha.Counters,
		Program: func(s component.Start) launch.Program {
			p := realtypha.Program(s, r, map[string]string{"TYPHA_SERVERPINGINTERVALSECS": "1"})
			return ours(p, "typha", RunTypha)
		},
	}
}

// The names of the stub Felix's files.
const (
	bundleFile      = "ca.pem"
	certificateFile = "client.pem"
	keyFile         = "client.key"
)

// Felix returns the stub Felix as a component.
func Felix() component.Component {
	r := reader(felixPatterns)
	return component.Component{
		Name:    "felix",
		Reader:  r,
		Program: func(s component.Start) launch.Program { return ours(felixProgram(s, r), "felix", RunFelix) },
	}
}

func felixProgram(s component.Start, r *evidence.Reader) launch.Program {
	p := launch.Program{
		Name: "felix",
		Configure: func(place launch.Placement) launch.Invocation {
			env := map[string]string{"FELIX_TYPHAADDR": place.Reach(s.Peer), "FELIX_FELIXHOSTNAME": "conformance"}
			if !s.Require.Plaintext() {
				env["FELIX_TYPHACAFILE"] = place.Path(bundleFile)
				env["FELIX_TYPHACERTFILE"] = place.Path(certificateFile)
				env["FELIX_TYPHAKEYFILE"] = place.Path(keyFile)
			}
			if s.Require.CN != "" {
				env["FELIX_TYPHACN"] = s.Require.CN
			}
			if s.Require.URISAN != "" {
				env["FELIX_TYPHAURISAN"] = s.Require.URISAN
			}
			return launch.Invocation{Env: env}
		},
		Ready: func(ctx context.Context, i launch.Instance) error {
			return component.AwaitReady(ctx, "felix", r, i)
		},
	}
	if !s.Require.Plaintext() {
		p.Files = []launch.File{
			{Name: bundleFile, Data: s.Bundle},
			{Name: certificateFile, Data: s.Certificate},
			{Name: keyFile, Data: s.Key},
		}
	}
	return p
}

// ours makes a program of one that runs in this process by a function, and elsewhere as `tlsconform stub NAME`.
func ours(p launch.Program, name string, run func(context.Context, map[string]string, io.Writer) int) launch.Program {
	p.Main = func(ctx context.Context, in launch.Invocation, log io.Writer) int {
		return run(ctx, maps.Clone(in.Env), log)
	}
	return component.Override(p, []string{"stub", name}, nil)
}

// reader compiles patterns of our own, which a test compiles too.
func reader(p evidence.Patterns) *evidence.Reader {
	r, err := evidence.NewReader(p)
	if err != nil {
		panic(fmt.Sprintf("the stub's log patterns: %s", strconv.Quote(err.Error())))
	}
	return r
}
