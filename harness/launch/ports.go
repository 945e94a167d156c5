package launch

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"

	"github.com/gofrs/flock"
)

// The default range lies below the ports that Linux, macOS and Windows give to outgoing connections, and below the node
// ports of Kubernetes.
const (
	firstPort = 20000
	lastPort  = 29999
)

// Ports hands out fixed TCP ports to programs that can't choose a free one by themselves. A port is held by a locked
// file, so that runs beside each other never get the same, and was free when it was handed out.
type Ports struct {
	// Folder holds the files; whoever shares it shares the ports.
	Folder string
	// First and Last are the range. Ports that the kernel gives to outgoing connections are left out of it, unless there
	// are no others.
	First, Last int
}

// Port is a port that is held.
type Port struct {
	number int
	lock   *flock.Flock
}

// NoPortError says that no port was left.
type NoPortError struct {
	// First and Last are the range.
	First, Last int
}

func (e *NoPortError) Error() string {
	return fmt.Sprintf("taking a port: wanted a free one from %d to %d, found none", e.First, e.Last)
}

// Hint returns what to do.
func (e *NoPortError) Hint() string {
	return "end programs that listen in this range, or runs that are left over"
}

// DefaultPorts returns the ports that all runs of this user share.
func DefaultPorts() (Ports, error) {
	home, err := Home()
	if err != nil {
		return Ports{}, err
	}
	return Ports{Folder: filepath.Join(home, "ports"), First: firstPort, Last: lastPort}, nil
}

// Take returns a port that nobody holds and on which nobody listens, be it on one address or on all. It returns a
// [*NoPortError] if there is none.
func (p Ports) Take(ctx context.Context) (*Port, error) {
	if err := os.MkdirAll(p.Folder, 0o700); err != nil {
		return nil, fmt.Errorf("making the folder of port locks: %w", err)
	}
	candidates := p.candidates()
	// A random start keeps a port that was just given back from being the next one handed out.
	var start [4]byte
	_, _ = rand.Read(start[:])
	for i := range uint64(len(candidates)) {
		port, err := p.try(ctx, candidates[(uint64(binary.BigEndian.Uint32(start[:]))+i)%uint64(len(candidates))])
		if port != nil || err != nil {
			return port, err
		}
	}
	return nil, &NoPortError{First: p.First, Last: p.Last}
}

// Number returns the port's number.
func (p *Port) Number() int { return p.number }

// Release gives the port back.
func (p *Port) Release() error {
	// The file goes while its lock is held: whoever has it open already finds that it is not the one in the folder.
	err := errors.Join(os.Remove(p.lock.Path()), p.lock.Unlock())
	if err != nil {
		return fmt.Errorf("giving back port %d: %w", p.number, err)
	}
	return nil
}

func (p Ports) candidates() []int {
	var all, outside []int
	low, high := ephemeral()
	for port := p.First; port <= p.Last; port++ {
		all = append(all, port)
		if port < low || port > high {
			outside = append(outside, port)
		}
	}
	if len(outside) == 0 {
		return all
	}
	return outside
}

// try returns the port if it is free, and nil if not.
func (p Ports) try(ctx context.Context, number int) (*Port, error) {
	port, err := p.hold(number)
	if port == nil || err != nil {
		return nil, err
	}
	if !listenable(ctx, number) {
		return nil, errors.Join(context.Cause(ctx), port.Release())
	}
	return port, nil
}

// hold returns the port if nobody else holds it, and nil if not.
func (p Ports) hold(number int) (*Port, error) {
	lock := flock.New(filepath.Join(p.Folder, strconv.Itoa(number)))
	ok, err := lock.TryLock()
	if err != nil {
		return nil, fmt.Errorf("locking port %d: %w", number, err)
	}
	if !ok {
		return nil, nil
	}
	held, err1 := lock.Stat()
	named, err2 := os.Stat(lock.Path())
	if err1 != nil || err2 != nil || !os.SameFile(held, named) {
		return nil, lock.Unlock()
	}
	return &Port{number: number, lock: lock}, nil
}

// sweep removes the files of ports that nobody holds.
func (p Ports) sweep() error {
	entries, err := os.ReadDir(p.Folder)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("sweeping port locks: %w", err)
	}
	var errs []error
	for _, entry := range entries {
		number, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		port, err := p.hold(number)
		if port != nil {
			err = port.Release()
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// listenable reports whether one could listen on the port just now. Some kernels allow a listener on all addresses
// beside one on a single address, so both are tried.
func listenable(ctx context.Context, port int) bool {
	for _, host := range []string{"127.0.0.1", ""} {
		listener, err := new(net.ListenConfig).Listen(ctx, "tcp", net.JoinHostPort(host, strconv.Itoa(port)))
		if err != nil {
			return false
		}
		_ = listener.Close()
	}
	return true
}
