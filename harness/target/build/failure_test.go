package build

import (
	"archive/zip"
	"context"
	"errors"
	"io"
	"io/fs"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/dirhash"

	"github.com/calico-tls/conformance/fixtures"
)

// needing is a program that needs a module.
const needing = `package main

import "example.org/dep"

func main() { println(dep.Saying) }
`

// proxied returns a program that needs a module which only the proxy serves, and an environment with that proxy and an
// empty module cache.
func proxied(t *testing.T, proxy string, sums string) (fixtures.Program, []string) {
	t.Helper()
	p := tiny(t, map[string]string{
		"module.mod":   "module tiny\n\ngo 1.26.0\n\nrequire example.org/dep v1.0.0\n",
		"module.sum":   sums,
		"tools.go.txt": needing,
	})
	modules := t.TempDir()
	t.Cleanup(func() {
		_ = filepath.WalkDir(modules, func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.IsDir() {
				return os.Chmod(path, 0o755)
			}
			return err
		})
	})
	return p, append(os.Environ(), "GOPROXY="+proxy, "GOMODCACHE="+modules, "GONOSUMDB=", "GOPRIVATE=", "GONOPROXY=")
}

// depProxy writes a module proxy's files, and returns its address and the module's sums.
func depProxy(t *testing.T) (proxy, sums string) {
	t.Helper()
	folder := t.TempDir()
	at := filepath.Join(folder, "example.org", "dep", "@v")
	if err := os.MkdirAll(at, 0o755); err != nil {
		t.Fatal(err)
	}
	const mod = "module example.org/dep\n\ngo 1.26.0\n"
	archive := filepath.Join(at, "v1.0.0.zip")
	f, err := os.Create(archive)
	if err != nil {
		t.Fatal(err)
	}
	w := zip.NewWriter(f)
	for name, text := range map[string]string{"go.mod": mod, "dep.go": "package dep\n\nconst Saying = \"from afar\"\n"} {
		part, err := w.Create("example.org/dep@v1.0.0/" + name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := part.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.Close(), f.Close()); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"list": "v1.0.0\n", "v1.0.0.info": `{"Version":"v1.0.0"}`, "v1.0.0.mod": mod} {
		if err := os.WriteFile(filepath.Join(at, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	content, err := dirhash.HashZip(archive, dirhash.Hash1)
	if err != nil {
		t.Fatal(err)
	}
	modFile := filepath.Join(t.TempDir(), "go.mod")
	if err := os.WriteFile(modFile, []byte(mod), 0o644); err != nil {
		t.Fatal(err)
	}
	alone, err := dirhash.HashDir(filepath.Dir(modFile), "", dirhash.Hash1)
	if err != nil {
		t.Fatal(err)
	}
	return "file://" + folder, "example.org/dep v1.0.0 " + content + "\nexample.org/dep v1.0.0/go.mod " + alone + "\n"
}

func TestDownloadsAndVerifies(t *testing.T) {
	t.Parallel()
	proxy, sums := depProxy(t)
	p, env := proxied(t, proxy, sums)
	e := &events{}
	if _, err := (Builder{Folder: t.TempDir(), Environ: env, Progress: e.progress}).Build(t.Context(), p, Here()); err != nil {
		t.Fatal(err)
	}
	var downloads []Event
	for _, event := range e.all {
		if event.Stage == Downloading && event.Item != "" {
			downloads = append(downloads, event)
		}
	}
	if len(downloads) == 0 || downloads[0].Item != "example.org/dep v1.0.0" || downloads[0].Done != 1 || downloads[0].Total != 2 {
		t.Errorf("wanted the download of example.org/dep v1.0.0 as 1 of 2, found %+v", downloads)
	}
}

func TestOtherChecksumIsRefused(t *testing.T) {
	t.Parallel()
	proxy, sums := depProxy(t)
	p, env := proxied(t, proxy, strings.Replace(sums, "h1:", "h1:AAAA", 1))
	folder := t.TempDir()
	_, err := Builder{Folder: folder, Environ: env}.Build(t.Context(), p, Here())
	failed := causeIs(t, err, Checksum)
	if !strings.Contains(strings.Join(failed.Detail, "\n"), "checksum mismatch") {
		t.Errorf("wanted the go command's words, found %q", failed.Detail)
	}
	if found := left(t, folder); len(found) > 0 {
		t.Errorf("wanted nothing left in the cache, found %v", found)
	}
}

func TestUnlistedChecksumIsRefused(t *testing.T) {
	t.Parallel()
	proxy, _ := depProxy(t)
	p, env := proxied(t, proxy, "")
	_, err := Builder{Folder: t.TempDir(), Environ: env}.Build(t.Context(), p, Here())
	causeIs(t, err, Checksum)
}

func TestNetworkFailure(t *testing.T) {
	t.Parallel()
	refuses := func(status int) string {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
		t.Cleanup(s.Close)
		return s.URL
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	_, sums := depProxy(t)
	for name, proxy := range map[string]string{
		"nobody listens":  "http://" + closed,
		"no such host":    "http://proxy.invalid",
		"forbidden":       refuses(http.StatusForbidden),
		"not found":       refuses(http.StatusNotFound),
		"gone":            refuses(http.StatusGone),
		"unavailable":     refuses(http.StatusServiceUnavailable),
		"too many":        refuses(http.StatusTooManyRequests),
		"proxy off":       "off",
		"unknown machine": httptestTLS(t),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, env := proxied(t, proxy, sums)
			_, err := Builder{Folder: t.TempDir(), Environ: env}.Build(t.Context(), p, Here())
			failed := causeIs(t, err, Network)
			if len(failed.Detail) == 0 || !strings.Contains(err.Error(), failed.Detail[0]) {
				t.Errorf("wanted the go command's words in the message, found %v", err)
			}
		})
	}
}

// httptestTLS returns the address of a server whose certificate nobody trusts.
func httptestTLS(t *testing.T) string {
	t.Helper()
	s := httptest.NewUnstartedServer(http.NotFoundHandler())
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	return s.URL
}

func TestCompileErrorIsShown(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	p := tiny(t, map[string]string{"tools.go.txt": "package main\n\nfunc main() { undeclared() }\n"})
	_, err := Builder{Folder: folder}.Build(t.Context(), p, Here())
	causeIs(t, err, CompileError)
	wanted := "building tiny@v1.0.0: compiling: the go command failed: go build: exit status 1; its last lines:\n  # tiny\n  ./tools.go:3:15: undefined: undeclared"
	if err.Error() != wanted {
		t.Errorf("wanted %q, found %q", wanted, err)
	}
	if found := left(t, folder); len(found) > 0 {
		t.Errorf("wanted nothing left in the cache, found %v", found)
	}
}

func TestMissingGo(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	_, err := Builder{Folder: t.TempDir()}.Build(t.Context(), tiny(t, nil), Here())
	causeIs(t, err, NoGo)
	wanted := `building tiny@v1.0.0: looking for the go command: no go command was found: exec: "go": executable file not found in $PATH`
	if err.Error() != wanted {
		t.Errorf("wanted %q, found %q", wanted, err)
	}
}

// script writes a shell script that stands in for the go command.
func script(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "go")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestOldGo(t *testing.T) {
	t.Parallel()
	old := script(t, `echo '{"GOVERSION": "go1.20.14"}'`)
	_, err := Builder{Folder: t.TempDir(), Go: old}.Build(t.Context(), tiny(t, nil), Here())
	causeIs(t, err, OldGo)
	if !strings.HasSuffix(err.Error(), "wanted Go 1.21 or later, found go1.20.14 at "+old) {
		t.Errorf("found %q", err)
	}
}

func TestOtherGoThanWantedIsNoticed(t *testing.T) {
	t.Parallel()
	p := tiny(t, nil)
	p.Release.Toolchain = "go1.99.0"
	folder := t.TempDir()
	disobedient := script(t, `GOTOOLCHAIN=local exec go "$@"`)
	_, err := Builder{Folder: folder, Go: disobedient}.Build(t.Context(), p, Here())
	causeIs(t, err, Unexpected)
	if found := left(t, folder); len(found) > 0 {
		t.Errorf("wanted nothing left in the cache, found %v", found)
	}
}

func TestTooLittleSpace(t *testing.T) {
	t.Parallel()
	p, folder := tiny(t, nil), t.TempDir()
	var asked []string
	b := Builder{Folder: folder, free: func(folder string) (uint64, error) {
		asked = append(asked, folder)
		return 100 << 20, nil
	}}
	_, err := b.Build(t.Context(), p, Here())
	causeIs(t, err, DiskFull)
	if !strings.Contains(err.Error(), " MiB in "+folder+", found 100 MiB") {
		t.Errorf("found %q", err)
	}
	if len(asked) != 1 || asked[0] != folder {
		t.Errorf("wanted the question for %s, found %v", folder, asked)
	}
	if free, err := freeSpace(filepath.Join(folder, "not", "yet")); err != nil || free == 0 {
		t.Errorf("free space of a folder that is not there yet: found %d, %v", free, err)
	}
}

func TestSpaceIsAskedForByWhatIsLeftToDo(t *testing.T) {
	t.Parallel()
	p := tiny(t, nil)
	p.Release.DiskMiB = 1000
	b := Builder{Folder: "/cache", free: func(string) (uint64, error) { return 1000 << 20, nil }}
	e := b.entry(p, Here())
	half := plan{stale: map[string]struct{}{"a": {}}, all: 2}
	for share, wanted := range map[float64]string{
		0: "", plan{}.share(): "",
		half.share(): "building tiny@v1.0.0: looking for free space: there is too little free space: wanted 1012 MiB in /cache, found 1000 MiB",
		1:            "building tiny@v1.0.0: looking for free space: there is too little free space: wanted 1512 MiB in /cache, found 1000 MiB",
	} {
		found := ""
		if err := b.checkSpace(e, share, environment{goCache: "/a", goModuleCache: "/b"}); err != nil {
			found = err.Error()
		}
		if found != wanted {
			t.Errorf("share %g: wanted %q, found %q", share, wanted, found)
		}
	}
}

func TestUnusableFolder(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	_, err := Builder{Folder: file}.Build(t.Context(), tiny(t, nil), Here())
	causeIs(t, err, Unusable)
}

// TestCauses takes the words of go1.24.9 and go1.26.8.
func TestCauses(t *testing.T) {
	t.Parallel()
	for line, wanted := range map[string]Cause{
		"write /home/me/.cache/go-build/aa: no space left on device":                                                                           DiskFull,
		"go: download go1.24.9: golang.org/toolchain@v0.0.1-go1.24.9.linux-amd64: verifying module: checksum database disabled by GOSUMDB=off": NoSumDB,
		"verifying example.org/dep@v1.0.0: checksum mismatch":                                                                                  Checksum,
		"missing go.sum entry for module providing package example.org/dep; to add:":                                                           Checksum,
		"/usr/local/go/pkg/tool/linux_amd64/compile: signal: killed":                                                                           OutOfMemory,
		"go: download go1.24.9 for linux/mips: toolchain not available":                                                                        Network,
		`go: example.org/dep@v1.0.0: Get "https://proxy.example/x": dial tcp: lookup proxy.example: no such host`:                              Network,
		"./tools.go:3:15: undefined: undeclared":                                                                                               CompileError,
		"":                                                                                                                                     CompileError,
	} {
		if found := causeOf([]string{"one more line", line}); found != wanted {
			t.Errorf("%q: wanted %q, found %q", line, wanted, found)
		}
	}
}

func TestTailKeepsTheLastLines(t *testing.T) {
	t.Parallel()
	l := &lines{each: func(line string) bool { return line == "taken" }}
	for range 30 {
		if _, err := l.Write([]byte("li")); err != nil {
			t.Fatal(err)
		}
		if _, err := l.Write([]byte("ne\r\n\ntaken\n")); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := l.Write([]byte("the end")); err != nil {
		t.Fatal(err)
	}
	l.end()
	if len(l.tail) != tailLines || l.tail[0] != "line" || l.tail[tailLines-1] != "the end" {
		t.Errorf("wanted %d lines with the end, found %q", tailLines, l.tail)
	}
}

func TestInterruptBeforeAnythingBegan(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	folder := t.TempDir()
	_, err := Builder{Folder: folder}.Build(ctx, tiny(t, nil), Here())
	causeIs(t, err, Interrupted)
	if found := left(t, folder); len(found) > 0 {
		t.Errorf("wanted nothing left in the cache, found %v", found)
	}
}
