// Package etcd describes etcd: what stands behind Typha. It is the only package that may import etcd's embed.
package etcd

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"go.etcd.io/etcd/server/v3/embed"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/calico-tls/conformance/harness/component"
	"github.com/calico-tls/conformance/harness/launch"
)

// The ports on which etcd listens.
const (
	ClientPort = "client"
	PeerPort   = "peer"
)

// New returns etcd with one member and no TLS, as it stands behind Typha and Felix, with these keys and their values.
func New(keys map[string]string) component.Component {
	return component.Component{Name: "etcd", Program: func(component.Start) launch.Program { return program(keys) }}
}

func program(keys map[string]string) launch.Program {
	return launch.Program{
		Name:  "etcd",
		Ports: []string{ClientPort, PeerPort},
		Main:  run,
		Configure: func(place launch.Placement) launch.Invocation {
			client := "http://" + net.JoinHostPort(place.Host(), strconv.Itoa(place.Port(ClientPort)))
			peer := "http://" + net.JoinHostPort("127.0.0.1", strconv.Itoa(place.Port(PeerPort)))
			return launch.Invocation{Env: map[string]string{
				"ETCD_NAME":                        "conformance",
				"ETCD_DATA_DIR":                    place.Folder(),
				"ETCD_LISTEN_CLIENT_URLS":          client,
				"ETCD_ADVERTISE_CLIENT_URLS":       client,
				"ETCD_LISTEN_PEER_URLS":            peer,
				"ETCD_INITIAL_ADVERTISE_PEER_URLS": peer,
				"ETCD_INITIAL_CLUSTER":             "conformance=" + peer,
				"ETCD_UNSAFE_NO_FSYNC":             "true",
				"ETCD_LOG_LEVEL":                   "warn",
			}}
		},
		Ready: func(ctx context.Context, i launch.Instance) error {
			if err := awaitHealth(ctx, i); err != nil {
				return err
			}
			return fill(ctx, i.Address(ClientPort), keys)
		},
	}
}

// awaitHealth asks etcd's /health until it says that a leader has been elected. etcd answers none of the first
// requests if they come before it listens, so they are repeated at short intervals until ctx ends.
func awaitHealth(ctx context.Context, i launch.Instance) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := healthy(ctx, i.Address(ClientPort))
		if err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return err
		}
	}
}

func healthy(ctx context.Context, address string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/health", nil)
	if err != nil {
		return fmt.Errorf("asking etcd for its health: %w", err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("asking etcd for its health: %w", err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("asking etcd for its health: wanted status 200, found %s", response.Status)
	}
	return nil
}

// fill writes keys by etcd's JSON gateway, which spares a client of its own (etcd api/etcdserverpb/gw, "/v3/kv/put").
func fill(ctx context.Context, address string, keys map[string]string) error {
	for key, value := range keys {
		// Octets are Base64 in JSON, as encoding/json writes them.
		body, err := json.Marshal(map[string][]byte{"key": []byte(key), "value": []byte(value)})
		if err != nil {
			return fmt.Errorf("writing %s to etcd: %w", key, err)
		}
		request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+address+"/v3/kv/put", bytes.NewReader(body))
		if err != nil {
			return fmt.Errorf("writing %s to etcd: %w", key, err)
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			return fmt.Errorf("writing %s to etcd: %w", key, err)
		}
		_ = response.Body.Close()
		if response.StatusCode != http.StatusOK {
			return fmt.Errorf("writing %s to etcd: wanted status 200, found %s", key, response.Status)
		}
	}
	return nil
}

// run runs etcd in this process, configured by the environment variables that the binary reads too.
func run(ctx context.Context, in launch.Invocation, log io.Writer) int {
	cfg := embed.NewConfig()
	cfg.Name = in.Env["ETCD_NAME"]
	cfg.Dir = in.Env["ETCD_DATA_DIR"]
	cfg.InitialCluster = in.Env["ETCD_INITIAL_CLUSTER"]
	cfg.UnsafeNoFsync = in.Env["ETCD_UNSAFE_NO_FSYNC"] == "true"
	for name, into := range map[string]*[]url.URL{
		"ETCD_LISTEN_CLIENT_URLS":          &cfg.ListenClientUrls,
		"ETCD_ADVERTISE_CLIENT_URLS":       &cfg.AdvertiseClientUrls,
		"ETCD_LISTEN_PEER_URLS":            &cfg.ListenPeerUrls,
		"ETCD_INITIAL_ADVERTISE_PEER_URLS": &cfg.AdvertisePeerUrls,
	} {
		u, err := url.Parse(in.Env[name])
		if err != nil {
			fmt.Fprintf(log, "reading %s: %v\n", name, err)
			return 1
		}
		*into = []url.URL{*u}
	}
	encoder := zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig())
	logger := zap.New(zapcore.NewCore(encoder, zapcore.AddSync(log), zap.WarnLevel))
	cfg.ZapLoggerBuilder = embed.NewZapLoggerBuilder(logger)
	server, err := embed.StartEtcd(cfg)
	if err != nil {
		fmt.Fprintf(log, "starting etcd: %v\n", err)
		return 1
	}
	defer server.Close()
	select {
	case <-ctx.Done():
		return 0
	case err := <-server.Err():
		fmt.Fprintf(log, "running etcd: %v\n", err)
		return 1
	}
}
