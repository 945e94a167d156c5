package pki_test

import (
	"bytes"
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/calico-tls/conformance/pki"
)

func TestKeyFormats(t *testing.T) {
	t.Parallel()
	readers := map[pki.KeyFormat]struct {
		block string
		read  func([]byte) (any, error)
	}{
		pki.PKCS1: {"RSA PRIVATE KEY", func(der []byte) (any, error) { return x509.ParsePKCS1PrivateKey(der) }},
		pki.PKCS8: {"PRIVATE KEY", x509.ParsePKCS8PrivateKey},
		pki.SEC1:  {"EC PRIVATE KEY", func(der []byte) (any, error) { return x509.ParseECPrivateKey(der) }},
	}
	held := map[pki.KeyType][]pki.KeyFormat{
		pki.P256: {pki.PKCS8, pki.SEC1}, pki.P521: {pki.PKCS8, pki.SEC1}, pki.Ed25519: {pki.PKCS8},
		pki.RSA2048: {pki.PKCS8, pki.PKCS1}, pki.RSA8200: {pki.PKCS8, pki.PKCS1},
	}
	for kind, formats := range held {
		c := pki.Good(pki.Client, felix)
		c.Leaf.Key = kind
		issued := issue(t, authorities(), c)
		refused := map[pki.KeyFormat]bool{pki.PKCS1: true, pki.PKCS8: true, pki.SEC1: true, "jks": true}
		if kind == pki.Ed25519 {
			refused[pki.Encrypted] = true
		}
		for _, format := range formats {
			delete(refused, format)
			text, err := issued.KeyPEM(format)
			if err != nil {
				t.Fatalf("%s as %s: %v", kind, format, err)
			}
			block, rest := pem.Decode(text)
			if block == nil || block.Type != readers[format].block || len(rest) > 0 {
				t.Fatalf("%s as %s: wanted one block %q, found %q", kind, format, readers[format].block, text)
			}
			key, err := readers[format].read(block.Bytes)
			if err != nil {
				t.Fatalf("%s as %s: %v", kind, format, err)
			}
			signer, ok := key.(crypto.Signer)
			if !ok {
				t.Fatalf("%s as %s: a %T cannot sign", kind, format, key)
			}
			if err := holds(signer, parse(t, issued.Chain[0]).PublicKey); err != nil {
				t.Errorf("%s as %s: %v", kind, format, err)
			}
			if _, err := tls.X509KeyPair(issued.CertificatePEM(), text); err != nil {
				t.Errorf("%s as %s: %v", kind, format, err)
			}
		}
		for format := range refused {
			var wrong *pki.FormatError
			if _, err := issued.KeyPEM(format); !errors.As(err, &wrong) || wrong.Hint() == "" || wrong.Format != format {
				t.Errorf("%s as %s: wanted a FormatError, found: %v", kind, format, err)
			}
		}
	}
	if _, err := (&pki.Issued{}).KeyPEM(pki.PKCS8); err == nil {
		t.Error("wanted no key where none is held")
	}
}

// TestEncryptedKeys opens them with OpenSSL, which must be told the passphrase, and shows that Go takes none.
func TestEncryptedKeys(t *testing.T) {
	t.Parallel()
	requireOpenSSL(t)
	for _, kind := range []pki.KeyType{pki.P256, pki.P521, pki.RSA2048} {
		c := pki.Good(pki.Client, felix)
		c.Leaf.Key = kind
		issued := issue(t, authorities(), c)
		files, err := issued.WriteFiles(t.TempDir(), "own", pki.Encrypted)
		if err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(files.Key)
		if err != nil {
			t.Fatal(err)
		}
		block, rest := pem.Decode(text)
		if block == nil || block.Headers["Proc-Type"] != "4,ENCRYPTED" || !strings.HasPrefix(block.Headers["DEK-Info"], "AES-128-CBC,") || len(rest) > 0 {
			t.Errorf("%s: wanted one encrypted block, found:\n%.200s", kind, text)
		}
		if _, err := tls.X509KeyPair(issued.CertificatePEM(), text); err == nil {
			t.Errorf("%s: wanted crypto/tls to refuse a key that it cannot open", kind)
		}
		for passphrase, opens := range map[string]bool{pki.Passphrase: true, "another": false} {
			command := exec.CommandContext(t.Context(), "openssl", "pkey", "-in", files.Key, "-passin", "pass:"+passphrase, "-pubout", "-outform", "DER")
			public, err := command.Output()
			if (err == nil) != opens || opens && !bytes.Equal(public, parse(t, issued.Chain[0]).RawSubjectPublicKeyInfo) {
				t.Errorf("%s: wanted the passphrase %q to open it: %t, found %v", kind, passphrase, opens, err)
			}
		}
	}
}

func TestWriteFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	v, _ := pki.VariantNamed("intermediate")
	issued := issue(t, authorities(), v.Credential(origins[0]))
	// An older file that all may read must not lend its mode to a key.
	if err := os.WriteFile(filepath.Join(dir, "client.key"), []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	files, err := issued.WriteFiles(dir, "client", pki.SEC1)
	if err != nil {
		t.Fatal(err)
	}
	if files != (pki.Files{Certificate: filepath.Join(dir, "client.crt"), Key: filepath.Join(dir, "client.key")}) {
		t.Errorf("found the files %+v", files)
	}
	for path, wanted := range map[string]os.FileMode{files.Key: 0o600, files.Certificate: 0o644} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != wanted {
			t.Errorf("%s: wanted mode %o, found %o", path, wanted, info.Mode().Perm())
		}
	}
	pair, err := tls.LoadX509KeyPair(files.Certificate, files.Key)
	if err != nil {
		t.Fatal(err)
	}
	if len(pair.Certificate) != 2 {
		t.Errorf("wanted the leaf and its issuer, found %d certificates", len(pair.Certificate))
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 2 {
		t.Errorf("wanted nothing but the two files, found %v (%v)", left, err)
	}
}

func TestWriteFilesOfNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	files, err := (&pki.Issued{}).WriteFiles(dir, "client", pki.PKCS8)
	if err != nil || files != (pki.Files{}) {
		t.Errorf("wanted no files, found %+v (%v)", files, err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("wanted nothing written, found %v (%v)", left, err)
	}
}

func TestWriteFilesSaysWhatFailed(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "absent")
	issued := issue(t, authorities(), pki.Good(pki.Client, felix))
	if _, err := issued.WriteFiles(dir, "client", pki.PKCS8); !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), filepath.Join(dir, "client.crt")) {
		t.Errorf("wanted an error that names the file, found: %v", err)
	}
	blocked := t.TempDir()
	if err := os.MkdirAll(filepath.Join(blocked, "client.key", "in-the-way"), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := issued.WriteFiles(blocked, "client", pki.PKCS8); err == nil {
		t.Error("wanted a folder in the place of the key to be an error")
	}
	left, err := filepath.Glob(filepath.Join(blocked, ".*"))
	if err != nil || len(left) != 0 {
		t.Errorf("wanted no temporary file left, found %v (%v)", left, err)
	}
}

func TestTLS(t *testing.T) {
	t.Parallel()
	if empty := (&pki.Issued{}).TLS(); len(empty.Certificate) != 0 || empty.PrivateKey != nil {
		t.Errorf("wanted an empty certificate, found %+v", empty)
	}
	var none *pki.Issued
	if none.Fingerprint() != "" || len(none.TLS().Certificate) != 0 {
		t.Error("wanted a nil *Issued to show nothing")
	}
}
