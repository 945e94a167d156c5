package suites_test

import (
	"encoding/base64"
	"encoding/pem"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/calico-tls/conformance/pki"
	"github.com/calico-tls/conformance/reports"
	"github.com/calico-tls/conformance/suites/conformance"
)

// secrets match what no artefact of a run may hold: a private key in PEM, or as Base64 of the DER with which PKCS #8, PKCS
// #1 and SEC 1 begin for the keys that the suite makes, and a signed token (RFC 7519).
var secrets = regexp.MustCompile(`-----BEGIN [A-Z ]*PRIVATE KEY` +
	`|MIG[HI]AgEAMBMGByqGSM49|M[HIJ][a-zA-Z0-9+/]{2,6}AgEAMB[AQ]GByqGSM49|MHcCAQEE|MII[A-Za-z0-9+/]{3}IBADANBgkqhkiG9w0BAQEFAASC|MII[A-Za-z0-9+/]{3}IBAAKCA|MC4CAQAwBQYDK2VwBCIEI` +
	`|\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.`)

// holdsNoSecrets writes a report in each format that is a file, and looks for secrets in them.
func holdsNoSecrets(t *testing.T, report *reports.Report) {
	t.Helper()
	folder, err := os.OpenRoot(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer folder.Close()
	files, err := conformance.Write(report, folder, reports.Options{})
	if err != nil || len(files) == 0 {
		t.Fatalf("writing the report: %d files, %v", len(files), err)
	}
	for _, name := range files {
		data, err := os.ReadFile(filepath.Join(folder.Name(), name))
		if err != nil {
			t.Fatal(err)
		}
		if found := secrets.Find(data); found != nil {
			t.Errorf("wanted no secret in %s, found %.40q", name, found)
		}
	}
}

// TestSecretsAreFound plants what no artefact may hold.
func TestSecretsAreFound(t *testing.T) {
	t.Parallel()
	authorities := pki.NewAuthorities()
	for _, variant := range []string{"good", "key-p384", "key-p521", "key-ed25519", "key-rsa-2048", "key-rsa-4096"} {
		v, ok := pki.VariantNamed(variant)
		if !ok {
			t.Fatalf("there is no variant %s", variant)
		}
		own := pki.Identity{CN: "somebody"}
		issued, err := authorities.Issue(v.Change(pki.Good(pki.Client, own), pki.Origin{Role: pki.Client, Own: own, Peer: own}))
		if err != nil {
			t.Fatal(err)
		}
		text, err := issued.KeyPEM(pki.PKCS8)
		if err != nil {
			t.Fatal(err)
		}
		block, _ := pem.Decode(text)
		if !secrets.Match(text) || !secrets.MatchString("log: "+base64.StdEncoding.EncodeToString(block.Bytes)) {
			t.Errorf("wanted the key of %s found, in PEM and in Base64 alone: %.60s", variant, base64.StdEncoding.EncodeToString(block.Bytes))
		}
		if found := secrets.Find(issued.CertificatePEM()); found != nil {
			t.Errorf("wanted no secret in a certificate, found %q", found)
		}
	}
	if !secrets.MatchString("Bearer eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJzb21lYm9keSJ9.c2lnbmF0dXJl") {
		t.Error("wanted a token found")
	}
}
