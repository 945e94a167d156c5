package etcd

import (
	"github.com/calico-tls/conformance/harness/handshake"
	"github.com/calico-tls/conformance/harness/link"
)

// decisions are the rules by which the ends decide, cause by cause.
var decisions = []link.Decision{
	{Cause: link.Accepting, Rules: []string{"ETCD-01"}},
	{By: handshake.Server, Rules: []string{"ETCD-03"}},
	{By: handshake.Server, Cause: "no-certificate", Rules: []string{"ETCD-02"}},
	{By: handshake.Server, Cause: "revocation", Rules: []string{"ETCD-05"}},
	{By: handshake.Server, Cause: "identity", Rules: []string{"ETCD-26"}},
	{By: handshake.Server, Cause: "plaintext-on-tls", Rules: []string{"ETCD-06"}},
	{By: handshake.Server, Cause: "version", Rules: []string{"ETCD-07"}},
	{By: handshake.Server, Cause: link.Refusing, Rules: []string{"ETCD-08"}},

	{By: handshake.Client, Cause: link.Bare, Rules: []string{"ETCD-13"}},
	{By: handshake.Client, Rules: []string{"ETCD-09"}},
	{By: handshake.Client, Cause: "host", Rules: []string{"ETCD-10"}},
	{By: handshake.Client, Cause: "validity", Rules: []string{"ETCD-11"}},
	{By: handshake.Client, Cause: "eku", Rules: []string{"ETCD-11"}},
	{By: handshake.Client, Cause: "plaintext-on-tls", Rules: []string{"ETCD-15"}},
	{By: handshake.Client, Cause: "tls-on-plaintext", Rules: []string{"ETCD-15"}},
	{By: handshake.Client, Cause: "version", Rules: []string{"ETCD-27"}},
}
