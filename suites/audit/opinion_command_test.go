package audit_test

import (
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/calico-tls/conformance/harness/handshake"
	"github.com/calico-tls/conformance/harness/link/felixtypha"
	"github.com/calico-tls/conformance/harness/matrix"
	"github.com/calico-tls/conformance/harness/oracle"
	"github.com/calico-tls/conformance/pki"
)

// TestOpenSSLVerifyAgreesOnFilesOfTheCommand asks "openssl verify" about the files that "tlsconform pki" writes, of a case
// for each variant and for each trust bundle: so that who makes a connection by hand meets what the lab meets.
func TestOpenSSLVerifyAgreesOnFilesOfTheCommand(t *testing.T) {
	t.Parallel()
	requireOpenSSL(t)
	command := buildCommand(t)
	l := newLedger(opensslVerify)
	for _, j := range sample(shown(judgements(t))) {
		dir := t.TempDir()
		writeWithCommand(t, command, j.cases[0], dir)
		shown, trusted := filepath.Join(dir, string(j.side)+".crt"), filepath.Join(dir, string(j.side.Other())+"-trust.crt")
		if j.asked.Revokes {
			appendList(t, trusted, filepath.Join(dir, string(j.side.Other())+"-revoked.crl"))
		}
		l.hold(t, j, ofPath(j.oracle()), verify(t, j.role(), append(asking(trusted, j), "-untrusted", shown), shown)[0])
	}
	l.close(t)
}

// appendList adds a revocation list to a trust bundle: the command writes it as etcd reads it, in DER.
func appendList(t *testing.T, bundle, list string) {
	t.Helper()
	der, err := os.ReadFile(list)
	if err != nil {
		t.Fatal(err)
	}
	trusted, err := os.ReadFile(bundle)
	if err != nil {
		t.Fatal(err)
	}
	write(t, bundle, append(trusted, pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: der})...))
}

// sample is the first question about each variant, but for those that differ in a name, of which OpenSSL is not told, and
// the first to each trust bundle.
func sample(all []judgement) []judgement {
	seen := map[string]bool{}
	return slices.DeleteFunc(all, func(j judgement) bool {
		v, _ := pki.VariantNamed(j.variants[0])
		if v.Breaks == pki.CheckIdentity || j.shown.Sending == pki.SendNothing {
			return true
		}
		bundle := j.asker()
		again := seen[v.Name] && seen[bundle]
		seen[v.Name], seen[bundle] = true, true
		return again
	})
}

// byHand are cases in which each end finds something in what the other one shows, or finds nothing.
var byHand = []string{
	"felix-typha/cn/typha/client=good/server=good",
	"felix-typha/cn/typha/client=intermediate/server=good",
	"felix-typha/cn/typha/client=intermediate-omitted/server=good",
	"felix-typha/cn/typha/client=other-authority/server=good",
	"felix-typha/cn/typha/client=expired/server=good",
	"felix-typha/cn/felix/client=good/server=intermediate",
	"felix-typha/cn/felix/client=good/server=intermediate-omitted",
	"felix-typha/cn/felix/client=good/server=same-name-authority",
	"felix-typha/cn/felix/client=good/server=eku-other-role",
}

// TestOpenSSLMeetsItselfOverFilesOfTheCommand has s_client ask s_server for a page, both with the files that "tlsconform pki"
// writes of a case.
func TestOpenSSLMeetsItselfOverFilesOfTheCommand(t *testing.T) {
	t.Parallel()
	requireOpenSSL(t)
	command := buildCommand(t)
	l := felixtypha.Link
	for _, name := range byHand {
		for _, version := range spoken {
			id := name + "/" + version.name
			cases, err := matrix.Select(matrix.Core(l), id)
			if err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir()
			writeWithCommand(t, command, id, dir)
			address, stop := serve(t, version.option, optionsFor(dir, handshake.Server)...)
			args := append([]string{"s_client", version.option, "-quiet", "-connect", address, "-verify", "10"}, optionsFor(dir, handshake.Client)...)
			said := openssl(t, "GET / HTTP/1.0\r\n\r\n", args...)
			stop()
			var objection oracle.Objection
			for _, j := range of(t, l, cases[0]) {
				if o := inHandshake(j.oracle()); o != (oracle.Objection{}) {
					objection = o
				}
			}
			if given := strings.Contains(said, "HTTP/1.0 200"); given != (objection == oracle.Objection{}) {
				t.Errorf("%s: the oracle objects %+v, and the client says:\n%s", id, objection, said)
			}
		}
	}
}

// optionsFor are those of one end of a case whose files lie in dir.
func optionsFor(dir string, side handshake.Side) []string {
	path := filepath.Join(dir, string(side))
	shown := showing(pki.Files{Certificate: path + ".crt", Key: path + ".key"})
	return slices.Concat(shown, []string{"-cert_chain", path + ".crt"}, trusting(path+"-trust.crt"))
}

// buildCommand builds tlsconform and returns its path.
func buildCommand(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "tlsconform")
	build := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-o", binary, "github.com/calico-tls/conformance/harness/cmd/tlsconform")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building the command: %v\n%s", err, out)
	}
	return binary
}

func writeWithCommand(t *testing.T, command, id, dir string) {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), command, "pki", id, "--out", dir).CombinedOutput(); err != nil {
		t.Fatalf("writing the files of %s: %v\n%s", id, err, out)
	}
}
