package stub

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/calico-tls/conformance/harness/link/felixtypha"
)

// What a stub says in its log, in the words of the real ones.
const (
	saysInvalid   = "Failed to parse/validate configuration."
	saysListening = "Opened listen socket"
	saysHello     = "Received Hello message from client."
	saysFailed    = "Failed to read from client"
	saysClosed    = "Client closed the connection."
)

// The defaults of the real Typha.
const (
	handshakeTimeout = 10 * time.Second
	pingInterval     = 10 * time.Second
	pongTimeout      = 60 * time.Second
	typhaHealthPort  = 9098
)

// RunTypha runs a stub Typha until ctx ends, and returns its exit code: 0 then, and 1 if it refused to start or could
// not go on. It writes its log to log, one line an event, in the format of [slog.TextHandler].
//
// The settings are the real Typha's, as variables in any case or in the file that [ConfigFileSetting] names:
// TYPHA_CAFILE, TYPHA_SERVERCERTFILE, TYPHA_SERVERKEYFILE, TYPHA_CLIENTCN,
// TYPHA_CLIENTURISAN, TYPHA_SERVERHOST, TYPHA_SERVERPORT (0 or unset: any that is free), TYPHA_SERVERHANDSHAKETIMEOUTSECS,
// TYPHA_SERVERPINGINTERVALSECS, TYPHA_SERVERPONGTIMEOUTSECS, TYPHA_PROMETHEUSMETRICSENABLED, TYPHA_PROMETHEUSMETRICSHOST,
// TYPHA_PROMETHEUSMETRICSPORT, TYPHA_HEALTHENABLED, TYPHA_HEALTHHOST and TYPHA_HEALTHPORT; TLS_CIPHER_SUITES and
// TLS_MIN_VERSION, as every component of Calico has them; and [FaultSetting]. It calls itself ready as soon as it listens,
// as its datastore is always in sync.
func RunTypha(ctx context.Context, settings map[string]string, log io.Writer) int {
	logger := slog.New(slog.NewTextHandler(log, nil))
	t, err := newTypha(settings, logger)
	if err != nil {
		logger.Error(saysInvalid, "error", err)
		return 1
	}
	if err := t.run(ctx); err != nil {
		logger.Error("Failed to serve.", "error", err)
		return 1
	}
	return 0
}

// typha is a stub Typha.
type typha struct {
	log      *slog.Logger
	policy   policy
	required names
	// material is nil for plaintext.
	material *material
	clients  *x509.CertPool
	verdicts verdicts

	address                              string
	handshakeTimeout, pingEvery, pongFor time.Duration
	metrics                              metrics
	health                               health
}

func newTypha(given map[string]string, log *slog.Logger) (*typha, error) {
	settings, err := typhaSources.gather(given, log)
	if err != nil {
		return nil, err
	}
	t := &typha{log: log}
	if t.policy, err = settings.policy(onTypha); err != nil {
		return nil, err
	}
	c, err := settings.credentials(typhaParameters)
	t.required = c.required
	if t.material, err = t.policy.load(c, nil, err); err != nil {
		return nil, err
	}
	if t.material != nil {
		t.clients = pool(t.material.anchors)
	}
	port, err := settings.number("TYPHA_SERVERPORT", 0)
	if err != nil {
		return nil, err
	}
	t.address = net.JoinHostPort(settings.value("TYPHA_SERVERHOST"), strconv.Itoa(port))
	if t.handshakeTimeout, err = settings.seconds("TYPHA_SERVERHANDSHAKETIMEOUTSECS", handshakeTimeout); err != nil {
		return nil, err
	}
	if t.pingEvery, err = settings.seconds("TYPHA_SERVERPINGINTERVALSECS", pingInterval); err != nil {
		return nil, err
	}
	if t.pongFor, err = settings.seconds("TYPHA_SERVERPONGTIMEOUTSECS", pongTimeout); err != nil {
		return nil, err
	}
	if t.metrics, err = settings.metrics(); err != nil {
		return nil, err
	}
	t.health, err = settings.health("TYPHA_", typhaHealthPort)
	return t, err
}

// run serves until ctx ends. Everything that it started has ended when it returns.
func (t *typha) run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	if err := t.metrics.serve(ctx, &wg); err != nil {
		return err
	}
	if err := t.health.serve(ctx, &wg); err != nil {
		return err
	}
	var c net.ListenConfig
	l, err := c.Listen(ctx, "tcp", t.address)
	if err != nil {
		return err
	}
	wg.Go(func() {
		<-ctx.Done()
		_ = l.Close()
	})
	t.health.ready.Store(true)
	t.log.Info(saysListening, "address", l.Addr().String(), "port", l.Addr().(*net.TCPAddr).Port, "tls", t.material != nil)
	for id := uint64(1); ; id++ {
		conn, err := l.Accept()
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
		t.metrics.accepted.Add(1)
		if t.policy.quirk == oneAtATime {
			t.serve(ctx, conn, id)
			continue
		}
		wg.Go(func() { t.serve(ctx, conn, id) })
	}
}

// serve serves one connection, and logs what became of it.
func (t *typha) serve(ctx context.Context, raw net.Conn, id uint64) {
	log := t.log.With("client", raw.RemoteAddr().String(), "connID", id)
	stop := context.AfterFunc(ctx, func() { _ = raw.Close() })
	defer stop()
	defer func() { _ = raw.Close() }()
	err := t.converse(raw, log)
	switch {
	case ctx.Err() != nil: // it is the stub that went away
	case errors.Is(err, io.EOF):
		log.Info(saysClosed)
	default:
		log.Info(saysFailed, "error", err)
	}
}

// converse serves a client until it goes, and returns why it did.
func (t *typha) converse(raw net.Conn, log *slog.Logger) error {
	if err := raw.SetDeadline(time.Now().Add(t.handshakeTimeout)); err != nil {
		return err
	}
	if err := t.verdicts.next(t.policy); err != nil {
		return err
	}
	conn, peer, err := t.secure(raw)
	if err != nil {
		t.verdicts.note()
		return err
	}
	defer func() { _ = conn.Close() }()
	early := 0
	if t.policy.quirk == speaksFirst {
		if early, err = speak(conn); err != nil {
			return err
		}
	}
	if t.policy.quirk == closesAtOnce {
		return errEnough
	}
	reader := felixtypha.NewReader(conn)
	hello, err := readHello(reader)
	if err != nil {
		return err
	}
	log.Info(saysHello, "syncer", hello.SyncerType, "identity", peer)
	defer t.metrics.stream(hello.SyncerType)()
	if err := raw.SetDeadline(time.Time{}); err != nil {
		return err
	}
	answer, err := felixtypha.EncodedFlight(hello)
	if err != nil {
		return err
	}
	if _, err := conn.Write(answer[early:]); err != nil {
		return err
	}
	defer t.ping(conn, hello)()
	return t.follow(raw, reader)
}

// errEnough is why a faulty end closes a connection that it has accepted.
var errEnough = errors.New("that was enough")

// speak is a fault: it answers a hello that has not come, and returns how much of the answer it has given.
func speak(conn net.Conn) (octets int, err error) {
	answer, err := felixtypha.Encode(felixtypha.Flight(felixtypha.MsgClientHello{})[0])
	if err != nil {
		return 0, err
	}
	return conn.Write(answer)
}

func readHello(reader *felixtypha.Reader) (felixtypha.MsgClientHello, error) {
	m, err := reader.Read()
	if err != nil {
		return felixtypha.MsgClientHello{}, err
	}
	hello, ok := m.(felixtypha.MsgClientHello)
	if !ok {
		return hello, fmt.Errorf("wanted MsgClientHello as the first message, found %T", m)
	}
	if hello.SyncerType == "" {
		hello.SyncerType = felixtypha.SyncerFelix
	}
	if !slices.Contains(felixtypha.Syncers, hello.SyncerType) {
		return hello, fmt.Errorf("wanted one of the syncers %v, found %q", felixtypha.Syncers, hello.SyncerType)
	}
	return hello, nil
}

// follow reads what the client goes on to say.
func (t *typha) follow(raw net.Conn, reader *felixtypha.Reader) error {
	for {
		if err := raw.SetReadDeadline(time.Now().Add(t.pongFor)); err != nil {
			return err
		}
		m, err := reader.Read()
		if err != nil {
			return err
		}
		if _, ok := m.(felixtypha.MsgPong); !ok {
			return fmt.Errorf("wanted MsgPong, found %T", m)
		}
	}
}

// ping pings the client from time to time, until the function is called that it returns.
func (t *typha) ping(conn net.Conn, hello felixtypha.MsgClientHello) (stop func() bool) {
	var writer *felixtypha.Writer
	var timer *time.Timer
	var mu sync.Mutex
	mu.Lock() // until the timer is there
	defer mu.Unlock()
	timer = time.AfterFunc(t.pingEvery, func() {
		mu.Lock()
		defer mu.Unlock()
		if writer == nil {
			writer = felixtypha.NewWriter(conn)
			_ = writer.Skip(felixtypha.Flight(hello)...) // which could be encoded before
		}
		if writer.Write(felixtypha.MsgPing{Timestamp: time.Now()}) != nil {
			_ = conn.Close() // whoever reads it will say so
			return
		}
		timer.Reset(t.pingEvery)
	})
	return timer.Stop
}

// secure shakes hands, and returns the connection through which messages go and whom the client is taken for.
func (t *typha) secure(raw net.Conn) (conn net.Conn, peer string, err error) {
	if t.material == nil {
		return raw, "", nil
	}
	if t.policy.quirk == acceptsPlaintext {
		buffered := ahead{raw, bufio.NewReader(raw)}
		if first, err := buffered.reader.Peek(1); err == nil && first[0] != recordHandshake {
			return buffered, "", nil
		}
		raw = buffered
	}
	raw, settings := t.settings(raw)
	secured := tls.Server(raw, settings)
	if err := secured.Handshake(); err != nil { //nolint:noctx // raw has a deadline, and is closed with the context
		if t.policy.quirk == countsRefused {
			t.metrics.stream(felixtypha.SyncerFelix)
		}
		return nil, "", blamed(err)
	}
	if t.policy.quirk == sendsBeforeVerification {
		if err := t.tooSoon(secured); err != nil {
			return nil, "", err
		}
	}
	if chain := secured.ConnectionState().PeerCertificates; len(chain) > 0 {
		peer, err = t.policy.identify(chain, t.required)
	}
	return secured, peer, err
}

// settings returns the connection to use, and its settings. In the reference it is crypto/tls that asks for the path.
func (t *typha) settings(raw net.Conn) (net.Conn, *tls.Config) {
	if t.policy.quirk == skipsPossession {
		raw = &overheard{Conn: raw}
	}
	settings := &tls.Config{
		MinVersion: t.policy.oldest, MaxVersion: t.policy.newest, CipherSuites: t.policy.suites,
		Certificates:           []tls.Certificate{t.material.own},
		ClientAuth:             t.policy.insists,
		ClientCAs:              t.clients,
		SessionTicketsDisabled: true,
		VerifyConnection: func(state tls.ConnectionState) error {
			if len(state.PeerCertificates) == 0 {
				return nil // insists has let it through
			}
			_, err := t.policy.identify(state.PeerCertificates, t.required)
			if heard, ok := raw.(*overheard); ok && err == nil {
				heard.overlookPossession(state)
			}
			return err
		},
	}
	if t.policy.shows != nil {
		settings.Certificates = nil
		settings.GetCertificate = func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return t.policy.shows(t.material.own) }
	}
	if t.policy.path != nil || slices.Contains(takesOver, t.policy.quirk) {
		raw = t.takeOver(settings, raw)
	}
	return raw, settings
}

// tooSoon is a fault: it says something to a client, and verifies it then.
func (t *typha) tooSoon(secured *tls.Conn) error {
	answer, err := felixtypha.EncodedFlight(felixtypha.MsgClientHello{})
	if err != nil {
		return err
	}
	if err = t.judge(secured.ConnectionState().PeerCertificates); err != nil {
		_, _ = secured.Write(answer[:1])
	}
	return err
}

// recordHandshake is the type of the TLS record with which a client begins (RFC 8446 section 5.1).
const recordHandshake = 22

// ahead is a connection of which something was read ahead.
type ahead struct {
	net.Conn
	reader *bufio.Reader
}

// Read implements [net.Conn].
func (a ahead) Read(p []byte) (int, error) { return a.reader.Read(p) }
