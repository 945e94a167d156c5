package target

import (
	"bytes"
	"context"
	"debug/elf"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/calico-tls/conformance/fixtures"
	"github.com/calico-tls/conformance/harness/launch"
	"github.com/calico-tls/conformance/harness/target/build"
)

// builder stands in for a builder: it builds nothing, and remembers what for.
type builder struct {
	err   error
	asked []string
}

func (b *builder) Build(_ context.Context, p fixtures.Program, on build.Platform) (build.Built, error) {
	b.asked = append(b.asked, p.ID()+" for "+on.OS+"/"+on.Arch)
	if b.err != nil {
		return build.Built{}, b.err
	}
	return build.Built{
		Binary: "/cache/" + p.Name, Beside: map[string]string{"typha-client": "/cache/typha-client"},
		Version: p.Release.Version, Go: p.Release.Toolchain, Digest: "sha256:aa",
	}, nil
}

func noGo() error {
	return &build.Error{Program: "calico-typha@v3.31.0", Doing: "looking for the go command", Cause: build.NoGo, Err: errors.New("none in PATH")}
}

// elfFile writes the head of an ELF executable; with an interpreter it is a dynamic one.
func elfFile(t *testing.T, machine elf.Machine, segment elf.ProgType) string {
	t.Helper()
	header := elf.Header64{
		Ident: [elf.EI_NIDENT]byte{0x7f, 'E', 'L', 'F', byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), byte(elf.EV_CURRENT)},
		Type:  uint16(elf.ET_EXEC), Machine: uint16(machine), Version: uint32(elf.EV_CURRENT),
		Phoff: 64, Ehsize: 64, Phentsize: 56, Phnum: 1, Shentsize: 64,
	}
	var data bytes.Buffer
	for _, part := range []any{header, elf.Prog64{Type: uint32(segment)}} {
		if err := binary.Write(&data, binary.LittleEndian, part); err != nil {
			t.Fatal(err)
		}
	}
	return file(t, data.String(), 0o755)
}

func file(t *testing.T, text string, mode os.FileMode) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	return path
}

func ownMachine(t *testing.T) elf.Machine {
	t.Helper()
	for machine, arch := range machines {
		if arch == runtime.GOARCH {
			return machine
		}
	}
	t.Skipf("no ELF machine is known for %s", runtime.GOARCH)
	return 0
}

func targetOf(role Role, ways ...Source) Target {
	return Target{
		Name: "mine", Implementation: Implementation{Version: "4.2"},
		Components: []Component{{Role: role, Ways: ways, Command: []string{"other"}, Args: []string{"-a"}, Env: map[string]string{"A": "b"}}},
	}
}

func TestFirstWayThatWorksIsUsed(t *testing.T) {
	t.Parallel()
	built, image := Source{Way: Build, Value: "calico-typha"}, Source{Way: Image, Value: "images.example/typha:4.1"}
	fromBuild := Obtained{
		Source: built, Implementation: "calico-v3.31.0", Version: "v3.31.0", Go: "go1.24.9", Digest: "sha256:aa",
		Binary: "/cache/calico-typha", Beside: map[string]string{"typha-client": "/cache/typha-client"},
	}
	fromImage := Obtained{Source: image, Implementation: "mine", Version: "4.2", Image: image.Value, Command: []string{"other"}, Digest: "sha256:bb"}
	for name, c := range map[string]struct {
		ways   []Source
		launch string
		builds error
		pulls  error
		wanted Obtained
		failed []Source
	}{
		"built first":                {ways: []Source{built, image}, launch: container, wanted: fromBuild},
		"image first":                {ways: []Source{image, built}, launch: container, wanted: fromImage},
		"no go, so the image":        {ways: []Source{built, image}, launch: container, builds: noGo(), wanted: fromImage, failed: []Source{built}},
		"no image, so it is built":   {ways: []Source{image, built}, launch: container, pulls: errors.New("no route"), wanted: fromBuild, failed: []Source{image}},
		"no container, so no image":  {ways: []Source{image, built}, launch: process, wanted: fromBuild, failed: []Source{image}},
		"in-process: neither, so us": {ways: []Source{image, built, {Way: Reference}}, launch: inProcess, wanted: Obtained{Source: Source{Way: Reference}}, failed: []Source{image, built}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := Preparer{Launch: c.launch, Builder: &builder{err: c.builds}, Pull: func(_ context.Context, i launch.Image) (string, string, error) {
				return i.Reference, "sha256:bb", c.pulls
			}}
			found, err := p.Prepare(t.Context(), targetOf(Typha, c.ways...), Typha)
			if err != nil {
				t.Fatal(err)
			}
			var failed []Source
			for _, a := range found.Failed {
				failed = append(failed, a.Source)
				if a.Err == nil {
					t.Errorf("%s: wanted an error, found none", a.Source)
				}
			}
			if diff := cmp.Diff(c.failed, failed); diff != "" {
				t.Errorf("failed before: %s", diff)
			}
			if c.wanted.Source.Way == Reference {
				c.wanted = Obtained{Source: c.wanted.Source, Implementation: "reference", Binary: found.Binary, Digest: found.Digest, Go: runtime.Version()}
			}
			c.wanted.Role, c.wanted.Args, c.wanted.Env, found.Failed = Typha, []string{"-a"}, map[string]string{"A": "b"}, nil
			if diff := cmp.Diff(c.wanted, found); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestNoWayWorks(t *testing.T) {
	t.Parallel()
	p := Preparer{Launch: process, Builder: &builder{err: noGo()}}
	t0 := targetOf(Typha, Source{Way: Build, Value: "calico-typha"}, Source{Way: Image, Value: "images.example/typha:4.2"}, Source{Way: Binary, Value: "/no/such/typha"})
	_, err := p.Prepare(t.Context(), t0, Typha)
	var none *UnobtainableError
	if !errors.As(err, &none) {
		t.Fatalf("wanted an UnobtainableError, found %v", err)
	}
	wanted := `obtaining typha of target mine: no way works
  build: calico-typha: building calico-typha@v3.31.0: looking for the go command: no go command was found: none in PATH
  image: images.example/typha:4.2: wanted a launch as container, found process
  binary: /no/such/typha: wanted an executable at /no/such/typha, found: no such file or directory`
	if diff := cmp.Diff(wanted, err.Error()); diff != "" {
		t.Error(diff)
	}
	hint := `build: install Go 1.21 or later and put it in PATH; or name another way to obtain the component in the target file, such as binary or image; or image: launch with container; or binary: check the path; one in a target file is relative to that file`
	if diff := cmp.Diff(hint, none.Hint()); diff != "" {
		t.Error(diff)
	}
	var failed *build.Error
	if !errors.As(err, &failed) || failed.Cause != build.NoGo {
		t.Errorf("wanted the build's error beneath, found %v", err)
	}
}

func TestSomeFailuresEndTheSearch(t *testing.T) {
	t.Parallel()
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for name, c := range map[string]struct {
		ctx context.Context
		err error
	}{
		"other checksum": {t.Context(), &build.Error{Cause: build.Checksum, Err: errors.New("mismatch")}},
		"interrupted":    {ended, &build.Error{Cause: build.Interrupted, Err: context.Canceled}},
	} {
		p := Preparer{Launch: container, Builder: &builder{err: c.err}, Pull: func(context.Context, launch.Image) (string, string, error) {
			t.Errorf("%s: wanted no further way tried", name)
			return "", "", nil
		}}
		_, err := p.Prepare(c.ctx, targetOf(Typha, Source{Way: Build, Value: "calico-typha"}, Source{Way: Image, Value: "images.example/typha"}), Typha)
		if !errors.Is(err, c.err) {
			t.Errorf("%s: wanted %v, found %v", name, c.err, err)
		}
	}
}

func TestBuildIsForWhereItRuns(t *testing.T) {
	t.Parallel()
	for how, wanted := range map[string]string{
		process:   "etcd@v3.7.3 for " + runtime.GOOS + "/" + runtime.GOARCH,
		container: "etcd@v3.7.3 for linux/" + runtime.GOARCH,
	} {
		b := &builder{}
		if _, err := (Preparer{Launch: how, Builder: b}).Prepare(t.Context(), targetOf(Etcd, Source{Way: Build, Value: "etcd"}), Etcd); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{wanted}, b.asked); diff != "" {
			t.Errorf("%s: %s", how, diff)
		}
	}
}

func TestBinaryIsChecked(t *testing.T) {
	t.Parallel()
	own := ownMachine(t)
	other := elf.EM_S390
	for name, c := range map[string]struct{ path, launch, message string }{
		"static in a container":     {elfFile(t, own, elf.PT_LOAD), container, ""},
		"dynamic as a process":      {elfFile(t, own, elf.PT_INTERP), process, ""},
		"script as a process":       {file(t, "#!/bin/sh\n", 0o755), process, ""},
		"dynamic in a container":    {elfFile(t, own, elf.PT_INTERP), container, "wanted a static executable for an image made around it, found one that needs a dynamic linker"},
		"other machine's":           {elfFile(t, other, elf.PT_LOAD), container, "wanted an executable for linux/" + runtime.GOARCH + ", found one for S390"},
		"script in a container":     {file(t, "#!/bin/sh\n", 0o755), container, "wanted a Linux executable for an image made around it, found something else"},
		"not executable":            {file(t, "x", 0o644), process, "found a file with mode -rw-r--r--"},
		"a folder":                  {t.TempDir(), process, "found a folder"},
		"not there":                 {"/no/such/file", process, "wanted an executable at /no/such/file, found: no such file or directory"},
		"in-process, which is ours": {elfFile(t, own, elf.PT_LOAD), inProcess, "wanted a launch as process or container, found in-process"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o, err := Preparer{Launch: c.launch}.Prepare(t.Context(), targetOf(Typha, Source{Way: Binary, Value: c.path}), Typha)
			switch {
			case c.message == "" && err != nil:
				t.Fatal(err)
			case c.message == "":
				if o.Binary != c.path || o.Version != "4.2" || len(o.Digest) != 71 || len(o.Command) != 1 || o.Implementation != "mine" {
					t.Errorf("found %+v", o)
				}
			case err == nil || !strings.Contains(err.Error(), c.message):
				t.Errorf("wanted an error with %q, found %v", c.message, err)
			default:
				if adviceOf(err) == "" {
					t.Errorf("found no hint for %v", err)
				}
			}
		})
	}
}

func TestReferenceIsOurOwnExecutable(t *testing.T) {
	t.Parallel()
	own, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	o, err := Preparer{Launch: process}.Prepare(t.Context(), targetOf(Felix, Source{Way: Reference}), Felix)
	if err != nil {
		t.Fatal(err)
	}
	if o.Binary != own || o.Go != runtime.Version() || o.Implementation != "reference" || len(o.Command) != 0 {
		t.Errorf("found %+v", o)
	}
	other := elfFile(t, ownMachine(t), elf.PT_LOAD)
	o, err = Preparer{Launch: container, Executable: other}.Prepare(t.Context(), targetOf(Felix, Source{Way: Reference}), Felix)
	if err != nil || o.Binary != other {
		t.Errorf("wanted %s, found %+v, %v", other, o, err)
	}
}

func TestVersionIsThatOfWhatIsDescribed(t *testing.T) {
	t.Parallel()
	tagged, digested := Source{Way: Image, Value: "images.example:5000/x:v3.7.3"}, Source{Way: Image, Value: "images.example:5000/x@sha256:" + strings.Repeat("a", 64)}
	for name, c := range map[string]struct {
		role   Role
		way    Source
		wanted string
	}{
		"stated for typha":      {Typha, tagged, "4.2"},
		"tag for etcd":          {Etcd, tagged, "v3.7.3"},
		"nothing tells it":      {Etcd, digested, ""},
		"stated for a endpoint": {Felix, Source{Way: Endpoint, Value: "felix.example:1"}, "4.2"},
		"endpoint of etcd":      {Etcd, Source{Way: Endpoint, Value: "etcd.example:2379"}, ""},
	} {
		o, err := Preparer{Launch: container}.Prepare(t.Context(), targetOf(c.role, c.way), c.role)
		if err != nil || o.Version != c.wanted {
			t.Errorf("%s: wanted %q, found %q, %v", name, c.wanted, o.Version, err)
		}
		if c.way.Way == Endpoint && o.Endpoint != c.way.Value {
			t.Errorf("%s: wanted the endpoint %s, found %q", name, c.way.Value, o.Endpoint)
		}
	}
}

func TestFilesAreRead(t *testing.T) {
	t.Parallel()
	t0 := targetOf(Typha, Source{Way: Build, Value: "calico-typha"})
	t0.Components[0].Files = []File{{Inside: "/etc/ca.pem", Path: file(t, "a certificate", 0o600)}}
	p := Preparer{Launch: process, Builder: &builder{}}
	o, err := p.Prepare(t.Context(), t0, Typha)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]launch.File{{Name: "/etc/ca.pem", Data: []byte("a certificate")}}, o.Files); diff != "" {
		t.Error(diff)
	}
	t0.Components[0].Files[0].Path = "/no/such/file"
	if _, err := p.Prepare(t.Context(), t0, Typha); err == nil || adviceOf(err) == "" {
		t.Errorf("file that is gone: wanted an error with a hint, found %v", err)
	}
}

func TestRoleThatIsNotInTheTarget(t *testing.T) {
	t.Parallel()
	_, err := Preparer{Launch: process}.Prepare(t.Context(), targetOf(Typha, Source{Way: Reference}), Etcd)
	wanted := `reading target "mine": wanted a component etcd, found typha`
	if err == nil || err.Error() != wanted || adviceOf(err) == "" {
		t.Errorf("wanted %q and a hint, found %v", wanted, err)
	}
}

func TestBuilderIsABuilder(t *testing.T) {
	t.Parallel()
	var _ Builder = build.Builder{}
	if len(launches) != len(wayNames()) {
		t.Errorf("wanted launchers for %d ways, found %d", len(wayNames()), len(launches))
	}
}
