package audit_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const module = "github.com/calico-tls/conformance/"

// mayImport says which of our packages each may import, the longest prefix first. "…/*" stands for all below.
var mayImport = []struct {
	pkg   string
	ours  []string
	extra string
}{
	{"pki", nil, "standard library only"},
	{"reports", nil, ""},
	{"fixtures", nil, ""},
	{"harness/handshake", []string{"pki"}, ""},
	{"harness/evidence", []string{"harness/handshake", "pki"}, ""},
	{"harness/launch/", []string{"harness/launch", "harness/launch/"}, ""},
	{"harness/launch", nil, ""},
	{"harness/link/", []string{"harness/link", "harness/link/instrument", "harness/evidence", "harness/handshake", "pki"}, ""},
	{"harness/link", []string{"pki", "harness/handshake"}, ""},
	{"harness/migration", nil, "standard library only"},
	{"harness/matrix", []string{"harness/link", "harness/handshake", "pki"}, ""},
	{"harness/oracle", []string{"pki", "harness/handshake", "harness/link", "harness/matrix"}, ""},
	{"harness/component", []string{"harness/component", "harness/component/", "harness/link", "harness/link/", "harness/evidence", "harness/handshake", "harness/launch", "fixtures", "pki"}, ""},
	{"harness/target", []string{"harness/target", "harness/target/", "harness/component", "harness/evidence", "harness/launch", "fixtures"}, ""},
	{"harness/cmd/", []string{""}, ""},
	{"harness", []string{"harness", "harness/", "pki", "fixtures", "reports"}, ""},
	{"suites", []string{"suites", "suites/", "harness", "harness/", "pki", "fixtures", "reports"}, ""},
}

// alone says which packages alone may import a library.
var alone = map[string][]string{
	"github.com/testcontainers/testcontainers-go": {"harness/launch/container"},
	"go.etcd.io/etcd/server/v3/embed":             {"harness/component/etcd"},
	"github.com/onsi/ginkgo/v2":                   {"suites"},
	"github.com/onsi/gomega":                      {"suites"},
}

type pkg struct {
	ImportPath   string
	Imports      []string
	Deps         []string
	Standard     bool
	TestImports  []string
	XTestImports []string
}

func list(t *testing.T, args ...string) []pkg {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", append([]string{"list", "-json"}, args...)...).Output()
	if err != nil {
		t.Fatalf("listing packages: %v", err)
	}
	var all []pkg
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

// within reports whether a package is one of a list; an entry that ends in a slash, or is empty, stands for all below.
func within(pkg string, allowed []string) bool {
	return slices.ContainsFunc(allowed, func(a string) bool {
		return pkg == a || (a == "" || strings.HasSuffix(a, "/")) && strings.HasPrefix(pkg, a)
	})
}

func TestImports(t *testing.T) {
	t.Parallel()
	all := list(t, module+"...")
	if len(all) < 20 {
		t.Fatalf("wanted all packages of the module, found %d", len(all))
	}
	for _, p := range all {
		name := strings.TrimPrefix(p.ImportPath, module)
		i := slices.IndexFunc(mayImport, func(m struct {
			pkg   string
			ours  []string
			extra string
		},
		) bool {
			return name == m.pkg || strings.HasPrefix(name, strings.TrimSuffix(m.pkg, "/")+"/")
		})
		if i < 0 {
			t.Errorf("%s: no rule says what it may import", name)
			continue
		}
		for _, imported := range p.Imports {
			ours, is := strings.CutPrefix(imported, module)
			if is && !within(ours, mayImport[i].ours) {
				t.Errorf("%s imports %s, which it may not: it may import %v", name, ours, mayImport[i].ours)
			}
			if is && strings.HasPrefix(ours, "harness/cmd") {
				t.Errorf("%s imports a command", name)
			}
			if mayImport[i].extra != "" && !is && strings.Contains(imported, ".") {
				t.Errorf("%s imports %s: %s", name, imported, mayImport[i].extra)
			}
			for library, may := range alone {
				if imported == library || strings.HasPrefix(imported, library+"/") {
					if !slices.ContainsFunc(may, func(m string) bool { return name == m || strings.HasPrefix(name, m+"/") }) {
						t.Errorf("%s imports %s, which only %v may", name, imported, may)
					}
				}
			}
		}
	}
}

// TestOracleIsIndependent: nothing that does I/O, and no verifier but values, is among the oracle's dependencies.
func TestOracleIsIndependent(t *testing.T) {
	t.Parallel()
	allowed := []string{"pki", "harness/handshake", "harness/link", "harness/matrix", "harness/oracle"}
	for _, p := range list(t, "-deps", module+"harness/oracle") {
		if name, ours := strings.CutPrefix(p.ImportPath, module); ours && !slices.Contains(allowed, name) {
			t.Errorf("the oracle depends on %s", name)
		}
		if p.ImportPath == "net/http" || p.ImportPath == "os/exec" {
			t.Errorf("the oracle depends on %s", p.ImportPath)
		}
	}
	// Further down crypto/x509 knows addresses and files; the oracle and what it takes cases from name none of them.
	for _, p := range list(t, module+"harness/oracle", module+"harness/matrix") {
		for _, imported := range p.Imports {
			if slices.Contains([]string{"context", "crypto/tls", "io", "net", "net/url", "os", "syscall", "time"}, imported) {
				t.Errorf("%s imports %s", p.ImportPath, imported)
			}
		}
	}
}

// TestOracleHasNoMemory: it says of a case what it said before, whatever it was asked in between.
func TestOracleHasNoMemory(t *testing.T) {
	t.Parallel()
	if diff := cmp.Diff(predictions(t), predictions(t)); diff != "" {
		t.Errorf("the oracle has changed its mind (-before +after):\n%s", diff)
	}
}
