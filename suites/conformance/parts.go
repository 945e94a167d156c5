package conformance

import (
	"fmt"
	"maps"
	"strings"

	"github.com/calico-tls/conformance/fixtures"
	"github.com/calico-tls/conformance/harness"
	"github.com/calico-tls/conformance/harness/component"
	"github.com/calico-tls/conformance/harness/component/calicoctl"
	"github.com/calico-tls/conformance/harness/component/etcd"
	"github.com/calico-tls/conformance/harness/component/felix"
	"github.com/calico-tls/conformance/harness/component/kubeapiserver"
	"github.com/calico-tls/conformance/harness/component/stub"
	"github.com/calico-tls/conformance/harness/component/typha"
	"github.com/calico-tls/conformance/harness/component/typhaclient"
	"github.com/calico-tls/conformance/harness/evidence"
	"github.com/calico-tls/conformance/harness/launch"
	etcdlink "github.com/calico-tls/conformance/harness/link/etcd"
	"github.com/calico-tls/conformance/harness/link/felixtypha"
	kubelink "github.com/calico-tls/conformance/harness/link/kubeapiserver"
	"github.com/calico-tls/conformance/harness/target"
)

// play is a role on a link.
type play struct {
	// link is the link of which the role plays an end; "" for what stands behind.
	link string
	role target.Role
}

// components says how each role is described, by a real program and by our stub of it; nil where there is none.
var components = map[play]struct {
	real, stub func(*evidence.Reader) component.Component
}{
	{felixtypha.Link.Name, target.Typha}:       {typha.New, spoken(stub.Typha)},
	{felixtypha.Link.Name, target.Felix}:       {felix.New, spoken(stub.Felix)},
	{felixtypha.Link.Name, target.TyphaClient}: {typhaclient.New, spoken(stub.TyphaClient)},

	{etcdlink.Link.Name, target.Calicoctl}:     {calicoctl.ForEtcd, spoken(func() component.Component { return stub.EtcdClient(calicoctl.ForEtcd) })},
	{etcdlink.Link.Name, target.Typha}:         {typha.ForEtcd, spoken(func() component.Component { return stub.EtcdClient(typha.ForEtcd) })},
	{etcdlink.Link.Name, target.Felix}:         {felix.ForEtcd, spoken(func() component.Component { return stub.EtcdClient(felix.ForEtcd) })},
	{etcdlink.Link.Name, target.KubeAPIServer}: {kubeapiserver.ForEtcd, spoken(func() component.Component { return stub.EtcdClient(toldAsCalicoctl("kube-apiserver")) })},
	{etcdlink.Link.Name, target.Etcd}:          {etcd.New, func(r *evidence.Reader) component.Component { return stub.Embedded(etcd.New(r)) }},

	{kubelink.Link.Name, target.Calicoctl}:     {calicoctl.ForKubernetes, spoken(stub.KubeCommand)},
	{kubelink.Link.Name, target.Typha}:         {typha.ForKubernetes, spoken(stub.TyphaOnKubernetes)},
	{kubelink.Link.Name, target.Felix}:         {felix.ForKubernetes, spoken(stub.FelixOnKubernetes)},
	{kubelink.Link.Name, target.KubeAPIServer}: {kubeapiserver.New, spoken(stub.KubeAPIServer)},

	{"", target.Etcd}: {spoken(datastore), spoken(func() component.Component { return stub.Embedded(datastore()) })},
}

// toldAsCalicoctl describes a client of etcd that is told what calicoctl is told, as our stub has no flags.
func toldAsCalicoctl(name string) func(*evidence.Reader) component.Component {
	return func(r *evidence.Reader) component.Component {
		c := calicoctl.ForEtcd(r)
		c.Name = name
		return c
	}
}

// datastore is the etcd that stands behind others.
func datastore() component.Component {
	keys := maps.Clone(felix.Datastore)
	maps.Copy(keys, kubeapiserver.Registry())
	return etcd.Behind(keys)
}

// spoken describes a component that needs no reader: it has its own, or its log is not read.
func spoken(describe func() component.Component) func(*evidence.Reader) component.Component {
	return func(*evidence.Reader) component.Component { return describe() }
}

// partOf describes a component as it was obtained, to play an end of a link, or to stand behind one.
func partOf(link string, o target.Obtained, crds []byte) (part harness.Part, err error) {
	described := components[play{link, o.Role}]
	if link == "" && o.Role == target.KubeAPIServer {
		described.real = spoken(func() component.Component { return kubeapiserver.Behind(crds) })
	}
	part.Stack = o.Go
	describe := described.real
	if o.Source.Way == target.Reference {
		describe = described.stub
	}
	switch {
	case o.Source.Way == target.Endpoint && link == "":
		return part, &UsageError{fmt.Sprintf("describing %s: an endpoint cannot stand behind others, which would write to it", o.Role), "name a build, an image or a binary before the endpoint"}
	case describe != nil:
		var reader *evidence.Reader
		if reader, err = readerOf(link, o); err != nil {
			return part, err
		}
		part.Component = describe(reader)
	default:
		return part, &UsageError{fmt.Sprintf("describing %s: wanted one that the suite can start, found %s", o.Role, o.Source), fmt.Sprintf("leave %s out of the target, or name `reference: true`", o.Role)}
	}
	if o.Source.Way == target.Endpoint {
		if part.Running, err = runningOf(link, o); err != nil {
			return part, err
		}
		part.Behind = nil // it has that already
	}
	part.Complete = func(p launch.Program) launch.Program {
		p.Binary, p.Image, p.Command = o.Binary, o.Image, o.Command
		p.Files = append(p.Files, o.Files...)
		return component.Override(p, o.Args, o.Env)
	}
	return part, nil
}

// readerOf returns the reader of the log of a component that plays an end of a link: that of its release, or of the newest
// one if it was not built here. It is nil for what stands behind, which is asked for no account.
func readerOf(link string, o target.Obtained) (*evidence.Reader, error) {
	if link == "" {
		return nil, nil
	}
	release, err := releaseOf(o)
	if err != nil {
		return nil, err
	}
	var patterns map[string]map[target.Role]evidence.Patterns
	if err := release.Logs(&patterns); err != nil {
		return nil, err
	}
	for named := range o.Logs {
		if _, ok := harness.LinkNamed(named); !ok {
			return nil, &UsageError{fmt.Sprintf("describing %s: logs: there is no link %q", o.Role, named), "the links are " + strings.Join(linkNames(), ", ")}
		}
	}
	return evidence.NewReader(o.Logs[link].Over(patterns[link][o.Role]))
}

func linkNames() []string {
	var names []string
	for _, l := range harness.Links {
		names = append(names, l.Name)
	}
	return names
}

func releaseOf(o target.Obtained) (*fixtures.Release, error) {
	name := map[target.Role]string{target.Typha: "calico-typha", target.Felix: "calico-felix", target.TyphaClient: "typha-client", target.Calicoctl: "calicoctl", target.Etcd: "etcd", target.KubeAPIServer: "kube-apiserver"}[o.Role]
	if o.Source.Way == target.Build {
		name = o.Source.Value
	}
	program, err := fixtures.ProgramNamed(name)
	if err != nil {
		return nil, err
	}
	return program.Release, nil
}
