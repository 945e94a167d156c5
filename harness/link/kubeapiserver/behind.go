package kubeapiserver

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httputil"
	"strings"

	"github.com/calico-tls/conformance/harness/handshake"
	"github.com/calico-tls/conformance/harness/link"
	"github.com/calico-tls/conformance/harness/link/instrument"
	"github.com/calico-tls/conformance/pki"
)

// The headers by which a front proxy tells kube-apiserver whom it speaks for (its flags --requestheader-…-headers).
const (
	headerUser  = "X-Remote-User"
	headerGroup = "X-Remote-Group"
	headerExtra = "X-Remote-Extra-"
)

// reviewPath is where kube-apiserver says whom it takes its client for (authentication.k8s.io/v1 SelfSubjectReview).
const reviewPath = "/apis/authentication.k8s.io/v1/selfsubjectreviews"

// behind is the kube-apiserver that stands behind an observer, as one client of the observer sees it.
type behind struct {
	address string
	// client is the leaf by which the client is known, where it is one of the attempt's authorities; nil for none.
	client *x509.Certificate
	// shows says that the client shows a certificate, secure that it speaks TLS.
	shows, secure bool
	// direct passes on what has a token, or nothing; vouching, with the certificate of a front proxy, what has a certificate:
	// where it says of nobody that it speaks for them, the server behind knows it for nobody, as it would the client.
	direct, vouching http.RoundTripper
	idle             []*http.Transport
}

func newBehind(s *instrument.Session, a link.Attempt) (*behind, error) {
	b := &behind{address: cmp.Or(a.Behind, "nobody"), direct: alone{a, false}, vouching: alone{a, true}}
	if a.Behind != "" {
		b.direct, b.vouching = b.over(a, nil), b.over(a, a.Vouch)
	}
	conn, ok := s.Conn.(*tls.Conn)
	if b.secure = ok; !ok {
		return b, nil
	}
	chain := conn.ConnectionState().PeerCertificates
	if b.shows = len(chain) > 0; b.shows && a.Behind != "" && a.Vouch == nil {
		return nil, errors.New("playing kube-apiserver: a client shows a certificate, and the observer has none to vouch for it")
	}
	if b.shows && verified(a, chain) {
		b.client = chain[0]
	}
	return b, nil
}

// over returns the way to the server behind on which the observer shows a credential; nil for none.
func (b *behind) over(a link.Attempt, shows *pki.Issued) http.RoundTripper {
	settings := &tls.Config{RootCAs: instrument.Roots(a)}
	if shows != nil {
		settings.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return shows.TLS(), nil }
	}
	t := &http.Transport{TLSClientConfig: settings}
	b.idle = append(b.idle, t)
	return t
}

// verified reports whether a client's certificate is one by which kube-apiserver would know it.
func verified(a link.Attempt, chain []*x509.Certificate) bool {
	intermediates := x509.NewCertPool()
	for _, c := range chain[1:] {
		intermediates.AddCert(c)
	}
	_, err := chain[0].Verify(x509.VerifyOptions{Roots: instrument.Roots(a), Intermediates: intermediates, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	return err == nil
}

func (b *behind) close() {
	for _, t := range b.idle {
		t.CloseIdleConnections()
	}
}

// pass passes a request on, and its answer back. It returns the status of the answer. A token that comes in the clear goes no
// further.
func (b *behind) pass(w http.ResponseWriter, r *http.Request) int {
	if b.bares(r) {
		http.Error(w, "a token in the clear", http.StatusUnauthorized)
		return http.StatusUnauthorized
	}
	status := http.StatusBadGateway
	proxy := httputil.ReverseProxy{
		Transport: b.transport(), FlushInterval: -1, ErrorLog: log.New(io.Discard, "", 0),
		Rewrite: func(p *httputil.ProxyRequest) {
			p.Out.URL.Scheme, p.Out.URL.Host, p.Out.Host = "https", b.address, b.address
			b.identify(p.Out.Header)
		},
		ModifyResponse: func(answer *http.Response) error {
			status = answer.StatusCode
			return nil
		},
	}
	proxy.ServeHTTP(w, r)
	return status
}

func (b *behind) transport() http.RoundTripper {
	if b.shows {
		return b.vouching
	}
	return b.direct
}

// identify says in the headers of a request whom it comes from: the user that the client's certificate names, of its groups
// (Kubernetes, authentication by X.509 client certificates); what the client itself says there does not count.
func (b *behind) identify(h http.Header) {
	for name := range h {
		if name == headerUser || name == headerGroup || strings.HasPrefix(name, headerExtra) {
			h.Del(name)
		}
	}
	if b.client == nil {
		return
	}
	h.Set(headerUser, b.client.Subject.CommonName)
	h[headerGroup] = b.client.Subject.Organization
	h.Del("Authorization") // of two credentials the certificate counts
}

// answer is what became of a request.
type answer struct {
	status int
	// user is whom the server behind took the client for, as [handshake.User] names it; "" where it did not say.
	user string
	// bare says that a token came in the clear, and failed why the server was not asked for the user.
	bare   bool
	failed error
}

// bares reports whether a request has a token in the clear.
func (b *behind) bares(r *http.Request) bool { return !b.secure && r.Header.Get("Authorization") != "" }

// judge reports what the answer to a request tells, and whether it tells anything: one that is neither a success nor a denial
// tells nothing.
func (b *behind) judge(r *http.Request, status int) (got answer, tells bool) {
	got = answer{status: status, bare: b.bares(r)}
	switch {
	case got.bare, status == http.StatusUnauthorized, status == http.StatusForbidden:
		return got, true
	case status/100 != 2:
		return got, false
	}
	got.user, got.failed = b.review(r.Context(), r.Header)
	return got, true
}

// review asks the server behind whom it takes a client for that has sent these headers.
func (b *behind) review(ctx context.Context, sent http.Header) (string, error) {
	const doing = "asking who the client is"
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://"+b.address+reviewPath,
		strings.NewReader(question))
	if err != nil {
		return "", fmt.Errorf("%s: %w", doing, err)
	}
	r.Header.Set("Content-Type", "application/json")
	if token := sent.Get("Authorization"); token != "" {
		r.Header.Set("Authorization", token)
	}
	b.identify(r.Header)
	response, err := b.transport().RoundTrip(r)
	if err != nil {
		return "", fmt.Errorf("%s: %w", doing, err)
	}
	defer response.Body.Close()
	var review review
	if response.StatusCode/100 != 2 {
		return "", fmt.Errorf("%s: wanted an answer, found %s", doing, response.Status)
	}
	if err := json.NewDecoder(io.LimitReader(response.Body, maxReview)).Decode(&review); err != nil {
		return "", fmt.Errorf("%s: %w", doing, err)
	}
	user := review.Status.UserInfo
	return handshake.User(user.Username, user.Groups), nil
}

// review is what kube-apiserver says of whom it takes its client for.
type review struct {
	Status struct {
		UserInfo struct {
			Username string   `json:"username"`
			Groups   []string `json:"groups"`
		} `json:"userInfo"`
	} `json:"status"`
}

// maxReview bounds the answer to a review, in octets.
const maxReview = 1 << 20

// objection says what an observer has against a client that got this answer; nil for nothing.
func (g answer) objection() error {
	switch {
	case g.bare:
		return fmt.Errorf("%w: the client sent its token in the clear", instrument.ErrObjection)
	case g.status/100 != 2:
		return fmt.Errorf("%w: the server answered %d %s", instrument.ErrObjection, g.status, http.StatusText(g.status))
	}
	return g.failed
}

// checks are those that a denial is consistent with.
func (g answer) checks() []pki.Check {
	if g.bare {
		return []pki.Check{pki.CheckIdentity}
	}
	return denials[g.status]
}
