package kubeapiserver

import (
	"encoding/json"
	"fmt"
	"maps"

	"github.com/calico-tls/conformance/harness/link/kubeapiserver"
	"github.com/calico-tls/conformance/pki"
)

// Registry returns what the etcd of a kube-apiserver holds, by key, so that there is what tokens are bound to, under the UIDs
// that they name: kube-apiserver itself would give others (Kubernetes stores objects below /registry). It also says whom
// kube-apiserver serves, as what is there before it starts it knows once it is ready.
func Registry() map[string]string {
	all := map[string]string{}
	add := func(kind, plural, namespace string, o pki.Object, more map[string]any) {
		if o.Name == "" {
			return
		}
		object := map[string]any{
			"apiVersion": "v1", "kind": kind,
			"metadata": map[string]any{"name": o.Name, "namespace": namespace, "uid": o.UID, "creationTimestamp": "2026-01-01T00:00:00Z"},
		}
		maps.Copy(object, more)
		data, err := json.Marshal(object)
		if err != nil {
			panic("writing an object: " + err.Error()) // it is one of strings
		}
		all[fmt.Sprintf("/registry/%s/%s/%s", plural, namespace, o.Name)] = string(data)
	}
	for _, a := range []pki.Account{kubeapiserver.Own, kubeapiserver.Other} {
		add("ServiceAccount", "serviceaccounts", a.Namespace, a.Object, nil)
		add("Secret", "secrets", a.Namespace, a.Secret, map[string]any{"type": "Opaque"})
		add("Pod", "pods", a.Namespace, a.Pod, map[string]any{"spec": map[string]any{
			"serviceAccountName": a.Name, "containers": []any{map[string]any{"name": "calico", "image": "calico"}},
		}})
	}
	all["/registry/clusterrolebindings/conformance"] = string(served(kubeapiserver.Users))
	return all
}

const rbac = "rbac.authorization.k8s.io"

// served is the object that lets users do everything.
func served(users []string) []byte {
	var subjects []any
	for _, name := range users {
		subjects = append(subjects, map[string]any{"apiGroup": rbac, "kind": "User", "name": name})
	}
	data, err := json.Marshal(map[string]any{
		"apiVersion": rbac + "/v1", "kind": "ClusterRoleBinding", "metadata": map[string]any{"name": "conformance"},
		"roleRef":  map[string]any{"apiGroup": rbac, "kind": "ClusterRole", "name": "cluster-admin"},
		"subjects": subjects,
	})
	if err != nil {
		panic("writing an object: " + err.Error()) // it is one of strings
	}
	return data
}
