package harness

import (
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
}

// Links lists the links, one line each, in the order of their names.
var Links = []Link{
	{etcd.Link, etcd.Prober{}, etcd.Observer{}},
	{felixtypha.Link, felixtypha.Prober{}, felixtypha.Observer{}},
	{kubeapiserver.Link, kubeapiserver.Prober{}, kubeapiserver.Observer{}},
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
