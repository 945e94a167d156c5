package build

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/shirou/gopsutil/v4/disk"
	"golang.org/x/mod/semver"
)

const (
	// oldestGo is the first go command that fetches other toolchains.
	oldestGo = "v1.21"
	// tailLines is how many of the go command's last lines an error shows.
	tailLines = 20
	// linkRoom is the free space in MiB that linking takes, however much is compiled already.
	linkRoom = 512
	// cachedReason is what go list says of a package that need not be compiled again.
	cachedReason = "not installed but available in build cache"
)

// ofUser are the settings of the go command that stay the user's: where modules come from, how they are verified and
// where caches are. All other settings would change what is built.
var ofUser = []string{
	"GOPROXY", "GONOPROXY", "GOPRIVATE", "GOINSECURE", "GOAUTH", "GOVCS", "GOSUMDB", "GONOSUMDB",
	"GOPATH", "GOMODCACHE", "GOCACHE", "GOCACHEPROG",
}

// environment is the environment of a build's go commands.
type environment struct {
	list                   []string
	goCache, goModuleCache string
}

// environment asks the go command for the user's settings.
func (b Builder) environment(ctx context.Context, goPath string, e entry) (environment, error) {
	base := b.Environ
	if base == nil {
		base = os.Environ()
	}
	asking := goCommand{path: goPath, dir: e.tempDir(), env: append(slices.Clone(base), "GOTOOLCHAIN=local", "GOWORK=off"), entry: e}
	const doing = "asking the go command for its settings"
	out, err := asking.run(ctx, doing, "env", "-json")
	if err != nil {
		return environment{}, err
	}
	var settings map[string]string
	if err := json.Unmarshal(out, &settings); err != nil {
		return environment{}, &Error{Program: e.program().ID(), Doing: doing, Cause: CompileError, Err: err}
	}
	version := settings["GOVERSION"]
	if parsed := "v" + strings.TrimPrefix(version, "go"); semver.IsValid(parsed) && semver.Compare(parsed, oldestGo) < 0 {
		return environment{}, &Error{
			Program: e.program().ID(), Doing: doing, Cause: OldGo,
			Err: fmt.Errorf("wanted Go 1.21 or later, found %s at %s", version, goPath),
		}
	}
	list := slices.DeleteFunc(slices.Clone(base), func(setting string) bool {
		name, _, _ := strings.Cut(setting, "=")
		_, known := settings[name]
		return known || name == "GOENV" || name == "GODEBUG"
	})
	for _, name := range ofUser {
		if settings[name] != "" {
			list = append(list, name+"="+settings[name])
		}
	}
	list = append(list, "GOENV=off", "GOFLAGS=", "GOWORK=off", "CGO_ENABLED=0", "GOTMPDIR="+e.tempDir(),
		"GOTOOLCHAIN="+e.program().Release.Toolchain, "GOOS="+e.on.OS, "GOARCH="+e.on.Arch)
	return environment{list: list, goCache: settings["GOCACHE"], goModuleCache: settings["GOMODCACHE"]}, nil
}

// plan says which packages are still to be compiled.
type plan struct {
	stale map[string]struct{}
	all   int
}

// share is the part of the packages that is still to be compiled.
func (p plan) share() float64 { return float64(len(p.stale)) / float64(max(1, p.all)) }

// goCommand runs the go command for an entry.
type goCommand struct {
	path, dir string
	env       []string
	// report is told what the command does; it may be nil.
	report *report
	entry  entry
}

// list asks which packages are needed, and which of them are not in Go's build cache. It downloads what is missing.
func (g goCommand) list(ctx context.Context) (plan, error) {
	args := append([]string{"list", "-deps", "-mod=readonly"}, flags...)
	args = append(args, "-ldflags", g.entry.program().Release.LDFlags, "-f", "{{.ImportPath}}\t{{.Stale}}\t{{.StaleReason}}")
	for _, p := range g.entry.programs {
		args = append(args, p.Package)
	}
	out, err := g.run(ctx, "looking for its modules and packages", args...)
	if err != nil {
		return plan{}, err
	}
	p := plan{stale: map[string]struct{}{}}
	for line := range strings.Lines(string(out)) {
		fields := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(fields) != 3 || fields[0] == "unsafe" {
			continue
		}
		p.all++
		if fields[1] == "true" && fields[2] != cachedReason {
			p.stale[fields[0]] = struct{}{}
		}
	}
	return p, nil
}

// run runs the go command and returns its standard output. When ctx ends, the command and all that it started are
// killed, and gone once run returns.
func (g goCommand) run(ctx context.Context, doing string, args ...string) ([]byte, error) {
	var out bytes.Buffer
	said := &lines{each: g.hear}
	cmd := exec.CommandContext(ctx, g.path, args...)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = g.dir, g.env, &out, said
	err := runAll(cmd)
	if ctx.Err() != nil {
		return nil, g.entry.ended(ctx, doing)
	}
	if err == nil {
		return out.Bytes(), nil
	}
	said.end()
	return nil, &Error{
		Program: g.entry.program().ID(), Doing: doing, Cause: causeOf(said.tail), Detail: said.tail,
		Err: fmt.Errorf("%s %s: %w", filepath.Base(g.path), args[0], err),
	}
}

// hear takes a line that the go command writes to its standard error, and reports whether it told of progress.
func (g goCommand) hear(line string) bool {
	if g.report == nil {
		return false
	}
	if module, is := strings.CutPrefix(line, "go: downloading "); is {
		g.report.downloads(module)
		return true
	}
	return g.report.compiles(line)
}

// lines cuts what is written into lines and keeps the last ones that each does not take.
type lines struct {
	each    func(line string) bool
	partial []byte
	tail    []string
}

// Write implements [io.Writer].
func (l *lines) Write(p []byte) (int, error) {
	l.partial = append(l.partial, p...)
	for {
		line, rest, found := bytes.Cut(l.partial, []byte("\n"))
		if !found {
			return len(p), nil
		}
		l.add(string(line))
		l.partial = rest
	}
}

func (l *lines) end() {
	if len(l.partial) > 0 {
		l.add(string(l.partial))
		l.partial = nil
	}
}

func (l *lines) add(line string) {
	if line = strings.TrimRight(line, "\r"); line == "" || l.each(line) {
		return
	}
	if len(l.tail) == tailLines {
		l.tail = l.tail[1:]
	}
	l.tail = append(l.tail, line)
}

// checkSpace refuses to begin where there is too little free space. Share is the part of a build with empty caches
// that is still to be done.
func (b Builder) checkSpace(e entry, share float64, env environment) error {
	free := b.free
	if free == nil {
		free = freeSpace
	}
	wanted := uint64(linkRoom + share*float64(e.program().Release.DiskMiB))
	for _, folder := range []string{e.root, env.goCache, env.goModuleCache} {
		found, err := free(folder)
		if err != nil {
			return e.fail("asking for the free space", err)
		}
		if found >>= 20; found < wanted {
			return &Error{
				Program: e.program().ID(), Doing: "looking for free space", Cause: DiskFull,
				Err: fmt.Errorf("wanted %d MiB in %s, found %d MiB", wanted, folder, found),
			}
		}
	}
	return nil
}

// freeSpace returns the free space in bytes where a folder is, or will be.
func freeSpace(folder string) (uint64, error) {
	for {
		_, err := os.Stat(folder)
		if err == nil {
			break
		}
		parent := filepath.Dir(folder)
		if !os.IsNotExist(err) || parent == folder {
			return 0, err
		}
		folder = parent
	}
	usage, err := disk.Usage(folder)
	if err != nil {
		return 0, err
	}
	return usage.Free, nil
}
