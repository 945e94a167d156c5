package harness

import (
	"context"
	"errors"
	"fmt"

	"github.com/calico-tls/conformance/harness/handshake"
	"github.com/calico-tls/conformance/harness/link"
	"github.com/calico-tls/conformance/harness/matrix"
	"github.com/calico-tls/conformance/pki"
)

// spoilt are what stands in the place of a file that is spoilt: nothing, and then junk.
var spoilt = [][]byte{nil, pki.JunkText.PEM()}

// spoil accepts a client, and while the connection stands spoils a file that it reads for the next one. The client must
// fail, by its own words, without dialling, and recover once the file is right again; so for each way to spoil the file.
// The observation is that of the last connection.
func (t *trial) spoil(ctx context.Context, c matrix.Case, listener link.Listener) handshake.Observation {
	start, err := t.lab.outfit(t.end)
	if err != nil {
		return handshake.Observation{Broken: err.Error()}
	}
	for _, data := range spoilt {
		o := t.stumble(ctx, c, listener, data, start.Given[t.setting.Spoils].Data)
		switch {
		case o.Broken != "", o.Server.Claim != handshake.Accepted:
			return o
		case o.Against != "":
			against := o.Against
			o = t.serve(ctx, c, listener)
			o.Against = against
			return o
		}
	}
	return t.serve(ctx, c, listener)
}

// stumble accepts the client, puts other data into the file before the connection ends, waits until the client fails over
// it, and puts the file right again. The observation is that of the connection; a client that dialled meanwhile has that
// against it.
func (t *trial) stumble(ctx context.Context, c matrix.Case, listener link.Listener, spoilt, right []byte) handshake.Observation {
	ctx, cancel := context.WithTimeout(ctx, 2*t.lab.Deadline) // for a connection, and for what follows
	defer cancel()
	file := string(t.setting.Spoils) + ".pem"
	var failures lines
	var mend func() error
	var err error
	o := t.attend(ctx, c, listener, func(*handshake.Observation) {
		if err = t.instance.Replace(ctx, file, spoilt); err != nil {
			return
		}
		mend, err = t.instance.Replacing(ctx, file, right)
		failures = t.failures()
	})
	if o.Broken != "" || o.Server.Claim != handshake.Accepted {
		return o
	}
	if err != nil {
		o.Broken = fmt.Sprintf("spoiling %s of %s: %v", file, t.Subject, err)
		return o
	}
	if err := failures.next(ctx); err != nil {
		o.Broken = fmt.Sprintf("waiting until %s stumbles over %s: %v", t.Subject, file, err)
		return o
	}
	quiet, err := listener.Quiet(ctx)
	if err != nil || !quiet {
		o.Against = "it dialled though it could not use a file"
	}
	if err = errors.Join(err, mend()); err != nil {
		o.Broken = fmt.Sprintf("mending %s of %s: %v", file, t.Subject, err)
	}
	return o
}

// failures are the lines by which the subject says from now on that it makes no connection.
func (t *trial) failures() lines {
	l := make(lines, 64)
	t.instance.Log().Watch(func(line string) {
		if _, fails := t.part.Reader.Refuses(line); fails {
			select {
			case l <- line:
			default: // nobody asks for that many
			}
		}
	})
	l.drain()
	return l
}

// lines are lines of a log that nobody has taken yet.
type lines chan string

func (l lines) drain() {
	for len(l) > 0 {
		<-l
	}
}

// next waits for a line.
func (l lines) next(ctx context.Context) error {
	select {
	case <-l:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
