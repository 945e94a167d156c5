package etcd

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"github.com/calico-tls/conformance/harness/handshake"
	"github.com/calico-tls/conformance/harness/link"
	"github.com/calico-tls/conformance/harness/link/instrument"
)

// Prober plays a client of etcd. Each Probe is a connection of its own. The zero Prober is ready to use, by any number of
// callers at once.
type Prober struct{}

var _ link.Prober = Prober{}

// Probe implements [link.Prober]. TLS and gRPC are taken one after the other over the same connection, as a gRPC client
// keeps back why it was refused. The account is Accepted if a Range was answered, and Refused if the prober objected to the
// server; WasRefused if an alert came, the server closed the connection, or etcd denied the Range; Failed for anything else.
// Its phase is PhaseApplication once application data has come. Its identity is
// Calico's user, where the key that only that user may read was read.
func (Prober) Probe(ctx context.Context, address, local string, a link.Attempt) (handshake.Account, string) {
	ctx, cancel := instrument.Bounded(ctx)
	defer cancel()
	raw, err := instrument.Dial(ctx, address, local)
	if err != nil {
		return instrument.NotDialled(err), ""
	}
	s := instrument.Begin(ctx, raw)
	err = converse(ctx, s, a)
	if err == nil && a.Accepted != nil {
		a.Accepted()
	}
	account := s.End(err, nil)
	if denied(err) {
		account.Claim = handshake.WasRefused
	}
	return account, raw.LocalAddr().String()
}

// converse goes as far as a client must go to know that it was accepted.
func converse(ctx context.Context, s *instrument.Session, a link.Attempt) error {
	if a.Version != link.Clear {
		settings, err := settings(s, a)
		if err != nil {
			return err
		}
		if err := s.Secure(tls.Client(s.Raw, settings)); err != nil {
			return err
		}
	}
	over := instrument.NewTapped(s)
	user, err := Read(ctx, over, UserKey(ClientCN))
	s.Account.Octets = over.Octets()
	switch broke := over.Broke(); {
	case err == nil:
		s.Account.Identity = user
		return nil
	case denied(err):
		return fmt.Errorf("reading a key: %w", err)
	case broke != nil: // what gRPC makes of it says less
		return fmt.Errorf("reading a key: %w", broke)
	}
	return fmt.Errorf("reading a key: %w", err)
}

// UserKey is the key that a user may read, and nobody else, in an etcd that has users. It holds the user's name.
func UserKey(user string) string { return "/conformance/users/" + user }

// Read reads a key by gRPC over a connection that stands, and returns its value; "" if there is no such key. The error is
// gRPC's, which says less than the connection of why it broke.
func Read(ctx context.Context, over net.Conn, key string) (string, error) {
	dialled := false
	client, err := grpc.NewClient("passthrough:///etcd", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(context.Context, string) (net.Conn, error) {
			if dialled {
				return nil, errors.New("a connection is made once")
			}
			dialled = true
			return over, nil
		}), grpc.WithNoProxy(), grpc.WithDisableRetry())
	if err != nil {
		return "", err
	}
	defer client.Close()
	response, err := etcdserverpb.NewKVClient(client).Range(ctx, &etcdserverpb.RangeRequest{Key: []byte(key)})
	if err != nil {
		return "", err
	}
	for _, kv := range response.GetKvs() {
		return string(kv.GetValue()), nil
	}
	return "", nil
}

// denied reports whether an error is etcd's answer that its client may not.
func denied(err error) bool {
	switch status.Code(err) {
	case codes.PermissionDenied, codes.Unauthenticated, codes.InvalidArgument:
		return true
	default:
		return false
	}
}

// settings are those of a client that takes only this version of TLS.
func settings(s *instrument.Session, a link.Attempt) (*tls.Config, error) {
	version, ok := instrument.Versions[a.Version]
	if !ok {
		return nil, fmt.Errorf("playing a client of etcd: wanted a version of TLS, found %q", a.Version)
	}
	return &tls.Config{
		MinVersion: version, MaxVersion: version, NextProtos: []string{"h2"},
		InsecureSkipVerify: true, //nolint:gosec // the chain is verified below, without the host where none is required
		VerifyConnection: func(state tls.ConnectionState) error {
			return examine(instrument.Roots(a), a.Require.Host, x509.ExtKeyUsageServerAuth, state.PeerCertificates)
		},
		// crypto/tls would keep back a certificate whose issuer the server does not name.
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			s.Account.Shown = a.Show.Fingerprint()
			return a.Show.TLS(), nil
		},
	}, nil
}

// examine asks of a chain one of the anchors, the usage, and the host that was dialled; "" for none.
func examine(roots *x509.CertPool, host string, usage x509.ExtKeyUsage, chain []*x509.Certificate) error {
	intermediates := x509.NewCertPool()
	for _, c := range chain[1:] {
		intermediates.AddCert(c)
	}
	_, err := chain[0].Verify(x509.VerifyOptions{
		Roots: roots, Intermediates: intermediates, DNSName: host, KeyUsages: []x509.ExtKeyUsage{usage},
	})
	if err != nil {
		return fmt.Errorf("%w: %w", instrument.ErrObjection, err)
	}
	return nil
}
