package component

import "github.com/calico-tls/conformance/harness/launch"

// Directory returns the kubeconfig by which a program of Calico's asks where its endpoints are: they are listed under a path,
// which depends on how the program reaches them.
func Directory(s Start, listedAt func(endpoints []string) string) launch.File {
	return launch.File{Name: kubeconfigFile, Fill: func(place launch.Placement) []byte {
		var reached []string
		for _, e := range s.Endpoints {
			reached = append(reached, place.Reach(e.Peer))
		}
		var cluster kubeCluster
		var context kubeContext
		cluster.Name, context.Name, context.Context.Cluster = named, named, named
		cluster.Cluster.Server = "http://" + place.Reach(s.Directory) + listedAt(reached)
		return written(kubeconfig{
			APIVersion: "v1", Kind: "Config", Clusters: []kubeCluster{cluster}, Contexts: []kubeContext{context}, Current: named,
		})
	}}
}

// AskDirectory tells a program of the kubeconfig that [Directory] has made.
func AskDirectory(env map[string]string, place launch.Placement) {
	env[kubeconfigVariable] = place.Path(kubeconfigFile)
}
