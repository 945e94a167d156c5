package build

import (
	"archive/tar"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"

	"github.com/klauspost/compress/zstd"

	"github.com/calico-tls/conformance/fixtures"
)

// A bundle carries what is in a cache to a machine without network: a tar, packed by zstd, that begins with bundle.json and
// goes on with the files that this lists, in that order. The same cache gives the same bytes.
const (
	bundleSchema = 1
	manifestName = "bundle.json"
	// maxManifest and maxFile are how large, in bytes, a manifest and a file may be.
	maxManifest = 1 << 20
	maxFile     = 1 << 30
)

// manifest is bundle.json.
type manifest struct {
	SchemaVersion int      `json:"schemaVersion"`
	Entries       []record `json:"entries"`
}

// BundleError says why a bundle could not be read.
type BundleError struct {
	// Doing says what was being done; empty where the bundle as a whole is wrong.
	Doing string
	// Err says what was wanted and what was found.
	Err error
	// Advice says what to do.
	Advice string
}

func (e *BundleError) Error() string {
	if e.Doing == "" {
		return fmt.Sprintf("reading the bundle: %v", e.Err)
	}
	return fmt.Sprintf("reading the bundle: %s: %v", e.Doing, e.Err)
}

// Unwrap returns what was wanted and found.
func (e *BundleError) Unwrap() error { return e.Err }

// Hint says what to do.
func (e *BundleError) Hint() string { return e.Advice }

// WriteBundle writes programs that [Builder.Build] has put into the cache for a platform, each with those built along with
// it, and the files of releases that [Builder.Extract] has. The error is an [*Error] where one of them is not in the cache.
func (b Builder) WriteBundle(w io.Writer, programs []fixtures.Program, on Platform, files []*fixtures.Release) error {
	var entries []entry
	for _, p := range programs {
		entries = append(entries, b.entry(p, on))
	}
	for _, r := range files {
		for _, f := range r.Files {
			entries = append(entries, b.fileEntry(r, f))
		}
	}
	packed, err := zstd.NewWriter(w, zstd.WithEncoderConcurrency(1))
	if err != nil {
		return fmt.Errorf("writing the bundle: %w", err)
	}
	if err := pack(tar.NewWriter(packed), entries); err != nil {
		_ = packed.Close()
		return err
	}
	if err := packed.Close(); err != nil {
		return fmt.Errorf("writing the bundle: %w", err)
	}
	return nil
}

func pack(to *tar.Writer, entries []entry) error {
	m := manifest{SchemaVersion: bundleSchema}
	for _, e := range entries {
		if !e.holds() {
			return &Error{Program: e.program().ID(), Doing: "writing the bundle", Cause: Unusable, Err: fmt.Errorf("wanted it in %s, found it is not there, or is not what was stored", e.dir)}
		}
		r, err := e.record()
		if err != nil {
			return e.fail("reading the record", err)
		}
		m.Entries = append(m.Entries, r)
	}
	data, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return fmt.Errorf("writing the bundle: %w", err)
	}
	if err := to.WriteHeader(header(manifestName, int64(len(data)))); err != nil {
		return fmt.Errorf("writing the bundle: %w", err)
	}
	if _, err := to.Write(data); err != nil {
		return fmt.Errorf("writing the bundle: %w", err)
	}
	for _, e := range entries {
		for _, p := range e.programs {
			if err := packFile(to, filepath.Join(e.dir, p.Name), e.nameOf(p)); err != nil {
				return e.fail("writing the bundle", err)
			}
		}
	}
	return to.Close()
}

func packFile(to *tar.Writer, from, name string) error {
	f, err := os.Open(from)
	if err != nil {
		return err
	}
	defer f.Close()
	stat, err := f.Stat()
	if err != nil {
		return err
	}
	if err := to.WriteHeader(header(name, stat.Size())); err != nil {
		return err
	}
	_, err = io.Copy(to, f)
	return err
}

// header says nothing of who packed a file, and when.
func header(name string, size int64) *tar.Header {
	return &tar.Header{Typeflag: tar.TypeReg, Name: name, Size: size, Mode: 0o644, Format: tar.FormatUSTAR}
}

// nameOf is the name of one of the entry's files in a bundle: "calico-typha@v3.31.0/typha-client".
func (e entry) nameOf(p fixtures.Program) string { return path.Join(e.program().ID(), p.Name) }

// isFile reports whether it is a file of a release's modules, and no program.
func (e entry) isFile() bool {
	_, is := e.program().Release.ModuleFile(e.program().Name)
	return is
}

// holds reports whether the entry is there, and is what was stored.
func (e entry) holds() bool {
	if e.isFile() {
		_, _, ok := e.kept()
		return ok
	}
	_, ok := e.load()
	return ok
}

// record reads what the entry says of itself.
func (e entry) record() (r record, err error) {
	data, err := os.ReadFile(filepath.Join(e.dir, recordName))
	if err != nil {
		return record{}, err
	}
	err = json.Unmarshal(data, &r)
	return r, err
}
