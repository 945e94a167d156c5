package stub

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/calico-tls/conformance/pki"
)

// What a stub kube-apiserver says of its connections.
const (
	saysServing   = "Serving securely"
	saysKnown     = "Served"
	saysForbidden = "Forbidden"
	saysUnnamed   = "Not authenticated"
	saysUnshaken  = "TLS handshake failed"
)

// KubeAPIServerFlags are the flags that a stub kube-apiserver heeds, without dashes. The real one has them all.
var KubeAPIServerFlags = []string{
	"bind-address", "secure-port", "tls-cert-file", "tls-private-key-file", "tls-min-version", "client-ca-file", "requestheader-client-ca-file",
	"service-account-key-file", "anonymous-auth", "authentication-config",
}

// RunKubeAPIServer runs a stub kube-apiserver until ctx ends, and returns its exit code: 0, or 1 if it refused to start. It
// knows its clients by certificates, tokens and front proxies as the real one does, has one list to give, and says whom it
// takes a client for. The settings are [KubeAPIServerFlags], and [FaultSetting].
func RunKubeAPIServer(ctx context.Context, settings map[string]string, out io.Writer) int {
	logger := slog.New(slog.NewTextHandler(out, nil))
	k, err := newKubeServer(ctx, settings, logger)
	if err == nil {
		err = k.run(ctx)
	}
	if err != nil {
		logger.Error(saysInvalid, "error", err)
		return 1
	}
	return 0
}

// kubeServer is a stub kube-apiserver.
type kubeServer struct {
	log      *slog.Logger
	policy   policy
	address  string
	settings *tls.Config
	// clients returns the anchors of clients, as their file holds them now, and proxies are those of front proxies; none where
	// they are not set.
	clients func() []*x509.Certificate
	proxies []*x509.Certificate
	issuers []issuer
	// anonymous says whom it takes a client for that shows nothing; "" if it knows none such.
	anonymous string
}

func newKubeServer(ctx context.Context, settings environment, log *slog.Logger) (*kubeServer, error) {
	k := &kubeServer{log: log, address: net.JoinHostPort(settings["bind-address"], settings["secure-port"]), anonymous: anonymousUser}
	if settings["anonymous-auth"] == "false" {
		k.anonymous = ""
	}
	var err error
	if k.policy, err = settings.policy(onKubeAPIServer); err != nil {
		return k, err
	}
	if settings["tls-min-version"] == "VersionTLS13" {
		k.policy.oldest = tls.VersionTLS13
	}
	own := func() (*tls.Certificate, error) {
		pair, err := tls.LoadX509KeyPair(settings["tls-cert-file"], settings["tls-private-key-file"])
		return &pair, err
	}
	if _, err := own(); err != nil {
		return k, err
	}
	if _, err := settings.anchorsOf("client-ca-file"); err != nil {
		return k, err
	}
	k.clients = func() []*x509.Certificate {
		now, _ := settings.anchorsOf("client-ca-file") // a file that is of no use leaves nobody to be trusted
		return now
	}
	if k.proxies, err = settings.anchorsOf("requestheader-client-ca-file"); err != nil {
		return k, err
	}
	if k.issuers, err = issuersOf(ctx, settings); err != nil {
		return k, err
	}
	k.settings = &tls.Config{
		MinVersion: k.policy.oldest, MaxVersion: k.policy.newest, GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return own() },
		ClientAuth: tls.RequestClientCert, NextProtos: []string{"http/1.1"}, SessionTicketsDisabled: true,
	}
	if k.policy.quirk == refusesInHandshake {
		k.settings.VerifyConnection = func(state tls.ConnectionState) error {
			_, err := k.certified(state.PeerCertificates, "")
			return err
		}
	}
	return k, nil
}

// anchorsOf reads the bundle that a flag names; none where it is not set.
func (e environment) anchorsOf(flag string) ([]*x509.Certificate, error) {
	if e[flag] == "" {
		return nil, nil
	}
	return e.anchors(e[flag])
}

// run serves until ctx ends.
func (k *kubeServer) run(ctx context.Context) error {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", k.address)
	if err != nil {
		return err
	}
	if k.policy.quirk == acceptsPlaintext {
		listener = eitherWay{listener, k.settings}
	} else {
		listener = tls.NewListener(listener, k.settings)
	}
	server := &http.Server{
		Handler: k, ReadHeaderTimeout: readTimeout, ErrorLog: log.New(overhearing{k.log}, "", 0),
		TLSNextProto: map[string]func(*http.Server, *tls.Conn, http.Handler){},
	}
	context.AfterFunc(ctx, func() { _ = server.Close() })
	k.log.Info(saysServing, "address", listener.Addr().String())
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// overhearing makes lines of what net/http says of handshakes.
type overhearing struct{ log *slog.Logger }

// Write implements [io.Writer].
func (o overhearing) Write(line []byte) (int, error) {
	_, rest, ok := strings.Cut(strings.TrimSpace(string(line)), "TLS handshake error from ")
	if from, why, _ := strings.Cut(rest, ": "); ok {
		o.log.Info(saysUnshaken, "client", from, "error", why)
	}
	return len(line), nil
}

// eitherWay is a fault: it takes clients that speak TLS, and such as do not.
type eitherWay struct {
	net.Listener
	settings *tls.Config
}

// Accept implements [net.Listener].
func (l eitherWay) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	buffered := ahead{conn, bufio.NewReader(conn)}
	if err := conn.SetReadDeadline(time.Now().Add(readTimeout)); err != nil {
		return nil, err
	}
	first, err := buffered.reader.Peek(1)
	if err := errors.Join(err, conn.SetReadDeadline(time.Time{})); err != nil || first[0] != recordHandshake {
		return buffered, nil //nolint:nilerr // whoever reads it finds the same
	}
	return tls.Server(buffered, l.settings), nil
}

// The paths of which a client is told more than that it is served.
const (
	readyPath  = "/readyz"
	reviewPath = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
)

// ServeHTTP implements [http.Handler].
func (k *kubeServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == readyPath {
		_, _ = io.WriteString(w, "ok")
		return
	}
	log := k.log.With("client", r.RemoteAddr)
	if r.URL.Path == reviewPath {
		log = slog.New(slog.DiscardHandler) // it was told of by the request before
	}
	switch user, err := k.who(r); {
	case err != nil:
		check, _ := checkOf(err)
		log.Info(saysUnnamed, "check", check, "error", err)
		answer(w, http.StatusUnauthorized, map[string]any{"kind": "Status", "message": "Unauthorized"})
	case r.URL.Path == reviewPath:
		review := map[string]any{"username": user.name, "groups": user.groups}
		answer(w, http.StatusCreated, map[string]any{"kind": "SelfSubjectReview", "status": map[string]any{"userInfo": review}})
	case !user.served && k.policy.quirk != servesEverybody:
		log.Info(saysForbidden, "identity", user.String())
		answer(w, http.StatusForbidden, map[string]any{"kind": "Status", "message": "Forbidden"})
	default:
		log.Info(saysKnown, "identity", user.String())
		answer(w, http.StatusOK, map[string]any{"kind": "NodeList", "apiVersion": "v1", "items": []any{}})
	}
}

func answer(w http.ResponseWriter, status int, what any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(what) // the client has gone
}

// checkOf returns the check that an objection to a client is about.
func checkOf(err error) (pki.Check, bool) {
	if of, is := errors.AsType[*tokenError](err); is {
		return of.check, true
	}
	if of, is := errors.AsType[*certificateError](err); is {
		return of.check, true
	}
	return pki.CheckPresence, false
}
