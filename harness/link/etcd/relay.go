package etcd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/calico-tls/conformance/harness/link/instrument"
)

// relay passes on what a client says to an etcd behind, and what that answers, both in the clear.
type relay struct{ relayed sync.WaitGroup }

// pass passes octets on both ways, and returns nil once an RPC was answered with status 0 and the client was told; it goes
// on until the connection is closed. An error is that of the client, or of the etcd behind.
func (r *relay) pass(ctx context.Context, client *instrument.Tapped, address string) error {
	if address == "" {
		return errNobodyBehind
	}
	var d net.Dialer
	behind, err := d.DialContext(ctx, "tcp", address)
	if err != nil {
		return fmt.Errorf("passing on what the client says: %w", err)
	}
	context.AfterFunc(ctx, func() { _ = behind.Close() })
	answered, over, ended := make(chan struct{}), make(chan struct{}), make(chan error, 2)
	r.relayed.Go(func() {
		_, err := io.Copy(behind, client)
		_ = behind.Close()
		<-over // a client that has its answer may be gone before that is noted
		if client.Broke() != nil {
			err = client.Broke()
		}
		ended <- fmt.Errorf("waiting for a request: %w", err)
	})
	r.relayed.Go(func() {
		defer close(over)
		err := answer(client, behind, sync.OnceFunc(func() { close(answered) }))
		if !errors.Is(err, net.ErrClosed) {
			ended <- fmt.Errorf("passing an answer on: %w", err)
		}
	})
	select {
	case <-answered:
		return nil
	case err := <-ended:
		select {
		case <-answered:
			return nil
		default:
			return err
		}
	case <-ctx.Done():
		return fmt.Errorf("waiting for an RPC to be answered: %w", context.Cause(ctx))
	}
}

// maxFrame bounds the frames of an answer: etcd announces none that are larger (RFC 9113 section 4.2).
const maxFrame = 1 << 20

// answer passes frames on to the client as they come, and calls answered when it has passed on the end of an RPC with
// status 0.
func answer(client io.Writer, behind io.Reader, answered func()) error {
	passed := &batch{}
	from := http2.NewFramer(nil, io.TeeReader(behind, passed))
	from.SetMaxReadFrameSize(maxFrame)
	from.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	for {
		frame, err := from.ReadFrame()
		if err != nil {
			return err
		}
		if _, err := client.Write(passed.take()); err != nil {
			return err
		}
		if h, ok := frame.(*http2.MetaHeadersFrame); ok && h.StreamEnded() && succeeded(h) {
			answered()
		}
	}
}

// succeeded reports whether headers say that an RPC has succeeded.
func succeeded(h *http2.MetaHeadersFrame) bool {
	for _, field := range h.Fields {
		if field.Name == "grpc-status" {
			return field.Value == "0"
		}
	}
	return false
}

// batch holds what was read and not taken yet.
type batch struct{ octets []byte }

// Write implements [io.Writer].
func (b *batch) Write(p []byte) (int, error) {
	b.octets = append(b.octets, p...)
	return len(p), nil
}

func (b *batch) take() []byte {
	all := b.octets
	b.octets = nil
	return all
}
