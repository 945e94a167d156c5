package build

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/calico-tls/conformance/fixtures"
)

// Extract returns the path of a file of a release's modules, by the name under which the release keeps it, and the file's
// digest, "sha256:…". It takes the file from the module if it is not in the cache yet, which may download the module, and
// compiles nothing: the programs of the release may have been obtained in another way. It returns an [*Error], and
// [fs.ErrNotExist] within it where the release or the module has no such file.
func (b Builder) Extract(ctx context.Context, r *fixtures.Release, name string) (path, digest string, err error) {
	deadline := b.Deadline
	if deadline == 0 {
		deadline = defaultDeadline
	}
	ctx, cancel := context.WithTimeoutCause(ctx, deadline, &deadlineError{after: deadline})
	defer cancel()
	f, has := r.ModuleFile(name)
	f.Name = name
	e := b.fileEntry(r, f)
	if !has {
		return "", "", &Error{Program: e.program().ID(), Doing: "looking for it in release " + r.Name, Cause: CompileError, Err: fs.ErrNotExist}
	}
	if path, digest, ok := e.kept(); ok {
		return path, digest, nil
	}
	report := startReport(ctx, b.Progress, e.program())
	defer report.stop()
	unlock, err := e.lock(ctx, report)
	if err != nil {
		return "", "", err
	}
	defer unlock()
	if path, digest, ok := e.kept(); ok {
		return path, digest, nil
	}
	if err := e.clear(); err != nil {
		return "", "", e.fail("clearing the cache", err)
	}
	defer os.RemoveAll(e.partial())
	folder, err := b.moduleFolder(ctx, e, f.Module, report)
	if err != nil {
		return "", "", err
	}
	if err := e.keep(filepath.Join(folder, filepath.FromSlash(f.Path))); err != nil {
		return "", "", err
	}
	path, digest, ok := e.kept()
	if !ok {
		return "", "", e.fail("reading back what was kept", fmt.Errorf("wanted what was stored in %s, found something else", e.dir))
	}
	report.ready(Built{Version: r.Version}, false)
	return path, digest, nil
}

// fileEntry is the place of a file of a release's modules.
func (b Builder) fileEntry(r *fixtures.Release, f fixtures.ModuleFile) entry {
	return b.entry(fixtures.Program{Name: f.Name, Package: f.Module + "/" + f.Path, Release: r}, Here())
}

// moduleFolder returns the folder of a module that the entry's release is built from, as the go command has verified it.
func (b Builder) moduleFolder(ctx context.Context, e entry, module string, report *report) (string, error) {
	goPath, err := b.goCommand(e)
	if err != nil {
		return "", err
	}
	if err := e.writeModule(); err != nil {
		return "", e.fail("writing the build module", err)
	}
	env, err := b.environment(ctx, goPath, e)
	if err != nil {
		return "", err
	}
	report.downloading(1)
	const doing = "getting the module " // as by go.mod, replacements included
	g := goCommand{path: goPath, dir: e.moduleDir(), env: env.list, report: report, entry: e}
	if _, err := g.run(ctx, doing+module, "mod", "download", module); err != nil {
		return "", err
	}
	// The command adds a checksum where none is committed, and then believes whoever it asked.
	if sums, err := os.ReadFile(filepath.Join(e.moduleDir(), "go.sum")); err != nil || !bytes.Equal(sums, e.program().Release.Module["go.sum"]) {
		return "", &Error{Program: e.program().ID(), Doing: doing + module, Cause: Checksum, Err: errors.Join(errors.New("wanted its checksum among those that are committed, found none"), err)}
	}
	found, err := g.run(ctx, doing+module, "list", "-m", "-f", "{{.Dir}}", module)
	return strings.TrimSpace(string(found)), err
}

// keep stores a file in the entry.
func (e entry) keep(from string) error {
	data, err := os.ReadFile(from)
	if err != nil {
		return &Error{Program: e.program().ID(), Doing: "reading it in its module", Cause: Unexpected, Err: err}
	}
	name := e.program().Name
	r := record{Key: e.key, Program: e.program().ID(), Platform: e.on, Executables: map[string]string{name: digestOf(data)}}
	written, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return e.fail("writing the record", err)
	}
	for file, data := range map[string][]byte{name: data, recordName: append(written, '\n')} {
		if err := os.WriteFile(filepath.Join(e.outDir(), file), data, 0o644); err != nil {
			return e.fail("writing "+file, err)
		}
	}
	if err := os.Rename(e.outDir(), e.dir); err != nil {
		return e.fail("moving what was extracted to its place", err)
	}
	return nil
}

// kept returns the file that the entry holds, unless it is missing or is not what was stored.
func (e entry) kept() (path, digest string, ok bool) {
	var r record
	data, err := os.ReadFile(filepath.Join(e.dir, recordName))
	if err != nil || json.Unmarshal(data, &r) != nil || r.Key != e.key {
		return "", "", false
	}
	path = filepath.Join(e.dir, e.program().Name)
	if data, err = os.ReadFile(path); err != nil {
		return "", "", false
	}
	digest = digestOf(data)
	return path, digest, digest == r.Executables[e.program().Name]
}

func digestOf(data []byte) string {
	sum := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(sum[:])
}
