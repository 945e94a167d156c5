package build

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"time"
)

// Cause is why a program could not be had.
type Cause string

// The causes.
const (
	NoGo         Cause = "no go command was found"
	OldGo        Cause = "the go command is too old"
	DiskFull     Cause = "there is too little free space"
	Network      Cause = "a download failed"
	Checksum     Cause = "what was downloaded does not have the committed checksum"
	NoSumDB      Cause = "the Go that it is built with cannot be verified"
	OutOfMemory  Cause = "the machine ran out of memory"
	CompileError Cause = "the go command failed"
	Unexpected   Cause = "something else was built than was asked for"
	Unusable     Cause = "the cache cannot be used"
	Interrupted  Cause = "it was interrupted"
	TimedOut     Cause = "it took too long"
)

var hints = map[Cause]string{
	NoGo:         "install Go 1.21 or later and put it in PATH; or name another way to obtain the component in the target file, such as binary or image",
	OldGo:        "install Go 1.21 or later: from then on the go command fetches the Go that a program is built with",
	DiskFull:     "free some space, or move the caches to another disk with " + CacheVariable + ", GOCACHE and GOMODCACHE; what has been downloaded and compiled is kept",
	Network:      "check the way to the module proxy (GOPROXY, HTTPS_PROXY, a firewall); what has been downloaded is kept, so run it again",
	Checksum:     "do not use what was downloaded: find out who changed it (the module proxy, or the module cache, which `go clean -modcache` empties), then run it again",
	NoSumDB:      "GOSUMDB must name a checksum database that can be reached, as the go command accepts a downloaded Go only with it",
	OutOfMemory:  "give the machine more memory, or less to do (GOMAXPROCS=1 compiles one package at a time); what has been compiled is kept",
	CompileError: "the sources are pinned, so a damaged cache is likely: try again after `go clean -cache`",
	Unexpected:   "unset what changes the go command's output, and check which one is first in PATH",
	Unusable:     "set " + CacheVariable + " to a folder that can be written to",
	Interrupted:  "run it again: what has been downloaded and compiled is kept",
	TimedOut:     "run it again: what has been downloaded and compiled is kept",
}

// signs are what the go command's messages tell causes by; the first that matches counts.
var signs = []struct {
	cause Cause
	texts []string
}{
	{DiskFull, []string{"no space left on device", "disk quota exceeded", "not enough space on the disk"}},
	{NoSumDB, []string{"checksum database disabled", "GOSUMDB=off"}},
	{Checksum, []string{"checksum mismatch", "SECURITY ERROR", "missing go.sum entry"}},
	{OutOfMemory, []string{"signal: killed", "cannot allocate memory", "out of memory"}},
	{Network, []string{
		"dial tcp", "no such host", "i/o timeout", "connection refused", "connection reset", "network is unreachable", "server misbehaving",
		"proxyconnect", "TLS handshake timeout", "x509: ", "400 Bad Request", "401 Unauthorized", "403 Forbidden", "404 Not Found", "407 Proxy", "410 Gone", "429 Too Many",
		"500 Internal", "502 Bad Gateway", "503 Service", "504 Gateway", "disabled by GOPROXY=off", "toolchain not available", "unexpected EOF", "stream error",
	}},
}

// Error says why a program could not be had.
type Error struct {
	// Program is the program's ID; empty where it is no matter of one.
	Program string
	// Doing says what was being done.
	Doing string
	// Cause is why it failed.
	Cause Cause
	// Detail holds the last lines that the go command wrote.
	Detail []string
	// Err is the error beneath.
	Err error
}

func (e *Error) Error() string {
	var s strings.Builder
	if e.Program != "" {
		fmt.Fprintf(&s, "building %s: ", e.Program)
	}
	fmt.Fprintf(&s, "%s: %s: %v", e.Doing, e.Cause, e.Err)
	if len(e.Detail) > 0 {
		fmt.Fprintf(&s, "; its last lines:\n  %s", strings.Join(e.Detail, "\n  "))
	}
	return s.String()
}

// Unwrap returns the error beneath.
func (e *Error) Unwrap() error { return e.Err }

// Hint says what to do.
func (e *Error) Hint() string { return hints[e.Cause] }

type deadlineError struct{ after time.Duration }

func (e *deadlineError) Error() string { return fmt.Sprintf("it was not done after %s", e.after) }
func (e *deadlineError) Unwrap() error { return context.DeadlineExceeded }

// causeOf tells from the go command's last lines why it failed.
func causeOf(lines []string) Cause {
	all := strings.Join(lines, "\n")
	for _, sign := range signs {
		for _, text := range sign.texts {
			if strings.Contains(all, text) {
				return sign.cause
			}
		}
	}
	return CompileError
}

// ended says that the context ended while something was being done.
func (e entry) ended(ctx context.Context, doing string) error {
	err := context.Cause(ctx)
	cause := Interrupted
	if errors.Is(err, context.DeadlineExceeded) {
		cause = TimedOut
	}
	return &Error{Program: e.program().ID(), Doing: doing, Cause: cause, Err: err}
}

func isNoSpace(err error) bool { return errors.Is(err, syscall.ENOSPC) }
