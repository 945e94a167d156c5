//go:build unix

package launch

import (
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

func owned(info fs.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(stat.Uid) == os.Geteuid()
}

// giveAsBeside gives a file to whom the folder belongs in which it lies.
func giveAsBeside(file string) error {
	info, err := os.Stat(filepath.Dir(file))
	if err != nil {
		return err
	}
	if owner, ok := info.Sys().(*syscall.Stat_t); ok && int(owner.Uid) != os.Geteuid() {
		return os.Lchown(file, int(owner.Uid), -1)
	}
	return nil
}
