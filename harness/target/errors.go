package target

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
)

// Error says why a target could not be read. What is wrong inside a target file is a [*fixtures.FormatError].
type Error struct {
	// Source is the name or path that was asked for.
	Source string
	// Err is what was found.
	Err error
	// Advice says what to do.
	Advice string
}

func (e *Error) Error() string { return fmt.Sprintf("reading target %q: %v", e.Source, e.Err) }

// Unwrap returns what was found.
func (e *Error) Unwrap() error { return e.Err }

// Hint says what to do.
func (e *Error) Hint() string { return e.Advice }

// UnobtainableError says that none of a component's ways works.
type UnobtainableError struct {
	// Target is the target's name.
	Target string
	Role   Role
	// Attempts has each way with its error, in the order in which they were tried.
	Attempts []Attempt
}

// Attempt is a way that did not work.
type Attempt struct {
	Source Source
	Err    error
}

func (e *UnobtainableError) Error() string {
	var s strings.Builder
	fmt.Fprintf(&s, "obtaining %s of target %s: no way works", e.Role, e.Target)
	for _, a := range e.Attempts {
		fmt.Fprintf(&s, "\n  %s: %s", a.Source, strings.ReplaceAll(a.Err.Error(), "\n", "\n  "))
	}
	return s.String()
}

// Unwrap returns the errors of all ways.
func (e *UnobtainableError) Unwrap() []error {
	var all []error
	for _, a := range e.Attempts {
		all = append(all, a.Err)
	}
	return all
}

// Hint says what to do, for each way for which something can be done.
func (e *UnobtainableError) Hint() string {
	var hints []string
	for _, a := range e.Attempts {
		if hint := adviceOf(a.Err); hint != "" {
			hints = append(hints, fmt.Sprintf("%s: %s", a.Source.Way, hint))
		}
	}
	return strings.Join(hints, "; or ")
}

// advice is an error with a hint.
type advice struct {
	problem, hint string
}

func (a *advice) Error() string { return a.problem }

// Hint says what to do.
func (a *advice) Hint() string { return a.hint }

func advised(hint, format string, args ...any) error {
	return &advice{problem: fmt.Sprintf(format, args...), hint: hint}
}

// adviceOf returns an error's hint.
func adviceOf(err error) string {
	var hinted interface{ Hint() string }
	if errors.As(err, &hinted) {
		return hinted.Hint()
	}
	return ""
}

// beneath returns an error without the operation and the path, which our own messages name.
func beneath(err error) error {
	if where, ok := errors.AsType[*fs.PathError](err); ok {
		return where.Err
	}
	return err
}

func kindOf(mode fs.FileMode) string {
	switch {
	case mode.IsDir():
		return "folder"
	case mode&fs.ModeSymlink != 0:
		return "link"
	case mode&(fs.ModeNamedPipe|fs.ModeSocket) != 0:
		return "pipe or socket"
	case mode&fs.ModeDevice != 0:
		return "device"
	default:
		return "file"
	}
}
