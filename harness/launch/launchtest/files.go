package launchtest

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/calico-tls/conformance/harness/launch"
)

func filled(t *testing.T, l *trial) {
	p := Program(l.Binary)
	p.Ports = []string{"main"}
	p.Files = []launch.File{
		{Name: "conf", Data: []byte("not this"), Fill: func(at launch.Placement) []byte {
			return fmt.Appendf(nil, "%s %s %d %s %s", at.Path("deep/key.pem"), at.Folder(), at.Port("main"), at.Host(), at.Reach("127.0.0.1:1"))
		}},
		{Name: "deep/key.pem", Data: []byte("deep")},
	}
	var want string
	p.Configure = func(at launch.Placement) launch.Invocation {
		want = fmt.Sprintf("cat %s %s %d %s %s", at.Path("deep/key.pem"), at.Folder(), at.Port("main"), at.Host(), at.Reach("127.0.0.1:1"))
		return launch.Invocation{Args: []string{"cat=" + at.Path("conf"), "stat=" + at.Path("conf"), "say=" + Ready, "wait"}}
	}
	i := l.start(t, p)
	if diff := cmp.Diff([]string{want, "stat 600 own true", Ready}, i.Log().Tail(20)); diff != "" {
		t.Errorf("the file as the program finds it (-want +got):\n%s", diff)
	}
	if strings.Contains(want, " 0 ") {
		t.Errorf("wanted the port known when files are filled, found %q", want)
	}
	l.stop(t, i)
}

// watcher is a program that looks at a file when it is told to.
type watcher struct {
	launch.Instance
	path string
}

// watch starts a program with a file, and another one.
func (l *trial) watch(t *testing.T) *watcher {
	t.Helper()
	w := &watcher{}
	p := listening(l.Binary)
	p.Files = []launch.File{{Name: "deep/key.pem", Data: []byte("first")}, {Name: "deep/other.pem", Data: []byte("other")}}
	configure := p.Configure
	p.Configure = func(at launch.Placement) launch.Invocation {
		w.path = at.Path("deep/key.pem")
		return configure(at)
	}
	w.Instance = l.start(t, p)
	return w
}

// sees has the program look at a file.
func (w *watcher) sees(t *testing.T, path string, want ...string) {
	t.Helper()
	before := len(w.Log().Tail(1 << 10))
	conn, _ := Say(t, w.Address("main"), "look "+path)
	defer conn.Close()
	var got []string
	seen := 0
	if _, err := w.Log().Wait(t.Context(), func(line string) bool {
		if seen++; seen <= before {
			return false
		}
		if strings.HasPrefix(line, "cat ") || strings.HasPrefix(line, "stat ") || strings.HasPrefix(line, "failed: ") {
			got = append(got, line)
		}
		return line == "looked"
	}); err != nil {
		t.Fatal(err)
	}
	if len(want) == 1 && len(got) == 1 && strings.Contains(got[0], want[0]) {
		return
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("what the program finds at %s (-want +got):\n%s", path, diff)
	}
}

// replace replaces the file of the program.
func (w *watcher) replace(t *testing.T, data []byte) {
	t.Helper()
	if err := w.Replace(t.Context(), "deep/key.pem", data); err != nil {
		t.Fatalf("replacing a file: %v", err)
	}
}

func replaced(t *testing.T, l *trial) {
	w := l.watch(t)
	w.sees(t, w.path, "cat first", "stat 600 own true")
	for _, data := range []string{"second", "a third that is longer", ""} {
		w.replace(t, []byte(data))
		w.sees(t, w.path, "cat "+data, "stat 600 own true")
	}
	w.sees(t, strings.Replace(w.path, "key", "other", 1), "cat other", "stat 600 own true")
	l.stop(t, w)
}

// replacedAtOnce gets ready to replace a file, and does so later.
func replacedAtOnce(t *testing.T, l *trial) {
	w := l.watch(t)
	for _, data := range [][]byte{[]byte("second"), {}, []byte("third")} {
		put, err := w.Replacing(t.Context(), "deep/key.pem", data)
		if err != nil {
			t.Fatalf("getting ready to replace a file: %v", err)
		}
		if err := put(); err != nil {
			t.Fatalf("replacing a file: %v", err)
		}
		w.sees(t, w.path, "cat "+string(data), "stat 600 own true")
	}
	ctx, cancel := context.WithCancel(t.Context())
	if _, err := w.Replacing(ctx, "deep/key.pem", []byte("never")); err != nil {
		t.Fatalf("getting ready to replace a file: %v", err)
	}
	cancel()
	w.sees(t, w.path, "cat third", "stat 600 own true")
	l.stop(t, w)
}

func takenAway(t *testing.T, l *trial) {
	w := l.watch(t)
	for range 2 {
		w.replace(t, nil)
		w.sees(t, w.path, "no such file or directory")
		w.replace(t, []byte("back"))
		w.sees(t, w.path, "cat back", "stat 600 own true")
	}
	w.replace(t, nil)
	w.sees(t, strings.Replace(w.path, "key", "other", 1), "cat other", "stat 600 own true")
	l.stop(t, w)
}
