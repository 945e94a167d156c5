package etcdclient_test

import (
	"testing"

	"github.com/calico-tls/conformance/harness/component"
	"github.com/calico-tls/conformance/harness/component/etcdclient"
	"github.com/calico-tls/conformance/harness/launch"
	"github.com/calico-tls/conformance/harness/link"
)

// place is where a program sees its peers under another address.
type place struct{ launch.Placement }

func (place) Reach(address string) string { return "9." + address }

func TestEndpoints(t *testing.T) {
	t.Parallel()
	given := map[link.Parameter]component.Value{link.Bundle: {Text: "bundle"}}
	for want, s := range map[string]component.Start{
		"http://9.peer:1":                       {Peer: "peer:1"},
		"https://9.peer:1":                      {Peer: "peer:1", Given: given},
		"https://localhost:1":                   {Peer: "peer:1", Given: given, Host: "localhost"},
		"https://[::1]:1":                       {Peer: "peer:1", Given: given, Host: "::1"},
		"9.peer:1":                              {Given: given, Endpoints: []component.Endpoint{{Scheme: link.Schemeless, Peer: "peer:1"}}},
		"http://9.peer:1,https://localhost:2":   {Given: given, Peer: "peer:3", Endpoints: []component.Endpoint{{Scheme: "http", Peer: "peer:1"}, {Host: "localhost", Peer: "peer:2"}}},
		"https://9.no address":                  {Given: given, Peer: "no address", Host: "localhost"},
		"http://9.peer:1,http://9.peer:1,9.p:2": {Endpoints: []component.Endpoint{{Peer: "peer:1"}, {Peer: "peer:1"}, {Scheme: link.Schemeless, Peer: "p:2"}}},
	} {
		if got := etcdclient.Endpoints(s, place{}); got != want {
			t.Errorf("wanted %s, found %s", want, got)
		}
	}
}
