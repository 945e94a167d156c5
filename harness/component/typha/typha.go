// Package typha describes Typha: the server of the felix-typha link.
package typha

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"strconv"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/calico-tls/conformance/harness/component"
	"github.com/calico-tls/conformance/harness/evidence"
	"github.com/calico-tls/conformance/harness/launch"
	"github.com/calico-tls/conformance/harness/link/felixtypha"
)

// The ports on which Typha listens.
const (
	SyncPort    = "sync"
	MetricsPort = "metrics"
	HealthPort  = "health"
)

// dialect says how Typha calls its parameters, and how it is told of a configuration file (Calico
// typha/pkg/config/config_params.go, typha/pkg/daemon/daemon.go).
var dialect = component.Dialect{
	Prefix: "TYPHA_", Names: felixtypha.Link.Server.Names,
	ConfigFile: func(in *launch.Invocation, path string) { in.Args = append(in.Args, "--config-file", path) },
}

// New returns Typha, whose log is read by r.
func New(r *evidence.Reader) component.Component {
	return component.Component{
		Name:   "typha",
		Link:   felixtypha.Link.Name,
		Behind: []string{"etcd"},
		Reader: r,
		Program: func(s component.Start) launch.Program {
			return Program(s, r, dialect, always("etcdv3"))
		},
		Counters: Counters,
		Ready:    component.AskReady(HealthPort),
	}
}

// Program describes a program that takes Typha's parameters in a dialect from its environment, beside those that every
// setting has.
func Program(s component.Start, r *evidence.Reader, d component.Dialect, always map[string]string) launch.Program {
	return d.Configure(base(s, r, always), s)
}

// always are the variables of a Typha that keeps its data in such a datastore, whatever it is started for.
func always(datastore string) map[string]string {
	return map[string]string{
		"TYPHA_DATASTORETYPE":             datastore,
		"TYPHA_LOGFILEPATH":               "none",
		"TYPHA_LOGSEVERITYSYS":            "none",
		"TYPHA_LOGSEVERITYSCREEN":         "info",
		"TYPHA_EARLYLOGSEVERITYSCREEN":    "info",
		"TYPHA_DEBUGDISABLELOGDROPPING":   "true",
		"TYPHA_SERVERPINGINTERVALSECS":    "1",
		"TYPHA_CONNECTIONREBALANCINGMODE": "none",
	}
}

// base describes a Typha but for its parameters for TLS.
func base(s component.Start, r *evidence.Reader, always map[string]string) launch.Program {
	return launch.Program{
		Name:  "typha",
		Ports: []string{SyncPort, MetricsPort, HealthPort},
		Configure: func(place launch.Placement) launch.Invocation {
			env := maps.Clone(always)
			env["TYPHA_SERVERHOST"] = place.Host()
			env["TYPHA_SERVERPORT"] = strconv.Itoa(place.Port(SyncPort))
			env["TYPHA_PROMETHEUSMETRICSENABLED"] = "true"
			env["TYPHA_PROMETHEUSMETRICSHOST"] = place.Host()
			env["TYPHA_PROMETHEUSMETRICSPORT"] = strconv.Itoa(place.Port(MetricsPort))
			env["TYPHA_HEALTHENABLED"] = "true"
			env["TYPHA_HEALTHHOST"] = place.Host()
			env["TYPHA_HEALTHPORT"] = strconv.Itoa(place.Port(HealthPort))
			if etcd, ok := s.Behind["etcd"]; ok {
				env["TYPHA_ETCDENDPOINTS"] = "http://" + place.Reach(etcd)
			}
			return launch.Invocation{Env: env}
		},
		Ready: func(ctx context.Context, i launch.Instance) error {
			return component.AwaitReady(ctx, "typha", r, i)
		},
	}
}

// Counters reads Typha's Prometheus metrics: the connections accepted since the start, and those that
// stream to a client now (Calico typha/pkg/syncserver/sync_server.go).
func Counters(ctx context.Context, i launch.Instance) (component.Counters, error) {
	var c component.Counters
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+i.Address(MetricsPort)+"/metrics", nil)
	if err != nil {
		return c, fmt.Errorf("reading typha's counters: %w", err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return c, fmt.Errorf("reading typha's counters: %w", err)
	}
	defer response.Body.Close()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(response.Body)
	if err != nil {
		return c, fmt.Errorf("reading typha's counters: %w", err)
	}
	for _, m := range families["typha_connections_accepted"].GetMetric() {
		c.Accepted += int(m.GetCounter().GetValue() + m.GetUntyped().GetValue())
	}
	for _, m := range families["typha_connections_streaming"].GetMetric() {
		c.Streaming += int(m.GetGauge().GetValue() + m.GetUntyped().GetValue())
	}
	return c, nil
}
