package launch

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path"
	"regexp"
	"slices"
	"strconv"
)

// loopback is where programs on this machine listen and are dialled.
const loopback = "127.0.0.1"

var programName = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]*$`)

// Check returns what is wrong with a program whatever runs it: a name that can't be part of a file's or a container's,
// a file or a port without a name or with that of another.
func (p Program) Check() error {
	if !programName.MatchString(p.Name) {
		return fmt.Errorf("describing a program: wanted a name of small letters, digits, dots and dashes, found %q", p.Name)
	}
	var files []string
	for _, file := range p.Files {
		files = append(files, path.Clean("/"+file.Name))
	}
	for kind, names := range map[string][]string{"file": files, "port": p.Ports} {
		for i, name := range names {
			if name == "" || name == "/" || slices.Contains(names[:i], name) {
				return fmt.Errorf("describing %s: wanted each %s to have a name of its own, found %q", p.Name, kind, names)
			}
		}
	}
	return nil
}

// Invocation asks Configure; a program without is started without arguments and environment.
func (p Program) Invocation(at Placement) Invocation {
	if p.Configure == nil {
		return Invocation{}
	}
	return p.Configure(at)
}

// Local is the [Placement] of a program that runs on this machine itself, in this process or in one of its own.
type Local struct {
	folder  Folder
	numbers map[string]int
	held    []*Port
}

var _ Placement = (*Local)(nil)

// Place takes the ports of a program and makes a folder for it, with its files, which only this user can read. Whoever
// places a program calls [Local.Remove] in the end.
func (r *Run) Place(ctx context.Context, p Program) (*Local, error) {
	if err := p.Check(); err != nil {
		return nil, err
	}
	number, err := r.Number()
	if err != nil {
		return nil, err
	}
	l := &Local{folder: r.OwnFolder(p, number), numbers: map[string]int{}}
	if err := l.fill(ctx, p, r.Ports); err != nil {
		return nil, errors.Join(fmt.Errorf("placing %s: %w", p.Name, err), l.Remove())
	}
	return l, nil
}

// Path implements [Placement]: an absolute name is below the program's folder as well.
func (l *Local) Path(file string) string { return l.folder.Path(file) }

// Host implements [Placement].
func (l *Local) Host() string { return loopback }

// Port implements [Placement]; it returns 0 for a port that the program does not name.
func (l *Local) Port(name string) int { return l.numbers[name] }

// Reach implements [Placement]: the program is on this machine.
func (l *Local) Reach(address string) string { return address }

// Folder implements [Placement]. It is also the working folder of a process.
func (l *Local) Folder() string { return l.folder.Data() }

// Address returns where to dial a port of the program; see [Instance].
func (l *Local) Address(port string) string {
	return net.JoinHostPort(loopback, strconv.Itoa(l.Port(port)))
}

// Replace puts other data into a file of the program; nil takes the file away. See [Instance].
func (l *Local) Replace(_ context.Context, file string, data []byte) error {
	return l.folder.Replace(file, data)
}

// Replacing gets ready to replace a file, which needs nothing here. See [Instance].
func (l *Local) Replacing(ctx context.Context, file string, data []byte) (put func() error, err error) {
	return func() error { return l.Replace(ctx, file, data) }, nil
}

// Remove gives back the ports and removes the folder with all that is in it.
func (l *Local) Remove() error {
	var errs []error
	for _, port := range l.held {
		errs = append(errs, port.Release())
	}
	l.held = nil
	return errors.Join(append(errs, l.folder.Remove())...)
}

func (l *Local) fill(ctx context.Context, p Program, ports Ports) error {
	if err := l.folder.Make(); err != nil {
		return err
	}
	// What a file is filled with may name ports.
	for _, name := range p.Ports {
		port, err := ports.Take(ctx)
		if err != nil {
			return err
		}
		l.held = append(l.held, port)
		l.numbers[name] = port.Number()
	}
	for _, file := range p.Files {
		if file.Place == Fixed {
			return &FixedFileError{Program: p.Name, File: file.Name}
		}
		if err := l.folder.Write(file.Name, file.Content(l)); err != nil {
			return err
		}
	}
	return nil
}
