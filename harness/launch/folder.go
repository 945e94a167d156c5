package launch

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
)

// Folder holds what is a program's own on this machine: its files, and the folder that it may write to. Nobody but its
// owner can read in it.
type Folder struct {
	root string
	// owner is the number of the user to whom it was given, or ours.
	owner int
}

// ours stands for the owner, or the group, that a file has already (chown(2)).
const ours = -1

// OwnFolder returns the folder of a program, by its number within the run. Whoever makes it removes it in the end.
func (r *Run) OwnFolder(p Program, number int) Folder {
	return Folder{filepath.Join(r.folder, "programs", fmt.Sprintf("%s-%d", p.Name, number)), ours}
}

// Root returns the path of the folder.
func (f Folder) Root() string { return f.root }

// Files returns the path of what holds the program's files.
func (f Folder) Files() string { return filepath.Join(f.root, "files") }

// Data returns the path of what the program may write to.
func (f Folder) Data() string { return filepath.Join(f.root, "data") }

// Path returns the path of a file of the program, which is below Files however it is called.
func (f Folder) Path(file string) string {
	return filepath.Join(f.Files(), filepath.FromSlash(path.Clean("/"+filepath.ToSlash(file))))
}

// Make makes the folder.
func (f Folder) Make() error {
	if err := os.MkdirAll(f.Files(), 0o700); err != nil {
		return err
	}
	return os.MkdirAll(f.Data(), 0o700)
}

// Write writes a file, before the program starts.
func (f Folder) Write(file string, data []byte) error {
	where := f.Path(file)
	if err := os.MkdirAll(filepath.Dir(where), 0o700); err != nil {
		return err
	}
	return os.WriteFile(where, data, 0o600)
}

// Replace puts other data into a file, so that nobody reads half of it; nil takes the file away.
func (f Folder) Replace(file string, data []byte) error {
	where := f.Path(file)
	if data == nil {
		return os.Remove(where)
	}
	fresh := where + ".new"
	if err := os.WriteFile(fresh, data, 0o600); err != nil {
		return err
	}
	if f.owner != ours {
		if err := os.Lchown(fresh, f.owner, ours); err != nil {
			return err
		}
	}
	return os.Rename(fresh, where)
}

// Give makes another user of this machine the owner of the folder, of all that is in it and of what replaces that, which
// takes root.
func (f *Folder) Give(user int) error {
	f.owner = user
	root, err := os.OpenRoot(f.root)
	if err != nil {
		return err
	}
	defer root.Close()
	return fs.WalkDir(root.FS(), ".", func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return root.Lchown(path, user, ours)
	})
}

// Remove removes the folder with all that is in it. Having none is no error.
func (f Folder) Remove() error { return os.RemoveAll(f.root) }
