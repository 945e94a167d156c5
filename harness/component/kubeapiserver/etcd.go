package kubeapiserver

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/http"

	"github.com/calico-tls/conformance/harness/component"
	"github.com/calico-tls/conformance/harness/component/etcdclient"
	"github.com/calico-tls/conformance/harness/evidence"
	"github.com/calico-tls/conformance/harness/launch"
	"github.com/calico-tls/conformance/harness/link/etcd"
)

// accountsFile holds the key by which a kube-apiserver that nobody asks for a token would sign one.
const accountsFile = "accounts.pem"

// ForEtcd returns kube-apiserver as a client of etcd, whose log is read by r. It is ready once it has got from etcd all that it
// begins with.
func ForEtcd(r *evidence.Reader) component.Component {
	return component.Component{
		Name: "kube-apiserver", Link: etcd.Link.Name, Behind: []string{"etcd"}, Reader: r, Dials: component.DialsAtOnce, Ready: askReady,
		Program: func(s component.Start) launch.Program {
			return component.Flags(etcd.KubeNames).Configure(launch.Program{
				Name: "kube-apiserver", Ports: []string{SecurePort}, Files: []launch.File{{Name: accountsFile, Data: newKey()}},
				Configure: func(place launch.Placement) launch.Invocation {
					return launch.Invocation{Env: map[string]string{}, Args: append(flags(place),
						"--etcd-servers="+etcdclient.Endpoints(s, place),
						"--service-account-key-file="+place.Path(accountsFile),
						"--service-account-signing-key-file="+place.Path(accountsFile),
					)}
				},
			}, s)
		},
	}
}

// newKey returns a private key as PEM, in a form from which kube-apiserver reads the public one as well.
func newKey() []byte {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic("making a key: " + err.Error()) // crypto/rand never fails
	}
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		panic("writing a key: " + err.Error()) // it is one of ours
	}
	return pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der})
}

// askReady asks a kube-apiserver, whatever certificate it has, whether it is ready (Kubernetes API health endpoints).
func askReady(ctx context.Context, i launch.Instance) (component.Readiness, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+i.Address(SecurePort)+"/readyz", nil)
	if err != nil {
		return component.NoAnswer, fmt.Errorf("asking kube-apiserver whether it is ready: %w", err)
	}
	response, err := anybody.Do(request)
	if err != nil {
		return component.NoAnswer, nil // which is an answer
	}
	defer response.Body.Close()
	if response.StatusCode == http.StatusOK {
		return component.IsReady, nil
	}
	return component.IsNotReady, nil
}

// anybody is a client that takes whatever certificate it is shown, and keeps no connection.
var anybody = &http.Client{Transport: &http.Transport{
	DisableKeepAlives: true,
	TLSClientConfig:   &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // it is asked for no secret, and told none
}}
