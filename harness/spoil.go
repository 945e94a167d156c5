package harness

import (
	"context"
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
	ctx, cancel := context.WithTimeout(ctx, t.lab.Deadline)
	defer cancel()
	for _, data := range spoilt {
		against, err := t.stumble(ctx, c, listener, data, start.Given[t.setting.Spoils].Data)
		if err != nil {
			return handshake.Observation{Broken: err.Error()}
		}
		if against != "" {
			o := t.serve(ctx, c, listener)
			o.Against = against
			return o
		}
	}
	return t.serve(ctx, c, listener)
}

// stumble accepts the client, puts other data into the file before the connection ends, waits until the client fails over
// it, and puts the file right again. It says what is against a client that dialled meanwhile.
func (t *trial) stumble(ctx context.Context, c matrix.Case, listener link.Listener, spoilt, right []byte) (against string, err error) {
	file := string(t.setting.Spoils) + ".pem"
	a, err := t.attempt(c)
	if err != nil {
		return "", err
	}
	var failures lines
	a.Accepted = func() {
		err = t.instance.Replace(ctx, file, spoilt)
		failures = t.failures()
	}
	account, from := listener.Serve(ctx, a)
	t.journal.Account(ctx, t.asSeen(from))
	switch {
	case account.Claim != handshake.Accepted:
		return "", fmt.Errorf("accepting %s before its file %s is spoilt: %s", t.Subject, file, account.Error)
	case err != nil:
		return "", fmt.Errorf("spoiling %s of %s: %w", file, t.Subject, err)
	}
	if err := failures.next(ctx); err != nil {
		return "", fmt.Errorf("waiting until %s stumbles over %s: %w", t.Subject, file, err)
	}
	quiet, err := listener.Quiet(ctx)
	if err != nil || !quiet {
		return "it dialled though it could not use a file", err
	}
	if err := t.instance.Replace(ctx, file, right); err != nil {
		return "", fmt.Errorf("mending %s of %s: %w", file, t.Subject, err)
	}
	return "", nil
}

// failures are the lines by which the subject says from now on that it makes no connection.
func (t *trial) failures() lines {
	l := make(lines, 64)
	t.instance.Log().Watch(func(line string) {
		if _, fails := t.lab.Parts[t.Subject].Reader.Refuses(line); fails {
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
