package build

import (
	"context"
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/gofrs/flock"
	"github.com/google/go-cmp/cmp"

	"github.com/calico-tls/conformance/fixtures"
)

// source is a program that says what it is told to say.
const source = `// Unlike any before: NONCE.
package main

func main() { println("SAYING") }
`

// nonces has a text for each run of a test, so that what it builds is not in Go's build cache from a run before.
var nonces sync.Map

// release returns a release of two programs, "tiny" and "tiny-client", that say something of their own.
func release(t *testing.T, files map[string]string) fixtures.Release {
	t.Helper()
	nonce, _ := nonces.LoadOrStore(t, rand.Text())
	toolchain := runtime.Version()
	folder := fstest.MapFS{
		"release.yaml": {Data: []byte(`project: tiny
version: v1.0.0
toolchain: ` + toolchain + `
ldflags: -s -w
diskMiB: 10
programs:
  tiny: {package: tiny, with: [tiny-client], coldBuild: 5s}
  tiny-client: {package: tiny, coldBuild: 5s}
`)},
		"module.mod":   {Data: []byte("module tiny\n\ngo 1.26.0\n")},
		"module.sum":   {},
		"tools.go.txt": {Data: []byte(strings.NewReplacer("SAYING", t.Name(), "NONCE", nonce.(string)).Replace(source))},
	}
	for name, text := range files {
		folder[name] = &fstest.MapFile{Data: []byte(text)}
	}
	all := fstest.MapFS{}
	for name, file := range folder {
		all["tiny-v1.0.0/"+name] = file
	}
	releases, err := fixtures.ReleasesIn(all)
	if err != nil {
		t.Fatal(err)
	}
	return releases[0]
}

// tiny returns the release's program "tiny".
func tiny(t *testing.T, files map[string]string) fixtures.Program {
	t.Helper()
	p, _ := release(t, files).Program("tiny")
	return p
}

// events collects a build's events.
type events struct {
	mu  sync.Mutex
	all []Event
}

func (e *events) progress(event Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.all = append(e.all, event)
}

// stages returns the stages in their order, each once.
func (e *events) stages() []Stage {
	e.mu.Lock()
	defer e.mu.Unlock()
	var stages []Stage
	for _, event := range e.all {
		if len(stages) == 0 || stages[len(stages)-1] != event.Stage {
			stages = append(stages, event.Stage)
		}
	}
	return stages
}

// left returns what is in a cache but locks.
func left(t *testing.T, folder string) []string {
	t.Helper()
	var found []string
	err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && !strings.HasSuffix(path, ".lock") || d != nil && strings.HasSuffix(path, partial) {
			found = append(found, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func causeIs(t *testing.T, err error, wanted Cause) *Error {
	t.Helper()
	var failed *Error
	if !errors.As(err, &failed) {
		t.Fatalf("wanted an Error, found %T: %v", err, err)
	}
	if failed.Cause != wanted {
		t.Fatalf("wanted the cause %q, found %q: %v", wanted, failed.Cause, err)
	}
	if failed.Hint() == "" {
		t.Errorf("the cause %q has no hint", failed.Cause)
	}
	return failed
}

func TestBuildsOnce(t *testing.T) {
	t.Parallel()
	p, folder, first, second := tiny(t, nil), t.TempDir(), &events{}, &events{}
	built, err := Builder{Folder: folder, Progress: first.progress}.Build(t.Context(), p, Here())
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{built.Binary, built.Beside["tiny-client"]} {
		said, err := exec.CommandContext(t.Context(), path).CombinedOutput()
		if err != nil || strings.TrimSpace(string(said)) != t.Name() {
			t.Errorf("running %s: found %q, %v", path, said, err)
		}
	}
	if built.Cached || built.Version != "v1.0.0" || built.Go != runtime.Version() || !strings.HasPrefix(built.Digest, "sha256:") {
		t.Errorf("built: found %+v", built)
	}
	if diff := cmp.Diff([]Stage{Preparing, Compiling, Linking, Ready}, first.stages()); diff != "" {
		t.Error(diff)
	}

	again, err := Builder{Folder: folder, Progress: second.progress, Go: "/there/is/no/go"}.Build(t.Context(), p, Here())
	if err != nil {
		t.Fatal(err)
	}
	if !again.Cached || again.Digest != built.Digest || again.Binary != built.Binary {
		t.Errorf("wanted %s from the cache, found %+v", built.Digest, again)
	}
	wanted := Event{Program: "tiny@v1.0.0", Stage: Ready, Item: built.Binary, Expected: 5 * time.Second, Cached: true}
	second.all[0].Elapsed = 0
	if diff := cmp.Diff([]Event{wanted}, second.all); diff != "" {
		t.Error(diff)
	}
}

func TestProgressOnlyEverGrows(t *testing.T) {
	t.Parallel()
	e := &events{}
	if _, err := (Builder{Folder: t.TempDir(), Progress: e.progress}).Build(t.Context(), tiny(t, nil), Here()); err != nil {
		t.Fatal(err)
	}
	var done, total int
	var elapsed time.Duration
	for _, event := range e.all {
		if event.Done < done || event.Elapsed < elapsed || event.Done > event.Total {
			t.Errorf("wanted at least %d done after %s, found %+v", done, elapsed, event)
		}
		done, total, elapsed = event.Done, event.Total, event.Elapsed
	}
	if done == 0 || done != total {
		t.Errorf("wanted all packages compiled, found %d of %d", done, total)
	}
}

func TestEverythingThatGoesInIsInTheKey(t *testing.T) {
	t.Parallel()
	key := func(p fixtures.Program, on Platform) string { return Builder{Folder: "/cache"}.entry(p, on).key }
	base := key(tiny(t, nil), Here())
	if again := key(tiny(t, nil), Here()); again != base {
		t.Errorf("the same: wanted the key %s, found %s", base, again)
	}
	seen := map[string]string{base: "the same"}
	check := func(name, key string) {
		if other, is := seen[key]; is {
			t.Errorf("%s: found the key of %s", name, other)
		}
		seen[key] = name
	}
	for _, file := range []string{"module.mod", "module.sum", "tools.go.txt"} {
		check(file, key(tiny(t, map[string]string{file: "// changed\n"}), Here()))
	}
	for name, change := range map[string]func(*fixtures.Program){
		"name":      func(p *fixtures.Program) { p.Name = "other" },
		"package":   func(p *fixtures.Program) { p.Package = "other" },
		"with":      func(p *fixtures.Program) { p.With = nil },
		"version":   func(p *fixtures.Program) { p.Release.Version = "v1.0.1" },
		"toolchain": func(p *fixtures.Program) { p.Release.Toolchain = "go1.99.0" },
		"ldflags":   func(p *fixtures.Program) { p.Release.LDFlags = "-s" },
	} {
		p := tiny(t, nil)
		change(&p)
		check(name, key(p, Here()))
	}
	check("system", key(tiny(t, nil), Platform{OS: "plan9", Arch: runtime.GOARCH}))
	check("architecture", key(tiny(t, nil), Platform{OS: runtime.GOOS, Arch: "mips"}))
}

// TestKeyStaysTheSame fails whenever all that has been built before will be built anew.
func TestKeyStaysTheSame(t *testing.T) {
	t.Parallel()
	r := &fixtures.Release{Version: "v1.0.0", Toolchain: "go1.26.0", LDFlags: "-s", Module: map[string][]byte{"go.mod": []byte("module tiny\n")}}
	p := fixtures.Program{Name: "tiny", Package: "tiny", Release: r}
	e := Builder{Folder: "/cache"}.entry(p, Platform{OS: "linux", Arch: "amd64"})
	const wanted = "/cache/components/tiny/v1.0.0_go1.26.0_linux_amd64_64901ff1fcf3"
	if e.dir != wanted {
		t.Errorf("wanted %s, found %s", wanted, e.dir)
	}
}

func TestSecondRunWaitsAndBuildsNothing(t *testing.T) {
	t.Parallel()
	p, folder := tiny(t, nil), t.TempDir()
	compiling, waiting := make(chan struct{}), make(chan struct{})
	var began, waited sync.Once
	first := Builder{Folder: folder, Progress: func(e Event) {
		if e.Stage == Compiling {
			began.Do(func() { close(compiling) })
			select {
			case <-waiting:
			case <-t.Context().Done():
			}
		}
	}}
	second := Builder{Folder: folder, Go: "/there/is/no/go", Progress: func(e Event) {
		if e.Stage == Waiting {
			waited.Do(func() { close(waiting) })
		}
	}}
	done := make(chan error, 1)
	go func() {
		_, err := first.Build(t.Context(), p, Here())
		done <- err
	}()
	select {
	case <-compiling:
	case err := <-done:
		t.Fatalf("first run: wanted it to compile something, it ended with %v", err)
	}
	built, err := second.Build(t.Context(), p, Here())
	if err != nil || !built.Cached {
		t.Errorf("second run: wanted what the first has built, found %+v, %v", built, err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestWaitHasADeadline(t *testing.T) {
	t.Parallel()
	p, b := tiny(t, nil), Builder{Folder: t.TempDir(), Deadline: time.Millisecond}
	e := b.entry(p, Here())
	if err := os.MkdirAll(filepath.Dir(e.dir), 0o755); err != nil {
		t.Fatal(err)
	}
	held := flock.New(e.dir + ".lock")
	if locked, err := held.TryLock(); err != nil || !locked {
		t.Fatalf("locking: %v, %v", locked, err)
	}
	defer held.Close()
	_, err := b.Build(t.Context(), p, Here())
	causeIs(t, err, TimedOut)
	wanted := "building tiny@v1.0.0: waiting for another run that builds the same: it took too long: it was not done after 1ms"
	if err.Error() != wanted {
		t.Errorf("wanted %q, found %q", wanted, err)
	}
}

func TestInterruptedBuildLeavesNothing(t *testing.T) {
	t.Parallel()
	p, folder := tiny(t, nil), t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	_, err := Builder{Folder: folder, Progress: func(e Event) {
		if e.Stage == Compiling {
			cancel()
		}
	}}.Build(ctx, p, Here())
	causeIs(t, err, Interrupted)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("wanted an error that says it was cancelled, found %v", err)
	}
	if found := left(t, folder); len(found) > 0 {
		t.Errorf("wanted nothing left in the cache, found %v", found)
	}
	if built, err := (Builder{Folder: folder}).Build(t.Context(), p, Here()); err != nil || built.Cached {
		t.Errorf("the next build: found %+v, %v", built, err)
	}
}

func TestDamagedEntryIsBuiltAnew(t *testing.T) {
	t.Parallel()
	p, b := tiny(t, nil), Builder{Folder: t.TempDir()}
	built, err := b.Build(t.Context(), p, Here())
	if err != nil {
		t.Fatal(err)
	}
	for name, damage := range map[string]func() error{
		"cut off":        func() error { return os.Truncate(built.Binary, 4096) },
		"other bytes":    func() error { return appendTo(built.Binary) },
		"not executable": func() error { return os.Chmod(built.Binary, 0o644) },
		"companion gone": func() error { return os.Remove(built.Beside["tiny-client"]) },
		"no record":      func() error { return os.Remove(filepath.Join(filepath.Dir(built.Binary), recordName)) },
		"record of other": func() error {
			return os.WriteFile(filepath.Join(filepath.Dir(built.Binary), recordName), []byte(`{}`), 0o644)
		},
	} {
		if err := damage(); err != nil {
			t.Fatal(err)
		}
		anew, err := b.Build(t.Context(), p, Here())
		if err != nil || anew.Cached || anew.Digest != built.Digest {
			t.Errorf("%s: wanted %s built anew, found %+v, %v", name, built.Digest, anew, err)
		}
	}
}

func appendTo(path string) error {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = f.WriteString("more")
	return err
}

func TestSweepTakesOnlyWhatNobodyBuilds(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	dead, alive := filepath.Join(folder, "components", "a", "dead"), filepath.Join(folder, "components", "a", "alive")
	for _, dir := range []string{dead, alive} {
		if err := os.MkdirAll(filepath.Join(dir+partial, "tmp"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	held := flock.New(alive + ".lock")
	if locked, err := held.TryLock(); err != nil || !locked {
		t.Fatalf("locking: %v, %v", locked, err)
	}
	defer held.Close()
	if _, err := (Builder{Folder: folder}).Build(t.Context(), tiny(t, nil), Here()); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dead + partial); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("what a dead run left: wanted it gone, found %v", err)
	}
	if _, err := os.Stat(alive + partial); err != nil {
		t.Errorf("what a living run builds: wanted it there, found %v", err)
	}
}

func TestUsersSettingsDoNotChangeWhatIsBuilt(t *testing.T) {
	t.Parallel()
	p := tiny(t, nil)
	plain, err := Builder{Folder: t.TempDir()}.Build(t.Context(), p, Here())
	if err != nil {
		t.Fatal(err)
	}
	home := t.TempDir()
	if err := os.MkdirAll(filepath.Join(home, "go"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(home, "go", "env"), []byte("GOFLAGS=-gcflags=-N\nGOAMD64=v3\nGOARM64=v9.0\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	odd := append(os.Environ(), "XDG_CONFIG_HOME="+home, "GOAMD64=v3", "GOARM64=v9.0", "CGO_ENABLED=1", "GOOS=plan9", "GOFLAGS=-race", "GOWORK=/no/such")
	built, err := Builder{Folder: t.TempDir(), Environ: odd}.Build(t.Context(), p, Here())
	if err != nil {
		t.Fatal(err)
	}
	if built.Digest != plain.Digest {
		t.Errorf("wanted %s whatever the user has set, found %s", plain.Digest, built.Digest)
	}
}

func TestFolder(t *testing.T) {
	t.Setenv(CacheVariable, "/some/where")
	if found, err := Folder(); err != nil || found != "/some/where" {
		t.Errorf("wanted /some/where, found %q, %v", found, err)
	}
	t.Setenv(CacheVariable, "")
	t.Setenv("XDG_CACHE_HOME", "/user/cache")
	t.Setenv("HOME", "/user")
	found, err := Folder()
	if err != nil || filepath.Base(found) != "tlsconform" || !strings.HasPrefix(found, "/user") {
		t.Errorf("wanted tlsconform in the user's cache, found %q, %v", found, err)
	}
}
