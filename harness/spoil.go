package harness

import (
	"context"
	"fmt"

	"github.com/calico-tls/conformance/harness/handshake"
	"github.com/calico-tls/conformance/harness/link"
	"github.com/calico-tls/conformance/harness/matrix"
	"github.com/calico-tls/conformance/pki"
)

// spoil accepts a client, and while the connection stands spoils a file that it reads for the next one: it takes the
// file away, then puts junk there. Each time the client must fail, by its own words, without dialling. Then the file is
// right again, and the observation is that of the connection after.
func (t *trial) spoil(ctx context.Context, c matrix.Case, listener link.Listener) handshake.Observation {
	parameter := t.setting.Spoils
	start, err := t.lab.outfit(t.end)
	if err != nil {
		return handshake.Observation{Broken: err.Error()}
	}
	ctx, cancel := context.WithTimeout(ctx, t.lab.Deadline)
	defer cancel()
	file := string(parameter) + ".pem"
	failures := t.failures()
	gone := func() error { return t.instance.Replace(ctx, file, nil) }
	a, err := t.attempt(c)
	if err != nil {
		return handshake.Observation{Broken: err.Error()}
	}
	a.Accepted = func() { err = gone() }
	account, _ := listener.Serve(ctx, a)
	t.journal.Account(ctx, "")
	if err != nil || account.Claim != handshake.Accepted {
		return handshake.Observation{Broken: fmt.Sprintf("spoiling %s of %s, which was to be accepted before: %s %v", file, t.Subject, account.Error, err)}
	}
	for _, data := range [][]byte{nil, pki.JunkText.PEM()} {
		if data != nil {
			if err := t.instance.Replace(ctx, file, data); err != nil {
				return handshake.Observation{Broken: fmt.Sprintf("spoiling %s of %s: %v", file, t.Subject, err)}
			}
		}
		failures.drain()
		if err := failures.next(ctx); err != nil {
			return handshake.Observation{Broken: fmt.Sprintf("waiting until %s stumbles over %s: %v", t.Subject, file, err)}
		}
		if quiet, err := listener.Quiet(ctx); err != nil || !quiet {
			return handshake.Observation{Against: "it dialled though it could not use a file", Evidence: handshake.Both, Broken: broken(err)}
		}
	}
	if err := t.instance.Replace(ctx, file, start.Given[parameter].Data); err != nil {
		return handshake.Observation{Broken: fmt.Sprintf("mending %s of %s: %v", file, t.Subject, err)}
	}
	return t.serve(ctx, c, listener)
}

func broken(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
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
