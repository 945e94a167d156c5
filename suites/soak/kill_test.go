package soak_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/calico-tls/conformance/suites/conformance"
)

// longest is the latest moment at which a run is killed: well within what one takes.
const longest = 4 * time.Second

// kill kills runs of the reference as they go, each at another moment. What each leaves the next one must clear up, and
// judge as if nothing had been.
func (h home) kill(t *testing.T, random *rand.Rand, times int, launch string) *row {
	t.Helper()
	found := &row{what: "reference, killed, " + launch, runs: times}
	run := func(more ...string) *exec.Cmd {
		args := append([]string{"run", "--target", "reference", "--launch", launch, "--out", t.TempDir(), "--quiet"}, more...)
		return exec.CommandContext(t.Context(), h.command, args...)
	}
	for i := range times {
		moment := time.Duration(random.Int64N(int64(longest)))
		doomed := run()
		if err := doomed.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- doomed.Wait() }()
		select {
		case err := <-ended:
			t.Errorf("wanted a run to last %s, found that it ended: %v", moment, err)
		case <-time.After(moment):
			_ = doomed.Process.Kill()
			<-ended
		}
		if out, err := run("--select", "felix-typha/cn/*/client=good/server=good/tls1.{2,3}").CombinedOutput(); err != nil {
			found.differing = append(found.differing, 1)
			t.Errorf("the run after one that was killed after %s: %v\n%s", moment, err, out)
		}
		found.left = append(found.left, h.left(t, launch)...)
		t.Logf("killed run %d of %d after %s", i+1, times, moment)
	}
	return found
}

// left returns what is there of runs that have ended: their folders, their processes, and their containers if some were
// launched.
func (h home) left(t *testing.T, launch string) []string {
	t.Helper()
	runs := filepath.Join(h.folder, "tlsconform", "runs")
	left, err := filepath.Glob(filepath.Join(runs, "run-*"))
	if err != nil {
		t.Fatal(err)
	}
	folders, _ := filepath.Glob("/proc/[0-9]*/cwd")
	for _, link := range folders {
		if at, err := os.Readlink(link); err == nil && strings.HasPrefix(at, h.folder) {
			left = append(left, fmt.Sprintf("process %s in %s", filepath.Base(filepath.Dir(link)), at))
		}
	}
	if launch != conformance.LaunchContainer {
		return left
	}
	parent, err := os.ReadFile(filepath.Join(runs, "runs.id"))
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), "docker", "ps", "--all", "--quiet",
		"--filter", "label=io.github.calico-tls.conformance.parent="+string(bytes.TrimSpace(parent))).Output()
	if err != nil {
		t.Fatalf("listing containers: %v", err)
	}
	for id := range strings.FieldsSeq(string(out)) {
		left = append(left, "container "+id)
	}
	return left
}

// command builds the command, where the caches of others still count.
func command(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "tlsconform")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", path, "github.com/calico-tls/conformance/harness/cmd/tlsconform")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building tlsconform: %v\n%s", err, out)
	}
	return path
}
