package etcd_test

import (
	"context"
	"testing"
	"time"

	"github.com/calico-tls/conformance/fixtures"
	"github.com/calico-tls/conformance/harness/component"
	"github.com/calico-tls/conformance/harness/component/etcd"
	"github.com/calico-tls/conformance/harness/evidence"
	"github.com/calico-tls/conformance/harness/handshake"
	"github.com/calico-tls/conformance/harness/launch"
	"github.com/calico-tls/conformance/harness/launch/inprocess"
	"github.com/calico-tls/conformance/harness/link"
	etcdlink "github.com/calico-tls/conformance/harness/link/etcd"
	"github.com/calico-tls/conformance/pki"
)

// TestServer lets the prober meet an etcd that has users and a revocation list: what both say, and whom etcd took its
// client for.
func TestServer(t *testing.T) {
	t.Parallel()
	a := pki.NewAuthorities()
	i, journal := serve(t, a)
	for variant, want := range map[string]struct {
		client, server handshake.Claim
		phase          handshake.Phase
		check          pki.Check
		identity       string
	}{
		"good":            {handshake.Accepted, handshake.Accepted, handshake.PhaseApplication, "", etcdlink.ClientCN},
		"cn-other":        {handshake.WasRefused, handshake.Refused, handshake.PhaseApplication, pki.CheckIdentity, ""},
		"cn-absent":       {handshake.WasRefused, handshake.Refused, handshake.PhaseApplication, pki.CheckIdentity, ""},
		"none":            {handshake.WasRefused, handshake.Refused, handshake.PhaseHandshake, pki.CheckPresence, ""},
		"other-authority": {handshake.WasRefused, handshake.Refused, handshake.PhaseHandshake, pki.CheckChain, ""},
		"expired":         {handshake.WasRefused, handshake.Refused, handshake.PhaseHandshake, pki.CheckValidity, ""},
		"revoked":         {handshake.WasRefused, handshake.Refused, handshake.PhaseHandshake, pki.CheckRevocation, ""},
	} {
		for _, version := range []link.Version{link.TLS12, link.TLS13} {
			t.Run(variant+"/"+string(version), func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				defer cancel()
				pool, err := a.Pool([]pki.AuthorityName{pki.Trusted}, pki.Credential{})
				if err != nil {
					t.Fatal(err)
				}
				client, from := etcdlink.Prober{}.Probe(ctx, i.Address(etcd.ClientPort), "", link.Attempt{
					Show: issue(t, a, pki.Client, variant), Roots: pool, Require: link.Verifier{Host: etcdlink.Address}, Version: version,
				})
				server := journal.Account(ctx, from)
				if client.Claim != want.client || client.Phase != want.phase || client.Identity != want.identity {
					t.Errorf("of the client wanted %+v, found %+v", want, client)
				}
				if server.Claim != want.server || want.check != "" && (len(server.Checks) != 1 || server.Checks[0] != want.check) {
					t.Errorf("of etcd wanted %+v, found %+v", want, server)
				}
			})
		}
	}
}

// serve starts etcd in this process, and reads its log.
func serve(t *testing.T, a *pki.Authorities) (launch.Instance, *evidence.Journal) {
	t.Helper()
	program, err := fixtures.ProgramNamed("etcd")
	if err != nil {
		t.Fatal(err)
	}
	var patterns map[string]map[string]evidence.Patterns
	if err := program.Release.Logs(&patterns); err != nil {
		t.Fatal(err)
	}
	reader, err := evidence.NewReader(patterns["etcd"]["etcd"])
	if err != nil {
		t.Fatal(err)
	}
	own := issue(t, a, pki.Server, "good")
	key, err := own.KeyPEM(pki.PKCS8)
	if err != nil {
		t.Fatal(err)
	}
	bundle, err := a.Bundle([]pki.AuthorityName{pki.Trusted}, pki.Credential{})
	if err != nil {
		t.Fatal(err)
	}
	revoked, err := a.RevocationList(pki.RevokedSerial)
	if err != nil {
		t.Fatal(err)
	}
	run, err := launch.NewRun(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := run.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	ours := func(data []byte) component.Value { return component.Value{File: component.Own, Data: data} }
	i, err := inprocess.New(run).Start(t.Context(), etcd.New(reader).Program(component.Start{Mode: "cn-user", Given: map[link.Parameter]component.Value{
		link.Key: ours(key), link.Certificate: ours(own.CertificatePEM()), link.Bundle: ours(bundle), link.Revocations: ours(revoked),
	}}))
	if err != nil {
		t.Fatal(err)
	}
	journal := evidence.NewJournal(reader)
	i.Log().Watch(journal.Line)
	return i, journal
}

func issue(t *testing.T, a *pki.Authorities, role pki.Role, variant string) *pki.Issued {
	t.Helper()
	own, peer := etcdlink.Link.Client.Identity, etcdlink.Link.Server.Identity
	if role == pki.Server {
		own, peer = peer, own
	}
	v, ok := pki.VariantNamed(variant)
	if !ok {
		t.Fatalf("there is no variant %q", variant)
	}
	issued, err := a.Issue(v.Credential(pki.Origin{Role: role, Own: own, Peer: peer}))
	if err != nil {
		t.Fatal(err)
	}
	return issued
}
