package component_test

import (
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/calico-tls/conformance/harness/component"
	"github.com/calico-tls/conformance/harness/launch"
	"github.com/calico-tls/conformance/harness/link"
)

// here is a place on this machine.
type here struct{ place }

func (here) Reach(address string) string { return address }

// TestPod describes a program that runs in a pod: it is told where kube-apiserver is by two variables, and looks for its files
// where Kubernetes puts them.
func TestPod(t *testing.T) {
	t.Parallel()
	const folder = "/var/run/secrets/kubernetes.io/serviceaccount/"
	token, authority := launch.File{Name: folder + "token", Data: []byte("a token"), Place: launch.Fixed}, launch.File{Name: folder + "ca.crt", Data: []byte("a bundle"), Place: launch.Fixed}
	for name, c := range map[string]struct {
		start component.Start
		files []launch.File
		env   map[string]string
	}{
		"both files": {
			component.Start{Given: map[link.Parameter]component.Value{link.BearerToken: own("a token"), link.Bundle: own("a bundle")}, Peer: "127.0.0.1:5"},
			[]launch.File{authority, token},
			map[string]string{"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": "5"},
		},
		"a token alone": {
			component.Start{Given: map[link.Parameter]component.Value{link.BearerToken: own("a token")}, Peer: "127.0.0.1:5", Host: "::1"},
			[]launch.File{token},
			map[string]string{"KUBERNETES_SERVICE_HOST": "::1", "KUBERNETES_SERVICE_PORT": "5"},
		},
		"a system of its own": {
			component.Start{Peer: "127.0.0.1:5", System: []byte("a system's bundle"), Env: map[string]string{"OTHER": "2"}},
			[]launch.File{{Name: "system.pem", Data: []byte("a system's bundle")}},
			map[string]string{"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": "5", "SSL_CERT_FILE": "/own/system.pem", "OTHER": "2"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.start.From = link.FromPod
			p := component.Kubernetes(launch.Program{Name: "pear", Configure: func(launch.Placement) launch.Invocation {
				return launch.Invocation{Env: map[string]string{"OTHER": "1"}}
			}}, c.start, nil)
			want := map[string]string{"OTHER": "1"}
			maps.Copy(want, c.env)
			if diff := cmp.Diff(want, p.Invocation(here{}).Env); diff != "" {
				t.Errorf("environment (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(c.files, slices.Clone(p.Files)); diff != "" {
				t.Errorf("files (-want +got):\n%s", diff)
			}
			if err := p.Check(); err != nil {
				t.Error(err)
			}
		})
	}
}
