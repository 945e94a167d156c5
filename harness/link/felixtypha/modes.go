package felixtypha

import (
	"slices"

	"github.com/calico-tls/conformance/harness/handshake"
	"github.com/calico-tls/conformance/harness/link"
	"github.com/calico-tls/conformance/pki"
)

// The names that the page's example gives to the two ends, and SPIFFE IDs in their style.
const (
	FelixCN     = "typha-client"
	FelixURISAN = "spiffe://k8s.example.com/typha-client"
	TyphaCN     = "typha-server"
	TyphaURISAN = "spiffe://k8s.example.com/typha-server"
)

// Link is the connection from Felix to Typha.
var Link = link.Link{
	Name:   "felix-typha",
	Groups: []string{"IDENT", "TYPHA", "FELIX", "CONF"}, Decisions: decisions,
	Client:   link.End{Component: "felix", Identity: pki.Identity{CN: FelixCN, URISAN: FelixURISAN}, Names: felixNames},
	Server:   link.End{Component: "typha", Identity: pki.Identity{CN: TyphaCN, URISAN: TyphaURISAN}, Names: typhaNames},
	Further:  []link.Further{typhaClient},
	Modes:    modes,
	Settings: slices.Concat(settings, tlsSettings, settingsOfMeetings),
	Conducts: slices.Concat(conducts, suiteConducts(), felixConducts),
	Suites:   Suites,
	Shown:    shown,
	Meetings: meetings(),
}

// The names of the parameters (Calico felix/config/config_params.go, typha/pkg/config/config_params.go).
var (
	felixNames = map[link.Parameter]string{
		link.Key: "TyphaKeyFile", link.Certificate: "TyphaCertFile", link.Bundle: "TyphaCAFile", link.CommonName: "TyphaCN", link.URISAN: "TyphaURISAN",
	}
	typhaNames = map[link.Parameter]string{
		link.Key: "ServerKeyFile", link.Certificate: "ServerCertFile", link.Bundle: "CAFile", link.CommonName: "ClientCN", link.URISAN: "ClientURISAN",
	}
)

// typhaClient is Calico's command-line client for Typha: it stands for the clients that have nothing but the package
// that Felix too connects by, and give it their parameters as they are (Calico typha/cmd/typha-client,
// typha/pkg/syncclient/sync_client.go).
var typhaClient = link.Further{
	Component: "typha-client", Side: handshake.Client, Rules: []string{"CONF-04"},
	Names: map[link.Parameter]string{
		link.Key: "key-file", link.Certificate: "cert-file", link.Bundle: "ca-file", link.CommonName: "server-cn", link.URISAN: "server-uri",
	},
}

// TyphaClientNames are the names of typha-client's flags.
var TyphaClientNames = typhaClient.Names

// shown are the variants that the ends themselves show.
var shown = []link.Shown{
	{Variant: "expired", Side: handshake.Server, Mode: "cn", Rules: []string{"TYPHA-32"}, Level: "OBS"},
	{Variant: "intermediate", Side: handshake.Server, Mode: "cn", Rules: []string{"TYPHA-31"}},
	{Variant: "intermediate", Side: handshake.Client, Mode: "cn", Rules: []string{"FELIX-03"}},
}

var anchors = []pki.AuthorityName{pki.Trusted}

var modes = []link.Mode{
	{Name: "plaintext", Text: "nothing is set: no TLS"},
	{
		Name: "cn", Text: "each end requires the Common Name of the other",
		Client: link.Verifier{Trust: anchors, CN: TyphaCN}, Server: link.Verifier{Trust: anchors, CN: FelixCN},
	},
	{
		Name: "uri-san", Text: "each end requires the SPIFFE ID of the other",
		Client: link.Verifier{Trust: anchors, URISAN: TyphaURISAN}, Server: link.Verifier{Trust: anchors, URISAN: FelixURISAN},
	},
	{
		Name: "cn-or-uri-san", Text: "each end is given both names of the other, and either suffices",
		Client: link.Verifier{Trust: anchors, CN: TyphaCN, URISAN: TyphaURISAN},
		Server: link.Verifier{Trust: anchors, CN: FelixCN, URISAN: FelixURISAN},
	},
}
