package launch

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
)

// What a Log keeps; the oldest lines go first.
const (
	keptLines   = 4096
	keptBytes   = 16 << 20
	longestLine = 256 << 10
)

// Log is what a program writes, line by line. It may be read while it grows. It keeps the last 4096 lines (and at most
// 16 MiB); whoever watches or waits sees each line, kept or not. A line of more than 256 KiB counts as several. The
// zero Log is ready to use.
type Log struct {
	mu      sync.Mutex
	lines   []string
	size    int
	partial []byte
	closed  bool
	watch   []func(line string)
	waiters []*waiter
}

type waiter struct {
	match func(line string) bool
	// found receives the line, or is closed when the log ends.
	found chan string
}

// Write appends output; a line counts once its newline has come. It never fails. What comes after Close is dropped.
func (l *Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return len(p), nil
	}
	for rest := p; len(rest) > 0; {
		line, after, ended := bytes.Cut(rest, []byte{'\n'})
		if room := longestLine - len(l.partial); len(line) > room {
			line, after, ended = rest[:room], rest[room:], true
		}
		l.partial = append(l.partial, line...)
		if ended {
			l.add(string(l.partial))
			l.partial = l.partial[:0]
		}
		rest = after
	}
	return len(p), nil
}

// Close says that nothing more will come. An unfinished last line counts as a line.
func (l *Log) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil
	}
	if len(l.partial) > 0 {
		l.add(string(l.partial))
	}
	l.closed, l.partial = true, nil
	for _, w := range l.waiters {
		close(w.found)
	}
	l.waiters = nil
	return nil
}

// Watch calls f for each line that is kept, and then for each further line as it comes, in order. f must not block, nor
// call the Log.
func (l *Log) Watch(f func(line string)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, line := range l.lines {
		f(line)
	}
	l.watch = append(l.watch, f)
}

// Wait returns the first line that matches, be it there already or still to come. It returns "" and the cause when ctx
// ends, or [ErrLogEnded] when the log ends without one. match must not block, nor call the Log.
func (l *Log) Wait(ctx context.Context, match func(line string) bool) (string, error) {
	line, w := l.find(match)
	if w == nil {
		return line, nil
	}
	select {
	case line, ok := <-w.found:
		return found(line, ok)
	case <-ctx.Done():
	}
	l.forget(w)
	select {
	case line, ok := <-w.found:
		return found(line, ok)
	default:
		return "", context.Cause(ctx)
	}
}

// Tail returns the last n of the lines that are kept.
func (l *Log) Tail(n int) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.lines[max(0, len(l.lines)-n):])
}

// find returns a kept line that matches, or a waiter for one.
func (l *Log) find(match func(line string) bool) (string, *waiter) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if i := slices.IndexFunc(l.lines, match); i >= 0 {
		return l.lines[i], nil
	}
	w := &waiter{match: match, found: make(chan string, 1)}
	if l.closed {
		close(w.found)
	} else {
		l.waiters = append(l.waiters, w)
	}
	return "", w
}

func (l *Log) forget(w *waiter) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.waiters = slices.DeleteFunc(l.waiters, func(other *waiter) bool { return other == w })
}

func (l *Log) add(line string) {
	l.lines = append(l.lines, line)
	l.size += len(line)
	for len(l.lines) > keptLines || l.size > keptBytes {
		l.size -= len(l.lines[0])
		l.lines[0] = ""
		l.lines = l.lines[1:]
	}
	for _, f := range l.watch {
		f(line)
	}
	l.waiters = slices.DeleteFunc(l.waiters, func(w *waiter) bool {
		if !w.match(line) {
			return false
		}
		w.found <- line
		return true
	})
}

func found(line string, ok bool) (string, error) {
	if !ok {
		return "", ErrLogEnded
	}
	return line, nil
}

// briefOctets is how much of a line a message shows.
const briefOctets = 400

// Brief returns what a message shows of a log line: all of it, or its beginning and how long it is.
func Brief(line string) string {
	if len(line) <= briefOctets {
		return line
	}
	return fmt.Sprintf("%s… (%d octets)", strings.ToValidUTF8(line[:briefOctets], ""), len(line))
}
