package typha_test

import (
	"maps"
	"path"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/calico-tls/conformance/harness/component"
	"github.com/calico-tls/conformance/harness/component/typha"
	"github.com/calico-tls/conformance/harness/evidence"
	"github.com/calico-tls/conformance/harness/launch"
	"github.com/calico-tls/conformance/harness/link"
)

// place is where a program is put that is only described.
type place struct{}

var ports = map[string]int{typha.SyncPort: 1, typha.MetricsPort: 2, typha.HealthPort: 3}

func (place) Path(file string) string { return path.Join("/own", file) }
func (place) Host() string            { return "127.0.0.9" }
func (place) Port(name string) int    { return ports[name] }
func (place) Reach(a string) string   { return "reach(" + a + ")" }
func (place) Folder() string          { return "/folder" }

// always is what every Typha is started with.
var always = map[string]string{
	"TYPHA_DATASTORETYPE": "etcdv3", "TYPHA_LOGFILEPATH": "none", "TYPHA_LOGSEVERITYSYS": "none", "TYPHA_LOGSEVERITYSCREEN": "info",
	"TYPHA_EARLYLOGSEVERITYSCREEN": "info", "TYPHA_DEBUGDISABLELOGDROPPING": "true", "TYPHA_SERVERPINGINTERVALSECS": "1",
	"TYPHA_CONNECTIONREBALANCINGMODE": "none", "TYPHA_SERVERHOST": "127.0.0.9", "TYPHA_SERVERPORT": "1",
	"TYPHA_PROMETHEUSMETRICSENABLED": "true", "TYPHA_PROMETHEUSMETRICSHOST": "127.0.0.9", "TYPHA_PROMETHEUSMETRICSPORT": "2",
	"TYPHA_HEALTHENABLED": "true", "TYPHA_HEALTHHOST": "127.0.0.9", "TYPHA_HEALTHPORT": "3",
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
			component.Start{Given: given, Behind: map[string]string{"etcd": "6.7.8.9:10"}},
			nil,
			map[string]string{
				"TYPHA_ETCDENDPOINTS": "http://reach(6.7.8.9:10)",
				"TYPHA_SERVERKEYFILE": "/own/key.pem", "TYPHA_SERVERCERTFILE": "/own/certificate.pem", "TYPHA_CAFILE": "/own/bundle.pem",
				"TYPHA_CLIENTCN": "peer", "TYPHA_CLIENTURISAN": "spiffe://peer",
			},
		},
		"a file": {component.Start{Given: given, From: link.FromSections}, []string{"--config-file", "/own/conformance.cfg"}, nil},
		"its own values": {
			component.Start{Env: map[string]string{"TYPHA_LOGSEVERITYSCREEN": "debug"}},
			nil,
			map[string]string{"TYPHA_LOGSEVERITYSCREEN": "debug"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := typha.New(r).Program(c.start)
			if err := p.Check(); err != nil || p.Name != "typha" || p.Ready == nil || p.Ports[0] != typha.SyncPort {
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
