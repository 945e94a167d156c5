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
	"sync/atomic"
	"time"

	"golang.org/x/net/http2"

	"github.com/calico-tls/conformance/harness/link/etcd"
)

// What a stub client of etcd says of its connections.
const (
	saysRead   = "Read from etcd"
	saysUnread = "Not read from etcd"
)

// RunEtcdClient runs a stub client of etcd that asks until it is answered and then stays, and returns its exit code: 0 once
// ctx has ended, and 1 if it refused to start. The settings are the real ones': ETCD_ENDPOINTS, ETCD_CA_CERT_FILE,
// ETCD_CERT_FILE and ETCD_KEY_FILE, over which those with CALICO_ before their names win, or Typha's TYPHA_ETCDENDPOINTS,
// TYPHA_ETCDCAFILE, TYPHA_ETCDCERTFILE and TYPHA_ETCDKEYFILE; [ConfigFileSetting]; and [FaultSetting].
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
	// servers are its endpoints, all of one scheme.
	servers []*url.URL
	// anchors are those of the system where none are given; own returns what it shows, nil for nothing, and reads it anew for
	// each connection.
	anchors []*x509.Certificate
	own     func() (*tls.Certificate, error)
	dials   atomic.Int64
}

func newEtcdClient(settings environment, log *slog.Logger) (*etcdClient, error) {
	c := &etcdClient{log: log}
	var err error
	if c.policy, err = settings.policy(onEtcdClient); err != nil {
		return c, err
	}
	told, err := settings.etcd(c.policy)
	if err != nil {
		return c, err
	}
	if c.servers, err = told.servers(c.policy); err != nil || c.servers[0].Scheme == "http" {
		return c, err
	}
	if c.anchors, err = told.anchors(settings); err != nil {
		return c, err
	}
	c.own = told.own
	own, err := c.own()
	if c.policy.quirk == keepsCertificate {
		c.own = func() (*tls.Certificate, error) { return own, nil }
	}
	return c, err
}

// ask reads a key from each of its servers, all at once, and says what became of it. The error is that of a client that no
// server has answered.
func (c *etcdClient) ask(ctx context.Context) error {
	errs := make(chan error, len(c.servers))
	for _, server := range c.servers {
		go func() { errs <- c.askOne(ctx, server) }()
	}
	var failed error
	answered := false
	for range c.servers {
		if err := <-errs; err != nil {
			failed = err
		} else {
			answered = true
		}
	}
	if answered {
		return nil
	}
	return failed
}

// askOne makes one connection to a server and reads a key over it.
func (c *etcdClient) askOne(ctx context.Context, server *url.URL) error {
	var d net.Dialer
	raw, err := d.DialContext(ctx, "tcp", server.Host)
	if err != nil {
		c.log.Error(saysUnread, "error", err)
		return err
	}
	defer raw.Close()
	stop := context.AfterFunc(ctx, func() { _ = raw.Close() })
	defer stop()
	log := c.log.With("local", raw.LocalAddr().String(), "dial", c.dials.Add(1))
	switch err = c.converse(ctx, raw, server); {
	case ctx.Err() != nil:
	case err == nil:
		log.Info(saysRead)
	default:
		log.Error(saysUnread, "error", err)
		if plain := (tls.RecordHeaderError{}); errors.As(err, &plain) && c.policy.quirk == acceptsPlaintext {
			server.Scheme = "http" // a fault: it asks again, in the clear
		}
	}
	return err
}

// converse shakes hands, and reads a key.
func (c *etcdClient) converse(ctx context.Context, raw net.Conn, server *url.URL) error {
	if err := raw.SetDeadline(time.Now().Add(readTimeout)); err != nil {
		return err
	}
	over := &overheardEnd{Conn: raw}
	if server.Scheme == "https" {
		host := server.Hostname()
		if c.policy.quirk == goesByFirstHost {
			host = c.servers[0].Hostname()
		}
		secured := tls.Client(raw, c.settings(host))
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

// settings are those of TLS with a server. It is known by its host, which crypto/tls would verify alike; here it can be done amiss.
func (c *etcdClient) settings(host string) *tls.Config {
	s := &tls.Config{
		MinVersion: c.policy.oldest, MaxVersion: c.policy.newest, CipherSuites: c.policy.suites, NextProtos: []string{http2.NextProtoTLS},
		InsecureSkipVerify: true, //nolint:gosec // VerifyConnection does what crypto/tls would
		VerifyConnection: func(state tls.ConnectionState) error {
			if err := c.policy.walk(state.PeerCertificates, c.anchors, x509.ExtKeyUsageServerAuth); err != nil {
				return err
			}
			return c.policy.host(state.PeerCertificates[0], host)
		},
	}
	if net.ParseIP(host) == nil {
		s.ServerName = host
	}
	s.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		own, err := c.own()
		switch {
		case err != nil:
			return nil, err
		case own == nil:
			return &tls.Certificate{}, nil // nothing is sent
		case c.policy.shows != nil:
			return c.policy.shows(*own)
		}
		return own, nil
	}
	return s
}
