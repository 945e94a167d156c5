package typhaclient_test

import (
	"path"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/calico-tls/conformance/harness/component"
	"github.com/calico-tls/conformance/harness/component/typhaclient"
	"github.com/calico-tls/conformance/harness/evidence"
	"github.com/calico-tls/conformance/harness/launch"
	"github.com/calico-tls/conformance/harness/link"
)

// place is where a program is put that is only described.
type place struct{}

func (place) Path(file string) string { return path.Join("/own", file) }
func (place) Host() string            { return "127.0.0.9" }
func (place) Port(string) int         { return 1 }
func (place) Reach(a string) string   { return "reach(" + a + ")" }
func (place) Folder() string          { return "/folder" }

func TestProgram(t *testing.T) {
	t.Parallel()
	r, err := evidence.NewReader(evidence.Patterns{})
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		start component.Start
		want  []string
	}{
		"nothing is passed as nothing": {
			component.Start{Peer: "1.2.3.4:5"},
			[]string{"--server=reach(1.2.3.4:5)", "--key-file=", "--cert-file=", "--ca-file=", "--server-cn=", "--server-uri="},
		},
		"some": {
			component.Start{Peer: "1.2.3.4:5", Given: map[link.Parameter]component.Value{
				link.Key: {File: component.Own, Data: []byte("k")}, link.Bundle: {File: component.Absent}, link.CommonName: {Text: "peer"},
			}},
			[]string{"--server=reach(1.2.3.4:5)", "--key-file=/own/key.pem", "--cert-file=", "--ca-file=/own/absent-bundle.pem", "--server-cn=peer", "--server-uri="},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := typhaclient.New(r).Program(c.start)
			if err := p.Check(); err != nil || p.Name != "typha-client" || p.Ready == nil {
				t.Errorf("wanted a program that can be started, found %+v: %v", p, err)
			}
			if diff := cmp.Diff(launch.Invocation{Args: c.want, Env: map[string]string{}}, p.Invocation(place{})); diff != "" {
				t.Errorf("invocation (-want +got):\n%s", diff)
			}
		})
	}
}
