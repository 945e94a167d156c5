package stub

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"

	"github.com/calico-tls/conformance/harness/component"
)

// cluster is how a stub reaches kube-apiserver, and as whom.
type cluster struct {
	server string
	// ca, certificate, key and tokenFile are paths; "" for none. token is a token itself.
	ca, certificate, key, tokenFile, token string
	insecure                               bool
}

// kubeconfig is what a stub reads of a kubeconfig (k8s.io/client-go/tools/clientcmd/api/v1).
type kubeconfig struct {
	Clusters []kubeCluster `yaml:"clusters"`
	Users    []kubeUser    `yaml:"users"`
	Contexts []kubeContext `yaml:"contexts"`
	Current  string        `yaml:"current-context"`
}

type kubeCluster struct {
	Name    string `yaml:"name"`
	Cluster struct {
		Server    string `yaml:"server"`
		Authority string `yaml:"certificate-authority"`
		Insecure  bool   `yaml:"insecure-skip-tls-verify"`
	} `yaml:"cluster"`
}

type kubeUser struct {
	Name string `yaml:"name"`
	User struct {
		Certificate string `yaml:"client-certificate"`
		Key         string `yaml:"client-key"`
		Token       string `yaml:"token"`
		TokenFile   string `yaml:"tokenFile"`
	} `yaml:"user"`
}

type kubeContext struct {
	Name    string `yaml:"name"`
	Context struct {
		Cluster string `yaml:"cluster"`
		User    string `yaml:"user"`
	} `yaml:"context"`
}

// inlined is what a stub reads of a configuration file of Calico's (Calico libcalico-go/lib/apiconfig/apiconfig.go).
type inlined struct {
	Spec struct {
		Kubeconfig string `yaml:"kubeconfigInline"`
	} `yaml:"spec"`
}

// The variables that win over a kubeconfig, and what a program finds in a pod.
const (
	kubeconfigSetting = "KUBECONFIG"
	endpointSetting   = "K8S_API_ENDPOINT"
	insecureSetting   = "K8S_INSECURE_SKIP_TLS_VERIFY"
	tokenSetting      = "CALICO_K8SAPITOKEN" //nolint:gosec // the name of a variable
)

// PodFolderSetting is the setting that says in which folder a stub finds the files of a pod; where it is not set, that is the one
// of Kubernetes.
const PodFolderSetting = "TLSCONFORM_POD_FOLDER"

// cluster reads what a stub is told of kube-apiserver: by a kubeconfig within a configuration file, which nothing wins over;
// else by the kubeconfigs of a list, of which the first that says something counts, and the variables that win over them; else
// by what a pod finds. The error says what cannot be used.
func (e environment) cluster(p policy) (cluster, error) {
	if path := e[ConfigFileSetting]; path != "" {
		data, err := os.ReadFile(path)
		if err != nil {
			return cluster{}, err
		}
		var file inlined
		if err := yaml.Unmarshal(data, &file); err != nil {
			return cluster{}, fmt.Errorf("reading %s: %w", path, err)
		}
		if file.Spec.Kubeconfig != "" {
			return merged([]byte(file.Spec.Kubeconfig))
		}
	}
	var files [][]byte
	for _, path := range filepath.SplitList(e[kubeconfigSetting]) {
		data, err := os.ReadFile(path)
		if err != nil {
			return cluster{}, err
		}
		files = append(files, data)
	}
	c, err := merged(files...)
	if err != nil {
		return c, err
	}
	for setting, into := range map[string]*string{
		endpointSetting: &c.server, "K8S_CA_FILE": &c.ca, "K8S_CERT_FILE": &c.certificate, "K8S_KEY_FILE": &c.key, tokenSetting: &c.token,
	} {
		*into = cmp.Or(e[setting], *into)
	}
	if e[insecureSetting] == "true" { // a bundle counts for nothing then, and contradicts it where it is a variable too
		c.insecure, c.ca = true, e["K8S_CA_FILE"]
	}
	switch {
	case c.server == "":
		return e.inPod(p)
	case p.quirk == trustsWithoutBundle && c.ca == "":
		c.insecure = true
	case p.quirk == readsOtherToken:
		c.token = cmp.Or(e["K8S_API_TOKEN"], c.token)
	}
	return c, c.check(p)
}

// check says what cannot be used together, in the words of Kubernetes's own client (k8s.io/client-go/tools/clientcmd and
// k8s.io/client-go/transport).
func (c cluster) check(p policy) error {
	switch {
	case c.insecure && c.ca != "":
		return errors.New("specifying a root certificates file with the insecure flag is not allowed")
	case (c.certificate == "") != (c.key == ""):
		return errors.New("invalid configuration: client-key-data or client-key must be specified to use a client certificate")
	case !strings.HasPrefix(c.server, "https://") && p.quirk != asksInTheClear:
		return fmt.Errorf("wanted an address that begins with https://, found %q", c.server)
	}
	return nil
}

// inPod returns what a pod finds. A bundle that cannot be used counts as none, as for Kubernetes's own client: the system's
// authorities take its place.
func (e environment) inPod(p policy) (cluster, error) {
	host, port := e["KUBERNETES_SERVICE_HOST"], e["KUBERNETES_SERVICE_PORT"]
	if host == "" || port == "" {
		return cluster{}, errors.New("invalid configuration: no configuration has been provided")
	}
	folder := cmp.Or(e[PodFolderSetting], component.PodFolder)
	c := cluster{server: "https://" + net.JoinHostPort(host, port), tokenFile: folder + "/token", ca: folder + "/ca.crt"}
	if data, err := os.ReadFile(c.ca); err != nil || unusable(data) {
		c.ca, c.insecure = "", p.quirk == trustsAnyInPod
		if p.quirk == inTheClearInPod {
			c.server = "http://" + net.JoinHostPort(host, port)
		}
	}
	return c, nil
}

func unusable(bundle []byte) bool {
	_, err := parseBundle(bundle)
	return err != nil
}

// merged returns what kubeconfigs say together.
func merged(files ...[]byte) (cluster, error) {
	var all kubeconfig
	for _, data := range files {
		var k kubeconfig
		if err := yaml.Unmarshal(data, &k); err != nil {
			return cluster{}, fmt.Errorf("reading a kubeconfig: %w", err)
		}
		all.Clusters, all.Users, all.Contexts = append(all.Clusters, k.Clusters...), append(all.Users, k.Users...), append(all.Contexts, k.Contexts...)
		all.Current = cmp.Or(all.Current, k.Current)
	}
	var c cluster
	// Of several of a name the first counts.
	i := slices.IndexFunc(all.Contexts, func(x kubeContext) bool { return x.Name == all.Current })
	if i < 0 {
		return c, nil
	}
	current := all.Contexts[i].Context
	if i := slices.IndexFunc(all.Clusters, func(x kubeCluster) bool { return x.Name == current.Cluster }); i >= 0 {
		x := all.Clusters[i].Cluster
		c.server, c.ca, c.insecure = x.Server, x.Authority, x.Insecure
	}
	if i := slices.IndexFunc(all.Users, func(x kubeUser) bool { return x.Name == current.User }); i >= 0 {
		x := all.Users[i].User
		c.certificate, c.key, c.token, c.tokenFile = x.Certificate, x.Key, x.Token, x.TokenFile
	}
	return c, nil
}
