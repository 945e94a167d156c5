package felixtypha_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/calico-tls/conformance/harness/link/felixtypha"
)

// TestDirectory: the endpoints of Typha's service are those in the path, the first of them on Felix's own host; no other
// service has any.
func TestDirectory(t *testing.T) {
	t.Parallel()
	const of = "/namespaces/calico-system/endpointslices?labelSelector=kubernetes.io/service-name=calico-typha"
	for name, c := range map[string]struct {
		endpoints []string
		path      string
		status    int
		want      []string
	}{
		"two":               {[]string{"127.0.0.1:1", "127.0.0.2:2"}, of, http.StatusOK, []string{"127.0.0.1:1 on conformance", "127.0.0.2:2 on conformance-1"}},
		"what is none":      {[]string{"nobody", "127.0.0.1:x", "127.0.0.1:1"}, of, http.StatusOK, []string{"127.0.0.1:1 on conformance-2"}},
		"another service":   {[]string{"127.0.0.1:1"}, "/namespaces/calico-system/endpointslices?labelSelector=kubernetes.io/service-name=kube-dns", http.StatusOK, nil},
		"another namespace": {[]string{"127.0.0.1:1"}, "/namespaces/kube-system/endpointslices?labelSelector=kubernetes.io/service-name=calico-typha", http.StatusOK, nil},
		"another kind":      {[]string{"127.0.0.1:1"}, "/namespaces/calico-system/endpoints", http.StatusNotFound, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			answer := httptest.NewRecorder()
			path := felixtypha.ListedAt(c.endpoints) + "/apis/discovery.k8s.io/v1" + c.path
			felixtypha.Directory().ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
			if answer.Code != c.status {
				t.Fatalf("wanted status %d, found %d", c.status, answer.Code)
			}
			var list struct {
				Items []struct {
					Endpoints []struct {
						Addresses []string
						NodeName  string
					}
					Ports []struct {
						Name string
						Port json.Number
					}
				}
			}
			if err := json.Unmarshal(answer.Body.Bytes(), &list); err != nil && answer.Code == http.StatusOK {
				t.Fatal(err)
			}
			var got []string
			for _, s := range list.Items {
				got = append(got, s.Endpoints[0].Addresses[0]+":"+s.Ports[0].Port.String()+" on "+s.Endpoints[0].NodeName)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("endpoints (-want +got):\n%s", diff)
			}
		})
	}
}

// TestDirectoryVersion: it says of which version it is, as Felix asks for that first.
func TestDirectoryVersion(t *testing.T) {
	t.Parallel()
	answer := httptest.NewRecorder()
	felixtypha.Directory().ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/127.0.0.1:1/version", nil))
	var version struct{ GitVersion string }
	if err := json.Unmarshal(answer.Body.Bytes(), &version); err != nil || version.GitVersion == "" {
		t.Errorf("wanted a version, found %q, %v", answer.Body, err)
	}
}
