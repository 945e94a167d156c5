package build

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/klauspost/compress/zstd"

	"github.com/calico-tls/conformance/fixtures"
)

// unpackMemory is how much memory, in bytes, unpacking may take.
const unpackMemory = 128 << 20

const (
	hintDamaged = "copy it anew, and compare the digest that both machines print"
	hintOther   = "make one with tlsconform prepare --bundle"
	hintVersion = "make it with the tlsconform that reads it: what a build is made of differs from version to version"
)

// ReadBundle puts into the cache what a bundle of these releases holds, and returns the IDs of that. A program gets there
// by one rename, once it has the digest that the bundle states of it; what the cache has already is compared all the same.
// No name in the bundle becomes a path. The error is a [*BundleError] if the bundle is at fault, an [*Error] if the cache is.
func (b Builder) ReadBundle(ctx context.Context, r io.Reader, releases []fixtures.Release) ([]string, error) {
	unpacked, err := zstd.NewReader(&interruptible{ctx, r}, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(unpackMemory))
	if err != nil {
		return nil, unreadable("", err)
	}
	defer unpacked.Close()
	from := tar.NewReader(unpacked)
	m, err := readManifest(from)
	if err != nil {
		return nil, err
	}
	entries, err := b.wanted(m, releases)
	if err != nil {
		return nil, err
	}
	var ids []string
	for i, e := range entries {
		if err := e.unpack(ctx, from, m.Entries[i]); err != nil {
			return nil, err
		}
		ids = append(ids, e.program().ID())
	}
	switch found, err := from.Next(); {
	case err == nil:
		return nil, &BundleError{Err: fmt.Errorf("wanted its end after what it lists, found %q", found.Name), Advice: hintOther}
	case !errors.Is(err, io.EOF):
		return nil, unreadable("", err)
	}
	if n, err := unpacked.Read(make([]byte, 1)); n > 0 || !errors.Is(err, io.EOF) {
		return nil, &BundleError{Err: errors.New("wanted its end after the last file, found more"), Advice: hintDamaged}
	}
	return ids, nil
}

func readManifest(from *tar.Reader) (manifest, error) {
	const doing = "its first file"
	if err := next(from, manifestName, maxManifest); err != nil {
		return manifest{}, err
	}
	data, err := io.ReadAll(from)
	if err != nil {
		return manifest{}, unreadable(doing, err)
	}
	var m manifest
	if err := json.Unmarshal(data, &m); err != nil {
		return manifest{}, &BundleError{Doing: manifestName, Err: err, Advice: hintOther}
	}
	if m.SchemaVersion != bundleSchema {
		return manifest{}, &BundleError{Doing: manifestName, Err: fmt.Errorf("wanted schema version %d, found %d", bundleSchema, m.SchemaVersion), Advice: hintVersion}
	}
	if len(m.Entries) == 0 {
		return manifest{}, &BundleError{Doing: manifestName, Err: errors.New("wanted components, found none"), Advice: hintOther}
	}
	return m, nil
}

// wanted returns the entries of the cache that a bundle lists, each one that this machine could ask for.
func (b Builder) wanted(m manifest, releases []fixtures.Release) ([]entry, error) {
	platforms := []Platform{Here(), {OS: "linux", Arch: Here().Arch}}
	known := map[string]entry{}
	for i := range releases {
		for _, on := range platforms {
			for _, p := range releases[i].Programs {
				e := b.entry(p, on)
				known[e.key] = e
			}
		}
		for _, f := range releases[i].Files {
			e := b.fileEntry(&releases[i], f)
			known[e.key] = e
		}
	}
	var entries []entry
	for _, r := range m.Entries {
		e, has := known[r.Key]
		switch {
		case has:
			entries = append(entries, e)
		case !slices.Contains(platforms, r.Platform):
			return nil, &BundleError{
				Doing:  r.Program,
				Err:    fmt.Errorf("wanted it for %s/%s, found %s/%s", platforms[1].OS, platforms[1].Arch, r.Platform.OS, r.Platform.Arch),
				Advice: "make the bundle on a machine of the same architecture",
			}
		default:
			return nil, &BundleError{Doing: r.Program, Err: fmt.Errorf("wanted what this tlsconform builds, found another build of it (%.12s)", r.Key), Advice: hintVersion}
		}
	}
	return entries, nil
}

// unpack reads the entry's files and stores them, unless the cache has them.
func (e entry) unpack(ctx context.Context, from *tar.Reader, r record) error {
	silent := startReport(ctx, nil, e.program())
	defer silent.stop()
	unlock, err := e.lock(ctx, silent)
	if err != nil {
		return err
	}
	defer unlock()
	to := func(string) (io.WriteCloser, error) { return discard{}, nil }
	has := e.holds()
	if !has {
		if err := e.clear(); err != nil {
			return e.fail("clearing the cache", err)
		}
		defer os.RemoveAll(e.partial())
		to = func(name string) (io.WriteCloser, error) {
			return os.OpenFile(filepath.Join(e.outDir(), name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o755) //nolint:gosec // it is a program, to be run
		}
	}
	for _, p := range e.programs {
		name := e.nameOf(p)
		if err := next(from, name, maxFile); err != nil {
			return err
		}
		file, err := to(p.Name)
		if err != nil {
			return e.fail("writing "+p.Name, err)
		}
		if err := e.receive(file, from, filing{name, r.Executables[p.Name]}); err != nil {
			return err
		}
	}
	if has {
		return nil
	}
	if e.isFile() {
		return e.keep(filepath.Join(e.outDir(), e.program().Name))
	}
	_, err = e.store()
	return err
}

// filing is a file in a bundle, and the digest that the bundle states of it.
type filing struct{ name, digest string }

// receive copies a file, closes it, and wants it to have its digest.
func (e entry) receive(to io.WriteCloser, from *tar.Reader, f filing) error {
	h := sha256.New()
	_, err := io.Copy(io.MultiWriter(&writing{to}, h), io.LimitReader(from, maxFile))
	closing := to.Close()
	if failed, is := errors.AsType[*writeError](err); is {
		return e.fail("writing "+f.name, failed.error)
	}
	if err != nil {
		return unreadable(f.name, err)
	}
	if closing != nil {
		return e.fail("writing "+f.name, closing)
	}
	if found := "sha256:" + hex.EncodeToString(h.Sum(nil)); found != f.digest {
		return &BundleError{Doing: f.name, Err: fmt.Errorf("wanted the digest %s, found %s", f.digest, found), Advice: hintDamaged}
	}
	return nil
}

// next goes on to the next file, which must be the one that is wanted.
func next(from *tar.Reader, name string, atMost int64) error {
	found, err := from.Next()
	switch {
	case errors.Is(err, io.EOF):
		return &BundleError{Err: fmt.Errorf("wanted %s, found its end", name), Advice: hintDamaged}
	case err != nil:
		return unreadable(name, err)
	case found.Name != name:
		return &BundleError{Err: fmt.Errorf("wanted %s, found %q", name, found.Name), Advice: hintOther}
	case found.Typeflag != tar.TypeReg:
		return &BundleError{Doing: name, Err: errors.New("wanted a plain file, found a link, folder or device"), Advice: hintOther}
	case found.Size > atMost:
		return &BundleError{Doing: name, Err: fmt.Errorf("wanted at most %d bytes, found %d", atMost, found.Size), Advice: hintOther}
	}
	return nil
}

// unreadable says that what is packed can't be read.
func unreadable(doing string, err error) error {
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case errors.Is(err, io.ErrUnexpectedEOF):
		return &BundleError{Doing: doing, Err: errors.New("it ends too early"), Advice: hintDamaged}
	case errors.Is(err, zstd.ErrMagicMismatch), errors.Is(err, tar.ErrHeader), errors.Is(err, io.EOF):
		return &BundleError{Doing: doing, Err: fmt.Errorf("wanted a tar packed by zstd, found something else (%w)", err), Advice: hintOther}
	}
	return &BundleError{Doing: doing, Err: err, Advice: hintDamaged}
}

// interruptible is a reader that ends with its context.
type interruptible struct {
	ctx  context.Context
	from io.Reader
}

func (r *interruptible) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.from.Read(p)
}

// discard takes what is only compared.
type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }
func (discard) Close() error                { return nil }

// writing marks the errors of what is written to, which are not the bundle's.
type writing struct{ io.Writer }

type writeError struct{ error }

func (w *writing) Write(p []byte) (int, error) {
	n, err := w.Writer.Write(p)
	if err != nil {
		return n, &writeError{err}
	}
	return n, nil
}
