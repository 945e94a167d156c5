package build

import (
	"context"
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gofrs/flock"

	"github.com/calico-tls/conformance/fixtures"
)

const (
	// layout is part of every key: another layout of the cache takes another number.
	layout = "1"
	// recordName is the file that completes an entry.
	recordName = "build.json"
	partial    = ".partial"
)

// entry is a place in the cache: a program, with those built along with it.
type entry struct {
	root     string
	key      string
	dir      string
	programs []fixtures.Program
	on       Platform
}

// record is what an entry says of itself.
type record struct {
	Key         string            `json:"key"`
	Program     string            `json:"program"`
	Platform    Platform          `json:"platform"`
	Executables map[string]string `json:"executables"`
}

func (b Builder) entry(p fixtures.Program, on Platform) entry {
	e := entry{root: b.Folder, programs: []fixtures.Program{p}, on: on}
	for _, name := range p.With {
		if with, has := p.Release.Program(name); has {
			e.programs = append(e.programs, with)
		}
	}
	e.key = keyOf(e.programs, on)
	name := strings.Join([]string{p.Release.Version, p.Release.Toolchain, on.OS, on.Arch, e.key[:12]}, "_")
	e.dir = filepath.Join(b.Folder, "components", p.Name, name)
	return e
}

// keyOf digests all that goes into a build.
func keyOf(programs []fixtures.Program, on Platform) string {
	h := sha256.New()
	write := func(parts ...string) {
		for _, part := range parts {
			fmt.Fprintf(h, "%d:%s", len(part), part)
		}
	}
	write(layout, on.OS, on.Arch)
	write(flags...)
	for _, p := range programs {
		write(p.Name, p.Package)
	}
	r := programs[0].Release
	write(r.Version, r.Toolchain, r.LDFlags)
	for _, name := range slices.Sorted(maps.Keys(r.Module)) {
		write(name, string(r.Module[name]))
	}
	return hex.EncodeToString(h.Sum(nil))
}

func (e entry) program() fixtures.Program { return e.programs[0] }
func (e entry) partial() string           { return e.dir + partial }
func (e entry) moduleDir() string         { return filepath.Join(e.partial(), "module") }
func (e entry) outDir() string            { return filepath.Join(e.partial(), "out") }
func (e entry) tempDir() string           { return filepath.Join(e.partial(), "tmp") }

// load returns what the entry holds, unless it is missing or is not what was stored.
func (e entry) load() (Built, bool) {
	data, err := os.ReadFile(filepath.Join(e.dir, recordName))
	if err != nil {
		return Built{}, false
	}
	var r record
	if err := json.Unmarshal(data, &r); err != nil || r.Key != e.key {
		return Built{}, false
	}
	built := Built{Version: e.program().Release.Version, Beside: map[string]string{}}
	for _, p := range e.programs {
		path := filepath.Join(e.dir, p.Name)
		digest, version, err := inspect(path, p)
		if err != nil || digest != r.Executables[p.Name] {
			return Built{}, false
		}
		if p.Name == e.program().Name {
			built.Binary, built.Digest, built.Go = path, digest, version
		} else {
			built.Beside[p.Name] = path
		}
	}
	return built, true
}

// store checks what was built and moves it to its place.
func (e entry) store() (Built, error) {
	r := record{Key: e.key, Program: e.program().ID(), Platform: e.on, Executables: map[string]string{}}
	for _, p := range e.programs {
		digest, _, err := inspect(filepath.Join(e.outDir(), p.Name), p)
		if err != nil {
			return Built{}, &Error{Program: e.program().ID(), Doing: "checking what was built", Cause: Unexpected, Err: err}
		}
		r.Executables[p.Name] = digest
	}
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return Built{}, e.fail("writing the record", err)
	}
	if err := os.WriteFile(filepath.Join(e.outDir(), recordName), append(data, '\n'), 0o644); err != nil {
		return Built{}, e.fail("writing the record", err)
	}
	if err := os.Rename(e.outDir(), e.dir); err != nil {
		return Built{}, e.fail("moving what was built to its place", err)
	}
	built, ok := e.load()
	if !ok {
		return Built{}, e.fail("reading back what was built", fmt.Errorf("wanted what was stored in %s, found something else", e.dir))
	}
	return built, nil
}

// inspect returns an executable's digest and the version of Go that built it, if it is the program.
func inspect(path string, p fixtures.Program) (digest, version string, err error) {
	f, err := os.Open(path)
	if err != nil {
		return "", "", err
	}
	defer f.Close()
	stat, err := f.Stat()
	if err != nil {
		return "", "", err
	}
	if stat.Mode()&0o100 == 0 {
		return "", "", fmt.Errorf("wanted an executable at %s, found mode %s", path, stat.Mode())
	}
	info, err := buildinfo.Read(f)
	if err != nil {
		return "", "", fmt.Errorf("reading what %s says of its build: %w", path, err)
	}
	if info.GoVersion != p.Release.Toolchain || info.Path != p.Package {
		return "", "", fmt.Errorf("wanted %s built with %s, found %s built with %s", p.Package, p.Release.Toolchain, info.Path, info.GoVersion)
	}
	h := sha256.New()
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return "", "", err
	}
	if _, err := io.Copy(h, f); err != nil {
		return "", "", err
	}
	return "sha256:" + hex.EncodeToString(h.Sum(nil)), info.GoVersion, nil
}

// clear makes an empty partial folder, and room for what will be stored.
func (e entry) clear() error {
	for _, dir := range []string{e.dir, e.partial()} {
		if err := os.RemoveAll(dir); err != nil {
			return err
		}
	}
	for _, dir := range []string{e.moduleDir(), e.outDir(), e.tempDir()} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	return nil
}

func (e entry) writeModule() error {
	for name, data := range e.program().Release.Module {
		if err := os.WriteFile(filepath.Join(e.moduleDir(), name), data, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// lock waits until no other run builds the entry. The lock's file stays, as removing it would let two runs hold it.
func (e entry) lock(ctx context.Context, report *report) (unlock func(), err error) {
	if err := os.MkdirAll(filepath.Dir(e.dir), 0o755); err != nil {
		return nil, e.fail("making a folder", err)
	}
	l := flock.New(e.dir + ".lock")
	locked, err := l.TryLock()
	if err != nil {
		return nil, e.fail("locking", err)
	}
	if !locked {
		report.stage(Waiting)
		if _, err := l.TryLockContext(ctx, lockPoll); err != nil {
			if ctx.Err() != nil {
				return nil, e.ended(ctx, "waiting for another run that builds the same")
			}
			return nil, e.fail("locking", err)
		}
		report.stage(Preparing)
	}
	return func() { _ = l.Close() }, nil
}

// sweep removes what interrupted runs left half done: partial folders whose lock nobody holds.
func sweep(root string) {
	left, err := filepath.Glob(filepath.Join(root, "components", "*", "*"+partial))
	if err != nil {
		return
	}
	for _, dir := range left {
		l := flock.New(strings.TrimSuffix(dir, partial) + ".lock")
		if locked, err := l.TryLock(); err == nil && locked {
			_ = os.RemoveAll(dir)
			_ = l.Close()
		}
	}
}
