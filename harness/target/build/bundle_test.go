package build

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"

	"github.com/calico-tls/conformance/fixtures"
)

// bundled builds a program with one beside it, extracts a file of its release, and writes both into a bundle.
func bundled(t *testing.T) ([]byte, []fixtures.Release) {
	t.Helper()
	proxy, sums := depProxy(t)
	p, env := proxied(t, proxy, sums)
	r := holding(p)
	r.Files = r.Files[:1]
	b := Builder{Folder: t.TempDir(), Environ: env}
	p, has := r.Program(p.Name)
	if !has {
		t.Fatal("wanted the program in the release, found none")
	}
	p.Release = r
	if _, err := b.Build(t.Context(), p, Here()); err != nil {
		t.Fatal(err)
	}
	if _, _, err := b.Extract(t.Context(), r, "dep.txt"); err != nil {
		t.Fatal(err)
	}
	var all [2]bytes.Buffer
	for i := range all {
		if err := b.WriteBundle(&all[i], []fixtures.Program{p}, Here(), []*fixtures.Release{r}); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(all[0].Bytes(), all[1].Bytes()) {
		t.Error("wanted the same bytes of the same cache, found others")
	}
	for i := range r.Programs {
		r.Programs[i].Release = r
	}
	return all[0].Bytes(), []fixtures.Release{*r}
}

func TestBundleFillsAnotherCache(t *testing.T) {
	t.Parallel()
	data, releases := bundled(t)
	b := Builder{Folder: t.TempDir(), Go: "/there/is/no/go", Environ: []string{"GOPROXY=off"}}
	for range 2 { // the second time all is there already
		ids, err := b.ReadBundle(t.Context(), bytes.NewReader(data), releases)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"tiny@v1.0.0", "dep.txt@v1.0.0"}, ids); diff != "" {
			t.Error(diff)
		}
	}
	p, _ := releases[0].Program("tiny")
	built, err := b.Build(t.Context(), p, Here())
	if err != nil || !built.Cached {
		t.Fatalf("wanted it from the cache, found %+v, %v", built, err)
	}
	if said, err := exec.CommandContext(t.Context(), built.Binary).CombinedOutput(); err != nil {
		t.Errorf("running it: found %q, %v", said, err)
	}
	if built.Beside["tiny-client"] == "" {
		t.Error("wanted the program beside it, found none")
	}
	if _, _, err := b.Extract(t.Context(), &releases[0], "dep.txt"); err != nil {
		t.Error(err)
	}
}

func TestBundleOfWhatIsNotThere(t *testing.T) {
	t.Parallel()
	err := Builder{Folder: t.TempDir()}.WriteBundle(io.Discard, []fixtures.Program{tiny(t, nil)}, Here(), nil)
	causeIs(t, err, Unusable)
}

func TestBundleInterrupted(t *testing.T) {
	t.Parallel()
	data, releases := bundled(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	folder := t.TempDir()
	if _, err := (Builder{Folder: folder}).ReadBundle(ctx, bytes.NewReader(data), releases); !errors.Is(err, context.Canceled) {
		t.Errorf("wanted the end of the context, found %v", err)
	}
	if found := left(t, folder); len(found) > 0 {
		t.Errorf("wanted nothing left in the cache, found %v", found)
	}
}

// packed is a file in a bundle.
type packed struct {
	header tar.Header
	data   string
}

// TestBundleIsNotTrusted has bundles with one thing wrong each: each is refused for that, and leaves nothing in the cache.
func TestBundleIsNotTrusted(t *testing.T) {
	t.Parallel()
	good, releases := bundled(t)
	beside := filepath.Join(t.TempDir(), "beside")
	for name, c := range map[string]struct {
		change func(files []packed) []packed
		raw    func(data []byte) []byte
		says   string
	}{
		"parent folder":   {change: named(1, "../../beside"), says: `wanted tiny@v1.0.0/tiny, found "../../beside"`},
		"absolute path":   {change: named(1, beside), says: `wanted tiny@v1.0.0/tiny, found "` + beside},
		"other order":     {change: func(f []packed) []packed { f[1], f[2] = f[2], f[1]; return f }, says: `wanted tiny@v1.0.0/tiny, found "tiny@v1.0.0/tiny-client"`},
		"link":            {change: func(f []packed) []packed { return typed(f, tar.TypeSymlink) }, says: "wanted a plain file, found a link"},
		"hard link":       {change: func(f []packed) []packed { return typed(f, tar.TypeLink) }, says: "wanted a plain file, found a link"},
		"other content":   {change: func(f []packed) []packed { f[1].data = flip(f[1].data); return f }, says: "tiny@v1.0.0/tiny: wanted the digest sha256:"},
		"other file":      {change: func(f []packed) []packed { f[3].data = flip(f[3].data); return f }, says: "dep.txt@v1.0.0/dep.txt: wanted the digest sha256:"},
		"other platform":  {change: stated(func(m *manifest) { m.Entries[0].Key, m.Entries[0].Platform = "0", Platform{"plan9", "mips"} }), says: ", found plan9/mips"},
		"other version":   {change: stated(func(m *manifest) { m.Entries[0].Key = "00112233445566" }), says: "wanted what this tlsconform builds, found another build of it (001122334455)"},
		"newer schema":    {change: stated(func(m *manifest) { m.SchemaVersion = 2 }), says: "wanted schema version 1, found 2"},
		"nothing in it":   {change: stated(func(m *manifest) { m.Entries = nil }), says: "wanted components, found none"},
		"no digest":       {change: stated(func(m *manifest) { m.Entries[0].Executables = nil }), says: "wanted the digest , found sha256:"},
		"no JSON":         {change: func(f []packed) []packed { f[0].data = "{"; return f }, says: "bundle.json: unexpected end of JSON input"},
		"large manifest":  {change: func(f []packed) []packed { f[0].data = strings.Repeat(" ", maxManifest+1); return f }, says: "wanted at most 1048576 bytes"},
		"one more file":   {change: func(f []packed) []packed { return append(f, f[1]) }, says: `wanted its end after what it lists, found "tiny@v1.0.0/tiny"`},
		"one file less":   {change: func(f []packed) []packed { return f[:3] }, says: "wanted dep.txt@v1.0.0/dep.txt, found its end"},
		"no manifest":     {change: func(f []packed) []packed { return f[1:] }, says: `wanted bundle.json, found "tiny@v1.0.0/tiny"`},
		"cut early":       {raw: func(d []byte) []byte { return d[:40] }, says: "it ends too early"},
		"cut in a file":   {raw: func(d []byte) []byte { return d[:len(d)/2] }, says: "it ends too early"},
		"cut at its end":  {raw: func(d []byte) []byte { return d[:len(d)-1] }, says: "it ends too early"},
		"empty":           {raw: func([]byte) []byte { return nil }, says: "wanted bundle.json, found its end"},
		"text":            {raw: func([]byte) []byte { return []byte("not a bundle, but long enough to be one") }, says: "wanted a tar packed by zstd, found something else"},
		"something after": {raw: func(d []byte) []byte { return append(bytes.Clone(d), "more"...) }, says: "wanted its end after the last file"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			data := good
			if c.change != nil {
				data = packAgain(t, c.change(unpackAll(t, good)))
			}
			if c.raw != nil {
				data = c.raw(data)
			}
			folder := t.TempDir()
			_, err := Builder{Folder: folder}.ReadBundle(t.Context(), bytes.NewReader(data), releases)
			var failed *BundleError
			if !errors.As(err, &failed) || !strings.Contains(err.Error(), c.says) || failed.Hint() == "" {
				t.Errorf("wanted a BundleError that says %q and what to do, found %v", c.says, err)
			}
			entries, err := filepath.Glob(filepath.Join(folder, "components", "*", "*"+partial))
			if err != nil || len(entries) > 0 {
				t.Errorf("wanted nothing half done in the cache, found %v, %v", entries, err)
			}
			tiny, _ := releases[0].Program("tiny")
			e := Builder{Folder: folder}.entry(tiny, Here())
			if _, err := os.Lstat(e.dir); err == nil && !e.holds() {
				t.Error("wanted the program not in the cache, or as it was built, found it otherwise")
			}
			if _, err := os.Lstat(beside); err == nil {
				t.Error("wanted no file outside of the cache, found one")
			}
		})
	}
}

func named(i int, name string) func([]packed) []packed {
	return func(f []packed) []packed { f[i].header.Name = name; return f }
}

func typed(f []packed, flag byte) []packed {
	f[1].header.Typeflag, f[1].header.Linkname, f[1].data = flag, "/etc/passwd", ""
	return f
}

// stated changes what the manifest states.
func stated(change func(*manifest)) func([]packed) []packed {
	return func(f []packed) []packed {
		var m manifest
		if err := json.Unmarshal([]byte(f[0].data), &m); err != nil {
			panic(err)
		}
		change(&m)
		data, err := json.Marshal(m)
		if err != nil {
			panic(err)
		}
		f[0].data = string(data)
		return f
	}
}

// flip changes the last byte.
func flip(data string) string { return data[:len(data)-1] + string(data[len(data)-1]^1) }

func unpackAll(t *testing.T, data []byte) []packed {
	t.Helper()
	unpacked, err := zstd.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	defer unpacked.Close()
	var all []packed
	for from := tar.NewReader(unpacked); ; {
		header, err := from.Next()
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(from)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, packed{*header, string(data)})
	}
}

func packAgain(t *testing.T, files []packed) []byte {
	t.Helper()
	var b bytes.Buffer
	to, err := zstd.NewWriter(&b)
	if err != nil {
		t.Fatal(err)
	}
	archive := tar.NewWriter(to)
	for _, f := range files {
		f.header.Size = int64(len(f.data))
		if err := archive.WriteHeader(&f.header); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(archive, f.data); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(archive.Close(), to.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
