package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/calico-tls/conformance/harness/target"
)

// initiation are the flags of target init.
type initiation struct {
	name string
	// given has what the flag of each way was given.
	given map[string]*[]string
}

// wayFlags are the flags by which components are named, and how what they take becomes a source.
var wayFlags = []struct {
	name, usage string
	source      func(value string) target.Source
	// takes says what the flag takes after the role: "" for nothing, a "path" that is made relative to the file.
	takes string
}{
	{"image", "a component and its image, as in typha=images.example/typha:4.2", source(target.Image), "image"},
	{"archive", "a component and the archive that holds its image, as in typha=typha.tar", func(value string) target.Source {
		return target.Source{Way: target.Image, Archive: value}
	}, "path"},
	{"binary", "a component and its executable, as in felix=bin/calico-felix", source(target.Binary), "path"},
	{"endpoint", "a server that runs already and its address, as in typha=192.0.2.7:5473", source(target.Endpoint), "address"},
	{"build", "a component that is built from the release that is known here, as in etcd", source(target.Build), ""},
	{"reference", "a component that the suite's own stub plays, as in felix", source(target.Reference), ""},
}

func source(way target.Way) func(string) target.Source {
	return func(value string) target.Source { return target.Source{Way: way, Value: value} }
}

func newTargetInit() *cobra.Command {
	f := initiation{given: map[string]*[]string{}}
	cmd := &cobra.Command{
		Use:   "init [FILE]",
		Short: "write a commented target file",
		Long: `Write a target file for components of one's own, with comments, into FILE or to standard output. Each component is
named by a flag that says how it is obtained; nothing is asked. What has to stand behind a component is added, and a file
that is there is not written over.`,
		Example: `  tlsconform target init --image typha=images.example/typha:4.2
  tlsconform target init my-distribution.yaml --binary typha=bin/calico-typha --binary felix=bin/calico-felix
  tlsconform target init running.yaml --endpoint typha=192.0.2.7:5473`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return f.write(cmd, strings.Join(args, "")) },
	}
	cmd.Flags().StringVar(&f.name, "name", "", "the target's name in reports; without it the file's, or my-distribution")
	for _, way := range wayFlags {
		f.given[way.name] = cmd.Flags().StringArray(way.name, nil, way.usage)
	}
	return cmd
}

// write writes the file; "" is standard output.
func (f *initiation) write(cmd *cobra.Command, path string) error {
	folder, err := filepath.Abs(filepath.Dir(path))
	if err != nil {
		return err
	}
	d := target.Draft{Name: f.name}
	if d.Components, err = f.components(folder); err != nil {
		return err
	}
	if d.Name == "" {
		d.Name = "my-distribution"
		if path != "" {
			d.Name = strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))
		}
	}
	text, err := d.Text(folder)
	if err != nil {
		return err
	}
	if path == "" {
		_, err = cmd.OutOrStdout().Write(text)
		return err
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, fs.FileMode(0o644))
	if errors.Is(err, fs.ErrExist) {
		return &hintedError{fmt.Errorf("writing %s: wanted a new file, found one that is there", path), "name another one, or take that away first"}
	}
	if err != nil {
		return &hintedError{fmt.Errorf("writing the target file: %w", err), "name a file in a folder that can be written to"}
	}
	if _, err = file.Write(text); err == nil {
		fmt.Fprintf(cmd.ErrOrStderr(), "wrote %s: check it with tlsconform target check %s\n", path, path)
	}
	return errors.Join(err, file.Close())
}

// components reads the flags of all ways. Paths are made relative to the folder.
func (f *initiation) components(folder string) (map[target.Role]target.Source, error) {
	all := map[target.Role]target.Source{}
	for _, way := range wayFlags {
		for _, text := range *f.given[way.name] {
			role, value, has := strings.Cut(text, "=")
			if has != (way.takes != "") || has && value == "" {
				return nil, &hintedError{fmt.Errorf("reading --%s: found %q", way.name, text), "it takes " + way.usage}
			}
			if _, twice := all[target.Role(role)]; twice {
				return nil, &hintedError{fmt.Errorf("reading --%s: %s is named twice", way.name, role), "name one way here, and more of them in the file"}
			}
			if way.takes == "path" {
				value = relative(folder, value)
			}
			all[target.Role(role)] = way.source(value)
		}
	}
	if len(all) == 0 {
		return nil, &hintedError{errors.New("writing a target file: wanted at least one component, found none"), "name one by a flag, as in --image typha=images.example/typha:4.2; see tlsconform target init --help"}
	}
	return all, nil
}

// relative returns a path that is relative to where we are as one that is relative to a folder.
func relative(folder, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	whole, err := filepath.Abs(path)
	if err != nil {
		return path
	}
	from, err := filepath.Rel(folder, whole)
	if err != nil {
		return whole
	}
	if filepath.IsLocal(from) {
		return "." + string(filepath.Separator) + from
	}
	return from
}
