package stub

import (
	"bufio"
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
)

// What a stub client of kube-apiserver says of its connections.
const (
	saysAsking   = "Asking kube-apiserver"
	saysAnswered = "Answered by kube-apiserver"
	saysUnserved = "Not served by kube-apiserver"
	saysDenied   = "Denied by kube-apiserver"
	saysNameless = "Could not read the version of kube-apiserver"
)

// asksFor is what it asks for, as calicoctl does when it lists nodes; one that stays asks for the version then, as Felix does.
const (
	asksFor     = "/api/v1/nodes?limit=500"
	versionPath = "/version"
)

// persistence is how long a stub that stays waits before it asks again (Calico felix/daemon/daemon.go, typha/pkg/daemon/daemon.go).
const persistence = time.Second

// RunKubeCommand runs a stub client of kube-apiserver that asks once, as calicoctl does, and returns its exit code: 0 if it
// was answered, or ctx has ended, and 1 elsewhere. The settings are the real one's: KUBECONFIG, which may be a list;
// K8S_API_ENDPOINT, K8S_CA_FILE, K8S_CERT_FILE, K8S_KEY_FILE, CALICO_K8SAPITOKEN and K8S_INSECURE_SKIP_TLS_VERIFY, which win
// over it; [ConfigFileSetting]; and [FaultSetting].
func RunKubeCommand(ctx context.Context, settings map[string]string, log io.Writer) int {
	k, err := newKubeClient(settings, slog.New(slog.NewTextHandler(log, nil)))
	if err != nil {
		k.log.Error(saysInvalid, "error", err)
		return 1
	}
	if err := k.ask(ctx); err != nil && ctx.Err() == nil {
		return 1
	}
	return 0
}

// panicked is the exit code of a program that a panic has ended (package runtime of Go).
const panicked = 2

// RunKubeClient runs one that stays and asks again until it is answered, as Typha and Felix do, and returns its exit code: 0
// once ctx has ended, 1 if it refused to start, and with a fault 2. The settings are those of [RunKubeCommand].
func RunKubeClient(ctx context.Context, settings map[string]string, log io.Writer) int {
	k, err := newKubeClient(settings, slog.New(slog.NewTextHandler(log, nil)))
	if err != nil {
		k.log.Error(saysInvalid, "error", err)
		return 1
	}
	k.besides = versionPath
	ctx, k.die = context.WithCancelCause(ctx)
	defer k.die(nil)
	untilAnswered(ctx, k.ask)
	if errors.Is(context.Cause(ctx), errDenied) {
		return panicked
	}
	return 0
}

// untilAnswered has a stub ask again until it is answered, and stay until ctx ends.
func untilAnswered(ctx context.Context, ask func(context.Context) error) {
	for ctx.Err() == nil {
		wait := time.NewTimer(persistence)
		if ask(ctx) == nil {
			<-ctx.Done() // a stub has nothing else to do
		}
		select {
		case <-wait.C:
		case <-ctx.Done():
		}
		wait.Stop()
	}
}

// kubeClient is a stub client of kube-apiserver.
type kubeClient struct {
	log     *slog.Logger
	policy  policy
	cluster cluster
	server  *url.URL
	anchors []*x509.Certificate
	// own returns the certificate that it shows, as its files hold it now; nil where it has none.
	own   func() (*tls.Certificate, error)
	dials int
	// besides is what it asks for once it was answered; "" for nothing. die ends it where it does not bear to be denied that.
	besides string
	die     context.CancelCauseFunc
}

func newKubeClient(settings environment, log *slog.Logger) (*kubeClient, error) {
	k := &kubeClient{log: log}
	var err error
	// What every other connection of a component heeds is of no effect here (rule KAPI-20).
	others := maps.Clone(settings)
	delete(others, minVersionSetting)
	delete(others, suitesSetting)
	if k.policy, err = others.policy(onKubeClient); err != nil {
		return k, err
	}
	k.policy.suites = nil
	if k.policy.quirk == heedsVariables {
		if k.policy, err = settings.policy(onKubeClient); err != nil {
			return k, err
		}
	}
	if k.cluster, err = settings.cluster(k.policy); err != nil {
		return k, err
	}
	if k.server, err = url.Parse(k.cluster.server); err != nil {
		return k, err
	}
	if k.anchors, err = settings.anchors(k.cluster.ca); err != nil {
		return k, err
	}
	err = k.hold()
	return k, err
}

// hold sees that there is a certificate, if there is to be one.
func (k *kubeClient) hold() error {
	if k.cluster.certificate == "" {
		return nil
	}
	k.own = func() (*tls.Certificate, error) {
		pair, err := tls.LoadX509KeyPair(k.cluster.certificate, k.cluster.key)
		return &pair, err
	}
	_, err := k.own()
	return err
}

// shown returns the token that it shows; "" for none.
func (c cluster) shown() (string, error) {
	if c.tokenFile == "" || c.token != "" {
		return c.token, nil
	}
	held, err := os.ReadFile(c.tokenFile)
	return strings.TrimSpace(string(held)), err
}

// anchors reads a bundle; none is that of the system.
func (e environment) anchors(path string) ([]*x509.Certificate, error) {
	if path == "" {
		return e.system()
	}
	bundle, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	anchors, err := parseBundle(bundle)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return anchors, nil
}

// errDenied is wrapped by the error for a request that was answered by a denial.
var errDenied = errors.New("the server has asked for the client to provide credentials")

// ask makes one connection and one request over it, and says what became of it.
func (k *kubeClient) ask(ctx context.Context) error {
	k.log.Info(saysAsking, "server", k.server.Host)
	var d net.Dialer
	raw, err := d.DialContext(ctx, "tcp", k.server.Host)
	if err != nil {
		k.log.Error(saysUnserved, "error", err)
		return err
	}
	defer raw.Close()
	stop := context.AfterFunc(ctx, func() { _ = raw.Close() })
	defer stop()
	k.dials++
	log := k.log.With("local", raw.LocalAddr().String(), "dial", k.dials)
	conn, err := k.converse(raw)
	switch {
	case ctx.Err() != nil:
	case err == nil:
		log.Info(saysAnswered)
		k.askBesides(conn)
	case errors.Is(err, errDenied):
		log.Error(saysDenied, "error", err)
	default:
		log.Error(saysUnserved, "error", err)
	}
	return err
}

// askBesides asks for what it can do without.
func (k *kubeClient) askBesides(conn net.Conn) {
	if k.besides == "" {
		return
	}
	err := k.request(conn, k.besides)
	if err == nil {
		return
	}
	k.log.Warn(saysNameless, "error", err)
	if k.policy.quirk == needsVersion {
		k.die(err)
	}
}

// converse shakes hands, and asks. It returns the connection over which it can ask for more.
func (k *kubeClient) converse(raw net.Conn) (net.Conn, error) {
	if err := raw.SetDeadline(time.Now().Add(readTimeout)); err != nil {
		return raw, err
	}
	if k.server.Scheme == "http" {
		return raw, k.request(raw, asksFor)
	}
	secured := tls.Client(raw, k.settings())
	if err := secured.Handshake(); err != nil { //nolint:noctx // raw has a deadline, and is closed with the context
		return secured, err
	}
	if k.policy.quirk == sendsBeforeVerification {
		if err := k.verify(secured.ConnectionState().PeerCertificates); err != nil {
			_ = k.request(secured, asksFor) // too soon: it knows already
			return secured, err
		}
	}
	return secured, k.request(secured, asksFor)
}

// settings are those of TLS. A server is known by its host, which crypto/tls would verify alike; here it can be done amiss.
func (k *kubeClient) settings() *tls.Config {
	s := &tls.Config{
		MinVersion: k.policy.oldest, MaxVersion: k.policy.newest, CipherSuites: k.policy.suites,
		InsecureSkipVerify: true, //nolint:gosec // VerifyConnection does what crypto/tls would
	}
	if net.ParseIP(k.server.Hostname()) == nil {
		s.ServerName = k.server.Hostname()
	}
	if !k.cluster.insecure && k.policy.quirk != sendsBeforeVerification {
		s.VerifyConnection = func(state tls.ConnectionState) error { return k.verify(state.PeerCertificates) }
	}
	if k.own != nil {
		s.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return k.own() }
	}
	return s
}

func (k *kubeClient) verify(chain []*x509.Certificate) error {
	if err := k.policy.walk(chain, k.anchors, x509.ExtKeyUsageServerAuth); err != nil {
		return err
	}
	return k.policy.host(chain[0], k.server.Hostname())
}

// request asks for something over a connection, and shows the token, if there is one.
func (k *kubeClient) request(conn net.Conn, what string) error {
	r, err := http.NewRequest(http.MethodGet, strings.TrimSuffix(k.server.String(), "/")+what, nil) //nolint:noctx // conn is closed with the context
	if err != nil {
		return err
	}
	token, err := k.cluster.shown()
	if err != nil {
		return err
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	// A server that has refused this client may have closed the connection already; the reason is still to be read.
	_ = r.Write(conn)
	response, err := http.ReadResponse(bufio.NewReader(conn), r)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, response.Body)
	switch {
	case response.StatusCode == http.StatusUnauthorized, response.StatusCode == http.StatusForbidden:
		return fmt.Errorf("%w: %s", errDenied, response.Status)
	case response.StatusCode/100 != 2:
		return fmt.Errorf("wanted an answer, found %s", cmp.Or(response.Status, "nothing"))
	}
	return nil
}
