package reports

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTextTellsEachUnexpectedResultInSixLines(t *testing.T) {
	r := sample()
	hostile := "one\ntwo\r\nthree\x1b[2Jfour\u202e\x00"
	for i := range r.Results {
		x := &r.Results[i]
		x.Why, x.Observed.Identity, x.Server.Error = hostile, hostile, hostile
	}
	text := string(rendered(t, "text", r, Options{Rule: func(string, Level) string { return hostile }, Target: hostile}))
	if strings.ContainsAny(text, "\x1b\r\x00\u202e") {
		t.Errorf("what a component said steers the terminal: %q", text)
	}
	var told int
	for block := range strings.SplitSeq(text, "\n\n") {
		if !strings.Contains(block, "\n  repeat  ") {
			continue
		}
		told++
		if lines := strings.Split(block, "\n"); len(lines) != 6 {
			t.Errorf("found %d lines, wanted 6:\n%s", len(lines), block)
		}
	}
	if told != 8 {
		t.Errorf("found %d results told of, wanted the 8 unexpected ones", told)
	}
}

func TestTextShowsNoMoreThanTheLimit(t *testing.T) {
	for _, c := range []struct{ results, limit, shown int }{{400, 0, 20}, {21, 0, 20}, {20, 0, 20}, {5, 2, 2}, {5, 7, 5}} {
		text := string(rendered(t, "text", crowd(c.results), Options{Limit: c.limit}))
		if found := strings.Count(text, "\n  repeat  "); found != c.shown {
			t.Errorf("%d results, limit %d: found %d, wanted %d", c.results, c.limit, found, c.shown)
		}
		if found, wanted := strings.Contains(text, "more: see the report"), c.shown < c.results; found != wanted {
			t.Errorf("%d results, limit %d: found told that there are more %t, wanted %t", c.results, c.limit, found, wanted)
		}
	}
}

func TestTextPutsTheGravestFirst(t *testing.T) {
	r, _ := made("obs", "may", "should", "broken", "unproven", "known-must", "skipped", "conforms", "must")
	var found []string
	for _, result := range unexpected(r, Options{}) {
		found = append(found, string(result.Outcome)+" "+string(result.Level))
	}
	want := []string{"deviates MUST", "broken MUST", "unproven MUST", "deviates SHOULD", "deviates OBS", "deviates MAY"}
	if diff := cmp.Diff(want, found); diff != "" {
		t.Errorf("the order differs (-want +got):\n%s", diff)
	}
}

// The command must survive a shell word by word.
func TestCommandIsQuotedForTheShell(t *testing.T) {
	for _, target := range []string{"calico-v3.31.0", "./my target.yaml", "it's.yaml", "$(id)", "a;b", "`x`", "*", "ä.yaml"} {
		r := deviating("felix-typha/cn/typha/client=expired/server=good/tls1.3/setting=unset-CAFile+ClientCN")
		of := &Report{Profile: "core", Target: Target{Name: "other", Launch: "in-process"}}
		command := of.command(r.ID, Options{Target: target})
		out, err := exec.CommandContext(t.Context(), "sh", "-c", strings.Replace(command, "tlsconform", `printf '%s\n'`, 1)).Output()
		if err != nil {
			t.Fatal(err)
		}
		want := strings.Join([]string{"run", "--target", target, "--launch", "in-process", "--select", r.ID}, "\n") + "\n"
		if diff := cmp.Diff(want, string(out)); diff != "" {
			t.Errorf("%s: the shell's words differ (-want +got):\n%s", command, diff)
		}
	}
}

func TestColours(t *testing.T) {
	file, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = file.Close() })
	terminal := openTerminal(t)
	for _, c := range []struct {
		name          string
		w             io.Writer
		noColor, term string
		want          bool
	}{
		{"terminal", terminal, "", "xterm", true},
		{"NO_COLOR", terminal, "1", "xterm", false},
		{"dumb terminal", terminal, "", "dumb", false},
		{"file", file, "", "xterm", false},
		{"buffer", new(bytes.Buffer), "", "xterm", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv("NO_COLOR", c.noColor)
			t.Setenv("TERM", c.term)
			if found := Colours(c.w); found != c.want {
				t.Errorf("found %t, wanted %t", found, c.want)
			}
		})
	}
	if text := string(rendered(t, "text", sample(), Options{})); strings.Contains(text, "\x1b") {
		t.Error("found an escape sequence in a summary without colours")
	}
}

// openTerminal returns a terminal of the test's own.
func openTerminal(t *testing.T) *os.File {
	t.Helper()
	terminal, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skipf("no terminal can be had: %v", err)
	}
	t.Cleanup(func() { _ = terminal.Close() })
	return terminal
}
