package container

import (
	"archive/tar"
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/moby/moby/client"

	"github.com/calico-tls/conformance/harness/launch"
)

// passwd is where a container's users are (passwd(5)).
const passwd = "/etc/passwd"

// fill gives the container its files before it starts: in a folder of this machine that it is shown, if it is shown one,
// which is much cheaper for the engine than to unpack a copy; what the program looks for elsewhere is copied.
func (i *instance) fill(ctx context.Context, files []launch.File, user string) (err error) {
	if i.user, err = i.owner(ctx, user); err != nil {
		return err
	}
	if i.own == nil {
		return i.copy(ctx, files)
	}
	var elsewhere []launch.File
	for _, file := range files {
		if !i.shown(file.Name) {
			elsewhere = append(elsewhere, file)
		} else if err := i.own.Write(file.Name, file.Content(i)); err != nil {
			return err
		}
	}
	if len(elsewhere) > 0 {
		if err := i.copy(ctx, elsewhere); err != nil {
			return err
		}
	}
	return i.own.Give(i.user)
}

func (i *instance) copy(ctx context.Context, files []launch.File) error {
	content, err := i.bundle(files, i.user)
	if err != nil {
		return err
	}
	_, err = i.api().CopyToContainer(ctx, i.id, client.CopyToContainerOptions{DestinationPath: "/", Content: content})
	return err
}

// shown reports whether the container finds a file in a folder of this machine.
func (i *instance) shown(file string) bool { return i.own != nil && !path.IsAbs(file) }

// Replace implements [launch.Instance]. Nothing that was copied can be taken out of a running container from outside, so a
// file that is to go becomes a link that leads nowhere.
func (i *instance) Replace(ctx context.Context, file string, data []byte) error {
	if i.shown(file) {
		return i.own.Replace(file, data)
	}
	put, err := i.replacing(ctx, file, data, 0)
	if err != nil {
		return err
	}
	return put()
}

// ballast is more than fits into all that lies between here and whoever unpacks an archive in the engine.
const ballast = 4 << 20

// Replacing implements [launch.Instance]. The engine takes long to begin with an archive, and unpacks it as it comes: it
// is sent in two parts, of which the first is big enough that it is only taken once the engine has begun.
func (i *instance) Replacing(ctx context.Context, file string, data []byte) (put func() error, err error) {
	if i.shown(file) {
		return func() error { return i.own.Replace(file, data) }, nil
	}
	return i.replacing(ctx, file, data, ballast)
}

func (i *instance) replacing(ctx context.Context, file string, data []byte, before int) (put func() error, err error) {
	in, out := io.Pipe()
	done := make(chan error, 1)
	go func() {
		_, err := i.api().CopyToContainer(ctx, i.id, client.CopyToContainerOptions{DestinationPath: "/", Content: in})
		_ = in.CloseWithError(cmp.Or(err, io.ErrClosedPipe))
		done <- err
	}()
	where := i.Path(file)
	w := tar.NewWriter(out)
	if before > 0 {
		if err := i.entry(w, where+".before", make([]byte, before)); err != nil {
			return nil, errors.Join(err, <-done)
		}
	}
	return func() error {
		if err := i.entry(w, where, data); err != nil {
			return errors.Join(err, <-done)
		}
		return errors.Join(w.Close(), out.Close(), <-done)
	}, nil
}

// entry writes a file, or what stands for one that is gone, into an archive.
func (i *instance) entry(w *tar.Writer, where string, data []byte) error {
	header := &tar.Header{Name: where[1:], Typeflag: tar.TypeReg, Mode: 0o600, Uid: i.user, Size: int64(len(data)), ModTime: time.Now()}
	if data == nil {
		header.Typeflag, header.Linkname = tar.TypeSymlink, where+".gone"
	}
	if err := w.WriteHeader(header); err != nil {
		return err
	}
	_, err := w.Write(data)
	return err
}

// owner returns the number of the user that an image names. Engines can be asked to find it, but Docker 20.10 stumbles
// over one with a group.
func (i *instance) owner(ctx context.Context, user string) (int, error) {
	user, _, _ = strings.Cut(user, ":")
	if user == "" {
		return 0, nil
	}
	if number, err := strconv.Atoi(user); err == nil {
		return number, nil
	}
	copied, err := i.api().CopyFromContainer(ctx, i.id, client.CopyFromContainerOptions{SourcePath: passwd})
	if err != nil {
		return 0, fmt.Errorf("looking for user %q of the image: %w", user, err)
	}
	defer copied.Content.Close()
	in := tar.NewReader(copied.Content)
	if _, err := in.Next(); err != nil {
		return 0, fmt.Errorf("looking for user %q of the image: %w", user, err)
	}
	return lookUp(in, user)
}

// lookUp finds the number of a user in a file of users.
func lookUp(users io.Reader, name string) (int, error) {
	lines := bufio.NewScanner(users)
	for lines.Scan() {
		if fields := strings.Split(lines.Text(), ":"); fields[0] == name && len(fields) > 2 {
			return strconv.Atoi(fields[2])
		}
	}
	return 0, fmt.Errorf("looking for user %q of the image: wanted it in %s, found it is not", name, passwd)
}

// bundle returns an archive of a program's files, in folders that are its own.
func (i *instance) bundle(files []launch.File, owner int) (*bytes.Buffer, error) {
	var buffer bytes.Buffer
	out := tar.NewWriter(&buffer)
	now := time.Now()
	seen := map[string]bool{}
	folders := func(below string) error {
		for _, folder := range ownFolders(below) {
			if seen[folder] {
				continue
			}
			seen[folder] = true
			if err := out.WriteHeader(&tar.Header{Name: folder[1:] + "/", Typeflag: tar.TypeDir, Mode: 0o700, Uid: owner, ModTime: now}); err != nil {
				return err
			}
		}
		return nil
	}
	if err := folders(path.Join(dataFolder, "any")); err != nil {
		return nil, err
	}
	for _, file := range files {
		where, data := i.Path(file.Name), file.Content(i)
		if err := folders(where); err != nil {
			return nil, err
		}
		if err := out.WriteHeader(&tar.Header{Name: where[1:], Typeflag: tar.TypeReg, Mode: 0o600, Uid: owner, Size: int64(len(data)), ModTime: now}); err != nil {
			return nil, err
		}
		if _, err := out.Write(data); err != nil {
			return nil, err
		}
	}
	return &buffer, out.Close()
}

// ownFolders returns the program's own folders above a file, outermost first. Those of the image are not among them.
func ownFolders(file string) []string {
	if !strings.HasPrefix(file, ownFolder+"/") {
		return nil
	}
	above := path.Dir(file)
	return append(ownFolders(above), above)
}
