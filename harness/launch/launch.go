// Package launch starts programs and watches them. A [Program] is described once; a [Launcher] starts it in this
// process, as a process of its own or in a container, and hands back an [Instance].
//
// The package knows nothing of TLS or of Calico. The launchers are packages below this one.
//
// # Runs
//
// Whatever is started belongs to a [Run], which has a locked folder: programs and their files live in it, processes and
// containers bear its identity. [Run.Close] stops and removes all of it. What a run that was killed left behind is
// known by a folder that nobody locks; [Sweep] removes it, and nothing of a run that still lives.
package launch

import (
	"context"
	"io"
	"path/filepath"
	"slices"
	"time"
)

// Program is a program to start. What it takes depends on where it runs, so Configure is asked once that is known.
type Program struct {
	// Name says what the program is, as in "typha"; it is part of container names, labels and messages.
	Name string
	// Main runs the program in this process until ctx ends, and returns its exit code; nil if it can't run so.
	Main func(ctx context.Context, in Invocation, log io.Writer) int
	// Binary is the path of a static executable, for processes and for images made around it; "" if there is none.
	Binary string
	// Image is the reference of an image to run; "" to make one around Binary.
	Image string
	// Command replaces the image's entry point, or the binary's path; empty keeps it. Its first word may be the binary's
	// name, which stands for the binary wherever that is.
	Command []string
	// Files are put where Placement.Path says, owned by and readable for the program only.
	Files []File
	// Ports names the TCP ports on which the program listens.
	Ports []string
	// Configure says with which arguments and environment the program is started.
	Configure func(p Placement) Invocation
	// Ready waits until the program is ready, within the deadline of ctx; nil if it is ready once started. A launcher
	// ends the wait when the program exits.
	Ready func(ctx context.Context, i Instance) error
	// Deadline is how long Ready may take; 0 takes 30 s.
	Deadline time.Duration
}

// CommandLine returns what is executed, without the arguments, where the binary is found at a path; nothing if the program
// has neither command nor binary.
func (p Program) CommandLine(binary string) []string {
	switch {
	case len(p.Command) == 0 && p.Binary == "":
		return nil
	case len(p.Command) == 0:
		return []string{binary}
	case p.Binary != "" && p.Command[0] == filepath.Base(p.Binary):
		return slices.Concat([]string{binary}, p.Command[1:])
	}
	return p.Command
}

// Image says which image is to be had, and where from.
type Image struct {
	// Reference is the image's; of an archive with one image it may be "".
	Reference string
	// Archive is the path of an archive that has it, as `docker save` writes it; "" for a registry.
	Archive string
	// Pull says when it is pulled from its registry; "" is [PullMissing].
	Pull PullPolicy
	// Platform is that of the image, as in "linux/arm64"; "" for the engine's own.
	Platform string
}

// PullPolicy says when an image is pulled; the policies are a closed set.
type PullPolicy string

// The policies.
const (
	// PullMissing pulls an image that the engine does not have.
	PullMissing PullPolicy = "missing"
	// PullAlways asks the registry each time whether the image has changed.
	PullAlways PullPolicy = "always"
	// PullNever takes what the engine has.
	PullNever PullPolicy = "never"
)

// File is a file of a program.
type File struct {
	// Name is the file's name within the program's own folder, as in "ca.pem". An absolute name is where the program
	// finds the file in a container; elsewhere it is put below the program's own folder as well.
	Name string
	Data []byte
	// Place says whether the program is told where the file is.
	Place Place
	// Fill writes the data where they depend on the placement, such as the paths of other files; nil takes Data.
	Fill func(p Placement) []byte
}

// Place says whether a program is told where one of its files is.
type Place string

// The places.
const (
	// Told: the program is told.
	Told Place = ""
	// Fixed: it looks where the file's name says, which is absolute, and nowhere else.
	Fixed Place = "fixed"
)

// Content returns what the file holds for a program that is placed so.
func (f File) Content(p Placement) []byte {
	if f.Fill != nil {
		return f.Fill(p)
	}
	return f.Data
}

// Invocation is how a program is started.
type Invocation struct {
	Args []string
	// Env is the whole environment: nothing is inherited.
	Env map[string]string
}

// Placement tells a program where it runs.
type Placement interface {
	// Path returns where the program finds a file.
	Path(file string) string
	// Host returns the IP address on which the program must listen: 127.0.0.1, or 0.0.0.0 behind a mapped port.
	Host() string
	// Port returns the number of a port, as the program must listen on it.
	Port(name string) int
	// Reach returns how the program reaches an address of this machine ("IP:port").
	Reach(address string) string
	// Folder returns a folder that the program may write to.
	Folder() string
}

// Instance is a started program.
type Instance interface {
	// Address returns where to dial a port of the program, as "IP:port".
	Address(port string) string
	// Log returns what the program writes to its standard output and error.
	Log() *Log
	// Done is closed once the program has ended.
	Done() <-chan struct{}
	// ExitCode returns the exit code of a program that has ended; -1 if it was ended by a signal or is still running.
	ExitCode() int
	// SeesSource reports whether the program sees the address from which it is dialled; false behind a proxy.
	SeesSource() bool
	// Digest returns "sha256:…" of the binary or the image; "" if there is none.
	Digest() string
	// Replace puts other data into a file of the program while it runs; nil takes the file away.
	Replace(ctx context.Context, file string, data []byte) error
	// Replacing gets ready to put other data into a file: put then does so at once, however long the way to the program
	// is. Until put has returned or ctx ends, nothing else may be asked of the instance but its log and its end.
	Replacing(ctx context.Context, file string, data []byte) (put func() error, err error)
	// Stop ends the program, by force if it does not end within the deadline of ctx, and removes what it left.
	Stop(ctx context.Context) error
}

// Launcher is a way to run programs.
type Launcher interface {
	// Name is the launcher's name in reports and flags: "in-process", "process" or "container".
	Name() string
	// Start starts a program and waits until it is ready. It returns an [*ExitError] if the program ended before,
	// a [*NotReadyError] if it did not get ready in time, an [*UnfitError] if the launcher can't run it. What was
	// started is stopped then, and when ctx ends before the program is ready. Once Start has returned, ctx has no say
	// any more: the program runs until Stop, or until the end of its run.
	Start(ctx context.Context, p Program) (Instance, error)
}
