package kubeapiserver

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/calico-tls/conformance/harness/handshake"
	"github.com/calico-tls/conformance/harness/link"
	"github.com/calico-tls/conformance/harness/link/instrument"
	"github.com/calico-tls/conformance/pki"
)

// Prober plays a client of kube-apiserver. Each Probe is a connection of its own. The zero Prober is ready to use, by any
// number of callers at once.
type Prober struct{}

var _ link.Prober = Prober{}

// Probe implements [link.Prober]. It asks for what Calico reads, and then whom it is taken for. The account is Accepted if
// it was given what it asked for, and Refused if the prober objected to the server; WasRefused if an alert came, the server
// closed the connection, or answered with status 401 or 403, with the checks that such an answer can be about; Failed for
// anything else. Its phase is PhaseApplication once an answer has come; what an HTTPS server says to a client that speaks
// HTTP is none.
func (Prober) Probe(ctx context.Context, address, local string, a link.Attempt) (handshake.Account, string) {
	ctx, cancel := instrument.Bounded(ctx)
	defer cancel()
	raw, err := instrument.Dial(ctx, address, local)
	if err != nil {
		return instrument.NotDialled(err), ""
	}
	s := instrument.Begin(ctx, raw)
	err = inquire(s, a, address)
	if err == nil && a.Accepted != nil {
		a.Accepted()
	}
	account := s.End(err, nil)
	if denial, is := errors.AsType[*denialError](err); is {
		account.Claim, account.Checks = handshake.WasRefused, denials[denial.status]
	}
	return account, raw.LocalAddr().String()
}

// Audit is the ID under which kube-apiserver logs what a client asks for that has connected from an address: the address
// itself, by which its other lines name the connection too.
func Audit(address string) string { return address }

const (
	// wanted is what the prober asks for.
	wanted = "/api/v1/nodes?limit=1"
	// question is the question for whom the prober is taken.
	question = `{"apiVersion":"authentication.k8s.io/v1","kind":"SelfSubjectReview"}`
)

// denials are the checks that an answer of a status can be about: with 401, whether kube-apiserver knows its client, and
// with 403, whether whom it knows may have what it asks for.
var denials = map[int][]pki.Check{
	http.StatusUnauthorized: append([]pki.Check{pki.CheckPresence, pki.CheckEncoding, pki.CheckChain, pki.CheckValidity, pki.CheckEKU}, pki.TokenChecks...),
	http.StatusForbidden:    {pki.CheckIdentity},
}

// denialError is an answer by which a client is denied what it asked for.
type denialError struct {
	status int
	words  string
}

func (e *denialError) Error() string {
	return fmt.Sprintf("answered with status %d: %s", e.status, e.words)
}

// inquire goes as far as a client must go to know that it was accepted, and whom it was taken for.
func inquire(s *instrument.Session, a link.Attempt, address string) error {
	if a.Version != link.Clear {
		settings, err := settings(s, a)
		if err != nil {
			return err
		}
		if err := s.Secure(tls.Client(s.Raw, settings)); err != nil {
			return err
		}
	}
	c := client{session: s, attempt: a, address: address, answers: bufio.NewReader(s.Conn)}
	err := c.ask(http.MethodGet, wanted, Audit(s.Raw.LocalAddr().String()), nil)
	var denial *denialError
	if err != nil && (!errors.As(err, &denial) || denial.status != http.StatusForbidden) {
		return err
	}
	var who review
	switch reviewed := c.ask(http.MethodPost, reviewPath, "who-"+Audit(s.Raw.LocalAddr().String()), &who); {
	case reviewed == nil:
		s.Account.Known = handshake.User(who.Status.UserInfo.Username, who.Status.UserInfo.Groups)
	case err == nil: // whoever is served must be told
		return fmt.Errorf("asking for whom it is taken: %w", reviewed)
	}
	return err
}

// client asks over one connection.
type client struct {
	session *instrument.Session
	attempt link.Attempt
	address string
	answers *bufio.Reader
}

// ask sends a request and reads the answer into a value, unless that is nil.
func (c client) ask(method, path, audit string, into any) error {
	body := ""
	if method == http.MethodPost {
		body = question
	}
	request, err := http.NewRequest(method, "https://"+c.address+path, strings.NewReader(body)) //nolint:noctx // the session ends with its context
	if err != nil {
		return fmt.Errorf("asking for %s: %w", path, err)
	}
	request.Header.Set("Audit-ID", audit)
	request.Header.Set("Accept", "application/json")
	request.Header.Set("Content-Type", "application/json")
	if c.attempt.Bears {
		request.Header.Set("Authorization", "Bearer "+c.attempt.Token)
	}
	if d, ok := Link.Conduct(c.attempt.Conduct); ok && d.Forwards != "" {
		request.Header.Set(headerUser, d.Forwards)
	}
	if err := request.Write(c.session.Conn); err != nil {
		return fmt.Errorf("asking for %s: %w", path, err)
	}
	answer, err := http.ReadResponse(c.answers, request)
	if err != nil {
		return fmt.Errorf("reading the answer to %s: %w", path, err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxReview))
	if err != nil {
		return fmt.Errorf("reading the answer to %s: %w", path, err)
	}
	return c.understand(answer, text, into)
}

// understand makes of an answer what it says.
func (c client) understand(answer *http.Response, text []byte, into any) error {
	if c.attempt.Version == link.Clear && answer.StatusCode == http.StatusBadRequest && answer.ProtoMinor == 0 {
		return fmt.Errorf("%w: told %q by a server of HTTPS", io.EOF, strings.TrimSpace(string(text)))
	}
	c.session.Account.Octets += len(text)
	switch answer.StatusCode {
	case http.StatusOK, http.StatusCreated:
	case http.StatusUnauthorized, http.StatusForbidden:
		return &denialError{answer.StatusCode, messageOf(text)}
	default:
		return fmt.Errorf("wanted status 200, 201, 401 or 403, found %s: %s", answer.Status, messageOf(text))
	}
	if into == nil {
		into = &struct{}{}
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("reading an answer: %w", err)
	}
	return nil
}

// messageOf returns the message of a Status, or the beginning of whatever else was answered.
func messageOf(text []byte) string {
	const most = 200
	var status struct {
		Message string `json:"message"`
	}
	if json.Unmarshal(text, &status) == nil && status.Message != "" {
		return status.Message
	}
	return string(text[:min(len(text), most)])
}

// settings are those of a client that takes only this version of TLS.
func settings(s *instrument.Session, a link.Attempt) (*tls.Config, error) {
	version, ok := instrument.Versions[a.Version]
	if !ok {
		return nil, fmt.Errorf("playing a client of kube-apiserver: wanted a version of TLS, found %q", a.Version)
	}
	return &tls.Config{
		MinVersion: version, MaxVersion: version, NextProtos: []string{"http/1.1"},
		InsecureSkipVerify: true, //nolint:gosec // the chain is verified below, without the host where none is required
		VerifyConnection: func(state tls.ConnectionState) error {
			return examine(a, state.PeerCertificates)
		},
		// crypto/tls would keep back a certificate whose issuer the server does not name.
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			s.Account.Shown = a.Show.Fingerprint()
			return a.Show.TLS(), nil
		},
	}, nil
}

// examine asks of kube-apiserver's chain an anchor of the attempt, the usage, and the host that was dialled.
func examine(a link.Attempt, chain []*x509.Certificate) error {
	intermediates := x509.NewCertPool()
	for _, c := range chain[1:] {
		intermediates.AddCert(c)
	}
	_, err := chain[0].Verify(x509.VerifyOptions{
		Roots: instrument.Roots(a), Intermediates: intermediates, DNSName: a.Require.Host, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	})
	if err != nil {
		return fmt.Errorf("%w: %w", instrument.ErrObjection, err)
	}
	return nil
}
