// Package component describes the programs that play an end of a link, or stand behind one: how a setting becomes
// files, environment and arguments, when the program is ready, and how its log becomes an account. Each program is a
// package below this one.
package component

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/calico-tls/conformance/harness/evidence"
	"github.com/calico-tls/conformance/harness/launch"
	"github.com/calico-tls/conformance/harness/link"
)

// Component is a program that can be started with a setting.
type Component struct {
	// Name is the role that it plays: the subject in case IDs, or what stands behind one.
	Name string
	// Link is the link of which it plays an end; "" for what stands behind. One program may play an end of several links:
	// then it is a component for each.
	Link string
	// Behind names the components that it needs behind it.
	Behind []string
	// Stands says as what it stands behind others, where it needs to be told how; the zero Place for nothing.
	Stands Place
	// Program describes the program as started with a setting. Binary, Image and Main are left to whoever obtained it,
	// but for programs of our own. The first of its ports is where it serves its link.
	Program func(Start) launch.Program
	// Reader reads its log; nil if it plays no end.
	Reader *evidence.Reader
	// Counters reads the connections that it has accepted, and those that it is serving now; nil if it counts none.
	Counters func(ctx context.Context, i launch.Instance) (Counters, error)
	// Ready asks it whether it calls itself ready; nil if it has no word for it.
	Ready func(ctx context.Context, i launch.Instance) (Readiness, error)
	// Dials says how often a client dials.
	Dials Dialling
	// Pace is how many connections a second it logs one by one; 0 for any number.
	Pace int
	// Stamina is how many connections of a client may fail in a row before it gives up; 0 for any number. It counts
	// once the client has been accepted.
	Stamina int
}

// Place is a place on a link: that of its server, in a mode, with a setting if it has one.
type Place struct{ Link, Mode, Setting string }

// Dialling says how often a client dials its server.
type Dialling string

// The ways to dial.
const (
	// DialsOn: it dials again soon, whatever became of its connections, so that one start meets one server after the other.
	DialsOn Dialling = ""
	// DialsOnce: it waits for longer and longer before it dials again, or ends, so that it is started for each server anew.
	DialsOnce Dialling = "once"
	// DialsAtOnce: it is started for each server anew as well, and makes many connections at once, all of which must be served
	// before it says what it makes of them.
	DialsAtOnce Dialling = "at once"
)

// Readiness is a component's answer to the question whether it is ready.
type Readiness string

// The answers.
const (
	// IsReady and IsNotReady are its own words, NoAnswer says that nobody answered.
	IsReady    Readiness = "ready"
	IsNotReady Readiness = "not ready"
	NoAnswer   Readiness = "no answer"
)

// Counters are a server's own numbers.
type Counters struct {
	// Accepted counts the connections since the start, Streaming those that are being served now.
	Accepted, Streaming int
}

// Start is what a component is started with.
type Start struct {
	// Mode is the mode of the link, for a program that has more to be told than parameters for TLS; "" for what stands
	// behind.
	Mode string
	// Given are the parameters for TLS that it is given; none starts it without TLS.
	Given map[link.Parameter]Value
	// From is where it takes them from.
	From link.Origin
	// Host is the host name or the IP address by which a client is to dial its peer; "" for that of Peer.
	Host string
	// Scheme is that of the address that a client is told, as in "http"; "" for that by which its peer is to be reached.
	Scheme string
	// System is the bundle of the authorities that its system trusts; nil for those of the machine.
	System []byte
	// Endpoints are those that a client is told in the place of Peer; none for Peer alone.
	Endpoints []Endpoint
	// Directory is the address of who lists the endpoints to a client that asks for them, as "IP:port" of this machine; "" for
	// nobody.
	Directory string
	// Env holds further variables of its environment, and Flags further flags, without dashes.
	Env, Flags map[string]string
	// Peer is the address that it dials, as "IP:port" of this machine; "" for a server.
	Peer string
	// Provider is the address of the OpenID provider whose tokens it takes, as "IP:port" of this machine; "" for none.
	Provider string
	// Behind are the addresses of the components behind it, by name, as "IP:port" of this machine.
	Behind map[string]string
}

// Endpoint is one of several that a client is told.
type Endpoint struct {
	// Scheme and Host are those of [link.Endpoint]; Peer is its address, as "IP:port" of this machine.
	Scheme, Host, Peer string
}

// RefusedError says that a component refused to start with its setting, in its own words.
type RefusedError struct {
	Component string
	// Words are what it said.
	Words string
}

func (e *RefusedError) Error() string {
	return fmt.Sprintf("%s refused to start: %s", e.Component, e.Words)
}

// Override returns the program with arguments added and environment variables set over its own. A flag that is added takes
// the place of its own of that name, as there are flags of which several count.
func Override(p launch.Program, args []string, env map[string]string) launch.Program {
	configure := p.Configure
	p.Configure = func(place launch.Placement) launch.Invocation {
		in := configure(place)
		in.Args = slices.DeleteFunc(in.Args, func(own string) bool {
			name, isFlag := flagName(own)
			return isFlag && slices.ContainsFunc(args, func(arg string) bool {
				added, _ := flagName(arg)
				return added == name
			})
		})
		in.Args = append(in.Args, args...)
		if in.Env == nil {
			in.Env = map[string]string{}
		}
		maps.Copy(in.Env, env)
		return in
	}
	return p
}

// flagName returns the name in an argument that is a flag with its value, as in --NAME=VALUE.
func flagName(arg string) (name string, is bool) {
	name, _, valued := strings.Cut(arg, "=")
	return name, valued && strings.HasPrefix(name, "--")
}

// AwaitReady waits for the log line that says that the component is ready. It returns a [*RefusedError] if the
// component says before that it won't start.
func AwaitReady(ctx context.Context, name string, r *evidence.Reader, i launch.Instance) error {
	var refused error
	_, err := i.Log().Wait(ctx, func(line string) bool {
		if words, ok := r.Refuses(line); ok {
			refused = &RefusedError{Component: name, Words: words}
			return true
		}
		return r.Ready(line)
	})
	if refused != nil {
		return refused
	}
	if err != nil {
		return fmt.Errorf("waiting for the line by which %s says that it is ready: %w", name, err)
	}
	return nil
}
