package felix_test

import (
	"encoding/json"
	"maps"
	"path"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/calico-tls/conformance/harness/component"
	"github.com/calico-tls/conformance/harness/component/felix"
	"github.com/calico-tls/conformance/harness/evidence"
	"github.com/calico-tls/conformance/harness/launch"
	"github.com/calico-tls/conformance/harness/link"
	"github.com/calico-tls/conformance/harness/link/felixtypha"
)

// place is where a program is put that is only described.
type place struct{}

func (place) Path(file string) string { return path.Join("/own", file) }
func (place) Host() string            { return "127.0.0.9" }
func (place) Port(string) int         { return 9099 }
func (place) Reach(a string) string   { return "reach(" + a + ")" }
func (place) Folder() string          { return "/folder" }

// always is what every Felix is started with.
var always = map[string]string{
	"FELIX_FELIXHOSTNAME": "conformance", "FELIX_VARIANT": "none-such", "FELIX_NFTABLESMODE": "Disabled", "FELIX_USAGEREPORTINGENABLED": "false",
	"FELIX_LOGFILEPATH": "none", "FELIX_LOGSEVERITYSYS": "none", "FELIX_LOGSEVERITYSCREEN": "info", "FELIX_EARLYLOGSEVERITYSCREEN": "info",
	"FELIX_DEBUGDISABLELOGDROPPING": "true", "DATASTORE_TYPE": "etcdv3",
	"FELIX_HEALTHENABLED": "true", "FELIX_HEALTHHOST": "127.0.0.9", "FELIX_HEALTHPORT": "9099",
}

func TestProgram(t *testing.T) {
	t.Parallel()
	r, err := evidence.NewReader(evidence.Patterns{})
	if err != nil {
		t.Fatal(err)
	}
	given := map[link.Parameter]component.Value{
		link.Key: {File: component.Own, Data: []byte("k")}, link.Certificate: {File: component.Own}, link.Bundle: {File: component.Own},
		link.CommonName: {Text: "peer"}, link.URISAN: {Text: "spiffe://peer"},
	}
	for name, c := range map[string]struct {
		start component.Start
		args  []string
		more  map[string]string
	}{
		"nothing": {},
		"all": {
			component.Start{Given: given, Peer: "1.2.3.4:5", Behind: map[string]string{"etcd": "6.7.8.9:10"}},
			nil,
			map[string]string{
				"FELIX_TYPHAADDR": "reach(1.2.3.4:5)", "ETCD_ENDPOINTS": "http://reach(6.7.8.9:10)",
				"FELIX_TYPHAKEYFILE": "/own/key.pem", "FELIX_TYPHACERTFILE": "/own/certificate.pem", "FELIX_TYPHACAFILE": "/own/bundle.pem",
				"FELIX_TYPHACN": "peer", "FELIX_TYPHAURISAN": "spiffe://peer",
			},
		},
		"a service": {
			component.Start{Given: given, Peer: "1.2.3.4:5", Endpoints: []component.Endpoint{{Peer: "1.2.3.4:5"}, {Peer: "1.2.3.4:6"}}, Directory: "1.2.3.4:7"},
			nil,
			map[string]string{
				"FELIX_TYPHAK8SSERVICENAME": "calico-typha", "FELIX_TYPHAK8SNAMESPACE": "calico-system", "KUBECONFIG": "/own/kubeconfig",
				"FELIX_TYPHAKEYFILE": "/own/key.pem", "FELIX_TYPHACERTFILE": "/own/certificate.pem", "FELIX_TYPHACAFILE": "/own/bundle.pem",
				"FELIX_TYPHACN": "peer", "FELIX_TYPHAURISAN": "spiffe://peer",
			},
		},
		"a file":         {component.Start{Given: given, From: link.FromFile}, []string{"--config-file", "/own/conformance.cfg"}, nil},
		"its own values": {component.Start{Env: map[string]string{"FELIX_FELIXHOSTNAME": "other", "X": "y"}}, nil, map[string]string{"FELIX_FELIXHOSTNAME": "other", "X": "y"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := felix.New(r).Program(c.start)
			if err := p.Check(); err != nil || p.Name != "felix" || p.Ready == nil {
				t.Errorf("wanted a program that can be started, found %+v: %v", p, err)
			}
			want := maps.Clone(always)
			maps.Copy(want, c.more)
			if diff := cmp.Diff(launch.Invocation{Args: c.args, Env: want}, p.Invocation(place{})); diff != "" {
				t.Errorf("invocation (-want +got):\n%s", diff)
			}
		})
	}
}

// TestDatastore: what stands in etcd is JSON under the names that it has itself, and names every parameter of TLS for
// the poisoned host alone.
func TestDatastore(t *testing.T) {
	t.Parallel()
	for key, value := range felix.Datastore {
		var resource struct {
			Kind     string
			Metadata struct {
				Name        string
				Annotations map[string]string
			}
		}
		if err := json.Unmarshal([]byte(value), &resource); err != nil {
			t.Fatalf("%s: %v", key, err)
		}
		if want := "/calico/resources/v3/projectcalico.org/" + strings.ToLower(resource.Kind) + "s/" + resource.Metadata.Name; key != want {
			t.Errorf("wanted the key %s, found %s", want, key)
		}
		if len(resource.Metadata.Annotations) == 0 {
			continue
		}
		if resource.Metadata.Name != "node."+felixtypha.PoisonedHost {
			t.Errorf("wanted nobody poisoned but %s, found %s", felixtypha.PoisonedHost, resource.Metadata.Name)
		}
		for _, name := range felixtypha.Link.Client.Names {
			if resource.Metadata.Annotations["config.projectcalico.org/"+name] == "" {
				t.Errorf("wanted a value for %s, found none", name)
			}
		}
	}
}
