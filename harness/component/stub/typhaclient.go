package stub

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"sync/atomic"

	"github.com/calico-tls/conformance/harness/component/typhaclient"
	"github.com/calico-tls/conformance/harness/link"
	"github.com/calico-tls/conformance/harness/link/felixtypha"
)

var typhaClientParameters = parameters{
	ca:          felixtypha.TyphaClientNames[link.Bundle],
	certificate: felixtypha.TyphaClientNames[link.Certificate],
	key:         felixtypha.TyphaClientNames[link.Key],
	cn:          felixtypha.TyphaClientNames[link.CommonName],
	uriSAN:      felixtypha.TyphaClientNames[link.URISAN],
}

// TyphaClientFlags are the flags of a stub typha-client, the real one's, without the dashes.
var TyphaClientFlags = []string{
	typhaclient.ServerFlag, typhaClientParameters.ca, typhaClientParameters.certificate, typhaClientParameters.key,
	typhaClientParameters.cn, typhaClientParameters.uriSAN,
}

// RunTyphaClient runs a stub typha-client, which makes one connection as a stub Felix does, and returns its exit code:
// 0 if ctx has ended, 1 if it refused to start, and 2, as the real one, once the connection is lost or was not to be
// had. The settings are [TyphaClientFlags] by name, TLS_CIPHER_SUITES and TLS_MIN_VERSION, and [FaultSetting].
func RunTyphaClient(ctx context.Context, settings map[string]string, log io.Writer) int {
	logger := slog.New(slog.NewTextHandler(log, nil))
	f, err := newTyphaClient(settings, logger)
	if err != nil {
		logger.Error(saysInvalid, "error", err)
		return 1
	}
	logger.Info(saysDialling, "address", f.addresses[0], "tls", f.material != nil)
	_, err = f.converse(ctx)
	if ctx.Err() != nil {
		return 0
	}
	logger.Error("Client failed", "error", err)
	return 2
}

func newTyphaClient(settings environment, log *slog.Logger) (*felix, error) {
	address := settings[typhaclient.ServerFlag]
	f := &felix{log: log, addresses: []string{address}, hostname: "typha-client", readTimeout: readTimeout, health: health{ready: &atomic.Bool{}}}
	if at, err := netip.ParseAddrPort(address); err != nil || at.Port() == 0 {
		return nil, fmt.Errorf("%s: wanted an IP address with a port, found %q", typhaclient.ServerFlag, address)
	}
	var err error
	if f.policy, err = settings.policy(onFelix); err != nil {
		return nil, err
	}
	if f.credentials, err = settings.credentials(typhaClientParameters); err != nil {
		return nil, err
	}
	err = f.load()
	return f, err
}
