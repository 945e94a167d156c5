package reports

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// redraw is the shortest time between two drawings of the live line.
const redraw = 100 * time.Millisecond

// Progress tells how a run is getting on: on a terminal a line that is drawn again and again, elsewhere a line for each
// tenth of the cases. It uses no colour. It may be called from several goroutines. What it can't write is lost: a run
// doesn't fail for want of somebody watching.
type Progress struct {
	mu    sync.Mutex
	out   io.Writer
	bar   *progressbar.ProgressBar // nil where plain lines are written
	now   func() time.Time
	width func() int

	start, drawn time.Time
	total, done  int
	tenth        int
	counts       Summary
	closed       bool
}

// NewProgress begins to tell on w how a run of total cases is getting on. Its clock starts here.
func NewProgress(w io.Writer, total int) *Progress {
	p := &Progress{out: w, total: total, now: time.Now, width: func() int { return 80 }}
	if isTerminal(w) && total > 0 {
		p.goLive()
		if file, ok := w.(*os.File); ok {
			p.width = func() int {
				if columns, _, err := term.GetSize(int(file.Fd())); err == nil && columns > 0 {
					return columns
				}
				return 80
			}
		}
	}
	p.start = p.now()
	p.draw()
	return p
}

func (p *Progress) goLive() {
	p.bar = progressbar.NewOptions(p.total,
		progressbar.OptionSetWriter(p.out),
		progressbar.OptionSetWidth(20),
		progressbar.OptionShowCount(),
		progressbar.OptionShowDescriptionAtLineEnd(),
		progressbar.OptionSetElapsedTime(false),
		progressbar.OptionSetPredictTime(false), // a rate over the last seconds misleads where starts take long
		progressbar.OptionUseANSICodes(true),
		progressbar.OptionClearOnFinish(),
	)
}

// Done counts the result of a case that has come to its end.
func (p *Progress) Done(r Result) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return
	}
	p.done++
	p.counts.add(r)
	if p.bar != nil {
		if p.done >= p.total || p.now().Sub(p.drawn) >= redraw {
			p.draw()
		}
		return
	}
	if p.total <= 0 {
		return
	}
	if tenth := p.done * 10 / p.total; tenth > p.tenth {
		p.tenth = tenth
		p.say(fmt.Sprintf("progress: %d of %s (%d%%), %s", p.done, count(p.total, "case"), 100*p.done/p.total, p.words()))
	}
}

// Note writes a line of its own, as in "starting typha (cn)", above the live line.
func (p *Progress) Note(line string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.say(oneLine(line))
}

// Close ends the telling: it removes the live line, and says how far a run came that didn't come to its end. What is
// done afterwards isn't counted.
func (p *Progress) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return
	}
	if p.done < p.total {
		p.say(fmt.Sprintf("progress: ended after %d of %s: %s", p.done, count(p.total, "case"), tally(p.counts)))
	}
	p.closed = true
	if p.bar != nil {
		_ = p.bar.Clear()
	}
}

func (p *Progress) say(line string) {
	if p.bar != nil {
		_ = p.bar.Clear()
	}
	_, _ = io.WriteString(p.out, line+"\n")
	p.draw()
}

func (p *Progress) draw() {
	if p.bar == nil || p.closed {
		return
	}
	p.drawn = p.now()
	words := []rune(p.words())
	room := p.width() - len(" 100% || (/)  ") - 2*len(strconv.Itoa(p.total))
	if len(words) > room {
		words = words[:max(room, 0)]
	}
	p.bar.Describe(string(words))
	_ = p.bar.Set(min(p.done, p.total))
}

// words tells rate, remaining time and counts.
func (p *Progress) words() string {
	var words []string
	elapsed := p.now().Sub(p.start)
	if p.done > 0 && elapsed > 0 {
		words = append(words, rate(float64(p.done)/elapsed.Seconds()))
		if left := p.total - p.done; left > 0 {
			remaining := time.Duration(float64(elapsed) / float64(p.done) * float64(left)).Round(time.Second)
			words = append(words, "about "+max(remaining, time.Second).String()+" left")
		}
	}
	if told := tally(p.counts); told != "" {
		words = append(words, told)
	}
	return strings.Join(words, ", ")
}

func rate(perSecond float64) string {
	switch {
	case perSecond >= 10:
		return fmt.Sprintf("%.0f cases/s", perSecond)
	case perSecond >= 1:
		return fmt.Sprintf("%.1f cases/s", perSecond)
	}
	return fmt.Sprintf("%.1f cases/min", perSecond*60)
}

// tally tells the counts that aren't zero.
func tally(s Summary) string {
	var words []string
	for _, part := range []struct {
		count int
		name  string
	}{
		{s.Deviates, "deviates"},
		{s.Broken, "broken"},
		{s.Unproven, "unproven"},
		{s.Conforms, "conforms"},
		{s.KnownDeviations, "known"},
		{s.Skipped, "skipped"},
	} {
		if part.count > 0 {
			words = append(words, fmt.Sprintf("%d %s", part.count, part.name))
		}
	}
	return strings.Join(words, ", ")
}
