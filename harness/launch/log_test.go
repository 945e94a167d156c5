package launch_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/calico-tls/conformance/harness/launch"
)

const deadline = 30 * time.Second

func TestLogCutsOutputIntoLines(t *testing.T) {
	long := strings.Repeat("x", 256<<10)
	for name, each := range map[string]struct{ writes, want []string }{
		"one a write":          {[]string{"a\n", "b\n"}, []string{"a", "b"}},
		"several a write":      {[]string{"a\nb\n\nc\n"}, []string{"a", "b", "", "c"}},
		"one in several":       {[]string{"a", "b", "c\nd", "e\n"}, []string{"abc", "de"}},
		"newline by itself":    {[]string{"a", "\n", "\n"}, []string{"a", ""}},
		"the last unfinished":  {[]string{"a\nb"}, []string{"a", "b"}},
		"nothing":              {[]string{""}, nil},
		"as long as may be":    {[]string{long + "\nb\n"}, []string{long, "b"}},
		"longer than may be":   {[]string{long + "y\nb\n"}, []string{long, "y", "b"}},
		"longer, piece by one": {[]string{long, "y", "\n"}, []string{long, "y"}},
	} {
		t.Run(name, func(t *testing.T) {
			var log launch.Log
			for _, write := range each.writes {
				if n, err := log.Write([]byte(write)); n != len(write) || err != nil {
					t.Errorf("wanted all written, found %d, %v", n, err)
				}
			}
			log.Close()
			log.Write([]byte("too late\n"))
			log.Close()
			if diff := cmp.Diff(each.want, log.Tail(100)); diff != "" {
				t.Errorf("lines (-want +got):\n%s", diff)
			}
		})
	}
}

func TestLogKeepsTheLastLines(t *testing.T) {
	t.Run("by number", func(t *testing.T) {
		var log launch.Log
		seen := 0
		log.Watch(func(line string) {
			if line != fmt.Sprint("line ", seen) {
				t.Errorf("wanted line %d, found %q", seen, line)
			}
			seen++
		})
		for n := range 50_000 {
			fmt.Fprintf(&log, "line %d\n", n)
		}
		kept := log.Tail(100_000)
		if len(kept) != 4096 || kept[0] != "line 45904" || kept[4095] != "line 49999" || seen != 50_000 {
			t.Errorf("wanted 50000 lines watched and the last 4096 kept, found %d, and %d from %q to %q", seen, len(kept), kept[0], kept[len(kept)-1])
		}
		late := 0
		log.Watch(func(string) { late++ })
		if late != 4096 {
			t.Errorf("wanted who watches late to see what is kept, found %d lines", late)
		}
	})
	t.Run("by size", func(t *testing.T) {
		var log launch.Log
		line := strings.Repeat("x", 100<<10)
		for range 1000 {
			fmt.Fprintln(&log, line)
		}
		if kept := len(log.Tail(1000)); kept != 163 {
			t.Errorf("wanted 16 MiB kept, which are 163 lines, found %d", kept)
		}
	})
}

func TestLogWait(t *testing.T) {
	is := func(wanted string) func(string) bool { return func(line string) bool { return line == wanted } }
	t.Run("there already: the first", func(t *testing.T) {
		var log launch.Log
		fmt.Fprint(&log, "a 1\na 2\n")
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		line, err := log.Wait(ended, func(line string) bool { return strings.HasPrefix(line, "a") })
		if line != "a 1" || err != nil {
			t.Errorf("wanted the first match, found %q, %v", line, err)
		}
	})
	t.Run("still to come, and dropped at once", func(t *testing.T) {
		var log launch.Log
		ctx, cancel := context.WithTimeout(t.Context(), deadline)
		defer cancel()
		fmt.Fprintln(&log, "before")
		var waiting, all sync.WaitGroup
		for range 3 {
			waiting.Add(1)
			all.Go(func() {
				there := sync.OnceFunc(waiting.Done)
				line, err := log.Wait(ctx, func(line string) bool {
					there()
					return line == "wanted"
				})
				if line != "wanted" || err != nil {
					t.Errorf("wanted the line, found %q, %v", line, err)
				}
			})
		}
		waiting.Wait()
		fmt.Fprint(&log, strings.Repeat("wanted\n", 10)+strings.Repeat("after\n", 10_000))
		all.Wait()
	})
	t.Run("never", func(t *testing.T) {
		for name, each := range map[string]struct {
			end  func(log *launch.Log, cancel context.CancelCauseFunc)
			want error
		}{
			"the log ends":     {func(log *launch.Log, _ context.CancelCauseFunc) { log.Close() }, launch.ErrLogEnded},
			"the context ends": {func(_ *launch.Log, cancel context.CancelCauseFunc) { cancel(errEnough) }, errEnough},
		} {
			var log launch.Log
			fmt.Fprintln(&log, "other")
			ctx, cancel := context.WithCancelCause(t.Context())
			defer cancel(nil)
			go each.end(&log, cancel)
			if line, err := log.Wait(ctx, is("wanted")); line != "" || !errors.Is(err, each.want) {
				t.Errorf("%s: wanted %v, found %q, %v", name, each.want, line, err)
			}
		}
	})
	t.Run("the unfinished last line", func(t *testing.T) {
		var log launch.Log
		go func() {
			fmt.Fprint(&log, "wanted")
			log.Close()
		}()
		if line, err := log.Wait(t.Context(), is("wanted")); line != "wanted" || err != nil {
			t.Errorf("wanted the line, found %q, %v", line, err)
		}
	})
	t.Run("one waits no longer than for one line", func(t *testing.T) {
		var log launch.Log
		fmt.Fprint(&log, "x\n")
		asked := 0
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, _ = log.Wait(ctx, func(string) bool { asked++; return false })
		fmt.Fprint(&log, "y\nz\n")
		if asked != 1 {
			t.Errorf("wanted nothing asked of one that has given up, found %d", asked-1)
		}
	})
}

var errEnough = errors.New("enough")

func TestBrief(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("ä", 300)
	for line, want := range map[string]string{
		"":                       "",
		"short":                  "short",
		strings.Repeat("x", 400): strings.Repeat("x", 400),
		strings.Repeat("x", 401): strings.Repeat("x", 400) + "… (401 octets)",
		"x" + long:               "x" + strings.Repeat("ä", 199) + "… (601 octets)",
	} {
		if got := launch.Brief(line); got != want {
			t.Errorf("wanted %q, found %q", want, got)
		}
	}
}

// TestErrorsAreBrief: an error that shows a log shows little of a line that is long.
func TestErrorsAreBrief(t *testing.T) {
	t.Parallel()
	tail := slices.Repeat([]string{strings.Repeat("x", 1<<20)}, 20)
	for _, err := range []error{&launch.ExitError{Program: "p", Tail: tail}, &launch.NotReadyError{Program: "p", Tail: tail}} {
		if text := err.Error(); len(text) > 10_000 || !strings.Contains(text, "(1048576 octets)") {
			t.Errorf("wanted few words, found %d octets", len(text))
		}
	}
}
