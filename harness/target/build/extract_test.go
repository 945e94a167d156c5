package build

import (
	"errors"
	"io/fs"
	"os"
	"strings"
	"testing"

	"github.com/calico-tls/conformance/fixtures"
)

// holding gives a release a file of the module that the proxy serves.
func holding(p fixtures.Program) *fixtures.Release {
	r := *p.Release
	r.Files = []fixtures.ModuleFile{{Name: "dep.txt", Module: "example.org/dep", Path: "dep.go"}, {Name: "gone.txt", Module: "example.org/dep", Path: "gone.go"}}
	return &r
}

func TestExtractsOnce(t *testing.T) {
	t.Parallel()
	proxy, sums := depProxy(t)
	p, env := proxied(t, proxy, sums)
	b := Builder{Folder: t.TempDir(), Environ: env}
	path, digest, err := b.Extract(t.Context(), holding(p), "dep.txt")
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil || !strings.Contains(string(data), "from afar") || digest != digestOf(data) {
		t.Errorf("wanted what the module has, found %q with digest %s, %v", data, digest, err)
	}
	b.Go = "/nowhere/go"
	if again, _, err := b.Extract(t.Context(), holding(p), "dep.txt"); err != nil || again != path {
		t.Errorf("wanted it from the cache without the go command, found %s, %v", again, err)
	}
	if err := os.WriteFile(path, []byte("changed"), 0o644); err != nil {
		t.Fatal(err)
	}
	b.Go = ""
	if _, found, err := b.Extract(t.Context(), holding(p), "dep.txt"); err != nil || found != digest {
		t.Errorf("wanted what was changed in the cache to be taken from the module again, found %s, %v", found, err)
	}
}

func TestExtractFails(t *testing.T) {
	t.Parallel()
	proxy, sums := depProxy(t)
	for name, c := range map[string]struct {
		file, proxy, sums string
		cause             Cause
		absent            bool
	}{
		"another checksum": {file: "dep.txt", proxy: proxy, sums: strings.Replace(sums, "h1:", "h1:AAAA", 1), cause: Checksum},
		"no checksum":      {file: "dep.txt", proxy: proxy, cause: Checksum},
		"no proxy":         {file: "dep.txt", proxy: "off", sums: sums, cause: Network},
		"no such file":     {file: "gone.txt", proxy: proxy, sums: sums, cause: Unexpected, absent: true},
		"no such name":     {file: "other.txt", proxy: proxy, sums: sums, cause: CompileError, absent: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, env := proxied(t, c.proxy, c.sums)
			folder := t.TempDir()
			_, _, err := Builder{Folder: folder, Environ: append(env, "GONOSUMDB=*")}.Extract(t.Context(), holding(p), c.file)
			causeIs(t, err, c.cause)
			if errors.Is(err, fs.ErrNotExist) != c.absent {
				t.Errorf("wanted an error of a file that does not exist: %t, found %v", c.absent, err)
			}
			if found := left(t, folder); len(found) > 0 {
				t.Errorf("wanted nothing left in the cache, found %v", found)
			}
		})
	}
}
