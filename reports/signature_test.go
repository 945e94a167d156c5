package reports

import (
	"bytes"
	"crypto/ed25519"
	"encoding/pem"
	"strings"
	"testing"

	"github.com/hiddeco/sshsig"
	"golang.org/x/crypto/ssh"
)

// aKey returns a private key, as ssh-keygen writes it, and its public half.
func aKey(t *testing.T) (private []byte, public *PublicKey) {
	t.Helper()
	open, secret, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(secret, "")
	if err != nil {
		t.Fatal(err)
	}
	key, err := ssh.NewPublicKey(open)
	if err != nil {
		t.Fatal(err)
	}
	public, err = ParsePublicKey(ssh.MarshalAuthorizedKey(key))
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(block), public
}

func TestSignatures(t *testing.T) {
	private, public := aKey(t)
	_, another := aKey(t)
	signer, err := NewSigner(private)
	if err != nil {
		t.Fatal(err)
	}
	armoured, err := signer.Sign(strings.NewReader("a report"))
	if err != nil {
		t.Fatal(err)
	}
	elsewhere, err := sshsig.Sign(strings.NewReader("a report"), signer.key, sshsig.HashSHA512, "git")
	if err != nil {
		t.Fatal(err)
	}
	fingerprint := ssh.FingerprintSHA256(public.key)
	for _, c := range []struct {
		name, report string
		armoured     []byte
		wanted       *PublicKey
		err          string
	}{
		{"by the key that is wanted", "a report", armoured, public, ""},
		{"by any key", "a report", armoured, nil, ""},
		{"carried with line feeds around it", "a report", append([]byte("\n"), armoured...), public, ""},
		{"by another key", "a report", armoured, another, "found it signed by " + fingerprint},
		{"of another report", "a report, edited", armoured, public, "the report is not what " + fingerprint + " signed"},
		{"of another report, by any key", "", armoured, nil, "the report is not what"},
		{"for something else", "a report", sshsig.Armor(elsewhere), public, `found one of "git"`},
		{"cut", "a report", armoured[:len(armoured)/2], public, "found what is no SSH signature"},
		{"empty", "a report", nil, nil, "found what is no SSH signature"},
		{"a key instead", "a report", private, public, "found what is no SSH signature"},
	} {
		t.Run(c.name, func(t *testing.T) {
			by, err := VerifySignature(strings.NewReader(c.report), c.armoured, c.wanted)
			switch {
			case c.err == "" && (err != nil || by != fingerprint):
				t.Errorf("found %q and the error %v, wanted %s", by, err, fingerprint)
			case c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)):
				t.Errorf("found the error %v, wanted one with %q", err, c.err)
			}
		})
	}
}

func TestNewSignerDoesNotShowTheKey(t *testing.T) {
	private, _ := aKey(t)
	for _, broken := range [][]byte{private[:len(private)-60], bytes.ToLower(private), nil} {
		_, err := NewSigner(broken)
		if err == nil {
			t.Errorf("found a signer of %d bytes, wanted an error", len(broken))
			continue
		}
		if !strings.Contains(err.Error(), "found what is no private key") {
			t.Errorf("found the error %v", err)
		}
	}
}
