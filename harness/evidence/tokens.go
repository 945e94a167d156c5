package evidence

import "github.com/calico-tls/conformance/pki"

// tokenCauses are what kube-apiserver and its libraries say of a token that they do not take (Kubernetes pkg/serviceaccount,
// github.com/go-jose/go-jose, github.com/coreos/go-oidc). They come after [causes]: where a certificate fails besides, that was
// asked first.
var tokenCauses = []cause{
	{"invalid signature, no keys found", pki.CheckSignature},
	{"error in cryptographic primitive", pki.CheckSignature},
	{"id token signed with unsupported algorithm", pki.CheckSignature},
	{"failed to verify id token signature", pki.CheckSignature},
	{"is invalid for the target audiences", pki.CheckAudience},
	{"oidc: expected audience", pki.CheckAudience},
	{"service account token has expired", pki.CheckValidity},
	{"service account token is not valid yet", pki.CheckValidity},
	{"oidc: token is expired", pki.CheckValidity},
	{"before the nbf (not before) time", pki.CheckValidity},
	{"oidc: parse username claims", pki.CheckClaims},
	{"service account token has been invalidated", pki.CheckBinding},
	{"does not match claim (", pki.CheckBinding},
	{"ref claim (", pki.CheckBinding},
	{"invalid bearer token, serviceaccounts \"", pki.CheckBinding},
	{"invalid bearer token, resource name may not be empty", pki.CheckBinding},
}
