package pki_test

import (
	"context"
	"encoding/pem"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/calico-tls/conformance/pki"
)

// opensslErrors are the numbers in "error 10 at 0 depth lookup" that a row may meet, with the check that they answer.
var opensslErrors = map[string]pki.Check{
	"7":  pki.CheckChain, // certificate signature failure
	"18": pki.CheckChain, // self-signed certificate
	"20": pki.CheckChain, // unable to get local issuer certificate
	"25": pki.CheckChain, // path length constraint exceeded
	"34": pki.CheckChain, // unhandled critical extension
	"47": pki.CheckChain, // permitted subtree violation
	"48": pki.CheckChain, // excluded subtree violation
	"68": pki.CheckChain, // CA signature digest algorithm too weak
	"79": pki.CheckChain, // invalid CA certificate
	"9":  pki.CheckValidity,
	"10": pki.CheckValidity,
	"26": pki.CheckEKU, // unsuitable certificate purpose
}

// opensslReasons are the errors that OpenSSL must name where the chain is refused.
var opensslReasons = map[string]string{
	"other-authority":                 "20",
	"same-name-authority":             "7",
	"self-signed":                     "18",
	"authority-second":                "20",
	"authority-third":                 "20",
	"authority-fourth":                "20",
	"authority-fifth":                 "20",
	"intermediate-omitted":            "20",
	"intermediate-other-authority":    "20",
	"intermediate-critical-extension": "34",
	"path-length-exceeded":            "25",
	"issuer-not-ca":                   "79",
	"critical-extension":              "34",
	"constraint-other-domain":         "47",
	"constraint-excluded":             "48",
	"sha1":                            "68",
	"intermediate-sha1":               "68",
	"md5":                             "68",
}

// opensslDiffers lists the rows of which OpenSSL thinks otherwise than the table, and crypto/x509, do.
var opensslDiffers = map[string]struct {
	finds []pki.Check
	why   string
}{
	"eku-any":             {[]pki.Check{pki.CheckEKU}, "OpenSSL wants the usage of TLS by its name"},
	"key-usage-cert-sign": {[]pki.Check{pki.CheckEKU}, "OpenSSL counts the key usage of a leaf among its purposes, and crypto/x509 does not look at it"},
}

// opensslJudges are the checks that "openssl verify" makes of certificates that it can read.
var opensslJudges = []pki.Check{pki.CheckChain, pki.CheckValidity, pki.CheckEKU}

func TestOpenSSLFindsTheSame(t *testing.T) {
	t.Parallel()
	requireOpenSSL(t)
	a := authorities()
	roots, err := a.Bundle(anchors, pki.Credential{})
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range pki.Variants {
		for _, o := range originsOf(v) {
			t.Run(fmt.Sprintf("%s/%s", v.Name, o.Role), func(t *testing.T) {
				issued := issue(t, a, v.Credential(o))
				if len(issued.Chain) == 0 {
					return // nothing to judge: no certificate is sent
				}
				found, reason := verifyWithOpenSSL(t, o.Role, roots, issued, "1")
				var want []pki.Check
				if v.Name == "malformed" || slices.Contains(opensslJudges, v.Breaks) {
					want = wanted(v)
				}
				if entry, ok := opensslDiffers[v.Name]; ok {
					if cmp.Equal(want, entry.finds) {
						t.Errorf("opensslDiffers has a stale entry: the table says %v", want)
					}
					want = entry.finds
				}
				if diff := cmp.Diff(want, found); diff != "" {
					t.Errorf("checks that fail by OpenSSL (-wanted +found), error %s:\n%s", reason, diff)
				}
				if v.Breaks == pki.CheckChain && opensslReasons[v.Name] != reason {
					t.Errorf("wanted OpenSSL to refuse with error %q, found %q", opensslReasons[v.Name], reason)
				}
			})
		}
	}
	for _, name := range slices.Concat(keys(opensslDiffers), keys(opensslReasons)) {
		if _, ok := pki.VariantNamed(name); !ok {
			t.Errorf("there is an entry for %q, which is no variant", name)
		}
	}
}

// TestOpenSSLFindsNothingElseInWeakDigests lets OpenSSL take weak digests: then nothing is left to refuse.
func TestOpenSSLFindsNothingElseInWeakDigests(t *testing.T) {
	t.Parallel()
	requireOpenSSL(t)
	a := authorities()
	roots, err := a.Bundle([]pki.AuthorityName{pki.Trusted}, pki.Credential{})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"sha1", "intermediate-sha1", "md5"} {
		v, _ := pki.VariantNamed(name)
		for _, o := range originsOf(v) {
			if found, reason := verifyWithOpenSSL(t, o.Role, roots, issue(t, a, v.Credential(o)), "0"); found != nil {
				t.Errorf("%s/%s: wanted it accepted at level 0, found error %s", name, o.Role, reason)
			}
		}
	}
}

// TestOpenSSLReadsBundles has OpenSSL find each authority in a bundle of each style.
func TestOpenSSLReadsBundles(t *testing.T) {
	t.Parallel()
	requireOpenSSL(t)
	a := authorities()
	names := []pki.AuthorityName{pki.Fifth, pki.Trusted, pki.Second}
	for _, style := range []pki.BundleStyle{pki.BundlePlain, pki.BundleCommented, pki.BundleRevoking} {
		bundle, err := a.BundleIn(style, names, pki.Credential{})
		if err != nil {
			t.Fatal(err)
		}
		for _, variant := range []string{"good", "authority-second", "authority-fifth"} {
			v, _ := pki.VariantNamed(variant)
			if found, reason := verifyWithOpenSSL(t, pki.Client, bundle, issue(t, a, v.Credential(origins[0])), "1"); found != nil {
				t.Errorf("%s in style %q: wanted it accepted, found error %s", variant, style, reason)
			}
		}
	}
}

// TestOpenSSLFindsTheRevoked has OpenSSL consult the revocation list, which crypto/x509 never does.
func TestOpenSSLFindsTheRevoked(t *testing.T) {
	t.Parallel()
	requireOpenSSL(t)
	a := authorities()
	bundle, err := a.BundleIn(pki.BundleRevoking, []pki.AuthorityName{pki.Trusted}, pki.Credential{})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"good": "", "revoked": "23"} {
		v, _ := pki.VariantNamed(name)
		dir := t.TempDir()
		leaf, anchors := filepath.Join(dir, "leaf.pem"), filepath.Join(dir, "bundle.pem")
		write(t, leaf, issue(t, a, v.Credential(origins[0])).CertificatePEM())
		write(t, anchors, bundle)
		if found := openssl(t, "verify", "-crl_check", "-CAfile", anchors, leaf); found != want {
			t.Errorf("%s: wanted error %q, found %q", name, want, found)
		}
	}
}

// verifyWithOpenSSL returns the check that fails by "openssl verify", and its first error.
func verifyWithOpenSSL(t *testing.T, role pki.Role, roots []byte, issued *pki.Issued, level string) ([]pki.Check, string) {
	t.Helper()
	dir := t.TempDir()
	anchors, leaf, rest := filepath.Join(dir, "roots.pem"), filepath.Join(dir, "leaf.pem"), filepath.Join(dir, "rest.pem")
	block, others := pem.Decode(issued.CertificatePEM())
	write(t, anchors, roots)
	write(t, leaf, pem.EncodeToMemory(block))
	args := []string{"verify", "-auth_level", level, "-purpose", "ssl" + string(role), "-CAfile", anchors}
	if len(others) > 0 {
		write(t, rest, others)
		args = append(args, "-untrusted", rest)
	}
	reason := openssl(t, append(args, leaf)...)
	switch reason {
	case "":
		return nil, ""
	case "unreadable":
		return []pki.Check{pki.CheckEncoding}, reason
	}
	check, ok := opensslErrors[reason]
	if !ok {
		t.Fatalf("OpenSSL refuses with error %s, which is not in opensslErrors", reason)
	}
	return []pki.Check{check}, reason
}

var opensslError = regexp.MustCompile(`(?m)^error (\d+) at \d+ depth lookup`)

// openssl runs the command and returns the number of the first error, "" if there is none.
func openssl(t *testing.T, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, "openssl", args...).CombinedOutput()
	if err == nil {
		return ""
	}
	if found := opensslError.FindSubmatch(out); found != nil {
		return string(found[1])
	}
	if strings.Contains(string(out), "Could not read") || strings.Contains(string(out), "unable to load certificate") {
		return "unreadable"
	}
	t.Fatalf("openssl %s: %v\n%s", strings.Join(args, " "), err, out)
	return ""
}

func requireOpenSSL(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	version, err := exec.CommandContext(ctx, "openssl", "version").CombinedOutput()
	switch {
	case err == nil && strings.HasPrefix(string(version), "OpenSSL 3."):
	case os.Getenv("CI") != "":
		t.Fatalf("the second opinion needs the command openssl of OpenSSL 3, found %q: %v", version, err)
	default:
		t.Skipf("no second opinion: it needs the command openssl of OpenSSL 3, found %q: %v", version, err)
	}
}

func write(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

func keys[V any](m map[string]V) []string {
	var names []string
	for name := range m {
		names = append(names, name)
	}
	return names
}
