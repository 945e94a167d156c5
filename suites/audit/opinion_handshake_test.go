package audit_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/calico-tls/conformance/harness/handshake"
	"github.com/calico-tls/conformance/harness/link"
	"github.com/calico-tls/conformance/pki"
)

// spoken are the versions in which OpenSSL shakes hands, with what the commands call them.
var spoken = []struct {
	who, name, option string
	number            uint16
}{
	{opensslInTLS12, "tls1.2", "-tls1_2", tls.VersionTLS12},
	{opensslInTLS13, "tls1.3", "-tls1_3", tls.VersionTLS13},
}

// patience bounds what any one connection may take.
const patience = time.Minute

// TestOpenSSLShakesHands has OpenSSL play the end that judges in a live connection, a server with s_server and a client
// with s_client, from files that the pki package writes. It accepts whom application data comes from. The peer is Go's,
// which sends whatever it is told to.
func TestOpenSSLShakesHands(t *testing.T) {
	t.Parallel()
	requireOpenSSL(t)
	for _, version := range spoken {
		t.Run(version.name, func(t *testing.T) {
			t.Parallel()
			l := newLedger(version.who)
			asked := map[string][]judgement{}
			for _, j := range anonymous(shown(judgements(t))) {
				v, _ := pki.VariantNamed(j.variants[0])
				if len(v.Versions) > 0 && !slices.Contains(v.Versions, version.name) || slices.Contains([]pki.BundleStyle{pki.BundleBroken, pki.BundleEmpty}, j.style) {
					continue // it cannot be posed, or OpenSSL does not start with it
				}
				if j.asked.Asking == link.Invites && j.shown.Sending == pki.SendNothing {
					continue // who may send nothing is known for nobody, which takes more than TLS to say
				}
				asked[j.asker()] = append(asked[j.asker()], j)
			}
			for _, batch := range asked {
				peer := toServer
				if batch[0].side == handshake.Server {
					peer = toClients
				}
				for i, refusal := range peer(t, batch, version.option, version.number) {
					l.hold(t, batch[i], inHandshake(batch[i].oracle()), refusal)
				}
			}
			l.close(t)
		})
	}
}

// own writes the good credential of the end that OpenSSL plays, and returns the options that name its files.
func own(t *testing.T, dir string, side handshake.Side) []string {
	t.Helper()
	o := origin(side)
	issued, err := authorities().Issue(pki.Good(o.Role, o.Own))
	if err != nil {
		t.Fatal(err)
	}
	files, err := issued.WriteFiles(dir, string(side), pki.PKCS8)
	if err != nil {
		t.Fatal(err)
	}
	return showing(files)
}

// showing are the options that make OpenSSL show a credential, and refuse what it finds wrong with its peer's.
func showing(files pki.Files) []string {
	return []string{"-cert", files.Certificate, "-key", files.Key, "-cipher", "DEFAULT@SECLEVEL=1", "-verify_return_error"}
}

var listening = regexp.MustCompile(`ACCEPT (\S+)`)

// toServer starts one s_server and connects to it with one client after the other; it returns why each was refused.
func toServer(t *testing.T, batch []judgement, option string, version uint16) []error {
	t.Helper()
	dir := t.TempDir()
	address, stop := serve(t, option, slices.Concat(own(t, dir, handshake.Server), asking(writeBundle(t, dir, batch[0]), batch[0]))...)
	defer stop()
	refusals := make([]error, len(batch))
	for i, j := range batch {
		refusals[i] = visit(t, address, j, version)
	}
	return refusals
}

// serve starts an s_server that asks for certificates and has a page to give, and returns its address and what ends it.
func serve(t *testing.T, option string, args ...string) (address string, stop func()) {
	t.Helper()
	ctx, kill := context.WithCancel(t.Context())
	command := exec.CommandContext(ctx, "openssl", append([]string{"s_server", option, "-accept", "127.0.0.1:0", "-www", "-Verify", "10"}, args...)...)
	var said bytes.Buffer
	command.Stderr = &said
	out, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	stop = func() {
		kill()
		_ = command.Wait() // it is killed
	}
	lines := bufio.NewScanner(out)
	for address == "" && lines.Scan() {
		if m := listening.FindStringSubmatch(lines.Text()); m != nil {
			address = m[1]
		}
	}
	if address == "" {
		stop()
		t.Fatalf("openssl s_server does not listen: %s", said.String())
	}
	go func() { _, _ = io.Copy(io.Discard, out) }()
	return address, stop
}

// visit connects as the client that shows what is asked about, and returns why the server refuses it. That it does not
// answer fails the test.
func visit(t *testing.T, address string, j judgement, version uint16) error {
	t.Helper()
	issued, err := authorities().Issue(j.shown)
	if err != nil {
		t.Fatal(err)
	}
	config := &tls.Config{MinVersion: version, MaxVersion: version, InsecureSkipVerify: true} //nolint:gosec // it is the server's opinion that is asked
	config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return issued.TLS(), nil }
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	secure := tls.Client(conn, config)
	_, err = io.WriteString(secure, "GET / HTTP/1.0\r\n\r\n")
	if err == nil {
		var page []byte
		page, err = io.ReadAll(io.LimitReader(secure, 1<<20))
		if strings.HasPrefix(string(page), "HTTP/1.0 200") {
			return nil
		}
		if err == nil {
			err = fmt.Errorf("wanted a page, found %q", page)
		}
	}
	if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() {
		t.Fatalf("%s: %v", j, err)
	}
	return err
}

// toClients serves one s_client after the other and returns why each refused; the data that it is sent tells of
// acceptance.
func toClients(t *testing.T, batch []judgement, option string, version uint16) []error {
	t.Helper()
	dir := t.TempDir()
	listener, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	args := append(own(t, dir, handshake.Client), asking(writeBundle(t, dir, batch[0]), batch[0])...)
	args = append([]string{"s_client", option, "-quiet", "-connect", listener.Addr().String(), "-verify", "10"}, args...)
	refusals := make([]error, len(batch))
	for i, j := range batch {
		done := make(chan error, 1)
		go func() { done <- welcome(t.Context(), listener, j, version) }()
		out := openssl(t, "", args...)
		err := <-done
		switch timeout, ok := errors.AsType[net.Error](err); {
		case ok && timeout.Timeout():
			t.Fatalf("%s: %v", j, err)
		case strings.Contains(out, greeting) && err == nil:
		case strings.Contains(out, greeting):
			t.Errorf("%s: the client read what the server sent, which failed: %v", j, err)
		default:
			refusals[i] = fmt.Errorf("%v: %s", err, out) //nolint:errorlint // there may be none
		}
	}
	return refusals
}

const greeting = "good day to you"

// welcome serves one client and shows what is asked about.
func welcome(ctx context.Context, listener *net.TCPListener, j judgement, version uint16) error {
	issued, err := authorities().Issue(j.shown)
	if err != nil {
		return err
	}
	if err := listener.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	conn, err := listener.Accept()
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	server := tls.Server(conn, &tls.Config{MinVersion: version, MaxVersion: version, Certificates: []tls.Certificate{*issued.TLS()}, ClientAuth: tls.RequireAnyClientCert})
	if err := server.HandshakeContext(ctx); err != nil {
		return err
	}
	if _, err := io.WriteString(server, greeting+"\n"); err != nil {
		return err
	}
	return server.Close()
}
