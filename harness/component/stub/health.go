package stub

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// health is what a stub says of itself to whoever asks, as the real ones do: at /readiness, a status of 200 means that it
// is ready, and 503 that it is not (Calico libcalico-go/lib/health/health.go).
type health struct {
	// address is where it answers; "" for nowhere.
	address string
	ready   *atomic.Bool
}

// health reads the settings that begin with a prefix, as in TYPHA_HEALTHENABLED, TYPHA_HEALTHHOST and TYPHA_HEALTHPORT.
func (e environment) health(prefix string, otherwise int) (health, error) {
	h := health{ready: &atomic.Bool{}}
	enabled, err := e.yes(prefix + "HEALTHENABLED")
	if err != nil || !enabled {
		return h, err
	}
	port, err := e.number(prefix+"HEALTHPORT", otherwise)
	h.address = net.JoinHostPort(e.value(prefix+"HEALTHHOST"), strconv.Itoa(port))
	return h, err
}

// serve answers until ctx ends.
func (h health) serve(ctx context.Context, wg *sync.WaitGroup) error {
	if h.address == "" {
		return nil
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /readiness", func(w http.ResponseWriter, _ *http.Request) {
		if h.ready.Load() {
			w.WriteHeader(http.StatusOK)
			return
		}
		w.WriteHeader(http.StatusServiceUnavailable)
	})
	if err := publish(ctx, wg, h.address, mux); err != nil {
		return fmt.Errorf("answering for its health: %w", err)
	}
	return nil
}

// publish serves at an address until ctx ends.
func publish(ctx context.Context, wg *sync.WaitGroup, address string, handler http.Handler) error {
	var c net.ListenConfig
	l, err := c.Listen(ctx, "tcp", address)
	if err != nil {
		return err
	}
	s := &http.Server{Handler: handler, ReadHeaderTimeout: 5 * time.Second}
	wg.Go(func() { _ = s.Serve(l) })
	wg.Go(func() {
		<-ctx.Done()
		_ = s.Close()
	})
	return nil
}
