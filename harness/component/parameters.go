package component

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/calico-tls/conformance/harness/launch"
	"github.com/calico-tls/conformance/harness/link"
)

// Value is what a parameter is given.
type Value struct {
	// Text is the value itself, for a name; unused for a file.
	Text string
	// File says that the parameter names a file, and which.
	File FileKind
	// Data is what the file holds, where it is one of ours.
	Data []byte
}

// FileKind says which file a parameter names.
type FileKind string

// The kinds of files.
const (
	// NoFile: the parameter names none.
	NoFile FileKind = ""
	// Own is a file of ours; Absent one that does not exist.
	Own    FileKind = "own"
	Absent FileKind = "absent"
	// Folder is a folder. Unreadable is a file that exists and whose octets nobody can read, the superuser included:
	// the memory of the reading process itself, from its first page on (proc(5)).
	Folder     FileKind = "folder"
	Unreadable FileKind = "unreadable"
)

// unreadable is a file of kind Unreadable; Linux has it.
const unreadable = "/proc/self/mem"

// Dialect is how a program takes the parameters for TLS.
type Dialect struct {
	// Prefix stands before the names of variables, as in "TYPHA_".
	Prefix string
	// Names are the names of the parameters in the configuration file; those of variables are the same in upper case, with
	// underscores for dashes.
	Names map[link.Parameter]string
	// ConfigFile tells the program where its configuration file is.
	ConfigFile func(in *launch.Invocation, path string)
}

// configFile is the name of a program's configuration file, systemFile that of the authorities that its system trusts,
// and systemVariable says to Go's crypto/x509 where those are.
const (
	configFile     = "conformance.cfg"
	systemFile     = "system.pem"
	systemVariable = "SSL_CERT_FILE"
)

// Configure adds to a program the parameters of a start, and the files that they name.
func (d Dialect) Configure(p launch.Program, s Start) launch.Program {
	p.Files = filed(p.Files, s)
	if file := d.file(s); file != nil {
		p.Files = append(p.Files, launch.File{Name: configFile, Fill: file})
	}
	configure := p.Configure
	p.Configure = func(place launch.Placement) launch.Invocation {
		in := configure(place)
		if d.file(s) != nil {
			d.ConfigFile(&in, place.Path(configFile))
		}
		maps.Copy(in.Env, s.Env)
		if s.System != nil {
			in.Env[systemVariable] = place.Path(systemFile)
		}
		for parameter, v := range s.Given {
			name := d.Prefix + strings.ToUpper(strings.ReplaceAll(d.Names[parameter], "-", "_"))
			switch s.From {
			case link.FromEnvironment, link.FromBoth, link.FromOverrides:
			case link.FromLowerCase:
				name = strings.ToLower(name)
			case link.FromFile, link.FromSections, link.FromInline, link.FromMixture, link.FromPod:
				continue
			}
			in.Env[name] = v.at(parameter, place)
		}
		return in
	}
	return p
}

// filed returns files with those that parameters name, and the authorities that the system trusts.
func filed(files []launch.File, s Start) []launch.File {
	files = slices.Clone(files)
	for parameter, v := range s.Given {
		if v.File == Own {
			files = append(files, launch.File{Name: string(parameter) + ".pem", Data: v.Data})
		}
	}
	if s.System != nil {
		files = append(files, launch.File{Name: systemFile, Data: s.System})
	}
	slices.SortFunc(files, func(a, b launch.File) int { return strings.Compare(a.Name, b.Name) })
	return files
}

// Flags are the names of the flags by which a program takes the parameters for TLS, without the dashes. One that is not
// given is passed with nothing as its value.
type Flags map[link.Parameter]string

// Configure adds to a program the parameters of a start as flags, and the files that they name.
func (f Flags) Configure(p launch.Program, s Start) launch.Program {
	p.Files = filed(p.Files, s)
	configure := p.Configure
	p.Configure = func(place launch.Placement) launch.Invocation {
		in := configure(place)
		for _, parameter := range link.Parameters {
			if flag, has := f[parameter]; has {
				in.Args = append(in.Args, "--"+flag+"="+s.Given[parameter].at(parameter, place))
			}
		}
		maps.Copy(in.Env, s.Env)
		return in
	}
	return p
}

// file returns what writes the configuration file; nil if there is none.
func (d Dialect) file(s Start) func(launch.Placement) []byte {
	if s.From != link.FromFile && s.From != link.FromSections && s.From != link.FromBoth {
		return nil
	}
	return func(place launch.Placement) []byte {
		var b strings.Builder
		b.WriteString("[global]\n")
		for i, parameter := range link.Parameters {
			v, given := s.Given[parameter]
			if !given {
				continue
			}
			value := v.at(parameter, place)
			if s.From == link.FromBoth {
				value = "someone-else"
			}
			if s.From == link.FromSections {
				fmt.Fprintf(&b, "[section-%d]\n", i)
			}
			fmt.Fprintf(&b, "%s = %s\n", d.Names[parameter], value)
		}
		return []byte(b.String())
	}
}

// at returns the value as the program is to find it.
func (v Value) at(parameter link.Parameter, place launch.Placement) string {
	switch v.File {
	case Own:
		return place.Path(string(parameter) + ".pem")
	case Absent:
		return place.Path("absent-" + string(parameter) + ".pem")
	case Folder:
		return place.Folder()
	case Unreadable:
		return unreadable
	case NoFile:
	}
	return v.Text
}
