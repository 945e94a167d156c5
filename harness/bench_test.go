package harness_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/calico-tls/conformance/harness"
	"github.com/calico-tls/conformance/harness/component/stub"
	"github.com/calico-tls/conformance/harness/handshake"
	"github.com/calico-tls/conformance/harness/launch"
	"github.com/calico-tls/conformance/harness/launch/inprocess"
	"github.com/calico-tls/conformance/harness/link"
	"github.com/calico-tls/conformance/harness/link/felixtypha"
	"github.com/calico-tls/conformance/harness/matrix"
	"github.com/calico-tls/conformance/harness/oracle"
	"github.com/calico-tls/conformance/pki"
)

const (
	benchJobs  = 8
	benchCases = 20_000
)

// BenchmarkRatio runs whole cases, and as many plain mutual handshakes with the same credentials, in turns, and prints
// how many of each there are in a second, and the ratio. It measures the suite, so it asserts nothing.
func BenchmarkRatio(b *testing.B) {
	lab, authorities := benchLab(b)
	cases := benchList()
	plain := newPlain(b, authorities)
	round := func() { runCases(b, lab, cases) }
	round() // makes what is made once
	plain.round(b, cases)

	rounds := benchCases / len(cases)
	var ofCases, ofPlain []float64
	first, last := 0.0, 0.0
	for i := range rounds {
		ofCases = append(ofCases, rate(len(cases), round))
		ofPlain = append(ofPlain, rate(len(cases), func() { plain.round(b, cases) }))
		if last = heap(); i == rounds/10 {
			first = last
		}
	}
	m, n := median(ofCases), median(ofPlain)
	fmt.Printf("plain handshakes: %.0f/s\n", n)
	fmt.Printf("whole cases:      %.0f/s, %d in %d rounds of %d, %d at a time\n", m, rounds*len(cases), rounds, len(cases), benchJobs)
	fmt.Printf("heap in use:      %.1f MiB after a tenth of them, %.1f MiB at the end\n", first, last)
	fmt.Printf("ratio: %.2f\n", m/n)
	b.ReportMetric(m, "cases/s")
	b.ReportMetric(n, "handshakes/s")
	b.ReportMetric(m/n, "ratio")
	b.ReportMetric(0, "ns/op")
}

// benchList are the cases in which a well-behaved client shows a variant to Typha.
func benchList() []matrix.Case {
	return slices.DeleteFunc(matrix.Core(felixtypha.Link), func(c matrix.Case) bool {
		return c.Subject != "typha" || c.Conduct != "" || c.Setting != "" || c.Version != link.TLS12 && c.Version != link.TLS13 || c.Mode == "plaintext"
	})
}

func benchLab(b *testing.B) (*harness.Lab, *pki.Authorities) {
	b.Helper()
	run, err := launch.NewRun(b.Context(), b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	part := harness.Part{Component: stub.Typha(), Complete: func(p launch.Program) launch.Program { return p }, Stack: runtime.Version()}
	lab := harness.NewLab(b.Context(), harness.Options{
		Launcher: inprocess.New(run), Parts: []harness.Part{part}, Jobs: benchJobs, Deadline: 10 * time.Second,
	})
	b.Cleanup(func() {
		ctx := context.WithoutCancel(b.Context())
		if err := lab.Close(ctx); err != nil {
			b.Error(err)
		}
		if err := run.Close(ctx); err != nil {
			b.Error(err)
		}
	})
	return lab, pki.NewAuthorities()
}

func runCases(b *testing.B, lab *harness.Lab, cases []matrix.Case) {
	b.Helper()
	seen := lab.Run(b.Context(), cases)
	for _, c := range cases {
		e, err := oracle.Predict(felixtypha.Link, c)
		if err != nil {
			b.Fatal(err)
		}
		if v := oracle.Judge(c, e, seen[c.ID()]); v.Finding != oracle.Conforms {
			b.Fatalf("%s: %s", c.ID(), v.Why)
		}
	}
}

// plain is a mutual TLS server with nothing behind it, and a client with nothing before it.
type plain struct {
	address string
	roots   *x509.CertPool
	shown   map[string]*tls.Certificate
}

func newPlain(b *testing.B, a *pki.Authorities) *plain {
	b.Helper()
	p := &plain{shown: map[string]*tls.Certificate{}}
	good, _ := pki.VariantNamed("good")
	roots, err := a.Pool([]pki.AuthorityName{pki.Trusted}, pki.Credential{})
	if err != nil {
		b.Fatal(err)
	}
	own, err := a.Issue(oracle.Credential(felixtypha.Link, handshake.Server, good))
	if err != nil {
		b.Fatal(err)
	}
	for _, v := range pki.Variants {
		issued, err := a.Issue(oracle.Credential(felixtypha.Link, handshake.Client, v))
		if err != nil {
			b.Fatal(err)
		}
		p.shown[v.Name] = issued.TLS()
	}
	p.roots = roots
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{
		Certificates: []tls.Certificate{*own.TLS()}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: roots, MinVersion: tls.VersionTLS12,
	})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = l.Close() })
	p.address = l.Addr().String()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				_ = conn.(*tls.Conn).Handshake()
			}()
		}
	}()
	return p
}

func (p *plain) round(b *testing.B, cases []matrix.Case) {
	var group sync.WaitGroup
	slots := make(chan struct{}, benchJobs)
	for _, c := range cases {
		slots <- struct{}{}
		group.Go(func() {
			defer func() { <-slots }()
			p.connect(b, c)
		})
	}
	group.Wait()
}

func (p *plain) connect(b *testing.B, c matrix.Case) {
	raw, err := net.Dial("tcp", p.address)
	if err != nil {
		b.Error(err)
		return
	}
	defer raw.Close()
	version := uint16(tls.VersionTLS13)
	if c.Version == link.TLS12 {
		version = tls.VersionTLS12
	}
	conn := tls.Client(raw, &tls.Config{
		ServerName: "plain", InsecureSkipVerify: true, //nolint:gosec // the callback verifies, as Felix does
		MinVersion: version, MaxVersion: version,
		VerifyConnection: func(s tls.ConnectionState) error {
			_, err := s.PeerCertificates[0].Verify(x509.VerifyOptions{Roots: p.roots})
			return err
		},
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return p.shown[c.Client], nil },
	})
	if conn.Handshake() == nil {
		_, _ = io.Copy(io.Discard, conn)
	}
}

func rate(n int, do func()) float64 {
	begun := time.Now()
	do()
	return float64(n) / time.Since(begun).Seconds()
}

func median(all []float64) float64 {
	sorted := slices.Sorted(slices.Values(all))
	return sorted[len(sorted)/2]
}

// heap returns the heap in use after a collection, in MiB.
func heap() float64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc) / (1 << 20)
}
