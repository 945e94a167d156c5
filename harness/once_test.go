package harness_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/url"
	"runtime"
	"testing"

	"github.com/calico-tls/conformance/harness"
	"github.com/calico-tls/conformance/harness/component"
	"github.com/calico-tls/conformance/harness/component/calicoctl"
	realetcd "github.com/calico-tls/conformance/harness/component/etcd"
	"github.com/calico-tls/conformance/harness/component/stub"
	"github.com/calico-tls/conformance/harness/launch"
	"github.com/calico-tls/conformance/harness/oracle"
)

// TestLabServesWhoGivesUpAConnection: a client of gRPC may refuse its server and say nothing of it, as it has just given that
// connection up, and say so of the next one.
func TestLabServesWhoGivesUpAConnection(t *testing.T) {
	t.Parallel()
	options := optionsWith(t, inProcess, func(p launch.Program) launch.Program {
		if p.Name == "calicoctl" {
			p.Main = refusesTwice
		}
		return p
	})
	for _, c := range []component.Component{stub.EtcdClient(calicoctl.ForEtcd), stub.Embedded(realetcd.Behind(nil))} {
		options.Parts = append(options.Parts, harness.Part{Component: c, Complete: options.Parts[0].Complete, Stack: runtime.Version()})
	}
	lab := closing(t, harness.NewLab(t.Context(), options))
	lab.Deadline = impatience
	if v := judged(t, lab, core(t, "etcd/mutual-tls/calicoctl/client=good/server=other-authority/tls1.3")); v.Finding != oracle.Conforms {
		t.Errorf("wanted it to conform, found %s: %s", v.Finding, v.Why)
	}
}

// refusesTwice refuses an etcd twice, and says so of the second time alone.
func refusesTwice(ctx context.Context, in launch.Invocation, log io.Writer) int {
	at, err := url.Parse(in.Env["ETCD_ENDPOINTS"])
	if err != nil {
		return 1
	}
	for range 2 {
		var raw net.Conn
		if raw, err = new(net.Dialer).DialContext(ctx, "tcp", at.Host); err != nil {
			return 1
		}
		err = tls.Client(raw, &tls.Config{RootCAs: x509.NewCertPool(), ServerName: at.Hostname(), NextProtos: []string{"h2"}}).HandshakeContext(ctx)
		_ = raw.Close()
	}
	fmt.Fprintf(log, "level=ERROR msg=\"Not read from etcd\" local=%s error=%q\n", at.Host, err.Error())
	<-ctx.Done()
	return 0
}
