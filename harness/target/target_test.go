package target

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/calico-tls/conformance/fixtures"
)

var update = flag.Bool("update", false, "write the golden files anew")

// bad are names and paths at which there is no good target, beside the files of testdata/bad.
var bad = []string{
	"calico-v3.31", "reference.yaml", "no-such", "./no/such.yaml", "testdata/bad", "testdata/bad/empty.yaml/x.yaml", "",
}

func TestBadTargetsAreExplained(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/bad/*.yaml")
	if err != nil || len(files) < 30 {
		t.Fatalf("looking for bad targets: found %d, %v", len(files), err)
	}
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	for _, source := range append(slices.Clone(bad), files...) {
		_, err := Load(source)
		if err == nil {
			t.Errorf("%s: wanted an error, found none", source)
			continue
		}
		fmt.Fprintf(&said, "%s\n  error: %v\n", source, err)
		if hint := adviceOf(err); hint != "" {
			fmt.Fprintf(&said, "  hint: %s\n", hint)
		}
	}
	golden(t, "testdata/bad.golden", strings.ReplaceAll(said.String(), here, "HERE"))
}

func golden(t *testing.T, path, found string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(found), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	wanted, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(wanted), found); diff != "" {
		t.Errorf("%s (write it anew with -update):\n%s", path, diff)
	}
}

func TestVendorsTarget(t *testing.T) {
	t.Parallel()
	folder, err := filepath.Abs("testdata/good")
	if err != nil {
		t.Fatal(err)
	}
	found, err := Load("testdata/good/vendor.yaml")
	if err != nil {
		t.Fatal(err)
	}
	wanted := Target{
		Name: "my-distribution-4.20", Source: "testdata/good/vendor.yaml",
		Implementation: Implementation{
			Organization: "Example", Project: "Distribution", Version: "4.20",
			URL: "https://distribution.example/", Contact: "tls@distribution.example",
		},
		Components: []Component{
			{Role: Typha, Ways: []Source{{Way: Endpoint, Value: "typha.example:5473"}, {Way: Image, Value: "images.example/typha:4.2"}}, Env: map[string]string{}},
			{
				Role: Felix,
				Ways: []Source{
					{Way: Binary, Value: filepath.Join(folder, "calico-felix")},
					{Way: Image, Value: "images.example/felix@sha256:" + strings.Repeat("a", 64)},
					{Way: Reference},
				},
				Command: []string{"calico-node", "-felix"}, Args: []string{"--verbose", "1.10"},
				Env: map[string]string{"FELIX_A": "1.10", "FELIX_B": "", "FELIX_C": "true"},
				Files: []File{
					{Inside: "/etc/felix/a.pem", Path: filepath.Join(folder, "vendor.yaml")},
					{Inside: "/etc/felix/b.pem", Path: filepath.Join(folder, "vendor.yaml")},
				},
			},
			{Role: KubeAPIServer, Ways: []Source{{Way: Endpoint, Value: "[2001:db8::1]:6443"}}, Env: map[string]string{}},
		},
	}
	if diff := cmp.Diff(wanted, found); diff != "" {
		t.Error(diff)
	}
}

func TestTargetsBuiltIn(t *testing.T) {
	t.Parallel()
	wanted := map[string][]Component{
		"calico-v3.31.0": {
			{Role: Typha, Ways: []Source{{Way: Build, Value: "calico-typha@v3.31.0"}, {Way: Image, Value: "quay.io/calico/typha:v3.31.0"}}, Env: map[string]string{}},
			{
				Role: Felix, Ways: []Source{{Way: Build, Value: "calico-felix@v3.31.0"}, {Way: Image, Value: "quay.io/calico/node:v3.31.0"}},
				Command: []string{"calico-node", "-felix"}, Env: map[string]string{},
			},
			{Role: TyphaClient, Ways: []Source{{Way: Build, Value: "typha-client@v3.31.0"}}, Env: map[string]string{}},
			{
				Role: Calicoctl, Ways: []Source{{Way: Build, Value: "calicoctl@v3.31.0"}, {Way: Image, Value: "quay.io/calico/ctl:v3.31.0"}},
				Env: map[string]string{},
			},
			{Role: Etcd, Ways: []Source{{Way: Build, Value: "etcd@v3.7.3"}}, Env: map[string]string{}},
			{
				Role: KubeAPIServer, Ways: []Source{{Way: Build, Value: "kube-apiserver@v1.37.2"}, {Way: Image, Value: "registry.k8s.io/kube-apiserver:v1.37.2"}},
				Env: map[string]string{},
			},
		},
		"reference": {
			{Role: Typha, Ways: []Source{{Way: Reference}}, Env: map[string]string{}},
			{Role: Felix, Ways: []Source{{Way: Reference}}, Env: map[string]string{}},
			{Role: TyphaClient, Ways: []Source{{Way: Reference}}, Env: map[string]string{}},
			{Role: Calicoctl, Ways: []Source{{Way: Reference}}, Env: map[string]string{}},
			{Role: Etcd, Ways: []Source{{Way: Reference}}, Env: map[string]string{}},
			{Role: KubeAPIServer, Ways: []Source{{Way: Reference}}, Env: map[string]string{}},
		},
	}
	for _, name := range fixtures.TargetNames() {
		found, err := Load(name)
		if err != nil {
			t.Fatal(err)
		}
		if found.Name != name || found.Source != name {
			t.Errorf("%s: found name %q, source %q", name, found.Name, found.Source)
		}
		if diff := cmp.Diff(wanted[name], found.Components); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestTargetBuiltInHasNoRelativePaths(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"binary: ./typha", "build: calico-typha\n    files: {/a: ./b}"} {
		_, err := parse("built-in", "", []byte("name: x\ncomponents:\n  typha:\n    "+text+"\n"))
		var format *fixtures.FormatError
		if !errors.As(err, &format) || !strings.Contains(err.Error(), "there is no file here") {
			t.Errorf("%s: wanted a FormatError, found %v", text, err)
		}
	}
}

func TestFilesStayInTheFolder(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	other := file(t, "another's", 0o600)
	for name, to := range map[string]string{"out": other, "in": "own"} {
		if err := os.Symlink(to, filepath.Join(folder, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(folder, "own"), []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	leads := func(path string) string {
		return fmt.Sprintf("files: /a: wanted a file in the target file's folder, found %q, which leads out of it", path)
	}
	for path, wanted := range map[string]string{
		"own": "", "./own": "", "in": "", other: "",
		"out": leads("out"), "../none": leads("../none"), "../../etc/passwd": leads("../../etc/passwd"),
		"none": "files: /a: wanted a file at " + filepath.Join(folder, "none") + ", found: no such file or directory",
	} {
		_, err := parse("x.yaml", folder, fmt.Appendf(nil, "name: x\ncomponents: {typha: {reference: true, files: {/a: %s}}}\n", path))
		if found := fmt.Sprint(err); wanted == "" && err != nil || wanted != "" && !strings.HasSuffix(found, wanted) {
			t.Errorf("%s: wanted %q, found %s", path, wanted, found)
		}
	}
}

func TestByteOrderMarkKeepsLines(t *testing.T) {
	t.Parallel()
	_, err := parse("x.yaml", "", []byte("\ufeffname: x\ncomponents:\n  typhoon: {reference: true}\n"))
	if wanted := `reading x.yaml: line 3: unknown role "typhoon"`; err == nil || err.Error() != wanted {
		t.Errorf("wanted %q, found %v", wanted, err)
	}
}

func TestWaysKeepTheirOrderBehindAnAnchor(t *testing.T) {
	t.Parallel()
	found, err := parse("x.yaml", "", []byte("name: x\ncomponents: &all\n  typha: &typha {reference: true, build: calico-typha}\n"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]Source{{Way: Reference}, {Way: Build, Value: "calico-typha"}}, found.Components[0].Ways); diff != "" {
		t.Error(diff)
	}
}
