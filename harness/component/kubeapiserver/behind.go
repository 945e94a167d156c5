package kubeapiserver

import (
	"context"
	"crypto/rand"
	"net"
	"strconv"

	"github.com/calico-tls/conformance/harness/component"
	"github.com/calico-tls/conformance/harness/launch"
	"github.com/calico-tls/conformance/harness/link"
	"github.com/calico-tls/conformance/harness/link/kubeapiserver"
)

// SecurePort is the port on which it serves.
const SecurePort = "secure"

// place is what it is started as where it stands behind others: with an authority of front proxies, so that an observer can
// say whom it speaks for.
var place = component.Place{Link: kubeapiserver.Link.Name, Mode: "x509", Setting: "requestheader-client-ca-file"}

// adminFile holds the token by which it is prepared for others, which nobody else has.
const adminFile = "admin.csv"

// Behind returns a kube-apiserver that stands behind observers, and that serves those whom it knows by the names in
// [kubeapiserver.Users]. crds are the definitions of Calico's resources, as documents of YAML; none where nobody keeps such.
func Behind(crds []byte) component.Component {
	return component.Component{
		Name: "kube-apiserver", Behind: []string{"etcd"}, Stands: place,
		Program: func(s component.Start) launch.Program { return program(s, crds) },
	}
}

// program is kube-apiserver as it is started with s, and then given the definitions of resources.
func program(s component.Start, crds []byte) launch.Program {
	token := rand.Text()
	p := component.Flags(kubeapiserver.Link.Server.Names).Configure(launch.Program{
		Name:  "kube-apiserver",
		Ports: []string{SecurePort},
		Configure: func(place launch.Placement) launch.Invocation {
			return launch.Invocation{Env: map[string]string{}, Args: append(flags(place),
				"--etcd-servers=http://"+place.Reach(s.Behind["etcd"]),
				"--token-auth-file="+place.Path(adminFile),
			)}
		},
		Ready: func(ctx context.Context, i launch.Instance) error {
			a, err := newAdmin(i.Address(SecurePort), token, s.Given[link.Certificate].Data)
			if err != nil {
				return err
			}
			defer a.close()
			return a.prepare(ctx, crds)
		},
	}, s)
	p.Files = append(p.Files, launch.File{Name: adminFile, Data: []byte(token + ",admin,admin,system:masters\n")})
	return p
}

// flags are those that depend neither on its etcd nor on what is required of its clients (Kubernetes, kube-apiserver reference).
func flags(place launch.Placement) []string {
	return []string{
		"--bind-address=" + place.Host(),
		"--secure-port=" + strconv.Itoa(place.Port(SecurePort)),
		"--advertise-address=" + advertised,
		"--endpoint-reconciler-type=none",
		"--service-cluster-ip-range=10.96.0.0/16",
		"--cert-dir=" + place.Folder(),
		"--authorization-mode=RBAC",
		"--requestheader-username-headers=X-Remote-User",
		"--requestheader-group-headers=X-Remote-Group",
		"--requestheader-extra-headers-prefix=X-Remote-Extra-",
		"--service-account-issuer=" + kubeapiserver.AccountIssuer,
		"--api-audiences=" + kubeapiserver.AccountAudience,
	}
}

// advertised is the address that it tells others of, which must not be a loopback address. Nobody asks it.
var advertised = net.IPv4(192, 0, 2, 1).String()
