package launch_test

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/calico-tls/conformance/harness/launch"
	"github.com/calico-tls/conformance/harness/launch/launchtest"
)

func TestRunsAreApart(t *testing.T) {
	parent := t.TempDir()
	var runs []*launch.Run
	for range 2 {
		run, err := launch.NewRun(t.Context(), parent)
		if err != nil {
			t.Fatal(err)
		}
		defer run.Close(t.Context())
		runs = append(runs, run)
	}
	other := launchtest.NewRun(t)
	if runs[0].ID() == runs[1].ID() || runs[0].Folder() == runs[1].Folder() {
		t.Errorf("wanted two runs, found %s in %s and %s in %s", runs[0].ID(), runs[0].Folder(), runs[1].ID(), runs[1].Folder())
	}
	if runs[0].ParentID() != runs[1].ParentID() || runs[0].ParentID() == other.ParentID() || runs[0].ParentID() == "" {
		t.Errorf("wanted one identity for each parent, found %q, %q and %q", runs[0].ParentID(), runs[1].ParentID(), other.ParentID())
	}
}

func TestRunsFilesAreForItsUserAlone(t *testing.T) {
	run := launchtest.NewRun(t)
	at, err := run.Place(t.Context(), launch.Program{Name: "p", Files: []launch.File{{Name: "a/key.pem", Data: []byte("k")}, {Name: "/etc/x/key.pem", Data: []byte("k")}}, Ports: []string{"main"}})
	if err != nil {
		t.Fatal(err)
	}
	err = filepath.WalkDir(run.Folder(), func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		want := fs.FileMode(0o600)
		if entry.IsDir() {
			want = 0o700
		}
		if info.Mode().Perm() != want {
			t.Errorf("wanted mode %o of %s, found %o", want, path, info.Mode().Perm())
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a/key.pem", "/etc/x/key.pem"} {
		if data, err := os.ReadFile(at.Path(name)); string(data) != "k" || err != nil {
			t.Errorf("wanted the file %s, found %q, %v", name, data, err)
		}
	}
	if err := at.Remove(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Dir(at.Folder())); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("wanted the program's folder gone, found %v", err)
	}
}

func TestPathsStayInTheProgramsFolder(t *testing.T) {
	run := launchtest.NewRun(t)
	at, err := run.Place(t.Context(), launch.Program{Name: "p"})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"ca.pem", "../../../escape", "/etc/passwd", "/../escape", "a/../../escape"} {
		if path := at.Path(name); !strings.HasPrefix(path, filepath.Dir(at.Folder())+"/files/") {
			t.Errorf("wanted %q in the program's folder, found %s", name, path)
		}
	}
}

func TestCheckProgram(t *testing.T) {
	for name, each := range map[string]struct {
		program launch.Program
		want    string
	}{
		"right":             {launch.Program{Name: "calico-typha.2", Files: []launch.File{{Name: "a"}, {Name: "b/a"}, {Name: "/a/b"}}, Ports: []string{"main", "health"}}, ""},
		"no name":           {launch.Program{}, "wanted a name of small letters"},
		"a name that leads": {launch.Program{Name: "../x"}, "wanted a name of small letters"},
		"no file name":      {launch.Program{Name: "p", Files: []launch.File{{}}}, "wanted each file to have a name of its own"},
		"one file twice":    {launch.Program{Name: "p", Files: []launch.File{{Name: "a"}, {Name: "./a"}}}, "wanted each file to have a name of its own"},
		"no port name":      {launch.Program{Name: "p", Ports: []string{""}}, "wanted each port to have a name of its own"},
		"one port twice":    {launch.Program{Name: "p", Ports: []string{"a", "a"}}, "wanted each port to have a name of its own"},
	} {
		t.Run(name, func(t *testing.T) {
			err := each.program.Check()
			if each.want == "" && err != nil || each.want != "" && (err == nil || !strings.Contains(err.Error(), each.want)) {
				t.Errorf("wanted an error with %q, found %v", each.want, err)
			}
		})
	}
}

func TestRunCloses(t *testing.T) {
	run, err := launch.NewRun(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	stuck := errors.New("stuck")
	var order []string
	add := func(name string, err error) (forget func()) {
		forget, addErr := run.OnClose(func(context.Context) error { order = append(order, name); return err })
		if addErr != nil {
			t.Fatal(addErr)
		}
		return forget
	}
	add("first", nil)
	add("forgotten", nil)()
	add("fails", stuck)
	add("last", nil)
	if err := run.Close(t.Context()); !errors.Is(err, stuck) {
		t.Errorf("wanted what could not be stopped, found %v", err)
	}
	if diff := cmp.Diff([]string{"last", "fails", "first"}, order); diff != "" {
		t.Errorf("order (-want +got):\n%s", diff)
	}
	if _, err := os.Stat(run.Folder()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("wanted the folder gone, found %v", err)
	}
	if err := run.Close(t.Context()); err != nil {
		t.Errorf("wanted a second close to do nothing, found %v", err)
	}
	if _, err := run.OnClose(nil); !errors.Is(err, launch.ErrRunClosed) {
		t.Errorf("wanted %v, found %v", launch.ErrRunClosed, err)
	}
	if _, err := run.Place(t.Context(), launch.Program{Name: "late"}); !errors.Is(err, launch.ErrRunClosed) {
		t.Errorf("wanted %v, found %v", launch.ErrRunClosed, err)
	}
}

// TestRunHasNoFixedFile: on this machine a file is not put where a program looks for it that is not told of it.
func TestRunHasNoFixedFile(t *testing.T) {
	run := launchtest.NewRun(t)
	_, err := run.Place(t.Context(), launch.Program{Name: "p", Files: []launch.File{{Name: "/etc/x/token", Place: launch.Fixed}}})
	fixed, is := errors.AsType[*launch.FixedFileError](err)
	if !is || fixed.Program != "p" || fixed.File != "/etc/x/token" || fixed.Hint() == "" {
		t.Errorf("wanted to be told of a program and its file, found %v", err)
	}
	if left, err := filepath.Glob(filepath.Join(run.Folder(), "programs", "*")); err != nil || len(left) > 0 {
		t.Errorf("wanted nothing left behind, found %q, %v", left, err)
	}
}

func TestRunInAParentThatCannotBe(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := launch.NewRun(t.Context(), filepath.Join(file, "runs")); err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("wanted an error that names %s, found %v", file, err)
	}
}

func TestHomeIsTheUsersCacheOrTemporary(t *testing.T) {
	cache, temporary := t.TempDir(), t.TempDir()
	t.Setenv("XDG_CACHE_HOME", cache)
	t.Setenv("TMPDIR", temporary)
	if home, err := launch.Home(); home != filepath.Join(cache, "tlsconform") || err != nil {
		t.Errorf("wanted a folder in %s, found %s, %v", cache, home, err)
	}
	t.Setenv("XDG_CACHE_HOME", "/dev/null/nowhere")
	home, err := launch.Home()
	if filepath.Dir(home) != temporary || err != nil {
		t.Fatalf("wanted a folder in %s, found %s, %v", temporary, home, err)
	}
	if err := os.RemoveAll(home); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(cache, home); err != nil {
		t.Fatal(err)
	}
	if _, err := launch.Home(); err == nil || !strings.Contains(err.Error(), home) {
		t.Errorf("wanted somebody else's link refused, found %v", err)
	}
}

func TestPlaceTakesPorts(t *testing.T) {
	run := launchtest.NewRun(t)
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	number := busy.Addr().(*net.TCPAddr).Port
	run.Ports = launch.Ports{Folder: t.TempDir(), First: number, Last: number}
	_, err = run.Place(t.Context(), launch.Program{Name: "p", Ports: []string{"main"}})
	var none *launch.NoPortError
	if !errors.As(err, &none) || none.First != number || none.Hint() == "" {
		t.Fatalf("wanted no port with a hint, found %v", err)
	}
	if left, _ := filepath.Glob(filepath.Join(run.Folder(), "programs", "*")); len(left) > 0 {
		t.Errorf("wanted nothing left of what could not be placed, found %q", left)
	}
	busy.Close()
	at, err := run.Place(t.Context(), launch.Program{Name: "p", Ports: []string{"main"}})
	if err != nil {
		t.Fatal(err)
	}
	if at.Port("main") != number || at.Address("main") != "127.0.0.1:"+strconv.Itoa(number) || at.Port("other") != 0 {
		t.Errorf("wanted port %d, found %d, %s and %d", number, at.Port("main"), at.Address("main"), at.Port("other"))
	}
	if _, err := run.Ports.Take(t.Context()); !errors.As(err, &none) {
		t.Errorf("wanted the port held, found %v", err)
	}
	if err := at.Remove(); err != nil {
		t.Fatal(err)
	}
	port, err := run.Ports.Take(t.Context())
	if err != nil {
		t.Fatalf("wanted the port given back, found %v", err)
	}
	if err := port.Release(); err != nil {
		t.Error(err)
	}
}
