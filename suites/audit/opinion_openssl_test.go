package audit_test

import (
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/calico-tls/conformance/harness/oracle"
	"github.com/calico-tls/conformance/pki"
)

// trusting are the options that make OpenSSL a relying party like Calico's: an intermediate or a leaf in the bundle is an
// anchor (IDENT-46), and the least security level that Go's own limits correspond to. Not -x509_strict, which refuses
// whom RFC 5280 tells authorities not to make, and which neither Go nor Calico asks for.
func trusting(bundle string) []string {
	return []string{"-CAfile", bundle, "-no-CApath", "-no-CAstore", "-partial_chain", "-auth_level", "1"}
}

// asking are the options that name the file of j's trust bundle and what else OpenSSL is told of what j asks: the host, and
// whether to heed the revocation list that the file holds as well.
func asking(bundle string, j judgement) []string {
	options := trusting(bundle)
	if _, err := netip.ParseAddr(j.asked.Host); err == nil {
		options = append(options, "-verify_ip", j.asked.Host)
	} else if j.asked.Host != "" {
		options = append(options, "-verify_hostname", j.asked.Host)
	}
	if j.asked.Revokes {
		options = append(options, "-crl_check")
	}
	return options
}

// ofPath is the oracle's objection as far as certificates tell: OpenSSL is not told which name is required, and does not
// see who holds a key.
func ofPath(o oracle.Objection) oracle.Objection {
	if o.Check == pki.CheckPossession {
		return oracle.Objection{}
	}
	return inHandshake(o)
}

// inHandshake is the oracle's objection but for the name, of which OpenSSL is not told; the host it is.
func inHandshake(o oracle.Objection) oracle.Objection {
	if o.Check == pki.CheckIdentity && o.Cause != "host" {
		return oracle.Objection{}
	}
	return o
}

// TestOpenSSLVerifyAgrees asks "openssl verify" about what each case of core shows: the purpose is the role's, the time
// now.
func TestOpenSSLVerifyAgrees(t *testing.T) {
	t.Parallel()
	requireOpenSSL(t)
	l := newLedger(opensslVerify)
	batches := map[string][]judgement{}
	for _, j := range anonymous(shown(judgements(t))) {
		if j.shown.Sending == pki.SendNothing {
			continue // there is nothing to verify
		}
		batch := j.asker()
		if sendsMore(j) {
			batch += fmt.Sprint(j.variants) // one process has one file of intermediates
		}
		batches[batch] = append(batches[batch], j)
	}
	for _, batch := range batches {
		for i, refusal := range verifyWithOpenSSL(t, batch) {
			l.hold(t, batch[i], ofPath(batch[i].oracle()), refusal)
		}
	}
	l.close(t)
}

// anonymous are the questions that are left where names do not count.
func anonymous(all []judgement) []judgement {
	seen := map[string]bool{}
	return slices.DeleteFunc(all, func(j judgement) bool {
		key := fmt.Sprint(j.variants, j.asker())
		again := seen[key]
		seen[key] = true
		return again
	})
}

func sendsMore(j judgement) bool {
	issued, err := authorities().Issue(j.shown)
	return err == nil && len(issued.Chain) > 1
}

// verifyWithOpenSSL runs one process for questions that have all but the leaf in common, and returns why OpenSSL refuses
// each.
func verifyWithOpenSSL(t *testing.T, batch []judgement) []error {
	t.Helper()
	dir := t.TempDir()
	options := asking(writeBundle(t, dir, batch[0]), batch[0])
	var leaves []string
	for i, j := range batch {
		issued, err := authorities().Issue(j.shown)
		if err != nil {
			t.Fatal(err)
		}
		block, rest := pem.Decode(issued.CertificatePEM())
		leaf := filepath.Join(dir, strconv.Itoa(i)+".pem")
		write(t, leaf, pem.EncodeToMemory(block))
		leaves = append(leaves, leaf)
		if len(rest) > 0 {
			file := filepath.Join(dir, "rest.pem")
			write(t, file, rest)
			options = append(options, "-untrusted", file)
		}
	}
	return verify(t, batch[0].role(), options, leaves...)
}

// verify has "openssl verify" judge the first certificate of each file, as of one who plays that role, and returns why it
// refuses each.
func verify(t *testing.T, role pki.Role, options []string, files ...string) []error {
	t.Helper()
	args := []string{"verify", "-purpose", "ssl" + string(role), "-attime", strconv.FormatInt(time.Now().Unix(), 10)}
	return opinionsIn(openssl(t, "", slices.Concat(args, options, files)...), files)
}

var (
	opensslError    = regexp.MustCompile(`^error (\d+) at \d+ depth lookup: ?(.*)`)
	opensslVerified = regexp.MustCompile(`^(.*): OK$`)
	opensslRefused  = regexp.MustCompile(`^error (.*): verification failed$`)
)

// opinionsIn reads what "openssl verify" says of files.
func opinionsIn(out string, files []string) []error {
	refusals := make([]error, len(files))
	for i := range refusals {
		refusals[i] = errors.New("nothing is said of it: " + out)
	}
	why := ""
	for line := range strings.SplitSeq(out, "\n") {
		if m := opensslVerified.FindStringSubmatch(line); m != nil {
			refusals[slices.Index(files, m[1])] = nil
		}
		if m := opensslError.FindStringSubmatch(line); m != nil {
			why = m[1] + " " + m[2]
		}
		if m := opensslRefused.FindStringSubmatch(line); m != nil {
			refusals[slices.Index(files, m[1])] = errors.New(why)
		}
	}
	return refusals
}

func writeBundle(t *testing.T, dir string, j judgement) string {
	t.Helper()
	bundle, err := authorities().BundleIn(j.style, j.asked.Trust, j.good)
	if err != nil {
		t.Fatal(err)
	}
	if j.asked.Revokes {
		list, err := authorities().CRL(pki.RevokedSerial)
		if err != nil {
			t.Fatal(err)
		}
		bundle = append(bundle, list...)
	}
	file := filepath.Join(dir, "bundle.pem")
	write(t, file, bundle)
	return file
}

// openssl returns what the command says on either stream when it is told something: a refusal ends it as a failure does,
// and is read from what it says.
func openssl(t *testing.T, told string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	command := exec.CommandContext(ctx, "openssl", args...)
	command.Stdin = strings.NewReader(told)
	out, err := command.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && (!errors.As(err, &exit) || ctx.Err() != nil) {
		t.Fatalf("openssl %s: %v\n%s", args[0], err, out)
	}
	return string(out)
}

func requireOpenSSL(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	version, err := exec.CommandContext(ctx, "openssl", "version").CombinedOutput()
	switch {
	case err == nil && strings.HasPrefix(string(version), "OpenSSL 3."):
	case os.Getenv("CI") != "":
		t.Fatalf("an opinion on the oracle needs the command openssl of OpenSSL 3, found %q: %v", version, err)
	default:
		t.Skipf("no opinion of OpenSSL on the oracle: it needs the command openssl of OpenSSL 3, found %q: %v", version, err)
	}
}

func write(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}
