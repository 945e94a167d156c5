package launch

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// ErrLogEnded says that a program's log ended before the line that was waited for.
var ErrLogEnded = errors.New("the program's log ended")

// ErrRunClosed says that a run was closed before a program could be started in it.
var ErrRunClosed = errors.New("the run is closed")

// ExitError says that a program ended before it was ready.
type ExitError struct {
	Program string
	// Code is its exit code; -1 if a signal ended it.
	Code int
	// Cause is what Ready had found out by then; nil if it was still waiting.
	Cause error
	// Tail holds its last log lines.
	Tail []string
}

func (e *ExitError) Error() string {
	how := fmt.Sprintf("ended with exit code %d", e.Code)
	if e.Code < 0 {
		how = "was ended by a signal"
	}
	if e.Cause != nil {
		how += fmt.Sprintf(" (%v)", e.Cause)
	}
	return fmt.Sprintf("%s %s before it was ready; its last log lines:%s", e.Program, how, indent(e.Tail))
}

// Unwrap returns the cause.
func (e *ExitError) Unwrap() error { return e.Cause }

// NotReadyError says that a program did not get ready in time.
type NotReadyError struct {
	Program string
	After   time.Duration
	// Cause is what Ready was waiting for.
	Cause error
	// Tail holds its last log lines.
	Tail []string
}

func (e *NotReadyError) Error() string {
	return fmt.Sprintf("%s was not ready after %s (%v); its last log lines:%s", e.Program, e.After.Round(time.Millisecond), e.Cause, indent(e.Tail))
}

// Unwrap returns the cause.
func (e *NotReadyError) Unwrap() error { return e.Cause }

// UnfitError says that a launcher has no way to run a program.
type UnfitError struct {
	// Program and Launcher are the names of both.
	Program, Launcher string
	// Wanted is what the launcher needs of the program, and Found what there is.
	Wanted, Found string
	// Advice is what to do.
	Advice string
}

func (e *UnfitError) Error() string {
	return fmt.Sprintf("starting %s by launcher %q: wanted %s, found %s", e.Program, e.Launcher, e.Wanted, e.Found)
}

// Hint returns what to do.
func (e *UnfitError) Hint() string { return e.Advice }

// FixedFileError says that a program looks for a file where only a container can have it.
type FixedFileError struct {
	// Program is the program's name, File the file's.
	Program, File string
}

func (e *FixedFileError) Error() string {
	return fmt.Sprintf("%s looks for %s, and only a container can have a file of its own there", e.Program, e.File)
}

// Hint returns what to do.
func (*FixedFileError) Hint() string { return "use LAUNCH=container" }

// BinaryError says that a program's binary is not there or can't be executed.
type BinaryError struct {
	Path string
	// Cause is what was found.
	Cause error
}

func (e *BinaryError) Error() string {
	return fmt.Sprintf("looking for the binary: wanted an executable file, found %s: %v", e.Path, e.Cause)
}

// Unwrap returns the cause.
func (e *BinaryError) Unwrap() error { return e.Cause }

// Hint returns what to do.
func (e *BinaryError) Hint() string {
	return "check the path in the target, and that the file is executable"
}

func indent(lines []string) string {
	if len(lines) == 0 {
		return " (none)"
	}
	var b strings.Builder
	for _, line := range lines {
		b.WriteString("\n  ")
		b.WriteString(Brief(line))
	}
	return b.String()
}
