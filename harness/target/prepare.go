package target

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"

	"github.com/distribution/reference"

	"github.com/calico-tls/conformance/fixtures"
	"github.com/calico-tls/conformance/harness/evidence"
	"github.com/calico-tls/conformance/harness/launch"
	"github.com/calico-tls/conformance/harness/target/build"
)

// The names of the launchers, as [launch.Launcher] gives them.
const (
	inProcess = "in-process"
	process   = "process"
	container = "container"
)

// launches says under which launchers each way can be used.
var launches = map[Way][]string{
	Image:     {container},
	Binary:    {process, container},
	Build:     {process, container},
	Endpoint:  {inProcess, process, container},
	Reference: {inProcess, process, container},
}

// Builder builds programs: a [build.Builder].
type Builder interface {
	Build(ctx context.Context, p fixtures.Program, on build.Platform) (build.Built, error)
}

// Preparer obtains what a target's components need.
type Preparer struct {
	// Launch is the name of the launcher that will start them: "in-process", "process" or "container".
	Launch string
	// Builder builds what is to be built.
	Builder Builder
	// Pull makes an image available, and returns how the launcher finds it and its digest, "sha256:…". Nil leaves images to
	// the launcher: they count as obtained.
	Pull func(ctx context.Context, image launch.Image) (reference, digest string, err error)
	// Executable is our own executable, which has the stubs; "" takes the running one.
	Executable string
}

// Obtained is a component that can be started.
type Obtained struct {
	Role Role
	// Source is the way that worked.
	Source Source
	// Implementation names the build: a release ("calico-v3.31.0"), "reference", or else the target's name.
	Implementation string
	// Version is the release's for build; else what the target states of its implementation, if the role is typha or
	// felix; else what the executable says of itself, or the image's tag; "" where nothing tells it.
	Version string
	// Go is the Go that it was built with, as in "go1.24.9"; "" where nothing tells it.
	Go string
	// Digest is "sha256:…" of the executable or the image; "" where nothing tells it.
	Digest string
	// Binary is the path of the executable, for build, binary and reference.
	Binary string
	// Beside has the paths of the programs that were built along with it, by name, as in "typha-client".
	Beside map[string]string
	// Image is the reference of the image, for image, or its digest where it has none.
	Image string
	// Endpoint is "host:port", for endpoint, and Running what is known of it.
	Endpoint string
	Running  Running
	// Command replaces the image's entry point or the binary's path, see [Component]; empty for the other ways.
	Command []string
	// Args, Env and Files are the component's, and win over what a mode sets.
	Args  []string
	Env   map[string]string
	Files []launch.File
	// Logs says by link how its log speaks, see [Component].
	Logs map[string]evidence.Patterns
	// Failed are the ways that were tried before, and did not work.
	Failed []Attempt
}

// Prepare obtains the component that plays a role, in the first of its ways that works. It returns an
// [*UnobtainableError] if none does, an [*Error] if the target has no such component. It does not try further ways
// when ctx has ended, or when a download has not the committed checksum.
func (p Preparer) Prepare(ctx context.Context, t Target, role Role) (Obtained, error) {
	c, has := t.Component(role)
	if !has {
		return Obtained{}, missing(t, role)
	}
	files, err := read(c.Files)
	if err != nil {
		return Obtained{}, &Error{Source: t.Name, Err: err, Advice: "the file was there when the target was read: do not remove it while a run is on"}
	}
	var failed []Attempt
	for _, s := range c.Ways {
		o, err := p.obtain(ctx, t, c, s)
		if err == nil {
			o.Role, o.Source, o.Args, o.Env, o.Files, o.Logs, o.Failed = role, s, c.Args, c.Env, files, c.Logs, failed
			return o, nil
		}
		failed = append(failed, Attempt{Source: s, Err: err})
		if ctx.Err() != nil || isTampering(err) {
			break
		}
	}
	return Obtained{}, &UnobtainableError{Target: t.Name, Role: role, Attempts: failed}
}

// obtain tries one way.
func (p Preparer) obtain(ctx context.Context, t Target, c Component, s Source) (Obtained, error) {
	if can := launches[s.Way]; !slices.Contains(can, p.Launch) {
		return Obtained{}, advised("launch with "+strings.Join(can, " or "), "wanted a launch as %s, found %s", strings.Join(can, " or "), p.Launch)
	}
	switch s.Way {
	case Build:
		return p.build(ctx, s)
	case Binary:
		return p.binary(t, c, s)
	case Image:
		return p.image(ctx, t, c, s)
	case Reference:
		return p.reference()
	case Endpoint:
	}
	return Obtained{Implementation: t.Name, Version: t.versionOf(c.Role), Endpoint: s.Value, Running: c.Running}, nil
}

func (p Preparer) build(ctx context.Context, s Source) (Obtained, error) {
	program, err := fixtures.ProgramNamed(s.Value)
	if err != nil {
		return Obtained{}, err
	}
	on := build.Here()
	if p.Launch == container {
		on.OS = "linux"
	}
	b, err := p.Builder.Build(ctx, program, on)
	if err != nil {
		return Obtained{}, err
	}
	return Obtained{
		Implementation: program.Release.Name, Version: b.Version, Go: b.Go, Digest: b.Digest, Binary: b.Binary, Beside: b.Beside,
	}, nil
}

func (p Preparer) binary(t Target, c Component, s Source) (Obtained, error) {
	o, err := p.file(s.Value)
	if err != nil {
		return Obtained{}, err
	}
	o.Implementation, o.Command = t.Name, c.Command
	o.Version = cmp.Or(t.versionOf(c.Role), o.Version)
	return o, nil
}

func (p Preparer) image(ctx context.Context, t Target, c Component, s Source) (Obtained, error) {
	o := Obtained{Implementation: t.Name, Version: cmp.Or(t.versionOf(c.Role), tagOf(s.Value)), Image: s.Value, Command: c.Command}
	if p.Pull == nil {
		return o, nil
	}
	reference, digest, err := p.Pull(ctx, launch.Image{Reference: s.Value, Archive: s.Archive, Pull: s.Pull, Platform: s.Platform})
	if err != nil {
		return Obtained{}, fmt.Errorf("getting the image: %w", err)
	}
	o.Image, o.Digest = reference, digest
	o.Version = cmp.Or(o.Version, tagOf(reference))
	return o, nil
}

func (p Preparer) reference() (Obtained, error) {
	path := p.Executable
	if path == "" {
		own, err := os.Executable()
		if err != nil {
			return Obtained{}, fmt.Errorf("looking for our own executable: %w", err)
		}
		path = own
	}
	o, err := p.file(path)
	if err != nil {
		return Obtained{}, err
	}
	o.Implementation = string(Reference)
	return o, nil
}

// file checks an executable, and asks it for what it says of itself.
func (p Preparer) file(path string) (Obtained, error) {
	if err := executable(path); err != nil {
		return Obtained{}, err
	}
	if p.Launch == container {
		if err := standsAlone(path, runtime.GOARCH); err != nil {
			return Obtained{}, err
		}
	}
	digest, err := digestOf(path)
	if err != nil {
		return Obtained{}, fmt.Errorf("reading the executable: %w", err)
	}
	version, goVersion := saysOfItself(path)
	return Obtained{Binary: path, Digest: digest, Version: version, Go: goVersion}, nil
}

// versionOf returns the version that the target states, for the roles that it describes.
func (t Target) versionOf(role Role) string {
	if rowOf(role).described {
		return t.Implementation.Version
	}
	return ""
}

// tagOf returns an image's tag; "" if it has none.
func tagOf(image string) string {
	named, err := reference.ParseNormalizedNamed(image)
	if err != nil {
		return ""
	}
	if tagged, is := named.(reference.Tagged); is {
		return tagged.Tag()
	}
	return ""
}

func missing(t Target, role Role) error {
	var has []string
	for _, c := range t.Components {
		has = append(has, string(c.Role))
	}
	return &Error{
		Source: t.Name, Err: fmt.Errorf("wanted a component %s, found %s", role, strings.Join(has, ", ")),
		Advice: fmt.Sprintf("add %s to the target's components, or select cases that do not need it", role),
	}
}

// isTampering reports whether an error is a reason to stop instead of trying something else.
func isTampering(err error) bool {
	var failed *build.Error
	return errors.As(err, &failed) && failed.Cause == build.Checksum
}

func read(files []File) ([]launch.File, error) {
	var all []launch.File
	for _, f := range files {
		data, err := os.ReadFile(f.Path)
		if err != nil {
			return nil, fmt.Errorf("reading the file for %s: %w", f.Inside, err)
		}
		all = append(all, launch.File{Name: f.Inside, Data: data})
	}
	return all, nil
}
