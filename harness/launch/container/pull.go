package container

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/containerd/platforms"
	"github.com/distribution/reference"
	"github.com/moby/moby/client"
	specs "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/calico-tls/conformance/harness/launch"
)

// ArchiveError says that an archive has not the image that was wanted.
type ArchiveError struct {
	// Path is the archive's.
	Path string
	// Wanted is what was wanted in it, and Cause what was found.
	Wanted string
	Cause  error
}

func (e *ArchiveError) Error() string {
	return fmt.Sprintf("loading the archive %s: wanted %s, found: %v", e.Path, e.Wanted, e.Cause)
}

// Unwrap returns the cause.
func (e *ArchiveError) Unwrap() error { return e.Cause }

// Hint returns what to do.
func (e *ArchiveError) Hint() string {
	return "write the archive with docker save or podman save, and name its image by reference if it has several"
}

// Pull makes an image available: from an archive, or else by its policy from its registry. It returns the reference by which
// the engine finds it, and its digest, "sha256:…". It returns an [*ArchiveError] for an archive without that image, an
// [*ImageError] if the image can't be had otherwise, or is of another platform.
func (l *Launcher) Pull(ctx context.Context, i launch.Image) (name, digest string, err error) {
	limited, cancel := context.WithTimeout(ctx, imageDeadline)
	defer cancel()
	name = i.Reference
	if i.Archive != "" {
		if name, err = l.load(limited, i); err != nil {
			return "", "", err
		}
		i.Reference, i.Pull = name, launch.PullNever
	}
	image, err := l.obtain(limited, i)
	return name, image.digest, err
}

// obtain returns an image that the engine has, or gets from a registry.
func (l *Launcher) obtain(ctx context.Context, i launch.Image) (found, error) {
	var wanted *specs.Platform
	if i.Platform != "" {
		p, err := platforms.Parse(i.Platform)
		if err != nil {
			return found{}, &ImageError{Image: i.Reference, Cause: err}
		}
		wanted = &p
	}
	has, err := l.has(ctx, i.Reference, wanted)
	absent := errdefs.IsNotFound(err)
	if i.Pull == launch.PullAlways || i.Pull != launch.PullNever && absent {
		l.say("pulling image " + i.Reference)
		if err = l.pull(ctx, i.Reference, wanted); err == nil {
			has, err = l.has(ctx, i.Reference, wanted)
		}
	}
	if err != nil {
		return found{}, &ImageError{Image: i.Reference, Pull: i.Pull, Cause: err}
	}
	return has, nil
}

// has returns an image that the engine has; the error is NotFound if it has none of the name and the platform.
func (l *Launcher) has(ctx context.Context, name string, wanted *specs.Platform) (found, error) {
	inspected, err := l.engine.client.ImageInspect(ctx, name)
	if err != nil {
		return found{}, err
	}
	image := inspected.InspectResponse
	is := specs.Platform{OS: image.Os, Architecture: image.Architecture, Variant: image.Variant}
	if wanted != nil && !platforms.Only(*wanted).Match(is) {
		return found{}, fmt.Errorf("it is of the platform %s, not %s: %w", platforms.Format(is), platforms.Format(*wanted), errdefs.ErrNotFound)
	}
	return found{reference: name, digest: imageDigest(image), user: imageUser(image)}, nil
}

// load loads an archive into the engine, and returns how it calls the image that is wanted.
func (l *Launcher) load(ctx context.Context, i launch.Image) (string, error) {
	wanted := "one image"
	if i.Reference != "" {
		wanted = "the image " + i.Reference
	}
	failed := func(err error) (string, error) {
		return "", &ArchiveError{Path: i.Archive, Wanted: wanted, Cause: err}
	}
	file, err := os.Open(i.Archive)
	if err != nil {
		return failed(err)
	}
	defer file.Close()
	l.say("loading the images of " + i.Archive)
	loading, err := l.engine.client.ImageLoad(ctx, file, client.ImageLoadWithQuiet(true))
	if err != nil {
		return failed(err)
	}
	defer loading.Close()
	loaded, err := loadedIn(loading)
	switch {
	case err != nil:
		return failed(err)
	case i.Reference != "":
		for _, name := range loaded {
			if sameImage(name, i.Reference) {
				return name, nil
			}
		}
		return failed(fmt.Errorf("%s", strings.Join(loaded, ", ")))
	case len(loaded) != 1:
		return failed(fmt.Errorf("%d: %s", len(loaded), strings.Join(loaded, ", ")))
	}
	return loaded[0], nil
}

// loadedIn returns the names of the images that the engine says it has loaded, or the digests of those without a name.
func loadedIn(progress io.Reader) ([]string, error) {
	var loaded []string
	decoder := json.NewDecoder(progress)
	for {
		var line struct{ Stream, Error string }
		switch err := decoder.Decode(&line); {
		case errors.Is(err, io.EOF) && len(loaded) == 0:
			return nil, errors.New("none")
		case errors.Is(err, io.EOF):
			return loaded, nil
		case err != nil:
			return nil, err
		case line.Error != "":
			return nil, errors.New(line.Error)
		}
		for text := range strings.Lines(line.Stream) {
			for _, says := range []string{"Loaded image ID: ", "Loaded image: "} {
				if name, is := strings.CutPrefix(strings.TrimSpace(text), says); is && !slices.Contains(loaded, name) {
					loaded = append(loaded, name)
				}
			}
		}
	}
}

// sameImage reports whether two references are of one image: typha:4.2 is docker.io/library/typha:4.2.
func sameImage(a, b string) bool {
	one, err1 := reference.ParseDockerRef(a)
	other, err2 := reference.ParseDockerRef(b)
	return err1 == nil && err2 == nil && one.String() == other.String()
}
