package typha_test

import (
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/calico-tls/conformance/harness/component"
	"github.com/calico-tls/conformance/harness/component/typha"
	"github.com/calico-tls/conformance/harness/launch"
)

// publishing is a program of which there is the address of its metrics.
type publishing struct {
	launch.Instance
	address string
}

func (p publishing) Address(string) string { return p.address }

// FuzzCounters: whatever is published as metrics, it is counters or an error.
func FuzzCounters(f *testing.F) {
	f.Add([]byte("# TYPE typha_connections_accepted counter\ntypha_connections_accepted 3\n"))
	f.Add([]byte("# TYPE typha_connections_streaming gauge\ntypha_connections_streaming{syncer=\"felix\"} 1\n"))
	f.Add([]byte("typha_connections_accepted NaN\ntypha_connections_streaming{syncer=\"\\x"))
	var published atomic.Value
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(published.Load().([]byte)) }))
	f.Cleanup(s.Close)
	f.Fuzz(func(t *testing.T, octets []byte) {
		published.Store(octets)
		c, err := typha.Counters(t.Context(), publishing{address: s.Listener.Addr().String()})
		if err != nil && c != (component.Counters{}) {
			t.Errorf("wanted no counters beside the error %v, found %+v", err, c)
		}
	})
}
