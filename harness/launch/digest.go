package launch

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"sync"
	"time"
)

// Digests makes the digests of files, each once as long as the file stays the same. The zero Digests is ready to use.
type Digests struct {
	mu   sync.Mutex
	made map[version]func() (string, error)
}

// version is a state of a file.
type version struct {
	path    string
	size    int64
	changed time.Time
}

// File returns "sha256:…" of a file's content.
func (d *Digests) File(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", fmt.Errorf("making the digest of a file: %w", err)
	}
	key := version{path, info.Size(), info.ModTime()}
	d.mu.Lock()
	once, ok := d.made[key]
	if !ok {
		once = sync.OnceValues(func() (string, error) { return digest(path) })
		if d.made == nil {
			d.made = map[version]func() (string, error){}
		}
		d.made[key] = once
	}
	d.mu.Unlock()
	return once()
}

func digest(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("making the digest of a file: %w", err)
	}
	defer file.Close()
	hash := sha256.New()
	if _, err := io.Copy(hash, file); err != nil {
		return "", fmt.Errorf("making the digest of %s: %w", path, err)
	}
	return "sha256:" + hex.EncodeToString(hash.Sum(nil)), nil
}
