// Package container runs programs in containers, through testcontainers-go.
//
// An image that a program names is pulled if the engine does not have it. A program with nothing but a static binary
// gets an image of just that, made once for each content of the binary; it runs there as user 65532.
//
// # Networks
//
// Where the engine's machine is this one, containers use its network: they listen on 127.0.0.1, are dialled there and
// see by whom. Elsewhere (an engine in a virtual machine, without root, or on another machine) they are on the engine's
// bridge, behind published ports: they see a proxy's address, reach each other by theirs on the bridge, and this
// machine by the name host.docker.internal. See [NetworkHost] and [NetworkMapped].
//
// # Files and environment
//
// Files are there before the program starts, with mode 0600, owned by the user that the image names. Where the engine finds
// this machine's files as we do, and we may give them to that user, the container is shown a folder of the run's; elsewhere
// they are copied into it. The engine adds HOME, HOSTNAME and PATH to a program's environment, and what its image sets;
// nothing else is added.
//
// # Traces
//
// Each container bears the identity of its run, by which [Sweep] finds those of dead ones; testcontainers' own reaper is
// not used. No network or volume is made that would outlive its container. Images made here are a cache, of which a
// sweep keeps the latest few.
package container

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"regexp"
	"sync"
	"sync/atomic"

	"github.com/calico-tls/conformance/harness/launch"
)

// name is the launcher's name in reports and flags.
const name = "container"

// Labels of containers and images.
const (
	labelPrefix  = "io.github.calico-tls.conformance."
	labelRun     = labelPrefix + "run"
	labelParent  = labelPrefix + "parent"
	labelProgram = labelPrefix + "program"
	labelDigest  = labelPrefix + "digest"
)

// Network says how containers are connected.
type Network int

// The ways to connect containers.
const (
	// NetworkAuto takes NetworkHost where that works, and NetworkMapped elsewhere.
	NetworkAuto Network = iota
	// NetworkHost puts containers on this machine's own network; it needs an engine on this very machine, on Linux.
	NetworkHost
	// NetworkMapped puts containers on a bridge, behind published ports.
	NetworkMapped
)

// Options are what one may choose about containers. The zero Options are right for most.
type Options struct {
	Network Network
	// Progress is told what takes long (an image being pulled or made); nil tells nobody.
	Progress func(text string)
}

// Launcher starts programs by their Image, or by an image made around their Binary.
type Launcher struct {
	run    *launch.Run
	engine *engine
	mapped *mapping
	// shares says that the engine finds this machine's files, for all that is known so far.
	shares   atomic.Bool
	progress func(string)
	digests  launch.Digests
}

var _ launch.Launcher = (*Launcher)(nil)

// mapping is what a launcher knows of a bridge and its published ports.
type mapping struct {
	// bind is where ports are published, and dial where we reach them.
	bind, dial netip.Addr
	// gateway is this machine's address on the bridge, if it has one.
	gateway netip.Addr

	// life ends with the launcher.
	life context.Context
	end  context.CancelFunc

	mu sync.Mutex
	// peers maps where we dial a container to where other containers do.
	peers    map[string]string
	forwards map[string]*forward
}

// New returns a launcher whose programs belong to run, and end with it. It returns an [*EngineError] if no engine
// answers within 10 s, or if it is too old.
func New(ctx context.Context, run *launch.Run, options Options) (*Launcher, error) {
	e, err := connect(ctx)
	if err != nil {
		return nil, err
	}
	l := &Launcher{run: run, engine: e, progress: options.Progress}
	if options.Network == NetworkMapped || options.Network == NetworkAuto && !e.sharesNetwork() {
		if l.mapped, err = newMapping(ctx, e); err != nil {
			e.close()
			return nil, err
		}
	}
	l.shares.Store(l.mapped == nil && e.sharesFiles(os.Geteuid()))
	if _, err := run.OnClose(func(context.Context) error { l.close(); return nil }); err != nil {
		l.close()
		return nil, fmt.Errorf("making the launcher of containers: %w", err)
	}
	return l, nil
}

// Name implements [launch.Launcher].
func (l *Launcher) Name() string { return name }

// Engine returns the name and version of the container engine.
func (l *Launcher) Engine() string { return l.engine.String() }

// Start implements [launch.Launcher]. It also returns an [*ImageError] if the program's image can't be had, and an
// [*EngineError] if the engine went away.
func (l *Launcher) Start(ctx context.Context, p launch.Program) (launch.Instance, error) {
	if err := p.Check(); err != nil {
		return nil, err
	}
	if err := context.Cause(ctx); err != nil {
		return nil, fmt.Errorf("starting %s: %w", p.Name, err)
	}
	i, err := l.begin(ctx, p)
	if err != nil && notShared.MatchString(err.Error()) {
		l.shares.Store(false)
		i, err = l.begin(ctx, p)
	}
	if err != nil {
		return nil, fmt.Errorf("starting %s: %w", p.Name, err)
	}
	if err := i.belong(l.run); err != nil {
		return nil, errors.Join(fmt.Errorf("starting %s: %w", p.Name, err), i.Stop(ctx))
	}
	return launch.AwaitReady(ctx, p, i)
}

// notShared is what engines say of a folder that we have and they do not find.
var notShared = regexp.MustCompile(`(?i)bind source path does not exist`)

// begin makes and starts the container of a program.
func (l *Launcher) begin(ctx context.Context, p launch.Program) (*instance, error) {
	i, err := l.place(ctx, p)
	if err != nil {
		return nil, err
	}
	err = l.withImage(ctx, p, func(image found) error { return i.create(ctx, p, image) })
	if err == nil {
		err = i.start(ctx)
	}
	if err != nil {
		return nil, errors.Join(l.explain(ctx, p, err), i.discard(ctx))
	}
	return i, nil
}

// noEntryPoint is what engines say of an image that lacks what it is to run.
var noEntryPoint = regexp.MustCompile(`(?i)no command specified|exec: .*(no such file|not found|permission denied|is a directory)`)

// explain puts the engine's death before what failed because of it, and says what an image lacks.
func (l *Launcher) explain(ctx context.Context, p launch.Program, err error) error {
	if ctx.Err() != nil {
		return err
	}
	if lost := l.engine.lost(ctx); lost != nil {
		return lost
	}
	if p.Image != "" && noEntryPoint.MatchString(err.Error()) {
		return fmt.Errorf("wanted an image with an entry point that can be run, or a command that names one, found neither: %w", err)
	}
	return err
}

func (l *Launcher) say(text string) {
	if l.progress != nil {
		l.progress(text)
	}
}

func (l *Launcher) close() {
	if l.mapped != nil {
		l.mapped.close()
	}
	l.engine.close()
}
