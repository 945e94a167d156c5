package container_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/moby/moby/client"

	"github.com/calico-tls/conformance/harness/launch"
	"github.com/calico-tls/conformance/harness/launch/container"
)

// TestImageOfAnArchive: an image that no registry has is loaded and started; what is no archive, or has another image, is
// refused by name.
func TestImageOfAnArchive(t *testing.T) {
	api := needEngine(t)
	keep := newRun(t, api)
	launcher := newLauncher(t, keep, container.NetworkHost)
	start(t, launcher, launch.Program{Name: "archived", Binary: binary})
	image := commit(t, api, keep, "0")
	archive := save(t, api, image)
	if _, err := api.ImageRemove(t.Context(), image, client.ImageRemoveOptions{Force: true}); err != nil {
		t.Fatal(err)
	}
	for _, reference := range []string{"", image} {
		name, digest, err := launcher.Pull(t.Context(), launch.Image{Reference: reference, Archive: archive})
		if err != nil || name != image || !strings.HasPrefix(digest, "sha256:") {
			t.Fatalf("wanted the image %s with its digest, found %q, %q, %v", image, name, digest, err)
		}
	}
	p := launch.Program{Name: "loaded", Image: image, Configure: func(launch.Placement) launch.Invocation {
		return launch.Invocation{Args: []string{"say=here", "wait"}}
	}}
	i := start(t, launcher, p)
	if _, err := i.Log().Wait(t.Context(), func(line string) bool { return line == "here" }); err != nil {
		t.Error(err)
	}
	text := filepath.Join(t.TempDir(), "text.tar")
	if err := os.WriteFile(text, []byte("no archive"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, wanted := range map[string]launch.Image{
		"no archive":    {Archive: text},
		"absent":        {Archive: text + ".absent"},
		"another image": {Archive: archive, Reference: "images.example/other:1"},
	} {
		_, _, err := launcher.Pull(t.Context(), wanted)
		wrong, is := errors.AsType[*container.ArchiveError](err)
		if !is || !strings.Contains(err.Error(), wanted.Archive) || wrong.Hint() == "" {
			t.Errorf("%s: wanted an ArchiveError with a hint, found %v", name, err)
		}
	}
}

// TestPullPolicies: what is never pulled must be there, what is always pulled must be in a registry, and an image of another
// platform is not the one that is wanted.
func TestPullPolicies(t *testing.T) {
	api := needEngine(t)
	keep := newRun(t, api)
	launcher := newLauncher(t, keep, container.NetworkHost)
	start(t, launcher, launch.Program{Name: "pulled", Binary: binary})
	here := commit(t, api, keep, "999")
	const absent = "127.0.0.1:1/absent/typha:v0"
	for name, test := range map[string]struct {
		image launch.Image
		had   bool
	}{
		"there, never pulled":  {launch.Image{Reference: here, Pull: launch.PullNever}, true},
		"there, of its own":    {launch.Image{Reference: here, Pull: launch.PullMissing, Platform: "linux/" + runtime.GOARCH}, true},
		"there, of another":    {launch.Image{Reference: here, Pull: launch.PullNever, Platform: "linux/s390x"}, false},
		"absent, never pulled": {launch.Image{Reference: absent, Pull: launch.PullNever}, false},
		"absent, pulled":       {launch.Image{Reference: absent}, false},
		"there, always pulled": {launch.Image{Reference: here, Pull: launch.PullAlways}, false},
		"no platform":          {launch.Image{Reference: here, Platform: "linux/"}, false},
	} {
		_, _, err := launcher.Pull(t.Context(), test.image)
		if test.had && err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if _, is := errors.AsType[*container.ImageError](err); !test.had && !is {
			t.Errorf("%s: wanted an ImageError, found %v", name, err)
		}
	}
}

// save writes an image into an archive.
func save(t *testing.T, api *client.Client, image string) string {
	t.Helper()
	from, err := api.ImageSave(t.Context(), []string{image})
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	path := filepath.Join(t.TempDir(), "image.tar")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(file, from); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}
