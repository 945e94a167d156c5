package stub

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/calico-tls/conformance/harness/link/felixtypha"
)

// metrics are the counters of a stub Typha that tell of its clients, as the real one publishes them.
type metrics struct {
	// address is where they are published; "" for nowhere.
	address  string
	accepted *atomic.Int64
	// streaming has an entry for each syncer.
	streaming map[string]*atomic.Int64
}

func (e environment) metrics() (metrics, error) {
	m := metrics{accepted: &atomic.Int64{}, streaming: map[string]*atomic.Int64{}}
	for _, syncer := range felixtypha.Syncers {
		m.streaming[syncer] = &atomic.Int64{}
	}
	enabled, err := e.yes("TYPHA_PROMETHEUSMETRICSENABLED")
	if err != nil || !enabled {
		return m, err
	}
	port, err := e.number("TYPHA_PROMETHEUSMETRICSPORT", 9093)
	m.address = net.JoinHostPort(e.value("TYPHA_PROMETHEUSMETRICSHOST"), strconv.Itoa(port))
	return m, err
}

// stream counts a client that is served, until the function is called that it returns.
func (m metrics) stream(syncer string) (stop func()) {
	m.streaming[syncer].Add(1)
	return func() { m.streaming[syncer].Add(-1) }
}

// serve publishes the metrics until ctx ends.
func (m metrics) serve(ctx context.Context, wg *sync.WaitGroup) error {
	if m.address == "" {
		return nil
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /metrics", m.write)
	if err := publish(ctx, wg, m.address, mux); err != nil {
		return fmt.Errorf("publishing metrics: %w", err)
	}
	return nil
}

// write writes the metrics in the text format of Prometheus.
func (m metrics) write(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; version=0.0.4")
	_, _ = fmt.Fprintf(w, "# TYPE typha_connections_accepted counter\ntypha_connections_accepted %d\n# TYPE typha_connections_streaming gauge\n", m.accepted.Load())
	for _, syncer := range felixtypha.Syncers {
		_, _ = fmt.Fprintf(w, "typha_connections_streaming{syncer=%q} %d\n", syncer, m.streaming[syncer].Load())
	}
}
