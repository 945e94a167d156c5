package stub_test

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"testing"

	"github.com/calico-tls/conformance/harness/handshake"
	"github.com/calico-tls/conformance/harness/link"
	"github.com/calico-tls/conformance/pki"
)

// The credentials and versions of the benchmarks are the same, so that what a case costs beside its handshake shows.
var benchVersions = []link.Version{link.TLS12, link.TLS13}

// BenchmarkHandshake is a mutual handshake of crypto/tls, one octet from the server, and nothing else.
func BenchmarkHandshake(b *testing.B) {
	for _, version := range benchVersions {
		b.Run(string(version), func(b *testing.B) {
			number := map[link.Version]uint16{link.TLS12: tls.VersionTLS12, link.TLS13: tls.VersionTLS13}[version]
			a := attempt(b, pki.Client, "good", version)
			server := &tls.Config{
				Certificates: []tls.Certificate{*issued(b, pki.Server, "good").TLS()},
				ClientAuth:   tls.RequireAndVerifyClientCert, ClientCAs: a.Roots, SessionTicketsDisabled: true,
			}
			client := &tls.Config{
				Certificates: []tls.Certificate{*a.Show.TLS()}, MinVersion: number, MaxVersion: number,
				InsecureSkipVerify: true, //nolint:gosec // the callback verifies, as Felix does
				VerifyConnection: func(state tls.ConnectionState) error {
					_, err := state.PeerCertificates[0].Verify(x509.VerifyOptions{Roots: a.Roots})
					return err
				},
			}
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				b.Fatal(err)
			}
			defer l.Close()
			go func() {
				for {
					conn, err := l.Accept()
					if err != nil {
						return
					}
					go func() {
						defer conn.Close()
						_, _ = tls.Server(conn, server).Write([]byte{1})
						_, _ = io.Copy(io.Discard, conn)
					}()
				}
			}()
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					conn, err := tls.Dial("tcp", l.Addr().String(), client)
					if err != nil {
						b.Error(err)
						return
					}
					if _, err := io.ReadFull(conn, make([]byte, 1)); err != nil {
						b.Error(err)
					}
					_ = conn.Close()
				}
			})
		})
	}
}

// BenchmarkProbe is a prober and a stub Typha whose log is read.
func BenchmarkProbe(b *testing.B) {
	for _, version := range benchVersions {
		b.Run(string(version), func(b *testing.B) {
			r := typha(b, settings(b, pki.Server, asks(pki.TouchesBoth, identity(pki.Client))))
			a := attempt(b, pki.Client, "good", version)
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if client, server := r.probe(b, a); client.Claim != handshake.Accepted || server.Claim != handshake.Accepted {
						b.Errorf("wanted both to accept, found %+v and %+v", client, server)
						return
					}
				}
			})
		})
	}
}

// BenchmarkServe is an observer and a stub Felix whose log is read.
func BenchmarkServe(b *testing.B) {
	for _, version := range benchVersions {
		b.Run(string(version), func(b *testing.B) {
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				r, l := felix(b, settings(b, pki.Client, asks(pki.TouchesBoth, identity(pki.Server))))
				a := attempt(b, pki.Server, "good", version)
				for pb.Next() {
					if client, server := r.serve(b, l, a); client.Claim != handshake.Accepted || server.Claim != handshake.Accepted {
						b.Errorf("wanted both to accept, found %+v and %+v", client, server)
						return
					}
				}
			})
		})
	}
}
