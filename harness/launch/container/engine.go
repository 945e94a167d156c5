package container

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/moby/moby/api/types/system"
	"github.com/moby/moby/client"
	"github.com/moby/moby/client/pkg/versions"
	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/log"
)

// oldestAPI is the engine API that is needed: Docker Engine 20.10 has it.
const oldestAPI = "1.41"

// probeDeadline is how long an engine may take to answer that it is there.
const probeDeadline = 10 * time.Second

// hostOverride is the environment variable by which testcontainers is told where the engine's ports are.
const hostOverride = "TESTCONTAINERS_HOST_OVERRIDE"

const loopback = "127.0.0.1"

// quiet sets up testcontainers for this process, once and before anything else of it is used. Its reaper is not needed,
// as every run sweeps what dead ones left, and its image may be out of reach.
var quiet = sync.OnceFunc(func() {
	log.SetDefault(log.NewNoopLogger())
	_ = os.Setenv("TESTCONTAINERS_RYUK_DISABLED", "true")
})

// EngineError says that no container engine can be used, or that one went away.
type EngineError struct {
	// Doing is what was being done.
	Doing string
	// Wanted is what the engine should have been.
	Wanted string
	// Cause is what was found.
	Cause error
}

func (e *EngineError) Error() string {
	return fmt.Sprintf("%s: wanted %s, found: %v", e.Doing, e.Wanted, e.Cause)
}

// Unwrap returns the cause.
func (e *EngineError) Unwrap() error { return e.Cause }

// Hint returns what to do.
func (e *EngineError) Hint() string {
	return "start Docker, or use LAUNCH=process, which needs no engine"
}

// engine is a container engine that answers.
type engine struct {
	provider *testcontainers.DockerProvider
	client   client.APIClient
	info     system.Info
	api      string
}

// Detect returns the name and version of the container engine that [New] would use, or an [*EngineError]: it answers
// within 10 s, runs Linux containers and has API 1.41 (Docker Engine 20.10) or later.
func Detect(ctx context.Context) (string, error) {
	e, err := connect(ctx)
	if err != nil {
		return "", err
	}
	defer e.close()
	return e.String(), nil
}

func (e *engine) String() string {
	return fmt.Sprintf("container engine %s on %s (API %s)", e.info.ServerVersion, e.info.OperatingSystem, e.api)
}

func (e *engine) close() { _ = e.client.Close() }

func connect(ctx context.Context) (*engine, error) {
	quiet()
	ctx, cancel := context.WithTimeout(ctx, probeDeadline)
	defer cancel()
	const doing, wanted = "looking for a container engine", "one that answers"
	var e *engine
	if err := calmly(func() (err error) { e, err = dial(ctx); return err }); err != nil {
		return nil, &EngineError{Doing: doing, Wanted: wanted, Cause: err}
	}
	if versions.LessThan(e.api, oldestAPI) {
		e.close()
		return nil, &EngineError{Doing: doing, Wanted: "one with API " + oldestAPI + " (Docker Engine 20.10) or later", Cause: fmt.Errorf("API %s (%s)", e.api, e.info.ServerVersion)}
	}
	if e.info.OSType != "" && e.info.OSType != "linux" {
		e.close()
		return nil, &EngineError{Doing: doing, Wanted: "one that runs Linux containers", Cause: fmt.Errorf("one for %s", e.info.OSType)}
	}
	return e, nil
}

// dial asks with a client of its own first: that heeds ctx, which the provider does not.
func dial(ctx context.Context) (*engine, error) {
	if err := answersAtHost(ctx); err != nil {
		return nil, err
	}
	first, err := testcontainers.NewDockerClientWithOpts(ctx)
	if err != nil {
		return nil, err
	}
	defer first.Close()
	ping, err := first.Ping(ctx, client.PingOptions{NegotiateAPIVersion: true})
	if err != nil {
		return nil, err
	}
	info, err := first.Info(ctx, client.InfoOptions{})
	if err != nil {
		return nil, err
	}
	generic, err := testcontainers.ProviderDefault.GetProvider()
	if err != nil {
		return nil, err
	}
	provider, ok := generic.(*testcontainers.DockerProvider)
	if !ok {
		return nil, fmt.Errorf("a provider of type %T", generic)
	}
	e := &engine{provider: provider, client: provider.Client(), info: info.Info, api: ping.APIVersion}
	provider.SetClient(kept{e.client})
	return e, nil
}

// kept is a client that only its owner closes. testcontainers closes the one that it has whenever it has made or started a
// container; a request of somebody else that is answered at that moment then fails, though the engine has done what it was
// asked for (net/http, Transport.CloseIdleConnections).
type kept struct{ client.APIClient }

// Close does nothing.
func (kept) Close() error { return nil }

// answersAtHost asks the engine that DOCKER_HOST names, if it does: testcontainers would silently take another one.
func answersAtHost(ctx context.Context) error {
	if os.Getenv(client.EnvOverrideHost) == "" {
		return nil
	}
	named, err := client.New(client.FromEnv)
	if err != nil {
		return err
	}
	defer named.Close()
	_, err = named.Ping(ctx, client.PingOptions{})
	return err
}

// calmly turns a panic of testcontainers, which knows no other way to say some things, into an error.
func calmly(f func() error) (err error) {
	defer func() {
		switch v := recover().(type) {
		case nil:
		case error:
			err = v
		default:
			err = fmt.Errorf("%v", v)
		}
	}()
	return f()
}

// local reports whether the engine is reached by a socket of this machine, not by a network.
func (e *engine) local() bool {
	at, err := url.Parse(e.client.DaemonHost())
	return err == nil && slices.Contains([]string{"unix", "npipe"}, at.Scheme)
}

// sharesNetwork reports whether a container on the engine's host network listens where we dial. It does not where the
// engine is in a virtual machine or in a network namespace of its own, or we are in a container beside it.
func (e *engine) sharesNetwork() bool {
	rootless := slices.ContainsFunc(e.info.SecurityOptions, func(option string) bool { return strings.Contains(option, "rootless") })
	if runtime.GOOS != "linux" || !e.local() || rootless || e.info.OperatingSystem == "Docker Desktop" {
		return false
	}
	return e.besides()
}

// sharesFiles reports whether an engine that shares our network may be shown folders of this machine by a user: who must be
// able to give them to the users of containers, who are the same here and there, and nothing may keep those from reading
// them.
func (e *engine) sharesFiles(user int) bool {
	return user == 0 && !slices.ContainsFunc(e.info.SecurityOptions, func(option string) bool {
		return strings.Contains(option, "userns") || strings.Contains(option, "selinux")
	})
}

// besides reports whether a port of the engine's machine is one of ours. What looks like the inside of a container may
// be none, so the names of both machines are compared, and whoever runs us has the last word.
func (e *engine) besides() bool {
	if override, ok := os.LookupEnv(hostOverride); ok {
		return override == loopback || override == "localhost"
	}
	if !e.local() {
		return false
	}
	hostname, err := os.Hostname()
	return err == nil && hostname == e.info.Name || !slices.ContainsFunc(containerMarks(), exists)
}

// gateway returns this machine's own address on the bridge of containers; the zero one if it has none.
func (e *engine) gateway(ctx context.Context) netip.Addr {
	bridge, err := e.client.NetworkInspect(ctx, testcontainers.Bridge, client.NetworkInspectOptions{})
	if err != nil || !e.besides() {
		return netip.Addr{}
	}
	link, err := net.InterfaceByName(bridge.Network.Options["com.docker.network.bridge.name"])
	if err != nil {
		return netip.Addr{}
	}
	addresses, err := link.Addrs()
	if err != nil {
		return netip.Addr{}
	}
	for _, address := range addresses {
		if prefix, err := netip.ParsePrefix(address.String()); err == nil && prefix.Addr().Is4() {
			return prefix.Addr()
		}
	}
	return netip.Addr{}
}

// published returns the address on which ports are published, and the one at which we dial them.
func (e *engine) published(ctx context.Context) (bind, dial netip.Addr, err error) {
	if e.besides() {
		here := netip.MustParseAddr(loopback)
		return here, here, nil
	}
	host, err := e.provider.DaemonHost(ctx)
	if err != nil {
		return bind, dial, fmt.Errorf("looking for the address of the container engine: %w", err)
	}
	found, err := net.DefaultResolver.LookupNetIP(ctx, "ip4", host)
	if err != nil || len(found) == 0 {
		return bind, dial, fmt.Errorf("looking for the address of the container engine %q: %w", host, err)
	}
	return netip.IPv4Unspecified(), found[0].Unmap(), nil
}

// containerMarks returns the files that Docker and Podman put into containers.
func containerMarks() []string { return []string{"/.dockerenv", "/run/.containerenv"} }

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// lost returns an [*EngineError] if the engine does not answer any more, and nil if it does. It asks over a connection of its own:
// one that was kept may be answered still by an engine that takes no other.
func (e *engine) lost(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), probeDeadline)
	defer cancel()
	anew, err := testcontainers.NewDockerClientWithOpts(ctx)
	if err == nil {
		defer anew.Close()
		_, err = anew.Ping(ctx, client.PingOptions{})
	}
	if err == nil || errors.Is(err, context.Canceled) {
		return nil
	}
	return &EngineError{Doing: "watching a container", Wanted: "the container engine to answer", Cause: err}
}
