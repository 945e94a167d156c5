package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/calico-tls/conformance/fixtures"
	"github.com/calico-tls/conformance/harness/target"
	"github.com/calico-tls/conformance/harness/target/build"
	"github.com/calico-tls/conformance/reports"
)

// preparation are the flags of prepare.
type preparation struct {
	target, bundle, fromBundle string
}

func newPrepare() *cobra.Command {
	var f preparation
	cmd := &cobra.Command{
		Use:   "prepare",
		Short: "build or check the components of a target, so that a run finds them",
		Long: `Get what a target's components need, so that a run finds it: what is to be built is built into the cache, binaries are
looked at. For a machine without network, --bundle writes what was built into one file, and --from-bundle on that machine
reads it into the cache; both print the file's digest, and both machines need the same tlsconform and architecture. Images
are not in a bundle: carry them with docker save and docker load.`,
		Example: `  tlsconform prepare --target calico-v3.31.0
  tlsconform prepare --target calico-v3.31.0 --bundle calico-v3.31.0.tar.zst
  tlsconform prepare --target calico-v3.31.0 --from-bundle calico-v3.31.0.tar.zst`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			err := f.prepare(cmd)
			if err != nil && cmd.Context().Err() != nil {
				return &codedError{errors.New("stopped before everything was prepared"), reports.ExitPartial}
			}
			return err
		},
	}
	targetFlag(cmd, &f.target)
	cmd.Flags().StringVar(&f.bundle, "bundle", "", "the file to write what was built into, for another machine")
	cmd.Flags().StringVar(&f.fromBundle, "from-bundle", "", "a file that --bundle has written: what it holds is not built")
	cmd.MarkFlagsMutuallyExclusive("bundle", "from-bundle")
	return cmd
}

func (f *preparation) prepare(cmd *cobra.Command) error {
	t, err := target.Load(f.target)
	if err != nil {
		return err
	}
	folder, err := build.Folder()
	if err != nil {
		return unjudged(err)
	}
	builder := build.Builder{Folder: folder, Progress: (&telling{w: cmd.ErrOrStderr()}).building}
	if f.fromBundle != "" {
		if err := f.unpack(cmd, builder); err != nil {
			return err
		}
	}
	p := target.Preparer{Launch: "container", Builder: builder} // what can run in a container can run as a process
	var built []fixtures.Program
	for _, c := range t.Components {
		o, err := p.Prepare(cmd.Context(), t, c.Role)
		if err != nil {
			return unjudged(err)
		}
		if o.Source.Way == target.Build {
			program, err := fixtures.ProgramNamed(o.Source.Value)
			if err != nil {
				return err
			}
			built = append(built, program)
		}
		fmt.Fprintf(cmd.OutOrStdout(), "%s\t%s %s\t%s\t%s%s\n", o.Role, o.Implementation, o.Version, o.Source.Way, o.Binary, o.Image)
	}
	if f.bundle != "" {
		return f.pack(cmd, builder, built)
	}
	return nil
}

// pack writes a bundle of what was built, and of the files of releases that a run may need besides.
func (f *preparation) pack(cmd *cobra.Command, b build.Builder, built []fixtures.Program) error {
	if len(built) == 0 {
		return &hintedError{
			fmt.Errorf("writing the bundle: wanted components that are built here, found none in target %s", f.target),
			"carry its images and binaries as they are; a bundle is for what the target file says to build",
		}
	}
	releases, err := fixtures.Releases()
	if err != nil {
		return unjudged(err)
	}
	var files []*fixtures.Release
	for i := range releases {
		for _, file := range releases[i].Files {
			if _, _, err := b.Extract(cmd.Context(), &releases[i], file.Name); err != nil {
				return unjudged(err)
			}
		}
		files = append(files, &releases[i])
	}
	digest := newDigest()
	on := build.Platform{OS: "linux", Arch: build.Here().Arch} // as a container needs it
	err = writeTo(f.bundle, func(w io.Writer) error {
		return b.WriteBundle(io.MultiWriter(w, digest), built, on, files)
	})
	if err != nil {
		return err
	}
	return digest.tell(cmd.OutOrStdout(), f.bundle)
}

// unpack reads a bundle into the cache.
func (f *preparation) unpack(cmd *cobra.Command, b build.Builder) error {
	file, err := openFile(f.fromBundle, "name the file that tlsconform prepare --bundle wrote")
	if err != nil {
		return fmt.Errorf("reading the bundle: %w", err)
	}
	defer file.Close()
	releases, err := fixtures.Releases()
	if err != nil {
		return unjudged(err)
	}
	digest := newDigest()
	_, err = b.ReadBundle(cmd.Context(), io.TeeReader(file, digest), releases)
	if _, ours := errors.AsType[*build.Error](err); ours {
		return unjudged(err)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", f.fromBundle, err)
	}
	return digest.tell(cmd.OutOrStdout(), f.fromBundle)
}
