package harness_test

import (
	"bytes"
	"context"
	"io"
	"runtime"
	"testing"
	"time"

	"github.com/calico-tls/conformance/harness"
	"github.com/calico-tls/conformance/harness/component"
	"github.com/calico-tls/conformance/harness/component/calicoctl"
	realetcd "github.com/calico-tls/conformance/harness/component/etcd"
	"github.com/calico-tls/conformance/harness/component/stub"
	"github.com/calico-tls/conformance/harness/launch"
	"github.com/calico-tls/conformance/harness/oracle"
)

// TestLabWaitsForWords: on a busy machine a program's words come late, and count all the same.
func TestLabWaitsForWords(t *testing.T) {
	t.Parallel()
	heavy := stub.EtcdClient(calicoctl.ForEtcd)
	heavy.Name, heavy.Dials = "kube-apiserver", component.DialsAtOnce
	for _, c := range []struct {
		client    component.Component
		fault, id string
		late      time.Duration
		want      oracle.Finding
	}{
		// It has to start as a whole before it says so.
		{heavy, "", "etcd/mutual-tls/kube-apiserver/client=good/server=good/tls1.3", impatience + time.Second, oracle.Conforms},
		// It was refused, and is still to say that it has dialled.
		{stub.EtcdClient(calicoctl.ForEtcd), "missing-files-as-none", "etcd/mutual-tls/calicoctl/client=good/server=good/none/setting=missing-etcdCertFile+etcdKeyFile", time.Second, oracle.Deviates},
	} {
		t.Run(c.id, func(t *testing.T) {
			t.Parallel()
			options := optionsWith(t, inProcess, func(p launch.Program) launch.Program { return p })
			late := func(p launch.Program) launch.Program { return belated(faulty(c.fault)(p), c.late) }
			options.Parts = append(options.Parts,
				harness.Part{Component: c.client, Complete: late, Stack: runtime.Version()},
				harness.Part{Component: stub.Embedded(realetcd.Behind(nil)), Complete: options.Parts[0].Complete, Stack: runtime.Version()},
			)
			options.Deadline = impatience
			lab := closing(t, harness.NewLab(t.Context(), options))
			if v := judged(t, lab, core(t, c.id)); v.Finding != c.want {
				t.Errorf("wanted it %s, found %s: %s", c.want, v.Finding, v.Why)
			}
		})
	}
}

// belated is a program whose log comes late.
func belated(p launch.Program, by time.Duration) launch.Program {
	run := p.Main
	p.Main = func(ctx context.Context, in launch.Invocation, log io.Writer) int {
		words := make(chan []byte, 1024)
		told := make(chan struct{})
		go func() {
			defer close(told)
			for w := range words {
				<-time.After(by)
				_, _ = log.Write(w)
			}
		}()
		code := run(ctx, in, queue(words))
		close(words)
		<-told
		return code
	}
	return p
}

// queue takes what is written.
type queue chan<- []byte

// Write implements [io.Writer].
func (q queue) Write(p []byte) (int, error) {
	q <- bytes.Clone(p)
	return len(p), nil
}
