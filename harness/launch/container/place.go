package container

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path"
	"strconv"

	"github.com/calico-tls/conformance/harness/launch"
)

const (
	// ownFolder holds what is a program's own: its files, and the folder that it may write to.
	ownFolder   = "/conformance"
	filesFolder = ownFolder + "/files"
	dataFolder  = ownFolder + "/data"
	// firstPort is the first port on which a program behind published ones listens: its network is its own.
	firstPort = 20000
	// hostName is the name of this machine in a container on a bridge.
	hostName = "host.docker.internal"
)

// place takes what a container needs before it can be made.
func (l *Launcher) place(ctx context.Context, p launch.Program) (*instance, error) {
	number, err := l.run.Number()
	if err != nil {
		return nil, err
	}
	i := &instance{
		launcher: l,
		program:  p.Name,
		name:     fmt.Sprintf("calico-tls-%s-%s-%d", l.run.ID(), p.Name, number),
		ports:    map[string]int{},
		address:  map[string]string{},
		done:     make(chan struct{}),
		code:     -1,
		forget:   func() {},
	}
	if l.shares.Load() {
		own := l.run.OwnFolder(p, number)
		if err := own.Make(); err != nil {
			return nil, errors.Join(err, own.Remove())
		}
		i.own = &own
	}
	for n, port := range p.Ports {
		if l.mapped != nil {
			i.ports[port] = firstPort + n
			continue
		}
		held, err := l.run.Ports.Take(ctx)
		if err != nil {
			return nil, errors.Join(err, i.release())
		}
		i.held = append(i.held, held)
		i.ports[port] = held.Number()
		i.address[port] = net.JoinHostPort(loopback, strconv.Itoa(held.Number()))
	}
	return i, nil
}

// Path implements [launch.Placement].
func (i *instance) Path(file string) string {
	if path.IsAbs(file) {
		return path.Clean(file)
	}
	return path.Join(filesFolder, path.Clean("/"+file))
}

// Host implements [launch.Placement].
func (i *instance) Host() string {
	if i.launcher.mapped != nil {
		return "0.0.0.0"
	}
	return loopback
}

// Port implements [launch.Placement]; it returns 0 for a port that the program does not name.
func (i *instance) Port(port string) int { return i.ports[port] }

// Reach implements [launch.Placement].
func (i *instance) Reach(address string) string {
	if i.launcher.mapped != nil {
		return i.launcher.mapped.reach(address)
	}
	return address
}

// Folder implements [launch.Placement].
func (i *instance) Folder() string { return dataFolder }
