// Package target says which implementation plays each role of a run, and obtains it: built here, an image, a binary,
// a running endpoint, or our own stub.
package target

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/calico-tls/conformance/fixtures"
	"github.com/calico-tls/conformance/harness/evidence"
	"github.com/calico-tls/conformance/harness/launch"
)

// Role is what a component does in a run; the roles are a closed set.
type Role string

// The roles.
const (
	Typha         Role = "typha"
	Felix         Role = "felix"
	Etcd          Role = "etcd"
	KubeAPIServer Role = "kube-apiserver"
	// TyphaClient is optional: a target without it is asked nothing of it.
	TyphaClient Role = "typha-client"
	// Calicoctl is optional as well.
	Calicoctl Role = "calicoctl"
)

// roles says what may play each role.
var roles = []roleRow{
	{role: Typha, build: "calico-typha", described: true},
	{role: Felix, build: "calico-felix", described: true},
	{role: TyphaClient, build: "typha-client", described: true},
	{role: Calicoctl, build: "calicoctl", described: true},
	{role: Etcd, build: "etcd"},
	{role: KubeAPIServer, build: "kube-apiserver"},
}

type roleRow struct {
	role Role
	// build is the program that plays it.
	build string
	// described says that the target's implementation describes it; the others stand behind or opposite.
	described bool
}

func rowOf(role Role) roleRow {
	if i := slices.IndexFunc(roles, func(r roleRow) bool { return r.role == role }); i >= 0 {
		return roles[i]
	}
	return roleRow{role: role}
}

// Way is how a component is obtained; the ways are a closed set. Their names are the keys of a target file.
type Way string

// The ways.
const (
	// Image takes a container image by its reference.
	Image Way = "image"
	// Binary takes an executable by its path.
	Binary Way = "binary"
	// Build builds a program from a pinned release, see package build.
	Build Way = "build"
	// Endpoint takes what already listens, by "host:port".
	Endpoint Way = "endpoint"
	// Reference takes our own stub.
	Reference Way = "reference"
)

// Target is the set of implementations of one run.
type Target struct {
	// Name is the target's name in reports.
	Name string
	// Source says where it was read: a path, or "built in".
	Source string
	// Implementation says whose product is described; it may be empty.
	Implementation Implementation
	// Components are the components, in the order of the roles' table.
	Components []Component
}

// Implementation says whose product a target describes.
type Implementation struct {
	Organization, Project, Version, URL, Contact string
}

// Component says how one role is played.
type Component struct {
	Role Role
	// Ways are tried in the order in which the file names them. There is at least one.
	Ways []Source
	// Command replaces an image's entry point, or what is executed for a binary, whose name may be its first word. It does
	// not count for the other ways.
	Command []string
	// Args are put after those that the mode sets.
	Args []string
	// Env wins over what the mode sets.
	Env map[string]string
	// Files are put into the program's file system.
	Files []File
	// Running says what is known of an endpoint.
	Running Running
	// Logs says by link how its log speaks, where that is unlike the newest release's.
	Logs map[string]evidence.Patterns
}

// Source is one way to obtain a component, and what it takes.
type Source struct {
	Way Way
	// Value is the image's reference, or "" where an archive has but one; the binary's path, the program's name or the
	// endpoint's address; "" for the reference.
	Value string
	// Archive is the path of the archive that has the image; "" where it is in a registry, or is no image.
	Archive string
	// Pull says when the image is pulled, Platform is its own, as in "linux/arm64"; "" for what is usual.
	Pull     launch.PullPolicy
	Platform string
}

// String returns the source as a target file writes it, without quotes: "build: etcd".
func (s Source) String() string {
	switch {
	case s.Way == Reference:
		return string(Reference) + ": true"
	case s.Archive != "":
		return string(s.Way) + ": {archive: " + s.Archive + "}"
	}
	return string(s.Way) + ": " + s.Value
}

// File is a file that a component is given.
type File struct {
	// Inside is the absolute path at which the component finds it.
	Inside string
	// Path is where it is on this machine.
	Path string
}

// Component returns the component that plays a role.
func (t Target) Component(role Role) (Component, bool) {
	if i := slices.IndexFunc(t.Components, func(c Component) bool { return c.Role == role }); i >= 0 {
		return t.Components[i], true
	}
	return Component{}, false
}

// Load reads a target: one that is built in, by its name, or a file, by its path. What has a slash or ends in .yaml or
// .yml is a path. It returns an [*Error] or a [*fixtures.FormatError].
func Load(nameOrPath string) (Target, error) {
	looksLikePath := strings.ContainsAny(nameOrPath, `/\`) || slices.Contains([]string{".yaml", ".yml"}, filepath.Ext(nameOrPath))
	if !looksLikePath {
		if data, err := fixtures.Target(nameOrPath); err == nil {
			return parse(nameOrPath, "", data)
		}
	}
	data, err := os.ReadFile(nameOrPath)
	if err == nil {
		folder, err := filepath.Abs(filepath.Dir(nameOrPath))
		if err != nil {
			return Target{}, &Error{Source: nameOrPath, Err: err}
		}
		return parse(nameOrPath, folder, data)
	}
	builtIn := fixtures.Among(nameOrPath, fixtures.TargetNames())
	if where, ok := errors.AsType[*fs.PathError](err); ok {
		err = where.Err
	}
	failed := &Error{Source: nameOrPath, Err: err, Advice: "check the path and its permissions"}
	switch stat, statErr := os.Stat(nameOrPath); {
	case statErr == nil && stat.IsDir():
		failed.Err, failed.Advice = errors.New("wanted a file, found a folder"), "name a YAML file, or a target that is built in; "+builtIn
	case errors.Is(err, fs.ErrNotExist) && looksLikePath:
		failed.Err, failed.Advice = errors.New("there is no such file"), "check the path, or name a target that is built in; "+builtIn
	case errors.Is(err, fs.ErrNotExist):
		failed.Err, failed.Advice = errors.New("there is neither a target nor a file of that name"), builtIn
	}
	return Target{}, failed
}
