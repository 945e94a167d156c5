package etcd

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"strings"

	"go.etcd.io/etcd/server/v3/embed"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/calico-tls/conformance/harness/launch"
)

// run is [Run] as a launcher calls it.
func run(ctx context.Context, in launch.Invocation, log io.Writer) int { return Run(ctx, in.Env, log) }

// Run runs etcd in this process until ctx ends, as these environment variables of etcd's say, and returns its exit code.
// Its log leaves out no line.
func Run(ctx context.Context, env map[string]string, log io.Writer) int {
	cfg, err := configuration(env)
	if err != nil {
		fmt.Fprintf(log, "reading the configuration: %v\n", err)
		return 1
	}
	level, err := zapcore.ParseLevel(env["ETCD_LOG_LEVEL"])
	if err != nil {
		fmt.Fprintf(log, "reading ETCD_LOG_LEVEL: %v\n", err)
		return 1
	}
	encoder := zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig())
	logger := zap.New(zapcore.NewCore(encoder, zapcore.AddSync(log), level))
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

func configuration(env map[string]string) (*embed.Config, error) {
	cfg := embed.NewConfig()
	cfg.Name = env["ETCD_NAME"]
	cfg.Dir = env["ETCD_DATA_DIR"]
	cfg.InitialCluster = env["ETCD_INITIAL_CLUSTER"]
	cfg.UnsafeNoFsync = env["ETCD_UNSAFE_NO_FSYNC"] == "true"
	cfg.TlsMinVersion = env["ETCD_TLS_MIN_VERSION"]
	tls := &cfg.ClientTLSInfo
	tls.CertFile, tls.KeyFile = env["ETCD_CERT_FILE"], env["ETCD_KEY_FILE"]
	tls.TrustedCAFile, tls.CRLFile = env["ETCD_TRUSTED_CA_FILE"], env["ETCD_CLIENT_CRL_FILE"]
	tls.ClientCertAuth = env["ETCD_CLIENT_CERT_AUTH"] == "true"
	if system := env["SSL_CERT_FILE"]; system != "" && tls.ClientCertAuth && tls.TrustedCAFile == "" {
		// crypto/x509 reads the system's authorities once in a process, and this one may have others than this etcd.
		tls.TrustedCAFile = system
	}
	for name, into := range map[string]*[]url.URL{
		"ETCD_LISTEN_CLIENT_URLS":          &cfg.ListenClientUrls,
		"ETCD_ADVERTISE_CLIENT_URLS":       &cfg.AdvertiseClientUrls,
		"ETCD_LISTEN_PEER_URLS":            &cfg.ListenPeerUrls,
		"ETCD_INITIAL_ADVERTISE_PEER_URLS": &cfg.AdvertisePeerUrls,
	} {
		*into = nil
		for text := range strings.SplitSeq(env[name], ",") {
			u, err := url.Parse(text)
			if err != nil {
				return nil, fmt.Errorf("reading %s: %w", name, err)
			}
			*into = append(*into, *u)
		}
	}
	return cfg, nil
}
