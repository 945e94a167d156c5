package felixtypha_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/calico-tls/conformance/harness/handshake"
	"github.com/calico-tls/conformance/harness/link"
	"github.com/calico-tls/conformance/harness/link/felixtypha"
	"github.com/calico-tls/conformance/pki"
)

// registry is the SHA-256 of "NUMBER NAME" of each suite up to TLS 1.2 in IANA's registry, in the order of their numbers.
const registry = "dde0573e19474e05788bda80257e0987370c5a94dc7efee0a662045d90f62b91"

func TestSuitesAreThoseOfTheRegistry(t *testing.T) {
	t.Parallel()
	var lines strings.Builder
	counts := map[string]int{}
	last := -1
	for _, s := range felixtypha.Suites {
		if int(s.ID) <= last {
			t.Errorf("wanted the suites in the order of their numbers, found %#04x after %#04x", s.ID, last)
		}
		last = int(s.ID)
		counts[fmt.Sprintf("%s %s", s.Version, s.Standing)]++
		if s.Version == link.TLS12 {
			fmt.Fprintf(&lines, "%04X %s\n", s.ID, s.Name)
		}
	}
	want := map[string]int{"tls1.2 listed": 9, "tls1.2 unlisted": 106, "tls1.2 unsound": 220, "tls1.3 listed": 3, "tls1.3 unlisted": 12}
	if fmt.Sprint(counts) != fmt.Sprint(want) {
		t.Errorf("wanted %v, found %v", want, counts)
	}
	if sum := sha256.Sum256([]byte(lines.String())); hex.EncodeToString(sum[:]) != registry {
		t.Errorf("wanted the suites of the registry, with the digest %s, found %x", registry, sum)
	}
	for _, s := range slices.Concat(tls.CipherSuites(), tls.InsecureCipherSuites()) {
		i := slices.IndexFunc(felixtypha.Suites, func(own link.Suite) bool { return own.ID == s.ID })
		if i < 0 || felixtypha.Suites[i].Name != s.Name {
			t.Errorf("wanted %s at %#04x", s.Name, s.ID)
		}
	}
}

func TestStandings(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]link.Standing{
		"TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256": link.Listed,
		"TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA":      link.Listed,
		"TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA":    link.Unlisted,
		"TLS_DHE_RSA_WITH_AES_256_GCM_SHA384":     link.Unlisted,
		"TLS_ECDHE_PSK_WITH_AES_128_GCM_SHA256":   link.Unlisted,
		"TLS_PSK_DHE_WITH_AES_128_CCM_8":          link.Unlisted,
		"TLS_SRP_SHA_RSA_WITH_AES_128_CBC_SHA":    link.Unlisted,
		"TLS_RSA_WITH_AES_128_GCM_SHA256":         link.Unsound,
		"TLS_ECDH_ECDSA_WITH_AES_128_GCM_SHA256":  link.Unsound,
		"TLS_DH_anon_WITH_AES_128_GCM_SHA256":     link.Unsound,
		"TLS_ECDH_anon_WITH_AES_128_CBC_SHA":      link.Unsound,
		"TLS_RSA_PSK_WITH_AES_128_GCM_SHA256":     link.Unsound,
		"TLS_PSK_WITH_AES_128_GCM_SHA256":         link.Unsound,
		"TLS_ECDHE_ECDSA_WITH_NULL_SHA":           link.Unsound,
		"TLS_ECDHE_RSA_WITH_RC4_128_SHA":          link.Unsound,
		"TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA":     link.Unsound,
		"TLS_DHE_RSA_WITH_DES_CBC_SHA":            link.Unsound,
		"TLS_DHE_DSS_EXPORT_WITH_DES40_CBC_SHA":   link.Unsound,
		"TLS_KRB5_EXPORT_WITH_RC2_CBC_40_MD5":     link.Unsound,
		"TLS_NULL_WITH_NULL_NULL":                 link.Unsound,
		"TLS_GOSTR341112_256_WITH_28147_CNT_IMIT": link.Unsound,
		"TLS_AES_128_GCM_SHA256":                  link.Listed,
		"TLS_AES_128_CCM_SHA256":                  link.Unlisted,
	} {
		s, ok := felixtypha.Link.Suite(name)
		if !ok || s.Standing != want {
			t.Errorf("wanted %s to be %s, found %+v", name, want, s)
		}
	}
}

// TestOfferingASuite lets servers answer the offer of a suite that crypto/tls cannot speak with.
func TestOfferingASuite(t *testing.T) {
	t.Parallel()
	const ccm, ccm13, other = 0xc0ac, 0x1304, 0xc02b
	choose := func(version, suite uint16) func(net.Conn) {
		return func(c net.Conn) {
			record, err := felixtypha.Choosing(c, version, suite)
			if err != nil {
				t.Error(err)
			}
			say(c, record)
		}
	}
	for name, c := range map[string]struct {
		suite  string
		answer func(net.Conn)
		claim  handshake.Claim
		alert  handshake.Alert
		saying string
	}{
		"agrees":               {"suite-ecdhe-ecdsa-with-aes-128-ccm", choose(tls.VersionTLS12, ccm), handshake.Refused, handshake.NoAlert, "the server agreed to TLS_ECDHE_ECDSA_WITH_AES_128_CCM"},
		"agrees under TLS 1.3": {"suite-aes-128-ccm-sha256", choose(tls.VersionTLS13, ccm13), handshake.Refused, handshake.NoAlert, "the server agreed to TLS_AES_128_CCM_SHA256"},
		"chooses another":      {"suite-ecdhe-ecdsa-with-aes-128-ccm", choose(tls.VersionTLS12, other), handshake.Refused, handshake.NoAlert, "the server chose suite 0xc02b"},
		"refuses":              {"suite-ecdhe-ecdsa-with-aes-128-ccm", func(c net.Conn) { say(c, []byte{21, 3, 1, 0, 2, 2, 40}) }, handshake.WasRefused, handshake.HandshakeFailure, "handshake failure"},
		"hangs up":             {"suite-ecdhe-ecdsa-with-aes-128-ccm", func(c net.Conn) { _ = c.(*net.TCPConn).CloseWrite() }, handshake.WasRefused, handshake.NoAlert, "EOF"},
		"speaks no TLS":        {"suite-ecdhe-ecdsa-with-aes-128-ccm", func(c net.Conn) { say(c, []byte("no TLS at all")) }, handshake.Refused, handshake.NoAlert, "wanted a TLS record"},
		"says half a hello":    {"suite-ecdhe-ecdsa-with-aes-128-ccm", func(c net.Conn) { say(c, []byte{22, 3, 3, 0, 6, 2, 0, 0, 2, 3, 3}) }, handshake.Refused, handshake.NoAlert, "it ends in its midst"},
		"says something else":  {"suite-ecdhe-ecdsa-with-aes-128-ccm", func(c net.Conn) { say(c, []byte{22, 3, 3, 0, 4, 14, 0, 0, 0}) }, handshake.Refused, handshake.NoAlert, "a handshake message of type 14"},
		"says nothing":         {"suite-ecdhe-ecdsa-with-aes-128-ccm", func(net.Conn) {}, handshake.Failed, handshake.NoAlert, "i/o timeout"},
	} {
		t.Run(name, func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			gone := make(chan struct{})
			go func() {
				defer close(gone)
				raw, err := l.Accept()
				if err != nil {
					return
				}
				c.answer(raw)
				_, _ = io.Copy(io.Discard, raw)
				_ = raw.Close()
			}()
			ctx, cancel := context.WithTimeout(t.Context(), brief)
			defer cancel()
			a := attempt(t, pki.Client, "good", pki.TouchesBoth, link.TLS12)
			a.Conduct = c.suite
			account, from := felixtypha.Prober{}.Probe(ctx, l.Addr().String(), "", a)
			if account.Claim != c.claim || account.AlertReceived != c.alert || !strings.Contains(account.Error, c.saying) || account.Octets != 0 || from == "" {
				t.Errorf("wanted %s with %q, saying %q, found %+v", c.claim, c.alert, c.saying, account)
			}
			<-gone
		})
	}
}

// FuzzHello: whatever is read as a hello is written as it was read.
func FuzzHello(f *testing.F) {
	for _, name := range []string{"TLS_RSA_WITH_RC4_128_SHA", "TLS_AES_128_CCM_SHA256", "TLS_SRP_SHA_WITH_AES_128_CBC_SHA"} {
		s, _ := felixtypha.Link.Suite(name)
		client, err := felixtypha.Offering(s)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(client)
		for _, version := range []uint16{tls.VersionTLS10, tls.VersionTLS12, tls.VersionTLS13} {
			server, err := felixtypha.Choosing(bytes.NewReader(client), version, s.ID)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(server)
		}
	}
	f.Add([]byte{22, 3, 1, 0, 4, 1, 0, 0, 0})
	f.Add([]byte{21, 3, 1, 0, 2, 2, 40})
	f.Fuzz(func(t *testing.T, record []byte) {
		h, again, err := felixtypha.ReadHello(record)
		if err != nil {
			return
		}
		h2, third, err := felixtypha.ReadHello(again)
		if err != nil || !bytes.Equal(again, third) || fmt.Sprint(h) != fmt.Sprint(h2) {
			t.Errorf("%x was read as %v and written as %x, which is read as %v (%v)", record, h, again, h2, err)
		}
	})
}
