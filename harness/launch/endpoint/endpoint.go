// Package endpoint stands for programs that run already: nothing is started or stopped. What a program writes to a log file
// is followed from where the file ends at first.
package endpoint

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"

	"github.com/calico-tls/conformance/harness/launch"
)

// name is the launcher's name in messages.
const name = "endpoint"

// Launcher knows one program that runs.
type Launcher struct {
	// Address is where the program listens, as "host:port".
	Address string
	// LogFile is the path of the file to which it writes its log; "" if its log cannot be had.
	LogFile string
}

var _ launch.Launcher = Launcher{}

// AbsentError says that nobody listens at an endpoint.
type AbsentError struct {
	Address string
	// Cause is what was found.
	Cause error
}

func (e *AbsentError) Error() string {
	return fmt.Sprintf("dialling the endpoint %s: wanted a server that listens, found: %v", e.Address, e.Cause)
}

// Unwrap returns the cause.
func (e *AbsentError) Unwrap() error { return e.Cause }

// Hint returns what to do.
func (e *AbsentError) Hint() string {
	return "start the server, and check that " + e.Address + " can be reached from here"
}

// Name implements [launch.Launcher].
func (l Launcher) Name() string { return name }

// Start implements [launch.Launcher]: it starts nothing, and neither configures the program nor asks whether it is ready. It
// returns an [*AbsentError] if nobody listens.
func (l Launcher) Start(ctx context.Context, p launch.Program) (launch.Instance, error) {
	address, err := l.dial(ctx)
	if err != nil {
		return nil, fmt.Errorf("looking for %s: %w", p.Name, err)
	}
	ctx, end := context.WithCancel(context.WithoutCancel(ctx))
	i := &instance{address: address, end: end, done: ctx.Done()}
	if l.LogFile == "" {
		return i, nil
	}
	following, err := follow(l.LogFile)
	if err != nil {
		end()
		return nil, fmt.Errorf("following the log of %s: %w", p.Name, err)
	}
	i.reading.Go(func() {
		defer i.log.Close()
		if err := following.copyTo(ctx, &i.log); err != nil {
			fmt.Fprintf(&i.log, "its log can no longer be read: %v\n", err)
		}
	})
	return i, nil
}

// dial returns the address of the endpoint as "IP:port".
func (l Launcher) dial(ctx context.Context) (string, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", l.Address)
	if err != nil {
		return "", &AbsentError{Address: l.Address, Cause: err}
	}
	defer conn.Close()
	return conn.RemoteAddr().String(), nil
}

// instance is a program that runs whatever we do.
type instance struct {
	address string
	log     launch.Log
	end     context.CancelFunc
	done    <-chan struct{}
	reading sync.WaitGroup
}

// errFixed is what an endpoint answers whoever wants to change its files.
var errFixed = errors.New("an endpoint's files are not ours to change")

// Address implements [launch.Instance]: whatever its port is called, it is the one that is known.
func (i *instance) Address(string) string { return i.address }

// Log implements [launch.Instance].
func (i *instance) Log() *launch.Log { return &i.log }

// Done implements [launch.Instance]: it is closed by Stop alone.
func (i *instance) Done() <-chan struct{} { return i.done }

// ExitCode implements [launch.Instance].
func (i *instance) ExitCode() int { return -1 }

// SeesSource implements [launch.Instance]: its log is expected to name the addresses from which we dial.
func (i *instance) SeesSource() bool { return true }

// Digest implements [launch.Instance].
func (i *instance) Digest() string { return "" }

// Replace implements [launch.Instance]; it returns an error.
func (i *instance) Replace(context.Context, string, []byte) error { return errFixed }

// Replacing implements [launch.Instance]; it returns an error.
func (i *instance) Replacing(context.Context, string, []byte) (func() error, error) {
	return nil, errFixed
}

// Stop implements [launch.Instance]: it lets go of the log, and of nothing else.
func (i *instance) Stop(context.Context) error {
	i.end()
	i.reading.Wait()
	return nil
}
