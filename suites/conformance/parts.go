package conformance

import (
	"fmt"

	"github.com/calico-tls/conformance/fixtures"
	"github.com/calico-tls/conformance/harness"
	"github.com/calico-tls/conformance/harness/component"
	"github.com/calico-tls/conformance/harness/component/etcd"
	"github.com/calico-tls/conformance/harness/component/felix"
	"github.com/calico-tls/conformance/harness/component/stub"
	"github.com/calico-tls/conformance/harness/component/typha"
	"github.com/calico-tls/conformance/harness/component/typhaclient"
	"github.com/calico-tls/conformance/harness/evidence"
	"github.com/calico-tls/conformance/harness/launch"
	"github.com/calico-tls/conformance/harness/target"
)

// components says how each role is described, by a real program and by our stub of it; nil where there is none yet.
var components = map[target.Role]struct {
	real func(*evidence.Reader) component.Component
	stub func() component.Component
}{
	target.Typha:       {real: typha.New, stub: stub.Typha},
	target.Felix:       {real: felix.New, stub: stub.Felix},
	target.TyphaClient: {real: typhaclient.New, stub: stub.TyphaClient},
	target.Etcd:        {real: func(*evidence.Reader) component.Component { return etcd.New(felix.Datastore) }},
}

// partOf describes a component as it was obtained.
func partOf(o target.Obtained) (harness.Part, error) {
	described := components[o.Role]
	part := harness.Part{Stack: o.Go}
	switch {
	case o.Source.Way == target.Endpoint:
		return part, &UsageError{fmt.Sprintf("describing %s: an endpoint cannot be judged yet, as its settings are not ours to change", o.Role), "name an image, a binary or a build"}
	case o.Source.Way == target.Reference && described.stub != nil:
		part.Component = described.stub()
	case described.real != nil:
		reader, err := readerOf(o)
		if err != nil {
			return part, err
		}
		part.Component = described.real(reader)
	default:
		return part, &UsageError{fmt.Sprintf("describing %s: wanted one that the suite can start, found %s", o.Role, o.Source), fmt.Sprintf("leave %s out of the target, or name `reference: true`", o.Role)}
	}
	part.Complete = func(p launch.Program) launch.Program {
		p.Binary, p.Image, p.Command = o.Binary, o.Image, o.Command
		p.Files = append(p.Files, o.Files...)
		return component.Override(p, o.Args, o.Env)
	}
	return part, nil
}

// readerOf returns the reader of a component's log: that of its release, or of the newest one if it was not built here.
func readerOf(o target.Obtained) (*evidence.Reader, error) {
	release, err := releaseOf(o)
	if err != nil {
		return nil, err
	}
	var patterns map[target.Role]evidence.Patterns
	if err := release.Logs(&patterns); err != nil {
		if o.Role == target.Etcd {
			return nil, nil // it stands behind, and is not asked for an account
		}
		return nil, err
	}
	return evidence.NewReader(patterns[o.Role])
}

func releaseOf(o target.Obtained) (*fixtures.Release, error) {
	name := map[target.Role]string{target.Typha: "calico-typha", target.Felix: "calico-felix", target.TyphaClient: "typha-client", target.Etcd: "etcd"}[o.Role]
	if o.Source.Way == target.Build {
		name = o.Source.Value
	}
	program, err := fixtures.ProgramNamed(name)
	if err != nil {
		return nil, err
	}
	return program.Release, nil
}
