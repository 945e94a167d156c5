package kubeapiserver

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"slices"

	"github.com/calico-tls/conformance/harness/link"
)

// alone answers for an observer behind which nobody stands. It knows the clients that the attempt requires, and nothing else:
// by the user in the headers of a front proxy, or by one token.
type alone struct {
	attempt link.Attempt
	// shows says that the client shows a certificate.
	shows bool
}

// known are the groups that Kubernetes gives to whom it knows, and to service accounts (Kubernetes
// apiserver/pkg/authentication/user/user.go).
const (
	everybody   = "system:authenticated"
	allAccounts = "system:serviceaccounts"
)

// RoundTrip implements [http.RoundTripper].
func (o alone) RoundTrip(r *http.Request) (*http.Response, error) {
	user, groups := r.Header.Get(headerUser), r.Header[headerGroup]
	token := r.Header.Get("Authorization")
	switch {
	case user != "":
	case token != "" && token == "Bearer "+o.attempt.Token:
		account := o.attempt.Require.Bearer.Identity.Account
		user, groups = account.User(), []string{allAccounts, allAccounts + ":" + account.Namespace}
	case token != "" || o.shows || o.attempt.Require.Nobody == "":
		return said(r, http.StatusUnauthorized, status{Reason: "Unauthorized"}), nil
	default:
		return said(r, http.StatusForbidden, status{Reason: "Forbidden"}), nil
	}
	if r.URL.Path != reviewPath {
		return said(r, http.StatusOK, map[string]any{"kind": "NodeList", "apiVersion": "v1", "items": []any{}}), nil
	}
	var review review
	review.Status.UserInfo.Username, review.Status.UserInfo.Groups = user, append(slices.Clone(groups), everybody)
	return said(r, http.StatusCreated, review), nil
}

// status is what kube-apiserver says where it denies something.
type status struct {
	Reason string `json:"reason"`
}

func said(r *http.Request, code int, what any) *http.Response {
	body, err := json.Marshal(what)
	if err != nil {
		code, body = http.StatusInternalServerError, nil
	}
	return &http.Response{
		StatusCode: code, Status: http.StatusText(code), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: r,
		Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(bytes.NewReader(body)), ContentLength: int64(len(body)),
	}
}
