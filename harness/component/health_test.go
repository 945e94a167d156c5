package component_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/calico-tls/conformance/harness/component"
	"github.com/calico-tls/conformance/harness/launch"
)

// answering is a program of which there is an address, and a log.
type answering struct {
	launch.Instance
	address string
	log     *launch.Log
}

func (a answering) Address(port string) string {
	if port != "health" {
		return "no such port"
	}
	return a.address
}

func (a answering) Log() *launch.Log { return a.log }

func TestAskReady(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		status int
		want   component.Readiness
		fails  bool
	}{
		{http.StatusOK, component.IsReady, false},
		{http.StatusNoContent, component.IsReady, false},
		{http.StatusServiceUnavailable, component.IsNotReady, false},
		{http.StatusNotFound, component.NoAnswer, true},
		{http.StatusInternalServerError, component.NoAnswer, true},
		{http.StatusMovedPermanently, component.NoAnswer, true},
	} {
		t.Run(http.StatusText(c.status), func(t *testing.T) {
			t.Parallel()
			asked := make(chan string, 64)
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				asked <- r.Method + " " + r.URL.Path
				w.Header().Set("Location", "/liveness")
				w.WriteHeader(c.status)
			}))
			defer s.Close()
			got, err := component.AskReady("health")(t.Context(), answering{address: s.Listener.Addr().String()})
			if got != c.want || (err != nil) != c.fails {
				t.Errorf("wanted %q and an error: %t, found %q and %v", c.want, c.fails, got, err)
			}
			if err != nil && !strings.Contains(err.Error(), "wanted status 200, 204 or 503, found") {
				t.Errorf("wanted an error that says what was found, found %v", err)
			}
			if what := <-asked; what != "GET /readiness" || len(asked) > 0 {
				t.Errorf("wanted it asked once for its readiness, found %q and %d more", what, len(asked))
			}
		})
	}
}

// TestAskReadyOfNobody: where nobody answers, in time or in HTTP, that is the answer, unless the asking was ended.
func TestAskReadyOfNobody(t *testing.T) {
	t.Parallel()
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	for name, address := range map[string]string{"nobody listens": closed.Addr().String(), "nobody speaks": silent.Addr().String()} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			defer cancel()
			if got, err := component.AskReady("health")(ctx, answering{address: address}); got != component.NoAnswer || err != nil {
				t.Errorf("wanted no answer, found %q and %v", got, err)
			}
		})
	}
}

// TestAskReadyOfSomebodyElse: a port on which something else answers proves nothing of the component.
func TestAskReadyOfSomebodyElse(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = conn.Write([]byte("SSH-2.0-somebody-else\r\n"))
			_ = conn.Close()
		}
	}()
	if got, err := component.AskReady("health")(t.Context(), answering{address: l.Addr().String()}); got != component.NoAnswer {
		t.Errorf("wanted no answer, found %q and %v", got, err)
	}
}

func TestAwaitReady(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		lines []string
		words string
		fails error
	}{
		"ready":                 {[]string{"hello", "ready"}, "", nil},
		"ready, then no":        {[]string{"ready", "no: too late"}, "", nil},
		"no":                    {[]string{"hello", "no: not so"}, "not so", nil},
		"neither, and it ended": {[]string{"hello"}, "", launch.ErrLogEnded},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := answering{log: &launch.Log{}}
			for _, line := range c.lines {
				_, _ = a.log.Write([]byte(line + "\n"))
			}
			_ = a.log.Close()
			err := component.AwaitReady(t.Context(), "pear", reader(t), a)
			var refused *component.RefusedError
			switch {
			case c.words != "":
				if !errors.As(err, &refused) || refused.Words != c.words || refused.Component != "pear" {
					t.Errorf("wanted it refused in the words %q, found %v", c.words, err)
				}
			case !errors.Is(err, c.fails):
				t.Errorf("wanted %v, found %v", c.fails, err)
			}
		})
	}
}
