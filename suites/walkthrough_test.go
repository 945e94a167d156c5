package suites_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/calico-tls/conformance/fixtures"
	"github.com/calico-tls/conformance/harness/component"
	"github.com/calico-tls/conformance/harness/component/etcd"
	"github.com/calico-tls/conformance/harness/component/felix"
	"github.com/calico-tls/conformance/harness/component/typha"
	"github.com/calico-tls/conformance/harness/evidence"
	"github.com/calico-tls/conformance/harness/launch"
	"github.com/calico-tls/conformance/harness/launch/process"
	"github.com/calico-tls/conformance/harness/link/felixtypha"
	"github.com/calico-tls/conformance/harness/target"
	"github.com/calico-tls/conformance/harness/target/build"
)

// TestPageByCommonName follows the page's example step by step, with its names and its values: real Typha and real Felix
// meet each other. The certificates are made with the standard library alone, as somebody would who has only the page.
func TestPageByCommonName(t *testing.T) {
	w := walk(t)

	// 1. An authority of one's own.
	ca := w.authority()

	// 2. A certificate for each Felix, and one for each Typha, that this authority signs.
	felixCert, felixKey := ca.leaf("felix", &x509.Certificate{
		Subject: pkix.Name{CommonName: "typha-client"}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
	typhaCert, typhaKey := ca.leaf("typha", &x509.Certificate{
		Subject: pkix.Name{CommonName: "typha-server"}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	})

	// 3. Typha's configuration. ClientURISAN stays unset.
	server := w.startTypha(map[string]string{
		"CAFile":         ca.file,
		"ServerCertFile": typhaCert,
		"ServerKeyFile":  typhaKey,
		"ClientCN":       "typha-client",
	})

	// 4. Felix's configuration. TyphaURISAN stays unset.
	client := w.startFelix(server, map[string]string{
		"TyphaCAFile":   ca.file,
		"TyphaCertFile": felixCert,
		"TyphaKeyFile":  felixKey,
		"TyphaCN":       "typha-server",
	})

	w.wantSync(client)
	w.wantNobodyElse(server, ca)
}

// TestPageBySPIFFEID follows the same steps with what the page wants otherwise where SPIFFE IDs are used.
func TestPageBySPIFFEID(t *testing.T) {
	w := walk(t)

	// 1. SPIFFE IDs to stand for Felix and Typha, beside an authority of one's own.
	const felixID, typhaID = "spiffe://k8s.example.com/typha-client", "spiffe://k8s.example.com/typha-server"
	ca := w.authority()

	// 2. The certificates as before, with the SPIFFE ID of each as its URI SAN.
	felixCert, felixKey := ca.leaf("felix", &x509.Certificate{
		Subject: pkix.Name{CommonName: "typha-client"}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
		URIs: []*url.URL{w.uri(felixID)},
	})
	typhaCert, typhaKey := ca.leaf("typha", &x509.Certificate{
		Subject: pkix.Name{CommonName: "typha-server"}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		URIs: []*url.URL{w.uri(typhaID)},
	})

	// 3. ClientCN and TyphaCN stay unset.
	// 4. Typha's ClientURISAN is the SPIFFE ID of Felix.
	server := w.startTypha(map[string]string{
		"CAFile":         ca.file,
		"ServerCertFile": typhaCert,
		"ServerKeyFile":  typhaKey,
		"ClientURISAN":   felixID,
	})

	// 5. Felix's TyphaURISAN is the SPIFFE ID of Typha.
	client := w.startFelix(server, map[string]string{
		"TyphaCAFile":   ca.file,
		"TyphaCertFile": felixCert,
		"TyphaKeyFile":  felixKey,
		"TyphaURISAN":   typhaID,
	})

	w.wantSync(client)
	w.wantNobodyElse(server, ca)
}

// walkTime bounds each wait of a walk-through.
const walkTime = 30 * time.Second

// walking is a walk through the page's example under way.
type walking struct {
	*testing.T
	launcher launch.Launcher
	typha    part
	felix    part
	etcd     launch.Instance
	folder   string
}

// part is a component with the binary that was built of it.
type part struct {
	component.Component
	binary string
}

// walk builds what is missing of real Typha, real Felix and etcd, and starts etcd.
func walk(t *testing.T) *walking {
	t.Helper()
	if testing.Short() {
		t.Skip("it builds and starts real Typha and real Felix")
	}
	run, err := launch.NewRun(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := run.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	w := &walking{T: t, folder: t.TempDir()}
	if w.launcher, err = process.New(run); err != nil {
		t.Fatal(err)
	}
	w.typha, w.felix = w.obtain(target.Typha, typha.New), w.obtain(target.Felix, felix.New)
	store := w.obtain(target.Etcd, func(*evidence.Reader) component.Component { return etcd.Behind(felix.Datastore) })
	w.etcd = w.start(store, component.Start{})
	return w
}

func (w *walking) obtain(role target.Role, describe func(*evidence.Reader) component.Component) part {
	w.Helper()
	calico, err := target.Load("calico-v3.31.0")
	if err != nil {
		w.Fatal(err)
	}
	folder, err := build.Folder()
	if err != nil {
		w.Fatal(err)
	}
	o, err := target.Preparer{Launch: w.launcher.Name(), Builder: build.Builder{Folder: folder}}.Prepare(w.Context(), calico, role)
	if err != nil {
		w.Fatal(err)
	}
	if role == target.Etcd {
		return part{describe(nil), o.Binary}
	}
	program, err := fixtures.ProgramNamed(o.Source.Value)
	if err != nil {
		w.Fatal(err)
	}
	var patterns map[string]map[target.Role]evidence.Patterns
	if err := program.Release.Logs(&patterns); err != nil {
		w.Fatal(err)
	}
	reader, err := evidence.NewReader(patterns[felixtypha.Link.Name][role])
	if err != nil {
		w.Fatal(err)
	}
	return part{describe(reader), o.Binary}
}

func (w *walking) start(p part, s component.Start) launch.Instance {
	w.Helper()
	program := p.Program(s)
	program.Binary = p.binary
	i, err := w.launcher.Start(w.Context(), program)
	if err != nil {
		w.Fatalf("starting %s: %v", p.Name, err)
	}
	w.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(w.Context()), walkTime)
		defer cancel()
		if err := i.Stop(ctx); err != nil {
			w.Errorf("stopping %s: %v", p.Name, err)
		}
	})
	return i
}

// startTypha starts Typha with the page's parameters.
func (w *walking) startTypha(parameters map[string]string) launch.Instance {
	w.Helper()
	return w.start(w.typha, w.configured("TYPHA_", parameters))
}

// startFelix starts Felix with the page's parameters, to dial a Typha.
func (w *walking) startFelix(server launch.Instance, parameters map[string]string) launch.Instance {
	w.Helper()
	s := w.configured("FELIX_", parameters)
	s.Peer = server.Address(typha.SyncPort)
	return w.start(w.felix, s)
}

// configured gives parameters as variables, whose names are those of the page in upper case.
func (w *walking) configured(prefix string, parameters map[string]string) component.Start {
	store := w.etcd.Address(etcd.New(nil).Program(component.Start{}).Ports[0])
	s := component.Start{Env: map[string]string{}, Behind: map[string]string{"etcd": store}}
	for name, value := range parameters {
		s.Env[prefix+strings.ToUpper(name)] = value
	}
	return s
}

// wantSync waits until Felix says in its log that it is in sync through Typha, and then calls itself ready. Its readiness
// alone would not do: it calls itself ready before its first dial as well.
func (w *walking) wantSync(client launch.Instance) {
	w.Helper()
	ctx, cancel := context.WithTimeout(w.Context(), walkTime)
	defer cancel()
	if _, err := client.Log().Wait(ctx, w.felix.Reader.InSync); err != nil {
		w.Fatalf("wanted Felix in sync within %s, found %v; its last words: %q", walkTime, err, client.Log().Tail(5))
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		is, err := w.felix.Ready(ctx, client)
		if is == component.IsReady {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			w.Fatalf("wanted Felix to call itself ready within %s, found it %s (%v); its last words: %q", walkTime, is, err, client.Log().Tail(5))
		}
	}
}

// wantNobodyElse: what Felix came through is TLS, by which Typha shows the page's name and refuses who has no certificate.
func (w *walking) wantNobodyElse(server launch.Instance, ca *authority) {
	w.Helper()
	d := tls.Dialer{Config: &tls.Config{RootCAs: ca.pool(), InsecureSkipVerify: true}} //nolint:gosec // the page speaks of no host name
	c, err := d.DialContext(w.Context(), "tcp", server.Address(typha.SyncPort))
	if err != nil {
		w.Fatalf("wanted Typha to speak TLS, found %v", err)
	}
	defer c.Close()
	leaf := c.(*tls.Conn).ConnectionState().PeerCertificates[0]
	if leaf.Subject.CommonName != "typha-server" || leaf.CheckSignatureFrom(ca.cert) != nil {
		w.Errorf("wanted the certificate of typha-server by the walk's authority, found %s by %s", leaf.Subject, leaf.Issuer)
	}
	if err := c.SetDeadline(time.Now().Add(walkTime)); err != nil {
		w.Fatal(err)
	}
	if _, err := c.Read(make([]byte, 1)); err == nil || !strings.Contains(err.Error(), "certificate required") {
		w.Errorf("wanted Typha to refuse who shows no certificate, found %v", err)
	}
}

func (w *walking) uri(text string) *url.URL {
	w.Helper()
	u, err := url.Parse(text)
	if err != nil {
		w.Fatal(err)
	}
	return u
}

// authority is a certificate authority of one's own, whose certificate is in a file.
type authority struct {
	*walking
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	file string
}

func (w *walking) authority() *authority {
	w.Helper()
	ca := &authority{walking: w, key: w.newKey()}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "an authority of one's own"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Minute), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, ca.key.Public(), ca.key)
	if err != nil {
		w.Fatal(err)
	}
	if ca.cert, err = x509.ParseCertificate(der); err != nil {
		w.Fatal(err)
	}
	ca.file = w.write("ca.pem", "CERTIFICATE", der)
	return ca
}

func (ca *authority) pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(ca.cert)
	return pool
}

// leaf signs a certificate, and returns the files of the certificate and its key.
func (ca *authority) leaf(name string, template *x509.Certificate) (certificate, key string) {
	ca.Helper()
	own := ca.newKey()
	template.SerialNumber = big.NewInt(time.Now().UnixNano())
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Minute), time.Now().Add(time.Hour)
	der, err := x509.CreateCertificate(rand.Reader, template, ca.cert, own.Public(), ca.key)
	if err != nil {
		ca.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(own)
	if err != nil {
		ca.Fatal(err)
	}
	return ca.write(name+".crt", "CERTIFICATE", der), ca.write(name+".key", "PRIVATE KEY", secret)
}

func (w *walking) newKey() *ecdsa.PrivateKey {
	w.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		w.Fatal(err)
	}
	return key
}

func (w *walking) write(name, kind string, der []byte) string {
	w.Helper()
	path := filepath.Join(w.folder, name)
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		w.Fatal(err)
	}
	return path
}
