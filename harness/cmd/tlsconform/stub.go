package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/calico-tls/conformance/harness/component/etcd"
	"github.com/calico-tls/conformance/harness/component/stub"
)

// stubs are the programs that `tlsconform stub` runs.
var stubs = []struct {
	name, text, example string
	// flags are further settings, which are given as flags of that name.
	flags []string
	run   func(ctx context.Context, settings map[string]string, log io.Writer) int
}{
	{"typha", "serve like Typha, set by TYPHA_… variables", "TYPHA_SERVERPORT=5473 tlsconform stub typha --fault skip-eku", nil, stub.RunTypha},
	{"felix", "dial like Felix, set by FELIX_… variables", "FELIX_TYPHAADDR=127.0.0.1:5473 tlsconform stub felix", nil, stub.RunFelix},
	{"typha-client", "dial like typha-client, set by its flags", "tlsconform stub typha-client --server 127.0.0.1:5473", stub.TyphaClientFlags, stub.RunTyphaClient},
	{"kube-apiserver", "serve like kube-apiserver, set by its flags", "tlsconform stub kube-apiserver --secure-port 6443 --tls-cert-file server.crt --tls-private-key-file server.key --client-ca-file server-trust.crt", stub.KubeAPIServerFlags, stub.RunKubeAPIServer},
	{"kube-command", "ask kube-apiserver once, like calicoctl, set by KUBECONFIG and K8S_… variables", "KUBECONFIG=kubeconfig tlsconform stub kube-command", nil, stub.RunKubeCommand},
	{"kube-client", "ask kube-apiserver until it answers, like Typha and Felix, set by KUBECONFIG and K8S_… variables", "KUBECONFIG=kubeconfig tlsconform stub kube-client", nil, stub.RunKubeClient},
	{"etcd-client", "ask etcd until it answers, like Calico's components, set by ETCD_… or TYPHA_ETCD… variables", "ETCD_ENDPOINTS=http://127.0.0.1:2379 tlsconform stub etcd-client", nil, stub.RunEtcdClient},
	{"etcd", "serve as etcd, which it is, set by ETCD_… variables", "ETCD_NAME=e ETCD_DATA_DIR=data ETCD_LISTEN_CLIENT_URLS=http://127.0.0.1:2379 ETCD_ADVERTISE_CLIENT_URLS=http://127.0.0.1:2379 ETCD_LISTEN_PEER_URLS=http://127.0.0.1:2380 ETCD_INITIAL_ADVERTISE_PEER_URLS=http://127.0.0.1:2380 ETCD_INITIAL_CLUSTER=e=http://127.0.0.1:2380 tlsconform stub etcd", nil, etcd.Run},
}

func newStub() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "stub",
		Short: "run a stub of a component, which does what the rules ask",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	for _, s := range stubs {
		var fault string
		one := &cobra.Command{
			Use:   s.name,
			Short: s.text, Example: "  " + s.example,
			Args: cobra.NoArgs,
			RunE: func(cmd *cobra.Command, _ []string) error {
				settings := environment()
				if fault != "" {
					if _, ok := stub.FaultNamed(fault); !ok {
						return &hintedError{fmt.Errorf("choosing a fault: there is none named %q", fault), "the faults are " + strings.Join(faults(), ", ")}
					}
					settings[stub.FaultSetting] = fault
				}
				for _, name := range s.flags {
					settings[name], _ = cmd.Flags().GetString(name)
				}
				if code := s.run(cmd.Context(), settings, cmd.OutOrStdout()); code != 0 {
					return &codedError{nil, code}
				}
				return nil
			},
		}
		one.Flags().StringVar(&fault, "fault", "", "a deliberate bug to put in: "+strings.Join(faults(), ", "))
		for _, name := range s.flags {
			one.Flags().String(name, "", "as the real one has it")
		}
		cmd.AddCommand(one)
	}
	return cmd
}

func faults() []string {
	var names []string
	for _, f := range stub.Faults {
		names = append(names, f.Name)
	}
	return names
}

func environment() map[string]string {
	settings := map[string]string{}
	for _, entry := range os.Environ() {
		name, value, _ := strings.Cut(entry, "=")
		settings[name] = value
	}
	return settings
}
