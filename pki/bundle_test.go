package pki_test

import (
	"bytes"
	"crypto/x509"
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
