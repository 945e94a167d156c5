package target

import (
	"bytes"
	"fmt"
	"maps"
	"net"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"github.com/calico-tls/conformance/fixtures"
	"github.com/calico-tls/conformance/harness/evidence"
)

// nameForm is what a target's name looks like: it is part of file names and of globs.
var nameForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)

// readers read what each way takes that takes one text.
var readers = map[Way]func(p *parsed, value string) (string, error){
	Binary:   (*parsed).path,
	Build:    (*parsed).build,
	Endpoint: (*parsed).endpoint,
}

// targetFile is a target file.
type targetFile struct {
	Name           fixtures.Text            `yaml:"name"`
	Implementation implementationFile       `yaml:"implementation"`
	Components     map[string]componentFile `yaml:"components"`
}

type implementationFile struct {
	Organization fixtures.Text `yaml:"organization"`
	Project      fixtures.Text `yaml:"project"`
	Version      fixtures.Text `yaml:"version"`
	URL          fixtures.Text `yaml:"url"`
	Contact      fixtures.Text `yaml:"contact"`
}

type componentFile struct {
	Image     imageFile                `yaml:"image"`
	Binary    fixtures.Text            `yaml:"binary"`
	Build     fixtures.Text            `yaml:"build"`
	Endpoint  fixtures.Text            `yaml:"endpoint"`
	Reference bool                     `yaml:"reference"`
	Command   []fixtures.Text          `yaml:"command"`
	Args      []fixtures.Text          `yaml:"args"`
	Env       map[string]fixtures.Text `yaml:"env"`
	Files     map[string]fixtures.Text `yaml:"files"`
	Mode      fixtures.Text            `yaml:"mode"`
	Authority pairFile                 `yaml:"authority"`
	Client    pairFile                 `yaml:"client"`
	Trust     fixtures.Text            `yaml:"trust"`
	Log       fixtures.Text            `yaml:"log"`

	Logs map[string]evidence.Patterns `yaml:"logs"`
}

// parsed is a target file with what is needed to say where something stands in it.
type parsed struct {
	file   string
	folder string
	// lines has the line of each key, by its path.
	lines map[string]int
	// keys has the keys of each mapping in the order in which they are written, by the mapping's path.
	keys map[string][]string
}

// parse reads a target file. Folder is where relative paths start; "" stands for none.
func parse(file, folder string, data []byte) (Target, error) {
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	var f targetFile
	if err := fixtures.Decode(file, data, &f); err != nil {
		return Target{}, err
	}
	tree, err := parser.ParseBytes(data, 0)
	if err != nil {
		return Target{}, fmt.Errorf("reading %s: %w", file, err)
	}
	p := &parsed{file: file, folder: folder, lines: map[string]int{}, keys: map[string][]string{}}
	for _, doc := range tree.Docs {
		p.note("", doc.Body)
	}
	return p.target(f)
}

// note remembers where the keys below a node stand.
func (p *parsed) note(at string, node ast.Node) {
	if anchor, is := node.(*ast.AnchorNode); is {
		node = anchor.Value
	}
	mapping, is := node.(ast.MapNode)
	if !is {
		return
	}
	for entries := mapping.MapRange(); entries.Next(); {
		token := entries.Key().GetToken()
		below := at + "/" + token.Value
		p.lines[below] = token.Position.Line
		p.keys[at] = append(p.keys[at], token.Value)
		p.note(below, entries.Value())
	}
}

// wrong says what is wrong at a key.
func (p *parsed) wrong(key, advice, format string, args ...any) error {
	return &fixtures.FormatError{File: p.file, Line: p.lines[key], Problem: fmt.Sprintf(format, args...), Advice: advice}
}

func (p *parsed) target(f targetFile) (Target, error) {
	i := f.Implementation
	t := Target{Name: string(f.Name), Source: p.file, Implementation: Implementation{
		Organization: string(i.Organization), Project: string(i.Project), Version: string(i.Version), URL: string(i.URL), Contact: string(i.Contact),
	}}
	if !nameForm.MatchString(t.Name) {
		return Target{}, p.wrong("/name", "give the target a name such as my-distribution-4.2", "name: wanted letters, digits, dots, dashes and underscores, found %q", t.Name)
	}
	names := roleNames()
	for _, name := range p.keys["/components"] {
		if !slices.Contains(names, name) {
			return Target{}, p.wrong("/components/"+name, fixtures.Among(name, names), "unknown role %q", name)
		}
	}
	for _, row := range roles {
		raw, has := f.Components[string(row.role)]
		if !has {
			continue
		}
		c, err := p.component(row.role, raw)
		if err != nil {
			return Target{}, err
		}
		t.Components = append(t.Components, c)
	}
	if len(t.Components) == 0 {
		return Target{}, p.wrong("/components", "name at least one component; the roles are "+strings.Join(names, ", "), "components: wanted at least one role, found none")
	}
	return t, nil
}

func (p *parsed) component(role Role, raw componentFile) (Component, error) {
	at := "/components/" + string(role)
	c := Component{Role: role, Command: texts(raw.Command), Args: texts(raw.Args)}
	sources, err := p.sources(role, raw)
	if err != nil {
		return Component{}, err
	}
	c.Ways = sources
	if err := p.startable(c); err != nil {
		return Component{}, err
	}
	if c.Env, err = p.env(at+"/env", raw.Env); err != nil {
		return Component{}, err
	}
	if c.Files, err = p.files(at+"/files", raw.Files); err != nil {
		return Component{}, err
	}
	if c.Logs, err = p.logs(at+"/logs", raw.Logs); err != nil {
		return Component{}, err
	}
	c.Running, err = p.running(c, raw)
	return c, err
}

// sources reads the ways of a component, in the order in which they are written.
func (p *parsed) sources(role Role, raw componentFile) ([]Source, error) {
	at := "/components/" + string(role)
	values := map[Way]fixtures.Text{Binary: raw.Binary, Build: raw.Build, Endpoint: raw.Endpoint}
	var sources []Source
	for _, key := range p.keys[at] {
		way := Way(key)
		if way == Reference {
			if err := p.reference(role, raw.Reference); err != nil {
				return nil, err
			}
			sources = append(sources, Source{Way: Reference})
		}
		source, err := Source{Way: Image}, error(nil)
		if way == Image {
			source, err = p.image(raw.Image)
		} else if read, is := readers[way]; is {
			source.Way = way
			source.Value, err = read(p, string(values[way]))
		} else {
			continue
		}
		if err == nil && way == Build {
			err = plays(role, source.Value)
		}
		if err != nil {
			return nil, p.wrong(at+"/"+key, adviceOf(err), "%s: %s: %v", role, key, err)
		}
		sources = append(sources, source)
	}
	if len(sources) == 0 {
		return nil, p.wrong(at, "name at least one of "+strings.Join(wayNames(), ", "), "%s: wanted a way to obtain it, found none", role)
	}
	return sources, nil
}

// startable refuses to set how something is started that is running already.
func (p *parsed) startable(c Component) error {
	if slices.ContainsFunc(c.Ways, func(s Source) bool { return s.Way != Endpoint }) {
		return nil
	}
	at := "/components/" + string(c.Role)
	for _, key := range p.keys[at] {
		if slices.Contains([]string{"command", "args", "env", "files"}, key) {
			return p.wrong(at+"/"+key, "set it where the endpoint is started, or name another way", "%s: %s: an endpoint is running already, so nothing can be set", c.Role, key)
		}
	}
	return nil
}

func (p *parsed) reference(role Role, value bool) error {
	if !value {
		return p.wrong("/components/"+string(role)+"/reference", "leave the key out where the stub is not wanted", "%s: reference: wanted true, found false", role)
	}
	return nil
}

// path makes a path absolute, as seen from the target file.
func (p *parsed) path(value string) (string, error) {
	switch {
	case value == "":
		return "", advised("name a file", "wanted a path, found nothing")
	case filepath.IsAbs(value):
		return filepath.Clean(value), nil
	case p.folder == "":
		return "", advised("name an absolute path", "there is no file here that %q could start from", value)
	}
	return filepath.Join(p.folder, value), nil
}

// within refuses a relative path that leads out of the target file's folder, by its dots or by a link: what a component is
// given of the rest of the machine is to be named as that.
func (p *parsed) within(value string) error {
	if filepath.IsAbs(value) {
		return nil
	}
	folder, found := p.folder, filepath.Join(p.folder, value)
	leads := leadsOut(folder, found)
	if real, err := filepath.EvalSymlinks(found); err == nil && !leads {
		if folder, err = filepath.EvalSymlinks(folder); err != nil {
			return err
		}
		leads = leadsOut(folder, real)
	}
	if leads {
		return advised("put a copy beside the target file, or name its absolute path", "wanted a file in the target file's folder, found %q, which leads out of it", value)
	}
	return nil
}

func leadsOut(folder, path string) bool {
	from, err := filepath.Rel(folder, path)
	return err != nil || !filepath.IsLocal(from)
}

func (p *parsed) build(value string) (string, error) {
	if _, err := fixtures.ProgramNamed(value); err != nil {
		return "", err
	}
	return value, nil
}

func (p *parsed) endpoint(value string) (string, error) {
	const advice = "an endpoint looks like 192.0.2.7:5473"
	host, port, err := net.SplitHostPort(value)
	if err != nil || host == "" {
		return "", advised(advice, "wanted host and port, found %q", value)
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return "", advised(advice, "wanted a port from 1 to 65535, found %q", port)
	}
	return value, nil
}

func (p *parsed) env(at string, raw map[string]fixtures.Text) (map[string]string, error) {
	env := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(raw)) {
		if name == "" || strings.ContainsAny(name, "=\x00") || strings.Contains(string(raw[name]), "\x00") {
			return nil, p.wrong(at+"/"+name, "", "env: wanted a variable's name and value, found %q and %q", name, raw[name])
		}
		env[name] = string(raw[name])
	}
	return env, nil
}

func (p *parsed) files(at string, raw map[string]fixtures.Text) ([]File, error) {
	var files []File
	for _, inside := range slices.Sorted(maps.Keys(raw)) {
		key := at + "/" + inside
		if !path.IsAbs(inside) || path.Clean(inside) != inside || inside == "/" {
			return nil, p.wrong(key, "write where the component finds the file, as in /etc/typha/ca.pem", "files: wanted an absolute path inside, found %q", inside)
		}
		here, err := p.path(string(raw[inside]))
		if err != nil {
			return nil, p.wrong(key, adviceOf(err), "files: %s: %v", inside, err)
		}
		if err := p.within(string(raw[inside])); err != nil {
			return nil, p.wrong(key, adviceOf(err), "files: %s: %v", inside, err)
		}
		if err := readable(here); err != nil {
			return nil, p.wrong(key, "paths are relative to the target file", "files: %s: %v", inside, err)
		}
		files = append(files, File{Inside: inside, Path: here})
	}
	return files, nil
}

// logs checks patterns, which stand by link.
func (p *parsed) logs(at string, raw map[string]evidence.Patterns) (map[string]evidence.Patterns, error) {
	for _, link := range slices.Sorted(maps.Keys(raw)) {
		if _, err := evidence.NewReader(raw[link]); err != nil {
			return nil, p.wrong(at+"/"+link, "patterns are regular expressions as Go has them (RE2); texts are parts of lines", "logs: %s: %v", link, err)
		}
	}
	return raw, nil
}

// readable says why a path is not that of a file that can be read.
func readable(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("wanted a file at %s, found: %w", path, beneath(err))
	}
	defer f.Close()
	stat, err := f.Stat()
	if err != nil {
		return fmt.Errorf("asking for the kind of %s: %w", path, beneath(err))
	}
	if !stat.Mode().IsRegular() {
		return fmt.Errorf("wanted a file at %s, found a %s", path, kindOf(stat.Mode()))
	}
	return nil
}

// plays says why a program does not play a role.
func plays(role Role, program string) error {
	name, _, _ := strings.Cut(program, "@")
	if wanted := rowOf(role).build; name != wanted {
		return advised("build: "+wanted, "wanted %s, which plays this role, found %s", wanted, name)
	}
	return nil
}

func texts(from []fixtures.Text) []string {
	var to []string
	for _, t := range from {
		to = append(to, string(t))
	}
	return to
}

func roleNames() []string {
	var names []string
	for _, row := range roles {
		names = append(names, string(row.role))
	}
	return names
}

func wayNames() []string {
	var names []string
	for _, way := range []Way{Image, Binary, Build, Endpoint, Reference} {
		names = append(names, string(way))
	}
	return names
}
