package pki_test

import (
	"bytes"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/calico-tls/conformance/pki"
)

func TestBundleKeepsTheOrder(t *testing.T) {
	t.Parallel()
	a := pki.NewAuthorities()
	peer := pki.Good(pki.Client, felix)
	names := []pki.AuthorityName{pki.Fifth, pki.Trusted, pki.Intermediate, pki.PeerLeaf}
	wanted := []string{"conformance fifth authority", "conformance trusted authority", "conformance intermediate authority", "typha-client"}
	for style, types := range map[pki.BundleStyle]string{
		pki.BundlePlain:     strings.Repeat("CERTIFICATE ", 4),
		pki.BundleCommented: "EC PARAMETERS " + strings.Repeat("CERTIFICATE PUBLIC KEY ", 4),
		pki.BundleRevoking:  strings.Repeat("CERTIFICATE ", 4) + "X509 CRL ",
	} {
		bundle, err := a.BundleIn(style, names, peer)
		if err != nil {
			t.Fatal(err)
		}
		var found []string
		var order string
		for block, rest := pem.Decode(bundle); block != nil; block, rest = pem.Decode(rest) {
			order += block.Type + " "
			if block.Type == "CERTIFICATE" {
				found = append(found, parse(t, block.Bytes).Subject.CommonName)
			}
		}
		if diff := cmp.Diff(wanted, found); diff != "" || order != types {
			t.Errorf("style %q: found the blocks %q, and certificates (-wanted +found):\n%s", style, order, diff)
		}
		comments := 0
		if style == pki.BundleCommented {
			comments = len(names) + 2 // before them, before each, and after them
		}
		if found := bytes.Count(bundle, []byte("# ")); found != comments {
			t.Errorf("style %q: wanted %d comments, found %d", style, comments, found)
		}
		pool := x509.NewCertPool()
		same, err := a.Pool(names, peer)
		if !pool.AppendCertsFromPEM(bundle) || err != nil || !pool.Equal(same) {
			t.Errorf("style %q: wanted crypto/x509 to find in it what Pool holds (%v)", style, err)
		}
	}
	leaf := issue(t, a, peer).Chain[0]
	bundle, err := a.Bundle([]pki.AuthorityName{pki.PeerLeaf}, peer)
	if block, _ := pem.Decode(bundle); err != nil || !bytes.Equal(block.Bytes, leaf) {
		t.Errorf("wanted the leaf as it was issued (%v)", err)
	}
}

// TestBrokenBundle counts what a reader finds that goes on after what it cannot read, and one that stops there.
func TestBrokenBundle(t *testing.T) {
	t.Parallel()
	a := pki.NewAuthorities()
	for _, names := range [][]pki.AuthorityName{{pki.Trusted}, {pki.Second, pki.Third, pki.Trusted}} {
		bundle, err := a.BundleIn(pki.BundleBroken, names, pki.Credential{})
		if err != nil {
			t.Fatal(err)
		}
		pool := x509.NewCertPool()
		same, err := a.Pool(names, pki.Credential{})
		if !pool.AppendCertsFromPEM(bundle) || err != nil || !pool.Equal(same) {
			t.Errorf("%v: wanted crypto/x509 to find in it what Pool holds (%v)", names, err)
		}
		var readable []bool
		for block, rest := pem.Decode(bundle); block != nil; block, rest = pem.Decode(rest) {
			_, err := x509.ParseCertificate(block.Bytes)
			readable = append(readable, err == nil)
		}
		wanted := make([]bool, len(names)+1) // a block that is no PEM is passed over
		for i := range wanted {
			wanted[i] = i != len(names)-1
		}
		if begun := bytes.Count(bundle, []byte("-----BEGIN CERTIFICATE-----\n")); !slices.Equal(readable, wanted) || begun != len(names)+2 {
			t.Errorf("%v: wanted blocks that can be read as %v, and one that is cut, found %v of %d", names, wanted, readable, begun)
		}
	}
}

func TestJunk(t *testing.T) {
	t.Parallel()
	for kind, wanted := range map[pki.Junk]string{pki.JunkCertificate: "CERTIFICATE", pki.JunkKey: "PRIVATE KEY", pki.JunkBase64: "", pki.JunkText: ""} {
		text := kind.PEM()
		block, _ := pem.Decode(text)
		if (block != nil) != (wanted != "") || block != nil && block.Type != wanted || len(text) == 0 {
			t.Errorf("%s: wanted a block %q, found %q", kind, wanted, text)
			continue
		}
		if block == nil {
			continue
		}
		var value asn1.RawValue
		if _, err := asn1.Unmarshal(block.Bytes, &value); err == nil {
			t.Errorf("%s: wanted no DER, found %+v", kind, value)
		}
	}
	if cut := string(pki.JunkBase64.PEM()); !strings.Contains(cut, "-----BEGIN CERTIFICATE-----\n") || !strings.Contains(cut, "\n-----END CERTIFICATE-----\n") {
		t.Errorf("wanted a block of a certificate that is cut, found %q", cut)
	}
	if pki.Junk("rust").PEM() != nil {
		t.Error("wanted nothing of a kind that does not exist")
	}
}

func TestBundleRefuses(t *testing.T) {
	t.Parallel()
	a := pki.NewAuthorities()
	none, broken := pki.Credential{Sending: pki.SendNothing}, pki.Good(pki.Client, felix)
	broken.Sending = pki.SendMalformed
	for name, row := range map[string]struct {
		style  pki.BundleStyle
		names  []pki.AuthorityName
		peer   pki.Credential
		wanted string
	}{
		"unknown style":     {"scented", nil, none, `no style "scented"`},
		"unknown authority": {pki.BundleCommented, []pki.AuthorityName{"nobody"}, none, `none named "nobody"`},
		"self-signed":       {pki.BundleRevoking, []pki.AuthorityName{pki.SelfSigned}, none, `none named "self-signed"`},
		"leaf of nobody":    {pki.BundlePlain, []pki.AuthorityName{pki.PeerLeaf}, none, "sends none"},
		"peer not issued":   {pki.BundlePlain, []pki.AuthorityName{pki.PeerLeaf}, pki.Credential{}, "issuing a credential"},
		"broken leaf":       {pki.BundlePlain, []pki.AuthorityName{pki.PeerLeaf}, broken, "reading the leaf"},
	} {
		if _, err := a.BundleIn(row.style, row.names, row.peer); err == nil || !strings.Contains(err.Error(), row.wanted) {
			t.Errorf("%s: wanted an error with %q, found: %v", name, row.wanted, err)
		}
		if row.style == pki.BundlePlain {
			if _, err := a.Pool(row.names, row.peer); err == nil {
				t.Errorf("%s: wanted an error of Pool", name)
			}
		}
	}
}

func TestCRL(t *testing.T) {
	t.Parallel()
	a := pki.NewAuthorities()
	text, err := a.CRL(pki.RevokedSerial, 5)
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(text)
	list, err := x509.ParseRevocationList(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	if err := list.CheckSignatureFrom(anchor(t, a, pki.Trusted)); err != nil {
		t.Error(err)
	}
	var found []int64
	for _, entry := range list.RevokedCertificateEntries {
		found = append(found, entry.SerialNumber.Int64())
	}
	if !slices.Equal(found, []int64{pki.RevokedSerial, 5}) {
		t.Errorf("wanted the serial numbers of the call, found %v", found)
	}
	v, _ := pki.VariantNamed("revoked")
	if leaf := parse(t, issue(t, a, v.Credential(origins[0])).Chain[0]); leaf.SerialNumber.Cmp(big.NewInt(pki.RevokedSerial)) != 0 {
		t.Errorf("the variant has the serial number %v", leaf.SerialNumber)
	}
}
