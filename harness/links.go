package harness

import (
	"net/http"

	"github.com/calico-tls/conformance/harness/link"
	"github.com/calico-tls/conformance/harness/link/etcd"
	"github.com/calico-tls/conformance/harness/link/felixtypha"
	"github.com/calico-tls/conformance/harness/link/kubeapiserver"
)

// Link is a link with the instruments that play its ends.
type Link struct {
	link.Link
	Prober   link.Prober
	Observer link.Observer
	// Directory lists endpoints to clients that ask for them; nil where they are told of them directly.
	Directory http.Handler
}

// Links lists the links, one line each, in the order of their names.
var Links = []Link{
	{etcd.Link, etcd.Prober{}, etcd.Observer{}, nil},
	{felixtypha.Link, felixtypha.Prober{}, felixtypha.Observer{}, felixtypha.Directory()},
	{kubeapiserver.Link, kubeapiserver.Prober{}, kubeapiserver.Observer{}, nil},
}

// LinkNamed returns the link of that name.
func LinkNamed(name string) (Link, bool) {
	for _, l := range Links {
		if l.Name == name {
			return l, true
		}
	}
	return Link{}, false
}
