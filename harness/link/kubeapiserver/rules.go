package kubeapiserver

import (
	"github.com/calico-tls/conformance/harness/handshake"
	"github.com/calico-tls/conformance/harness/link"
)

// decisions are the rules by which the ends decide, cause by cause. Whom kube-apiserver accepts, it knows by a rule of its
// own: by a certificate, or by a token.
var decisions = []link.Decision{
	{By: handshake.Server, Rules: []string{"KAPI-09"}},
	{By: handshake.Server, Cause: "nobody", Rules: []string{"KAPI-12"}},
	{By: handshake.Server, Cause: "anonymous", Rules: []string{"KAPI-12"}},
	{By: handshake.Server, Cause: "identity", Rules: []string{"KAPI-13"}},
	{By: handshake.Server, Cause: "token-encoding", Rules: []string{"KAPI-10"}},
	{By: handshake.Server, Cause: "token-issuer", Rules: []string{"KAPI-10"}},
	{By: handshake.Server, Cause: "token-signature", Rules: []string{"KAPI-10"}},
	{By: handshake.Server, Cause: "token-audience", Rules: []string{"KAPI-10"}},
	{By: handshake.Server, Cause: "token-validity", Rules: []string{"KAPI-10"}},
	{By: handshake.Server, Cause: "token-claims", Rules: []string{"KAPI-10"}},
	{By: handshake.Server, Cause: "token-binding", Rules: []string{"KAPI-10"}},
	{By: handshake.Server, Cause: "plaintext-on-tls", Rules: []string{"KAPI-07"}},
	{By: handshake.Server, Cause: "version", Rules: []string{"KAPI-08"}},

	{By: handshake.Client, Rules: []string{"KAPI-03"}},
	{By: handshake.Client, Cause: link.BeingRefused, Rules: []string{"KAPI-09"}},
}
