package pki_test

import (
	"bytes"
	"crypto"
	_ "crypto/sha256"
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/calico-tls/conformance/pki"
)

// TestShiftedIsThereWhateverStandsBefore: what base64 makes of octets is found after one octet, two or none, of any value.
func TestShiftedIsThereWhateverStandsBefore(t *testing.T) {
	t.Parallel()
	octets := []byte("thirty octets, and not one more")[:30]
	for before, text := range pki.Shifted(octets) {
		// How the last character ends depends on what follows.
		whole := base64.RawStdEncoding.EncodeToString(append(bytes.Repeat([]byte{0xff}, before), octets...))
		if at := strings.Index(whole, text); at < 0 || at > 3 {
			t.Errorf("after %d octets: wanted %q within its first characters, found %q", before, text, whole)
		}
	}
}

func TestPadStopsWhereItIsEnough(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ certificate, to, want int }{{10, 0, 1}, {10, 10, 1}, {10, 11, 2}, {10, 20, 2}, {10, 21, 3}} {
		if n, err := pki.Pad(c.certificate, c.to); err != nil || n != c.want {
			t.Errorf("a certificate of %d octets, filled up to %d: wanted %d, found %d (%v)", c.certificate, c.to, c.want, n, err)
		}
	}
	if err := pki.PadAlone(10, 10); err != nil {
		t.Errorf("wanted no error for a chain that is long enough, found %v", err)
	}
	if pki.PadAlone(10, 11) == nil {
		t.Error("wanted an error for a chain that has no root to be filled up with, found none")
	}
}

// TestHardWayAuthorityLivesAYear, as that of the manual installation.
func TestHardWayAuthorityLivesAYear(t *testing.T) {
	t.Parallel()
	if life := pki.AuthorityTemplate(pki.HardWayRoot).NotAfter; life != 365*24*time.Hour {
		t.Errorf("wanted 365 days, found %v", life)
	}
}

// TestJunkBase64LacksThreeCharacters, and nothing else tells it from what can be decoded.
func TestJunkBase64LacksThreeCharacters(t *testing.T) {
	t.Parallel()
	whole := strings.SplitAfter(string(pki.JunkCertificate.PEM()), "\n-----END")
	junk := strings.SplitAfter(string(pki.JunkBase64.PEM()), "\n-----END")
	if len(whole) != 2 || len(junk) != 2 || whole[1] != junk[1] {
		t.Fatalf("wanted two blocks with the same end, found %q and %q", whole, junk)
	}
	body := strings.TrimSuffix(whole[0], "\n-----END")
	if want := body[:len(body)-3] + "\n-----END"; junk[0] != want {
		t.Errorf("wanted %q, found %q", want, junk[0])
	}
}

func TestLookalike(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"typha-client": "t\u0443pha-client", // the Cyrillic letter that looks like a y
		"a":            "\u0430",
		"fn":           "\uff46n", // neither letter has a double: the first one, in full width
	} {
		if found := pki.Lookalike(name); found != want {
			t.Errorf("%s: wanted %q, found %q", name, want, found)
		}
	}
}

func TestURIWithoutAHost(t *testing.T) {
	t.Parallel()
	host := func(string) string { return "host" }
	for uri, want := range map[string]string{
		"spiffe:///path": "spiffe://host/path", "spiffe://domain/path": "spiffe://host/path", "spiffe://domain": "spiffe://host",
	} {
		if found := pki.InDomain(uri, host); found != want {
			t.Errorf("%s: wanted %q, found %q", uri, want, found)
		}
	}
}

// TestEncodePSSFits: the shortest key that a digest fits has room for it, for a salt of the same length, and for two octets
// (RFC 8017 section 9.1.1); the mask of one that is longer by an octet is cut.
func TestEncodePSSFits(t *testing.T) {
	t.Parallel()
	const shortest = 8 * (2*32 + 2)
	for _, c := range []struct {
		bits int
		fits bool
	}{{shortest - 8, false}, {shortest, true}, {shortest + 8, true}, {shortest - 1, true}} {
		encoded, err := pki.EncodePSS(c.bits, crypto.SHA256)
		if fits := err == nil; fits != c.fits {
			t.Errorf("%d bits: wanted that it fits to be %t, found %v", c.bits, c.fits, err)
		}
		if want := (c.bits + 7) / 8; c.fits && len(encoded) != want {
			t.Errorf("%d bits: wanted %d octets, found %d", c.bits, want, len(encoded))
		}
	}
}
