package stub

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"time"

	"golang.org/x/net/http2"

	"github.com/calico-tls/conformance/harness/handshake"
	"github.com/calico-tls/conformance/harness/link/etcd"
)

// What a stub client of etcd says of its connections.
const (
	saysRead   = "Read from etcd"
	saysUnread = "Not read from etcd"
)

// etcdVariables are the names by which a client of etcd is told of it: Typha has names of its own.
var etcdVariables = []struct{ endpoint, ca, certificate, key string }{
	{"ETCD_ENDPOINTS", "ETCD_CA_CERT_FILE", "ETCD_CERT_FILE", "ETCD_KEY_FILE"},
	{"TYPHA_ETCDENDPOINTS", "TYPHA_ETCDCAFILE", "TYPHA_ETCDCERTFILE", "TYPHA_ETCDKEYFILE"},
}

// RunEtcdClient runs a stub client of etcd that asks until it is answered and then stays, and returns its exit code: 0 once
// ctx has ended, and 1 if it refused to start. The settings are the real ones': ETCD_ENDPOINTS, ETCD_CA_CERT_FILE,
// ETCD_CERT_FILE and ETCD_KEY_FILE, or Typha's TYPHA_ETCDENDPOINTS, TYPHA_ETCDCAFILE, TYPHA_ETCDCERTFILE and
// TYPHA_ETCDKEYFILE; and [FaultSetting].
func RunEtcdClient(ctx context.Context, settings map[string]string, log io.Writer) int {
	c, err := newEtcdClient(settings, slog.New(slog.NewTextHandler(log, nil)))
	if err != nil {
		c.log.Error(saysInvalid, "error", err)
		return 1
	}
	untilAnswered(ctx, c.ask)
	return 0
}

// etcdClient is a stub client of etcd.
type etcdClient struct {
	log    *slog.Logger
	policy policy
	server *url.URL
	// anchors are those of the system where none are given; own is nil for a client that shows nothing.
	anchors []*x509.Certificate
	own     *tls.Certificate
	dials   int
}

func newEtcdClient(settings environment, log *slog.Logger) (*etcdClient, error) {
	c := &etcdClient{log: log}
	of := etcdVariables[0]
	for _, names := range etcdVariables {
		if settings.value(names.endpoint) != "" {
			of = names
		}
	}
	var err error
	if c.policy, err = settings.policy(handshake.Client); err != nil {
		return c, err
	}
	if c.server, err = url.Parse(settings.value(of.endpoint)); err != nil {
		return c, fmt.Errorf("%s: %w", of.endpoint, err)
	}
	if c.server.Scheme != "https" && c.server.Scheme != "http" || c.server.Port() == "" {
		return c, fmt.Errorf("%s: wanted http or https with a host and a port, found %q", of.endpoint, c.server)
	}
	if c.server.Scheme == "http" {
		return c, nil
	}
	if c.anchors, err = settings.anchors(settings.value(of.ca)); err != nil && !errors.Is(err, errNoPEM) { // an empty file passes
		return c, fmt.Errorf("%s: %w", of.ca, err)
	}
	certificate, key := settings.value(of.certificate), settings.value(of.key)
	switch {
	case certificate == "" && key == "":
		return c, nil
	case certificate == "" || key == "":
		return c, fmt.Errorf("KeyFile and CertFile must both be present[key: %s, cert: %s]", key, certificate)
	}
	own, err := tls.LoadX509KeyPair(certificate, key)
	c.own = &own
	return c, err
}

// ask makes one connection and reads a key over it, and says what became of it.
func (c *etcdClient) ask(ctx context.Context) error {
	var d net.Dialer
	raw, err := d.DialContext(ctx, "tcp", c.server.Host)
	if err != nil {
		c.log.Error(saysUnread, "error", err)
		return err
	}
	defer raw.Close()
	stop := context.AfterFunc(ctx, func() { _ = raw.Close() })
	defer stop()
	c.dials++
	log := c.log.With("local", raw.LocalAddr().String(), "dial", c.dials)
	switch err = c.converse(ctx, raw); {
	case ctx.Err() != nil:
	case err == nil:
		log.Info(saysRead)
	default:
		log.Error(saysUnread, "error", err)
		if plain := (tls.RecordHeaderError{}); errors.As(err, &plain) && c.policy.quirk == acceptsPlaintext {
			c.server.Scheme = "http" // a fault: it asks again, in the clear
		}
	}
	return err
}

// converse shakes hands, and reads a key.
func (c *etcdClient) converse(ctx context.Context, raw net.Conn) error {
	if err := raw.SetDeadline(time.Now().Add(readTimeout)); err != nil {
		return err
	}
	over := &overheardEnd{Conn: raw}
	if c.server.Scheme == "https" {
		secured := tls.Client(raw, c.settings())
		if err := secured.HandshakeContext(ctx); err != nil {
			return err
		}
		if spoken := secured.ConnectionState().NegotiatedProtocol; spoken != http2.NextProtoTLS {
			return fmt.Errorf("wanted a server that speaks %s, found %q", http2.NextProtoTLS, spoken)
		}
		over.Conn = secured
	}
	if _, err := etcd.Read(ctx, over, etcd.UserKey(etcd.ClientCN)); err != nil {
		return errors.Join(over.broke, err) // what gRPC makes of it says less
	}
	return nil
}

// overheardEnd is a connection that keeps the first error by which it could not be read.
type overheardEnd struct {
	net.Conn
	broke error
}

// Read implements [net.Conn].
func (o *overheardEnd) Read(p []byte) (int, error) {
	n, err := o.Conn.Read(p)
	if err != nil && o.broke == nil {
		o.broke = err
	}
	return n, err
}

// settings are those of TLS. A server is known by its host, which crypto/tls would verify alike; here it can be done amiss.
func (c *etcdClient) settings() *tls.Config {
	s := &tls.Config{
		MinVersion: c.policy.oldest, MaxVersion: c.policy.newest, CipherSuites: c.policy.suites, NextProtos: []string{http2.NextProtoTLS},
		InsecureSkipVerify: true, //nolint:gosec // VerifyConnection does what crypto/tls would
		VerifyConnection: func(state tls.ConnectionState) error {
			if err := c.policy.walk(state.PeerCertificates, c.anchors, x509.ExtKeyUsageServerAuth); err != nil {
				return err
			}
			return c.policy.host(state.PeerCertificates[0], c.server.Hostname())
		},
	}
	if net.ParseIP(c.server.Hostname()) == nil {
		s.ServerName = c.server.Hostname()
	}
	if c.own != nil {
		s.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			if c.policy.shows != nil {
				return c.policy.shows(*c.own)
			}
			return c.own, nil
		}
	}
	return s
}
