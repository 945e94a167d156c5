package kubeapiserver

import (
	"encoding/json"

	"github.com/calico-tls/conformance/harness/link/kubeapiserver"
)

// authentication says whose tokens kube-apiserver takes besides those of service accounts: those of the provider at an address,
// whose certificate one of the authorities has signed (Kubernetes apiserver/pkg/apis/apiserver/v1, AuthenticationConfiguration).
func authentication(address string, authorities []byte) []byte {
	text, err := json.Marshal(map[string]any{ // JSON is YAML
		"apiVersion": "apiserver.config.k8s.io/v1", "kind": "AuthenticationConfiguration",
		"jwt": []map[string]any{{
			"issuer": map[string]any{
				"url": kubeapiserver.ProviderIssuer, "discoveryURL": "https://" + address + "/.well-known/openid-configuration",
				"certificateAuthority": string(authorities), "audiences": []string{kubeapiserver.ProviderAudience},
			},
			"claimMappings": map[string]any{
				"username": map[string]any{"claim": "sub", "prefix": kubeapiserver.ProviderPrefix},
				"groups":   map[string]any{"claim": "groups", "prefix": kubeapiserver.ProviderPrefix},
			},
		}},
	})
	if err != nil {
		panic("writing the configuration of kube-apiserver: " + err.Error()) // plain values
	}
	return text
}
