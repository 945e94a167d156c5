package container

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"sync"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/mount"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"
	"github.com/testcontainers/testcontainers-go"

	"github.com/calico-tls/conformance/harness/launch"
)

const (
	// drainGrace is how long the output of a container is read on once it has ended.
	drainGrace = 10 * time.Second
	// removeDeadline is how long the engine may take to remove a container by force.
	removeDeadline = 15 * time.Second
	// signalled is what engines add to the number of the signal that ended a program, to make an exit code of it.
	signalled, lastSignal = 128, 64
	// longestLine is how much of a line is held back until it ends.
	longestLine = 256 << 10
)

// instance is a container.
type instance struct {
	launcher *Launcher
	program  string
	name     string
	digest   string
	id       string
	ports    map[string]int
	address  map[string]string
	held     []*launch.Port
	// user is the number of the user who owns the program's files.
	user int
	// own holds what is the program's own, where the engine finds this machine's files; nil where that is copied.
	own    *launch.Folder
	log    launch.Log
	made   testcontainers.Container
	forget func()

	// code and lost are written before done is closed, and read after.
	code int
	lost error
	done chan struct{}

	stopping sync.Mutex
	stopped  bool
}

var (
	_ launch.Instance  = (*instance)(nil)
	_ launch.Placement = (*instance)(nil)
	_ launch.Bereft    = (*instance)(nil)
)

func (i *instance) Address(port string) string { return i.address[port] }

func (i *instance) Log() *launch.Log { return &i.log }

func (i *instance) Done() <-chan struct{} { return i.done }

func (i *instance) SeesSource() bool { return i.launcher.mapped == nil }

func (i *instance) Digest() string { return i.digest }

func (i *instance) ExitCode() int {
	select {
	case <-i.done:
		return i.code
	default:
		return -1
	}
}

// Lost implements [launch.Bereft].
func (i *instance) Lost() error {
	select {
	case <-i.done:
		return i.lost
	default:
		return nil
	}
}

// Stop sends SIGTERM to the program, and removes the container with its volumes: at the deadline by force.
func (i *instance) Stop(ctx context.Context) error {
	i.stopping.Lock()
	defer i.stopping.Unlock()
	if i.stopped {
		return nil
	}
	ctx, end := launch.Grace(ctx)
	defer end()
	select {
	case <-i.done:
	default:
		// A container that can't be told to end is removed all the same.
		if _, err := i.api().ContainerKill(ctx, i.id, client.ContainerKillOptions{Signal: "SIGTERM"}); err == nil {
			select {
			case <-i.done:
			case <-ctx.Done():
			}
		}
	}
	if err := i.discard(ctx); err != nil {
		return err
	}
	i.stopped = true
	i.forget()
	return nil
}

// belong has the run stop the program at its end, which may be just now.
func (i *instance) belong(run *launch.Run) (err error) {
	i.stopping.Lock()
	defer i.stopping.Unlock()
	if i.forget, err = run.OnClose(i.Stop); err != nil {
		i.forget = func() {}
	}
	return err
}

// entryPoint returns what replaces the image's own; nil keeps that.
func entryPoint(p launch.Program) []string {
	if len(p.Command) == 0 {
		return nil
	}
	return p.CommandLine(inImage(p.Binary))
}

// create makes the container, with its files.
func (i *instance) create(ctx context.Context, p launch.Program, image found) error {
	i.digest = image.digest
	in := p.Invocation(i)
	request := testcontainers.ContainerRequest{
		Name:               i.name,
		Image:              image.reference,
		Entrypoint:         entryPoint(p),
		Cmd:                in.Args,
		Env:                in.Env,
		Labels:             map[string]string{labelRun: i.launcher.run.ID(), labelParent: i.launcher.run.ParentID(), labelProgram: p.Name},
		HostConfigModifier: i.host,
	}
	if i.launcher.mapped != nil {
		for _, port := range i.ports {
			request.ExposedPorts = append(request.ExposedPorts, strconv.Itoa(port)+"/tcp")
		}
	}
	err := calmly(func() (err error) { i.made, err = i.launcher.engine.provider.CreateContainer(ctx, request); return err })
	if err != nil {
		return err
	}
	i.id = i.made.GetContainerID()
	if err := i.fill(ctx, p.Files, image.user); err != nil {
		return fmt.Errorf("copying files into the container: %w", err)
	}
	return nil
}

// host says how the container is connected, and where its own files are. The engine need not keep a log: it is read as it
// is written.
func (i *instance) host(host *container.HostConfig) {
	host.LogConfig = container.LogConfig{Type: "none"}
	if i.own != nil {
		host.Mounts = append(host.Mounts, mount.Mount{Type: mount.TypeBind, Source: i.own.Root(), Target: ownFolder})
	}
	if i.launcher.mapped == nil {
		host.NetworkMode = "host"
		return
	}
	host.NetworkMode = testcontainers.Bridge
	host.ExtraHosts = []string{hostName + ":host-gateway"}
	host.PortBindings = network.PortMap{}
	for _, number := range i.ports {
		port, _ := network.PortFrom(uint16(number), network.TCP)
		host.PortBindings[port] = []network.PortBinding{{HostIP: i.launcher.mapped.bind}}
	}
}

// start starts the container. Its output and its end are waited for before, so that nothing of them is missed.
func (i *instance) start(ctx context.Context) error {
	output, err := i.api().ContainerAttach(ctx, i.id, client.ContainerAttachOptions{Stream: true, Stdout: true, Stderr: true})
	if err != nil {
		return fmt.Errorf("attaching to the container: %w", err)
	}
	life, end := context.WithCancel(context.WithoutCancel(ctx))
	ending := i.api().ContainerWait(life, i.id, client.ContainerWaitOptions{Condition: container.WaitConditionNextExit})
	if err := calmly(func() error { return i.made.Start(ctx) }); err != nil {
		end()
		output.Close()
		return err
	}
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		out, err := lines{to: &i.log}, lines{to: &i.log}
		_, _ = stdcopy.StdCopy(&out, &err, output.Reader)
		out.flush()
		err.flush()
	}()
	go func() {
		defer end()
		defer output.Close()
		i.live(life, ending, drained)
	}()
	if i.launcher.mapped != nil {
		return i.locate(ctx)
	}
	return nil
}

// live waits for the end of the container, or of the engine.
func (i *instance) live(ctx context.Context, ending client.ContainerWaitResult, drained <-chan struct{}) {
	select {
	case result := <-ending.Result:
		i.code = int(result.StatusCode)
		if signal := i.code - signalled; signal > 0 && signal <= lastSignal {
			i.code = -1
		}
		select {
		case <-drained:
		case <-time.After(drainGrace):
		}
	case err := <-ending.Error:
		i.lost = i.launcher.engine.lost(ctx)
		if i.lost == nil {
			i.lost = &EngineError{Doing: "watching " + i.program, Wanted: "the container engine to say how it ended", Cause: err}
		}
	}
	_ = i.log.Close()
	close(i.done)
}

// locate finds out where the engine has published the ports.
func (i *instance) locate(ctx context.Context) error {
	inspected, err := i.api().ContainerInspect(ctx, i.id, client.ContainerInspectOptions{})
	if err != nil {
		return fmt.Errorf("looking for published ports: %w", err)
	}
	settings := inspected.Container.NetworkSettings
	bridge := settings.Networks[testcontainers.Bridge]
	for name, number := range i.ports {
		port, _ := network.PortFrom(uint16(number), network.TCP)
		bindings := settings.Ports[port]
		if len(bindings) == 0 {
			// One that has ended already has none; why it did is told by whoever waits for it.
			continue
		}
		i.address[name] = net.JoinHostPort(i.launcher.mapped.dial.String(), bindings[0].HostPort)
		if bridge != nil && bridge.IPAddress.IsValid() {
			i.launcher.mapped.meet(i.address[name], net.JoinHostPort(bridge.IPAddress.String(), strconv.Itoa(number)))
		}
	}
	return nil
}

// discard removes the container by force, with all that belongs to it. Having none is no error.
func (i *instance) discard(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), removeDeadline)
	defer cancel()
	// By name: the engine may have made one and could not tell.
	err := remove(ctx, i.api(), i.name)
	if lost := (*EngineError)(nil); err != nil && !errors.As(err, &lost) {
		if gone := i.launcher.engine.lost(ctx); gone != nil {
			err = gone
		}
	}
	if err != nil {
		return fmt.Errorf("removing the container of %s: %w", i.program, err)
	}
	return i.release()
}

// release gives back the ports and the folder, and forgets where the container was.
func (i *instance) release() error {
	for _, port := range i.held {
		_ = port.Release()
	}
	i.held = nil
	if i.launcher.mapped != nil {
		for _, address := range i.address {
			i.launcher.mapped.part(address)
		}
	}
	if i.own == nil {
		return nil
	}
	return i.own.Remove()
}

func (i *instance) api() client.APIClient { return i.launcher.engine.client }

// remove removes a container and its volumes; one that is not there, or that is being removed, is no error.
func remove(ctx context.Context, api client.APIClient, id string) error {
	_, err := api.ContainerRemove(ctx, id, client.ContainerRemoveOptions{RemoveVolumes: true, Force: true})
	if errdefs.IsNotFound(err) || errdefs.IsConflict(err) {
		return nil
	}
	return err
}

// lines passes on whole lines only, as two streams share one log.
type lines struct {
	to      *launch.Log
	partial []byte
}

func (l *lines) Write(p []byte) (int, error) {
	end := bytes.LastIndexByte(p, '\n') + 1
	if end > 0 {
		_, _ = l.to.Write(append(l.partial, p[:end]...))
		l.partial = l.partial[:0]
	}
	l.partial = append(l.partial, p[end:]...)
	if len(l.partial) >= longestLine {
		l.flush()
	}
	return len(p), nil
}

func (l *lines) flush() {
	if len(l.partial) > 0 {
		_, _ = l.to.Write(append(l.partial, '\n'))
		l.partial = l.partial[:0]
	}
}
