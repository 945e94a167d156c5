package pki_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"strings"
	"testing"

	"github.com/calico-tls/conformance/pki"
)

// log is a line as programs write it around what they leak.
func log(text string) string {
	return `{"level":"debug","msg":"Loaded","path":"/etc/calico/typha/certificates/server.key","value":"` + text + `\n"}`
}

// leaks are the ways in which a key may come into a log, by name.
func leaks(t *testing.T, issued *pki.Issued) map[string]string {
	t.Helper()
	made := map[string]string{}
	for _, format := range []pki.KeyFormat{pki.PKCS8, pki.PKCS1, pki.SEC1} {
		text, err := issued.KeyPEM(format)
		if err != nil {
			continue // the format does not hold the key
		}
		block, _ := pem.Decode(text)
		made[string(format)+" in one line"] = strings.ReplaceAll(string(text), "\n", `\n`)
		made[string(format)+" in base64"] = base64.StdEncoding.EncodeToString(block.Bytes)
		made[string(format)+" in hexadecimal"] = fmt.Sprintf("%x", block.Bytes)
		made[string(format)+" in upper case"] = fmt.Sprintf("%X", block.Bytes)
	}
	switch key := issued.Key.(type) {
	case *ecdsa.PrivateKey:
		scalar, err := key.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		made["the scalar"] = hex.EncodeToString(scalar)
		made["the scalar as Go prints it"] = fmt.Sprintf("%+v", key)
	case *rsa.PrivateKey:
		made["the exponent"] = key.D.Text(16)
		made["the exponent in upper case"] = fmt.Sprintf("%X", key.D)
		made["the exponent in decimal"] = key.D.String()
		made["a prime in decimal"] = key.Primes[0].String()
		made["the key as Go prints it"] = fmt.Sprintf("%v", key)
	}
	return made
}

var leaking = []pki.KeyType{pki.P224, pki.P256, pki.P384, pki.P521, pki.Ed25519, pki.RSA1024, pki.RSA2048, pki.RSA3072, pki.RSA4096, pki.RSA8200}

func credentials(t *testing.T, cns ...string) (all []*pki.Issued) {
	t.Helper()
	for _, kind := range leaking {
		for _, cn := range cns {
			c := pki.Good(pki.Client, pki.Identity{CN: cn})
			c.Leaf.Key = kind
			all = append(all, issue(t, authorities(), c))
		}
	}
	return all
}

func TestSecretsAreFound(t *testing.T) {
	t.Parallel()
	for i, issued := range credentials(t, "leaking") {
		s, err := pki.NewSecrets(issued)
		if err != nil {
			t.Fatal(err)
		}
		for name, text := range leaks(t, issued) {
			if !s.In(log(text)) {
				t.Errorf("%s, %s: wanted it found in %s", leaking[i], name, log(text))
			}
		}
	}
}

// TestEachPartOfASecretIsFound goes through all that is written of a scalar, a seed or an exponent, 24 characters at a
// time; 23 tell nothing.
func TestEachPartOfASecretIsFound(t *testing.T) {
	t.Parallel()
	for i, issued := range credentials(t, "leaking") {
		s, err := pki.NewSecrets(issued)
		if err != nil {
			t.Fatal(err)
		}
		held := 0
		for _, format := range []pki.KeyFormat{pki.PKCS8, pki.PKCS1, pki.SEC1} {
			text, err := issued.KeyPEM(format)
			if err != nil {
				continue // the format does not hold the key
			}
			held++
			block, _ := pem.Decode(text)
			secret := private(t, block.Bytes)
			at := bytes.Index(block.Bytes, secret)
			body := base64.StdEncoding.EncodeToString(block.Bytes)[(8*at+5)/6 : 8*(at+len(secret))/6]
			for from := range len(body) - 23 {
				if !s.In(log(body[from : from+24])) {
					t.Errorf("%s as %s: wanted %q found", leaking[i], format, body[from:from+24])
				}
			}
			if s.In(`"` + body[:23] + `"`) {
				t.Errorf("%s as %s: wanted 23 characters to tell nothing", leaking[i], format)
			}
		}
		if held == 0 {
			t.Errorf("%s: no format holds the key", leaking[i])
		}
	}
}

// private returns the octets of a key, in whatever format, that its public key does not show.
func private(t *testing.T, der []byte) []byte {
	t.Helper()
	key, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		if key, err = x509.ParsePKCS1PrivateKey(der); err != nil {
			if key, err = x509.ParseECPrivateKey(der); err != nil {
				t.Fatal(err)
			}
		}
	}
	switch key := key.(type) {
	case ed25519.PrivateKey:
		return key.Seed()
	case *rsa.PrivateKey:
		return key.D.Bytes()
	case *ecdsa.PrivateKey:
		scalar, err := key.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		return scalar
	}
	t.Fatalf("there is no key type %T", key)
	return nil
}

// TestNoSecretIsFound reads certificates with names of several lengths, so that base64 meets the public key at each of
// its three offsets, in all ways in which a program may write them.
func TestNoSecretIsFound(t *testing.T) {
	t.Parallel()
	all := credentials(t, "a", "ab", "abc", "abcd")
	// Each credential once by itself: those beside it would excuse what their own certificates show.
	for _, issued := range all {
		s, err := pki.NewSecrets(&pki.Issued{Key: issued.Key})
		if err != nil {
			t.Fatal(err)
		}
		public, err := x509.MarshalPKIXPublicKey(issued.Key.Public())
		if err != nil {
			t.Fatal(err)
		}
		texts := []string{
			"", "short", "2025-10-21 09:05:26.123 [DEBUG][42] sync_server.go 401: /var/lib/kubelet/pods/0f3a9c1e-1111-2222-3333-444455556666/volumes",
			strings.Repeat("0", 100), strings.Repeat("ABCD", 40), fmt.Sprintf("%v", issued.Key.Public()), issued.Fingerprint(),
			string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public})), fmt.Sprintf("%x", public),
		}
		for _, shown := range all {
			texts = append(texts, string(shown.CertificatePEM()), strings.ReplaceAll(string(shown.CertificatePEM()), "\n", ""),
				fmt.Sprintf("%x", shown.Chain[0]), fmt.Sprintf("%X", shown.Chain[0]), base64.StdEncoding.EncodeToString(shown.Chain[0]))
		}
		for _, text := range texts {
			for line := range strings.Lines(text) {
				if s.In(log(line)) {
					t.Errorf("%T: found a secret in %.200s", issued.Key, line)
				}
			}
		}
	}
}

func TestSecretsOfNobody(t *testing.T) {
	t.Parallel()
	s, err := pki.NewSecrets(nil, &pki.Issued{})
	if err != nil || s.In(log(strings.Repeat("A", 64))) {
		t.Errorf("wanted no secret where there is no key (%v)", err)
	}
	var none *pki.Secrets
	if none.In(log(strings.Repeat("A", 64))) {
		t.Error("wanted no secret of none")
	}
}

// TestSecretsOfOthers: a key is not found by the secrets of another one of its kind, but for what all of the kind share.
func TestSecretsOfOthers(t *testing.T) {
	t.Parallel()
	own, other := issue(t, authorities(), pki.Good(pki.Client, felix)), issue(t, authorities(), pki.Good(pki.Server, typha))
	s, err := pki.NewSecrets(own)
	if err != nil {
		t.Fatal(err)
	}
	scalar := leaks(t, other)["the scalar"]
	if s.In(log(scalar)) {
		t.Error("wanted the scalar of another key not to be found")
	}
	both, err := pki.NewSecrets(own, other)
	if err != nil || !both.In(log(scalar)) || !both.In(log(leaks(t, own)["the scalar"])) {
		t.Errorf("wanted either found where both are known (%v)", err)
	}
}

// BenchmarkSecrets reads a line as a program at debug level writes it, with five keys.
func BenchmarkSecrets(b *testing.B) {
	a := pki.NewAuthorities()
	var keys []*pki.Issued
	for _, kind := range []pki.KeyType{pki.P256, pki.P384, pki.Ed25519, pki.RSA2048, pki.RSA4096} {
		c := pki.Good(pki.Client, felix)
		c.Leaf.Key = kind
		issued, err := a.Issue(c)
		if err != nil {
			b.Fatal(err)
		}
		keys = append(keys, issued)
	}
	s, err := pki.NewSecrets(keys...)
	if err != nil {
		b.Fatal(err)
	}
	line := log(strings.Repeat(`component=\"syncer\" resource=/registry/projectcalico/networkpolicies/default `, 4))
	b.SetBytes(int64(len(line)))
	b.ReportAllocs()
	for b.Loop() {
		if s.In(line) {
			b.Fatal("found a secret")
		}
	}
}
