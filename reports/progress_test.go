package reports

import (
	"bytes"
	"fmt"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// watch is a progress with a clock that is set by hand.
func watch(total int, live func(*Progress)) (p *Progress, out *bytes.Buffer, pass func(time.Duration)) {
	out = new(bytes.Buffer)
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	p = NewProgress(out, total)
	p.now = func() time.Time { return at }
	p.start = at
	if live != nil {
		live(p)
	}
	return p, out, func(d time.Duration) { at = at.Add(d) }
}

func TestProgressPlain(t *testing.T) {
	p, out, pass := watch(40, nil)
	p.Note("starting typha\n(cn)")
	for i := range 40 {
		pass(250 * time.Millisecond)
		result := accepted("felix-typha/cn/typha/client=good/server=good/tls1.3")
		switch i {
		case 5:
			result.Outcome = Deviates
		case 17:
			result.Outcome = Broken
		}
		p.Done(result)
	}
	p.Close()
	p.Close()
	p.Done(accepted("felix-typha/cn/typha/client=good/server=good/tls1.3"))
	want := `starting typha (cn)
progress: 4 of 40 cases (10%), 4.0 cases/s, about 9s left, 4 conforms
progress: 8 of 40 cases (20%), 4.0 cases/s, about 8s left, 1 deviates, 7 conforms
progress: 12 of 40 cases (30%), 4.0 cases/s, about 7s left, 1 deviates, 11 conforms
progress: 16 of 40 cases (40%), 4.0 cases/s, about 6s left, 1 deviates, 15 conforms
progress: 20 of 40 cases (50%), 4.0 cases/s, about 5s left, 1 deviates, 1 broken, 18 conforms
progress: 24 of 40 cases (60%), 4.0 cases/s, about 4s left, 1 deviates, 1 broken, 22 conforms
progress: 28 of 40 cases (70%), 4.0 cases/s, about 3s left, 1 deviates, 1 broken, 26 conforms
progress: 32 of 40 cases (80%), 4.0 cases/s, about 2s left, 1 deviates, 1 broken, 30 conforms
progress: 36 of 40 cases (90%), 4.0 cases/s, about 1s left, 1 deviates, 1 broken, 34 conforms
progress: 40 of 40 cases (100%), 4.0 cases/s, 1 deviates, 1 broken, 38 conforms
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("the lines differ (-want +got):\n%s", diff)
	}
}

func TestProgressWritesFewLines(t *testing.T) {
	for _, c := range []struct{ total, done, lines int }{
		{0, 0, 0}, {0, 3, 0}, {1, 1, 1}, {3, 3, 3}, {10, 10, 10}, {462, 462, 10}, {20000, 20000, 10}, {462, 100, 3}, {462, 0, 1}, {10, 12, 12},
	} {
		p, out, _ := watch(c.total, nil)
		for range c.done {
			p.Done(Result{Outcome: Conforms})
		}
		p.Close()
		if found := strings.Count(out.String(), "\n"); found > c.lines || c.lines > 0 && found == 0 {
			t.Errorf("%d of %d cases: found %d lines, wanted at most %d:\n%s", c.done, c.total, found, c.lines, out)
		}
	}
}

func TestProgressTellsOfAnEarlyEnd(t *testing.T) {
	p, out, _ := watch(462, nil)
	p.Done(Result{Outcome: Conforms})
	p.Close()
	if want := "progress: ended after 1 of 462 cases: 1 conforms\n"; out.String() != want {
		t.Errorf("found %q, wanted %q", out, want)
	}
}

// screen plays what was written to a terminal, as far as the live line uses one, and returns its lines.
func screen(t *testing.T, written string) []string {
	t.Helper()
	t.Helper()
	lines := []string{""}
	column := 0
	for i := 0; i < len(written); {
		last := &lines[len(lines)-1]
		rest := written[i:]
		switch {
		case strings.HasPrefix(rest, "\x1b[2K"):
			*last, i = "", i+4
		case strings.HasPrefix(rest, "\x1b[0K"):
			*last, i = string([]rune(*last)[:min(column, len([]rune(*last)))]), i+4
		case rest[0] == '\r':
			column, i = 0, i+1
		case rest[0] == '\n':
			lines, column, i = append(lines, ""), 0, i+1
		case rest[0] == '\x1b':
			t.Fatalf("found the escape sequence %.6q, wanted none but those that erase", rest)
		default:
			r, size := utf8.DecodeRuneInString(rest)
			runes := []rune(*last)
			for len(runes) <= column {
				runes = append(runes, ' ')
			}
			runes[column] = r
			*last, column, i = string(runes), column+1, i+size
		}
	}
	return lines
}

func TestProgressLive(t *testing.T) {
	p, out, pass := watch(40, (*Progress).goLive)
	p.Note("starting typha (cn)")
	for range 20 {
		pass(250 * time.Millisecond)
		p.Done(Result{Outcome: Conforms})
	}
	p.Note("starting typha (uri-san)")
	pass(time.Second)
	p.Done(Result{Outcome: Deviates})
	lines := screen(t, out.String())
	want := []string{
		"starting typha (cn)", "starting typha (uri-san)",
		"  52% |██████████          | (21/40) 3.5 cases/s, about 5s left, 1 deviates, 20 conforms",
	}
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Errorf("the screen differs (-want +got):\n%s", diff)
	}
	p.Close()
	want = []string{"starting typha (cn)", "starting typha (uri-san)", "progress: ended after 21 of 40 cases: 1 deviates, 20 conforms", ""}
	if diff := cmp.Diff(want, screen(t, out.String())); diff != "" {
		t.Errorf("the screen at the end differs (-want +got):\n%s", diff)
	}
}

func TestProgressLiveIsGoneAtTheEnd(t *testing.T) {
	p, out, pass := watch(30, (*Progress).goLive)
	for range 30 {
		pass(time.Millisecond)
		p.Done(Result{Outcome: Conforms})
	}
	p.Note("stopping")
	p.Close()
	p.Note("after")
	if diff := cmp.Diff([]string{"stopping", "after", ""}, screen(t, out.String())); diff != "" {
		t.Errorf("the screen at the end differs (-want +got):\n%s", diff)
	}
	if drawn := strings.Count(out.String(), "|"); drawn > 20 {
		t.Errorf("found the line drawn %d times in 30 ms, wanted it drawn seldom", drawn/2)
	}
}

func TestProgressLiveFitsTheTerminal(t *testing.T) {
	for _, columns := range []int{20, 40, 60, 80, 200} {
		p, _, pass := watch(12345, (*Progress).goLive)
		p.width = func() int { return columns }
		pass(time.Second)
		p.Done(Result{Outcome: Broken})
		// The bar shrinks on a real terminal, down to nothing; the rest must fit.
		line := strings.TrimSpace(regexp.MustCompile(`\|.*\|`).ReplaceAllString(p.bar.String(), "||"))
		if found := len([]rune(strings.TrimSuffix(line, "\x1b[0K"))); found > max(columns, 22) {
			t.Errorf("%d columns: found a line of %d: %q", columns, found, line)
		}
	}
}

func TestProgressIsSafeForConcurrentUse(t *testing.T) {
	for name, live := range map[string]func(*Progress){"plain": nil, "live": (*Progress).goLive} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			p := NewProgress(&out, 800)
			if live != nil {
				live(p)
			}
			var wait sync.WaitGroup
			for worker := range 8 {
				wait.Go(func() {
					for i := range 100 {
						p.Done(Result{Outcome: Conforms})
						if i%50 == 0 {
							p.Note(fmt.Sprintf("worker %d", worker))
						}
					}
				})
			}
			wait.Wait()
			p.Close()
			if p.counts.Conforms != 800 {
				t.Errorf("found %d counted, wanted 800", p.counts.Conforms)
			}
			if found := strings.Count(out.String(), "worker"); found != 16 {
				t.Errorf("found %d notes, wanted 16", found)
			}
		})
	}
}

func TestProgressSurvivesAWriterThatFails(t *testing.T) {
	p := NewProgress(fullDisk{}, 3)
	p.goLive()
	p.Note("starting")
	p.Done(Result{Outcome: Conforms})
	p.Close()
	if p.done != 1 {
		t.Errorf("found %d done, wanted 1", p.done)
	}
}

func TestProgressIsPlainWhereThereIsNoTerminal(t *testing.T) {
	file, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = file.Close() })
	if p := NewProgress(file, 3); p.bar != nil {
		t.Error("found a live line in a file, wanted plain lines")
	}
}

func TestProgressIsLiveOnATerminal(t *testing.T) {
	terminal := openTerminal(t)
	t.Setenv("TERM", "xterm")
	if p := NewProgress(terminal, 3); p.bar == nil {
		t.Error("found plain lines on a terminal, wanted a live line")
	}
	t.Setenv("TERM", "dumb")
	if p := NewProgress(terminal, 3); p.bar != nil {
		t.Error("found a live line on a dumb terminal, wanted plain lines")
	}
}

func TestRate(t *testing.T) {
	for perSecond, want := range map[float64]string{
		31.4: "31 cases/s", 10: "10 cases/s", 3.14: "3.1 cases/s", 0.5: "30.0 cases/min", 0.01: "0.6 cases/min",
	} {
		if found := rate(perSecond); found != want {
			t.Errorf("%v: found %q, wanted %q", perSecond, found, want)
		}
	}
}
