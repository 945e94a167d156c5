package kubeapiserver

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/calico-tls/conformance/harness/link"
	"github.com/calico-tls/conformance/harness/link/instrument"
)

// conversation is what is spoken over one connection of an observer.
type conversation struct {
	tapped *instrument.Tapped
	raw    net.Conn
	server *http.Server
	behind *behind
	// denies is what it denies to whoever asks for it, and denied is closed once it has; "" for nothing.
	denies string
	denied chan struct{}
	// answers holds the first answer that tells anything.
	answers chan answer
	ended   chan struct{}
	once    sync.Once
	denying sync.Once
}

// converse serves the requests that come over the connection of a session, by HTTP/1.1 or HTTP/2 as the client begins, until
// the client closes it or ctx ends.
func converse(ctx context.Context, s *instrument.Session, a link.Attempt) (*conversation, error) {
	b, err := newBehind(s, a)
	if err != nil {
		return nil, err
	}
	c := &conversation{
		tapped: instrument.NewTapped(s), raw: s.Raw, behind: b, denied: make(chan struct{}),
		answers: make(chan answer, 1), ended: make(chan struct{}),
	}
	if d, ok := Link.Conduct(a.Conduct); ok {
		c.denies = d.Denies
	}
	var spoken http.Protocols
	spoken.SetHTTP1(true)
	spoken.SetUnencryptedHTTP2(true) // what is encrypted, the session has decrypted already
	c.server = &http.Server{
		ReadHeaderTimeout: time.Minute, // the deadline of the attempt comes first
		Handler:           c, Protocols: &spoken, ErrorLog: log.New(io.Discard, "", 0),
		BaseContext: func(net.Listener) context.Context { return ctx },
		ConnState: func(_ net.Conn, state http.ConnState) {
			if state == http.StateClosed {
				c.hangUp()
			}
		},
	}
	go func() { _ = c.server.Serve(newSingle(c.tapped, c.ended)) }()
	context.AfterFunc(ctx, c.hangUp)
	return c, nil
}

// ServeHTTP implements [http.Handler].
func (c *conversation) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if c.denies != "" && r.URL.Path == c.denies {
		http.Error(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Unauthorized","code":401}`, http.StatusUnauthorized)
		c.denying.Do(func() { close(c.denied) })
		return
	}
	status := c.behind.pass(w, r)
	if got, tells := c.behind.judge(r, status); tells {
		select {
		case c.answers <- got:
		default: // the first one counts
		}
	}
}

// await waits for the first answer that tells anything, and where there is something to deny until that was denied as well. The
// error is why it did not come to that.
func (c *conversation) await(ctx context.Context) (answer, error) {
	got, err := c.first(ctx)
	if err != nil || c.denies == "" || got.objection() != nil {
		return got, err
	}
	select {
	case <-c.denied:
		return got, nil
	case <-c.ended:
	case <-ctx.Done():
	}
	return answer{}, fmt.Errorf("waiting for a request for %s, which is to be denied: %w", c.denies, c.silence(ctx))
}

// first waits for the first answer that tells anything.
func (c *conversation) first(ctx context.Context) (answer, error) {
	select {
	case got := <-c.answers:
		return got, nil
	case <-c.ended:
	case <-ctx.Done():
	}
	select {
	case got := <-c.answers:
		return got, nil
	default:
	}
	return answer{}, fmt.Errorf("waiting for a request that can be answered: %w", c.silence(ctx))
}

// silence says why no more is to come.
func (c *conversation) silence(ctx context.Context) error {
	if err := c.tapped.Broke(); err != nil {
		return err
	}
	if err := context.Cause(ctx); err != nil {
		return err
	}
	return fmt.Errorf("%w: the client does not speak HTTP", instrument.ErrObjection)
}

// hangUp ends the conversation, and with it the connection.
func (c *conversation) hangUp() {
	c.once.Do(func() {
		close(c.ended)
		_ = c.raw.Close()
		_ = c.server.Close()
		c.behind.close()
	})
}

// single is a listener that has one connection to give.
type single struct {
	conn  chan net.Conn
	local net.Addr
	ended <-chan struct{}
}

func newSingle(conn net.Conn, ended <-chan struct{}) single {
	l := single{conn: make(chan net.Conn, 1), local: conn.LocalAddr(), ended: ended}
	l.conn <- conn
	return l
}

// Accept implements [net.Listener].
func (l single) Accept() (net.Conn, error) {
	select {
	case conn := <-l.conn:
		return conn, nil
	case <-l.ended:
		return nil, net.ErrClosed
	}
}

// Close implements [net.Listener].
func (single) Close() error { return nil }

// Addr implements [net.Listener].
func (l single) Addr() net.Addr { return l.local }
