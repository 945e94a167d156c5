package stub

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/calico-tls/conformance/harness/handshake"
	"github.com/calico-tls/conformance/harness/link/felixtypha"
)

const (
	saysDialling  = "Connecting to Typha."
	saysConnected = "Successfully connected to Typha"
	saysRefused   = "Failed to connect to typha endpoint"
	saysInSync    = "In sync with Typha"
	saysLost      = "Lost the connection to Typha"
	saysUnready   = "Datastore became unready, need to restart."
	// saysUnusable is what it says of files that it cannot use when it is to connect again.
	saysUnusable = "Failed to load certificate and key"
)

// The defaults of the real Felix.
const (
	dialTimeout = 10 * time.Second
	readTimeout = 30 * time.Second

	felixHealthPort = 9099
)

// backOff is how long a stub Felix waits after it was not served, so that it dials no more than 20 times in 10 seconds
// (rule FELIX-10). After an objection of its own it dials again at once: the server has other clients to lose.
const backOff = 550 * time.Millisecond

// RunFelix runs a stub Felix until ctx ends, and returns its exit code: 0 then, and 1 if it refused to start or learned
// that the datastore is not flagged as ready. It dials one connection after the other, with its files read anew for each,
// and writes one line to log on what became of each before it dials again, in the format of [slog.TextHandler].
//
// The settings are the real Felix's, as variables in any case or in the file that [ConfigFileSetting] names:
// FELIX_TYPHAADDR ("IPv4:port"), or in its place FELIX_TYPHAK8SSERVICENAME and FELIX_TYPHAK8SNAMESPACE with KUBECONFIG; FELIX_TYPHACAFILE, FELIX_TYPHACERTFILE, FELIX_TYPHAKEYFILE, FELIX_TYPHACN,
// FELIX_TYPHAURISAN, FELIX_TYPHAREADTIMEOUT, FELIX_FELIXHOSTNAME, FELIX_HEALTHENABLED, FELIX_HEALTHHOST and
// FELIX_HEALTHPORT; TLS_CIPHER_SUITES and TLS_MIN_VERSION, as every component of Calico has them; and [FaultSetting]. It
// calls itself ready while it is in sync through a connection.
func RunFelix(ctx context.Context, settings map[string]string, log io.Writer) int {
	logger := slog.New(slog.NewTextHandler(log, nil))
	f, err := newFelix(settings, logger)
	if err != nil {
		logger.Error(saysInvalid, "error", err)
		return 1
	}
	err = f.run(ctx)
	if err != nil && !errors.Is(err, errUnready) { // which it has said
		logger.Error("Failed to run.", "error", err)
	}
	if err != nil {
		return 1
	}
	return 0
}

// errUnready says that a Typha is in sync with a datastore that is not flagged as ready, errOld that a Typha does not
// tell of nodes. Neither has to do with TLS.
var (
	errUnready = errors.New("the datastore is not flagged as ready")
	errOld     = errors.New("the server does not support updates of nodes")
)

// felix is a stub Felix.
type felix struct {
	log         *slog.Logger
	policy      policy
	credentials credentials
	// unfit says why the credentials are of no use; nil if they are.
	unfit error
	// material is what the files held when they were last read; nil for plaintext.
	material *material
	// addresses are those of the endpoints, in the order in which they are tried, and at counts those that were tried in vain.
	addresses   []string
	at          int
	hostname    string
	readTimeout time.Duration
	health      health
	verdicts    verdicts
	// dials counts the connections: a local address may come back.
	dials int
}

func newFelix(given map[string]string, log *slog.Logger) (*felix, error) {
	settings, err := felixSources.gather(given, log)
	if err != nil {
		return nil, err
	}
	f := &felix{log: log, hostname: settings.value("FELIX_FELIXHOSTNAME")}
	if f.addresses, err = settings.endpoints(f.hostname); err != nil {
		return nil, err
	}
	if f.policy, err = settings.policy(onFelix); err != nil {
		return nil, err
	}
	if f.readTimeout, err = settings.seconds("FELIX_TYPHAREADTIMEOUT", readTimeout); err != nil {
		return nil, err
	}
	if f.health, err = settings.health("FELIX_", felixHealthPort); err != nil {
		return nil, err
	}
	f.credentials, f.unfit = settings.credentials(felixParameters)
	err = f.load()
	return f, err
}

// load reads the files for the next connection.
func (f *felix) load() error {
	m, err := f.policy.load(f.credentials, f.material, f.unfit)
	if err == nil {
		f.material = m
	}
	return err
}

// run dials until ctx ends, or there is a reason to start again, which it returns. Everything that it started has ended
// when it returns.
func (f *felix) run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	if err := f.health.serve(ctx, &wg); err != nil {
		return err
	}
	f.log.Info(saysDialling, "address", f.addresses[0], "tls", f.material != nil)
	for ctx.Err() == nil {
		again, err := f.connect(ctx)
		if errors.Is(err, errUnready) {
			f.log.Warn(saysUnready)
			return err
		}
		if again {
			continue
		}
		select {
		case <-time.After(backOff):
		case <-ctx.Done():
		}
	}
	return nil
}

// connect makes one connection and stays until it ends. It reports whether to dial again at once, and why a connection
// ended on which it was served.
func (f *felix) connect(ctx context.Context) (again bool, err error) {
	if err := f.load(); err != nil {
		f.log.Warn(saysUnusable, "error", err)
		return false, nil
	}
	return f.converse(ctx)
}

// converse makes a connection with what was loaded.
func (f *felix) converse(ctx context.Context) (again bool, err error) {
	raw, err := f.dial(ctx)
	if err != nil {
		if ctx.Err() == nil {
			f.log.Warn(saysRefused, "error", err)
		}
		f.turn()
		return false, nil
	}
	f.dials++
	log := f.log.With("local", raw.LocalAddr().String(), "dial", f.dials)
	stop := context.AfterFunc(ctx, func() { _ = raw.Close() })
	defer stop()
	defer func() { _ = raw.Close() }()
	c, err := f.meet(raw, f.material)
	if err != nil {
		if ctx.Err() == nil {
			log.Warn(saysRefused, "error", err)
		}
		f.turn()
		if plain := (tls.RecordHeaderError{}); errors.As(err, &plain) && f.policy.quirk == acceptsPlaintext {
			_ = raw.Close()
			return f.fallBack(ctx)
		}
		return !told(err), nil
	}
	log.Info(saysConnected, "identity", c.peer)
	err = f.follow(raw, c)
	if ctx.Err() == nil {
		log.Info(saysLost, "error", err)
	}
	return true, err
}

// told reports whether it was the server that ended the connection.
func told(err error) bool {
	var remote *net.OpError
	return errors.Is(err, io.EOF) || errors.As(err, &remote)
}

func (f *felix) dial(ctx context.Context) (net.Conn, error) {
	d := net.Dialer{Timeout: dialTimeout}
	return d.DialContext(ctx, "tcp", f.addresses[f.at%len(f.addresses)])
}

// turn turns to the next endpoint.
func (f *felix) turn() {
	if f.policy.quirk != keepsToFirst {
		f.at++
	}
}

// connection is a connection to a Typha that has taken this Felix.
type connection struct {
	net.Conn
	reader *felixtypha.Reader
	writer *felixtypha.Writer
	peer   string
	hello  felixtypha.MsgServerHello
}

// meet shakes hands, says hello and waits for the server's.
func (f *felix) meet(raw net.Conn, m *material) (*connection, error) {
	if err := raw.SetDeadline(time.Now().Add(dialTimeout)); err != nil {
		return nil, err
	}
	conn, peer := raw, ""
	if m != nil {
		through, settings := f.settings(raw, m)
		secured := tls.Client(through, settings)
		if err := secured.Handshake(); err != nil { //nolint:noctx // raw has a deadline, and is closed with the context
			return nil, blamed(err)
		}
		if f.policy.quirk == closesAtOnce {
			return nil, errEnough
		}
		peer, _ = f.policy.identify(secured.ConnectionState().PeerCertificates, f.credentials.required)
		conn = secured
	}
	c := &connection{Conn: conn, reader: felixtypha.NewReader(conn), writer: felixtypha.NewWriter(conn), peer: peer}
	hello := felixtypha.MsgClientHello{Hostname: f.hostname, Info: "stub", SyncerType: felixtypha.SyncerFelix, SupportsModernPolicyKeys: true}
	// A server that has refused this client may have closed the connection already; the reason is still to be read.
	_ = c.writer.Write(hello)
	if secured, ok := conn.(*tls.Conn); ok && f.policy.quirk == sendsBeforeVerification {
		if err := f.verify(secured.ConnectionState(), m); err != nil {
			return nil, err
		}
	}
	if err := raw.SetDeadline(time.Now().Add(f.readTimeout)); err != nil {
		return nil, err
	}
	message, err := c.reader.Read()
	if err != nil {
		return nil, err
	}
	var ok bool
	if c.hello, ok = message.(felixtypha.MsgServerHello); !ok {
		return nil, fmt.Errorf("wanted MsgServerHello as the first message, found %T", message)
	}
	return c, nil
}

// follow answers the server's pings until the connection ends, and returns why it did. It is ready meanwhile, once the
// server has said that it has told all.
func (f *felix) follow(raw net.Conn, c *connection) error {
	if !c.hello.SupportsNodeResourceUpdates {
		return errOld
	}
	ready := false
	defer f.health.ready.Store(false)
	for {
		if err := raw.SetDeadline(time.Now().Add(f.readTimeout)); err != nil {
			return err
		}
		message, err := c.reader.Read()
		if err != nil {
			return err
		}
		switch m := message.(type) {
		case felixtypha.MsgKVs:
			ready = ready || slices.ContainsFunc(m.KVs, flagsReady)
		case felixtypha.MsgSyncStatus:
			if m.SyncStatus == felixtypha.InSync && !ready {
				return errUnready
			}
			if f.health.ready.Store(m.SyncStatus == felixtypha.InSync); m.SyncStatus == felixtypha.InSync {
				f.log.Info(saysInSync)
			}
		case felixtypha.MsgPing:
			if err := c.writer.Write(felixtypha.MsgPong{PingTimestamp: m.Timestamp, PongTimestamp: time.Now()}); err != nil {
				return err
			}
		}
	}
}

// flagsReady reports whether an update says that the datastore is ready.
func flagsReady(u felixtypha.SerializedUpdate) bool {
	return u.Key == felixtypha.ReadyKey && string(u.Value) == "true"
}

// settings returns the connection to use, and its settings.
func (f *felix) settings(raw net.Conn, m *material) (net.Conn, *tls.Config) {
	settings := &tls.Config{
		MinVersion: f.policy.oldest, MaxVersion: f.policy.newest, CipherSuites: f.policy.suites,
		Certificates:       []tls.Certificate{m.own},
		InsecureSkipVerify: true, //nolint:gosec // crypto/tls would ask for a host name, of which the page does not speak
		VerifyConnection:   func(state tls.ConnectionState) error { return f.verify(state, m) },
	}
	if f.policy.shows != nil {
		settings.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return f.policy.shows(m.own) }
	}
	if f.policy.quirk == none {
		return raw, settings
	}
	heard := &overheard{Conn: raw}
	conn := restate(heard, settings, handshake.Client)
	settings.VerifyConnection = func(state tls.ConnectionState) error {
		err := f.verdicts.on(f.policy, f.verify(state, m))
		switch {
		case f.policy.quirk == sendsBeforeVerification:
			return nil
		case f.policy.quirk == skipsPossession && err == nil:
			unshared(state)
			heard.overlookPossession(state)
		}
		conn.suite = suites[state.CipherSuite]
		return conn.refuse(f.policy.quirk, err)
	}
	return conn, settings
}

func (f *felix) verify(state tls.ConnectionState, m *material) error {
	if f.policy.quirk == verifiesFirst && f.at > 0 {
		return nil
	}
	if err := f.policy.walk(state.PeerCertificates, m.anchors, x509.ExtKeyUsageServerAuth); err != nil {
		return err
	}
	_, err := f.policy.identify(state.PeerCertificates, f.credentials.required)
	return err
}

// fallBack is a fault: it dials again, in the clear.
func (f *felix) fallBack(ctx context.Context) (again bool, err error) {
	secure := f.material
	f.material = nil
	defer func() { f.material = secure }()
	return f.converse(ctx)
}
