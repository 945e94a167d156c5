package container

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"debug/elf"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	"github.com/gofrs/flock"
	"github.com/moby/moby/api/pkg/authconfig"
	"github.com/moby/moby/api/types/image"
	"github.com/moby/moby/client"
	"github.com/moby/moby/client/pkg/jsonmessage"
	specs "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/testcontainers/testcontainers-go"

	"github.com/calico-tls/conformance/harness/launch"
)

const (
	// repository is where images made here are: the engine knows no registry of that name, so it pulls none.
	repository = "localhost/calico-tls-conformance/"
	// recipe changes whenever images are made another way.
	recipe = "1"
	// user runs programs in images made here: no one, so that the modes of files count as they do for the real ones.
	user = "65532:65532"
	// keptImages is how many images are kept for each binary's name.
	keptImages = 4
	// keptFor is how long images are kept that another parent's runs made.
	keptFor = 7 * 24 * time.Hour
	// imageDeadline is how long it may take to make or pull an image.
	imageDeadline = 10 * time.Minute
	imageLock     = "images.lock"
	lockPoll      = 5 * time.Millisecond
)

var plainName = regexp.MustCompile(`^[a-z0-9]+([._-][a-z0-9]+)*$`)

// ImageError says that an image can't be had.
type ImageError struct {
	// Image is its reference, and Pull when it is pulled.
	Image string
	Pull  launch.PullPolicy
	// Cause is what the engine or the registry said.
	Cause error
}

func (e *ImageError) Error() string {
	if e.Pull == launch.PullNever {
		return fmt.Sprintf("getting image %s: wanted it here, as it is never pulled, found none: %v", e.Image, e.Cause)
	}
	return fmt.Sprintf("getting image %s: wanted it here or from its registry, found neither: %v", e.Image, e.Cause)
}

// Unwrap returns the cause.
func (e *ImageError) Unwrap() error { return e.Cause }

// Hint returns what to do.
func (e *ImageError) Hint() string {
	return "check the reference and the network (docker pull " + e.Image + "), or name a binary or a build in the target instead"
}

// found is an image that the engine has.
type found struct {
	// reference is how the engine finds it.
	reference string
	digest    string
	// user is whom its programs run as, "name", "number" or either with ":group"; "" is root.
	user string
}

// withImage calls use with the program's image, which stays there for that long.
func (l *Launcher) withImage(ctx context.Context, p launch.Program, use func(found) error) error {
	limited, cancel := context.WithTimeout(ctx, imageDeadline)
	defer cancel()
	if p.Image != "" {
		image, err := l.obtain(limited, launch.Image{Reference: p.Image})
		if err != nil {
			return err
		}
		return use(image)
	}
	if p.Binary == "" {
		return &launch.UnfitError{Program: p.Name, Launcher: name, Wanted: "an image or a static binary", Found: "neither", Advice: "name an image, a binary or a build in the target"}
	}
	return l.withMade(limited, p.Binary, use)
}

// pull does without testcontainers, which misses errors that come after the pull has begun.
func (l *Launcher) pull(ctx context.Context, reference string, wanted *specs.Platform) error {
	var options client.ImagePullOptions
	if wanted != nil {
		options.Platforms = []specs.Platform{*wanted}
	}
	if _, auth, err := testcontainers.DockerImageAuth(ctx, reference); err == nil {
		if options.RegistryAuth, err = authconfig.Encode(auth); err != nil {
			return err
		}
	}
	pulling, err := l.engine.client.ImagePull(ctx, reference, options)
	if err != nil {
		return err
	}
	defer pulling.Close()
	return pulling.Wait(ctx)
}

// imageDigest returns what the registry calls the image, or else what the engine calls it.
func imageDigest(image image.InspectResponse) string {
	for _, reference := range image.RepoDigests {
		if _, digest, ok := strings.Cut(reference, "@"); ok {
			return digest
		}
	}
	return image.ID
}

func imageUser(image image.InspectResponse) string {
	if image.Config == nil {
		return ""
	}
	return image.Config.User
}

// withMade calls use with an image of nothing but a binary, made if it is not there. Its lock keeps sweeps from
// removing the image in the meantime.
func (l *Launcher) withMade(ctx context.Context, binary string, use func(found) error) error {
	if err := checkStatic(binary); err != nil {
		return err
	}
	digest, err := l.digests.File(binary)
	if err != nil {
		return err
	}
	image := found{reference: repository + imageName(binary) + ":" + tag(binary, digest), digest: digest, user: user}
	lock := flock.New(filepath.Join(filepath.Dir(l.run.Folder()), imageLock))
	defer lock.Unlock()
	if _, err := lock.TryRLockContext(ctx, lockPoll); err != nil {
		return fmt.Errorf("locking images: %w", err)
	}
	if _, err = l.engine.client.ImageInspect(ctx, image.reference); err == nil {
		return use(image)
	}
	if err := lock.Unlock(); err != nil {
		return fmt.Errorf("locking images: %w", err)
	}
	if _, err := lock.TryLockContext(ctx, lockPoll); err != nil {
		return fmt.Errorf("locking images: %w", err)
	}
	if _, err = l.engine.client.ImageInspect(ctx, image.reference); errdefs.IsNotFound(err) {
		l.say("making an image of " + binary)
		err = l.make(ctx, binary, image)
	}
	if err != nil {
		return fmt.Errorf("making an image of %s: %w", binary, err)
	}
	return use(image)
}

// make imports the image in one step, so that an interrupted one leaves nothing.
func (l *Launcher) make(ctx context.Context, binary string, image found) error {
	entry, err := json.Marshal([]string{inImage(binary)})
	if err != nil {
		return err
	}
	options := client.ImageImportOptions{Changes: []string{
		"ENTRYPOINT " + string(entry),
		"USER " + user,
		fmt.Sprintf("LABEL %q=%q %q=%q", labelParent, l.run.ParentID(), labelDigest, image.digest),
	}}
	read, write := io.Pipe()
	defer read.Close()
	go func() { write.CloseWithError(archive(write, binary)) }()
	progress, err := l.engine.client.ImageImport(ctx, client.ImageImportSource{Source: read, SourceName: "-"}, image.reference, options)
	if err != nil {
		return err
	}
	defer progress.Close()
	return jsonmessage.DisplayStream(progress, io.Discard)
}

// archive writes a root file system with the binary as its one file.
func archive(w io.Writer, binary string) error {
	file, err := os.Open(binary)
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	out := tar.NewWriter(w)
	header := &tar.Header{Name: strings.TrimPrefix(inImage(binary), "/"), Typeflag: tar.TypeReg, Mode: 0o755, Size: info.Size(), ModTime: info.ModTime()}
	if err := out.WriteHeader(header); err != nil {
		return err
	}
	if _, err := io.Copy(out, file); err != nil {
		return err
	}
	return out.Close()
}

// checkStatic returns an error if a binary can't run in an image without a libc.
func checkStatic(binary string) error {
	file, err := elf.Open(binary)
	if err != nil {
		if format := (*elf.FormatError)(nil); errors.As(err, &format) || errors.Is(err, io.EOF) {
			err = errors.New("not an executable for Linux")
		}
		return &launch.BinaryError{Path: binary, Cause: err}
	}
	defer file.Close()
	for _, segment := range file.Progs {
		if segment.Type == elf.PT_INTERP {
			return &launch.BinaryError{Path: binary, Cause: errors.New("linked dynamically, which can't run in an image of its own (build it with CGO_ENABLED=0)")}
		}
	}
	return nil
}

// imageName returns what an image of a binary is called: the binary's own name, if an image can have it.
func imageName(binary string) string {
	if base := strings.ToLower(filepath.Base(binary)); plainName.MatchString(base) {
		return base
	}
	return "program"
}

// inImage returns the path of a binary in its image.
func inImage(binary string) string { return "/" + imageName(binary) }

func tag(binary, digest string) string {
	sum := sha256.Sum256([]byte(recipe + "\n" + inImage(binary) + "\n" + digest))
	return hex.EncodeToString(sum[:16])
}
