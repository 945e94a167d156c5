package kubeapiserver

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/goccy/go-yaml"
)

// admin is a client that may do everything.
type admin struct {
	address, token string
	client         *http.Client
}

// newAdmin returns a client of the kube-apiserver at an address that shows the certificate at the beginning of a file of PEM,
// whoever has signed it.
func newAdmin(address, token string, certificate []byte) (*admin, error) {
	block, _ := pem.Decode(certificate)
	if block == nil {
		return nil, errors.New("preparing kube-apiserver: wanted its certificate, found none")
	}
	settings := &tls.Config{
		InsecureSkipVerify: true, //nolint:gosec // it is known by the very certificate
		VerifyConnection: func(state tls.ConnectionState) error {
			if shown := state.PeerCertificates[0].Raw; !bytes.Equal(shown, block.Bytes) {
				return errors.New("wanted the certificate that it was given, found another")
			}
			return nil
		},
	}
	return &admin{address, token, &http.Client{Transport: &http.Transport{TLSClientConfig: settings}}}, nil
}

func (a *admin) close() { a.client.CloseIdleConnections() }

// prepare waits until kube-apiserver is ready, and gives it what it must know of Calico.
func (a *admin) prepare(ctx context.Context, crds []byte) error {
	if err := a.await(ctx, "/readyz"); err != nil {
		return err
	}
	if len(crds) == 0 {
		return nil
	}
	if err := a.define(ctx, crds); err != nil {
		return err
	}
	if err := a.establish(ctx); err != nil {
		return err
	}
	if err := a.await(ctx, calico+"/clusterinformations"); err != nil {
		return err
	}
	return a.create(ctx, calico+"/clusterinformations", map[string]any{
		"apiVersion": "crd.projectcalico.org/v1", "kind": "ClusterInformation", "metadata": map[string]any{"name": "default"},
		"spec": map[string]any{"clusterGUID": "0123456789abcdef0123456789abcdef", "datastoreReady": true},
	})
}

// calico is where Calico's own resources are.
const calico = "/apis/crd.projectcalico.org/v1"

// poll is how often it is asked whether it has come so far.
const poll = 50 * time.Millisecond

// await asks until the answer is a success, or ctx ends.
func (a *admin) await(ctx context.Context, path string) error {
	every := time.NewTicker(poll)
	defer every.Stop()
	for {
		status, said, err := a.do(ctx, http.MethodGet, path, nil)
		if err == nil && status == http.StatusOK {
			return nil
		}
		select {
		case <-every.C:
		case <-ctx.Done():
			return fmt.Errorf("waiting for kube-apiserver to answer %s: %w (last: %d %.200s, %w)", path, context.Cause(ctx), status, said, errors.Join(err))
		}
	}
}

// define makes kube-apiserver know the resources that documents of YAML define.
func (a *admin) define(ctx context.Context, crds []byte) error {
	documents := yaml.NewDecoder(bytes.NewReader(crds))
	for {
		var crd map[string]any
		err := documents.Decode(&crd)
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("reading the definition of a resource: %w", err)
		case len(crd) == 0:
			continue
		}
		if err := a.create(ctx, definitionsPath, crd); err != nil {
			return err
		}
	}
}

// definitionsPath is where the definitions of resources are.
const definitionsPath = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"

// establish waits until kube-apiserver has taken up every definition: as long as it does, it cuts off who asks for what they
// define (Kubernetes apiextensions-apiserver/pkg/apiserver/customresource_handler.go).
func (a *admin) establish(ctx context.Context) error {
	every := time.NewTicker(poll)
	defer every.Stop()
	for {
		status, said, err := a.do(ctx, http.MethodGet, definitionsPath, nil)
		waits := unestablished(said)
		if err == nil && status == http.StatusOK && len(waits) == 0 {
			return nil
		}
		select {
		case <-every.C:
		case <-ctx.Done():
			return fmt.Errorf("waiting for kube-apiserver to establish the definitions of %q: %w (last: %d, %w)", waits, context.Cause(ctx), status, errors.Join(err))
		}
	}
}

// unestablished returns the names of the definitions in a list that are not established yet; one that cannot be read has itself
// as the name of such.
func unestablished(list []byte) []string {
	var definitions struct {
		Items []struct {
			Metadata struct {
				Name string `json:"name"`
			} `json:"metadata"`
			Status struct {
				Conditions []struct {
					Type   string `json:"type"`
					Status string `json:"status"`
				} `json:"conditions"`
			} `json:"status"`
		} `json:"items"`
	}
	if err := json.Unmarshal(list, &definitions); err != nil {
		return []string{fmt.Sprintf("%.100s", list)}
	}
	var waits []string
	for _, d := range definitions.Items {
		established := false
		for _, c := range d.Status.Conditions {
			established = established || c.Type == "Established" && c.Status == "True"
		}
		if !established {
			waits = append(waits, d.Metadata.Name)
		}
	}
	return waits
}

// create creates an object that may be there already: several kube-apiservers stand on one etcd.
func (a *admin) create(ctx context.Context, path string, object any) error {
	data, err := json.Marshal(object)
	if err != nil {
		return fmt.Errorf("creating an object at %s: %w", path, err)
	}
	status, said, err := a.do(ctx, http.MethodPost, path, data)
	if err != nil {
		return err
	}
	if status != http.StatusCreated && status != http.StatusConflict {
		return fmt.Errorf("creating an object at %s: wanted 201 or 409, found %d: %.400s", path, status, said)
	}
	return nil
}

// maxAnswer bounds an answer in octets.
const maxAnswer = 32 << 20

func (a *admin) do(ctx context.Context, method, path string, body []byte) (status int, said []byte, err error) {
	r, err := http.NewRequestWithContext(ctx, method, "https://"+a.address+path, bytes.NewReader(body))
	if err != nil {
		return 0, nil, fmt.Errorf("asking kube-apiserver: %w", err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+a.token)
	response, err := a.client.Do(r)
	if err != nil {
		return 0, nil, fmt.Errorf("asking kube-apiserver: %w", err)
	}
	defer response.Body.Close()
	said, err = io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	return response.StatusCode, said, err
}
