package target

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestDigestOfWhatHasChanged: a digest is kept for as long as the file stays what it was.
func TestDigestOfWhatHasChanged(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "typha")
	digests := map[string]bool{}
	for i, content := range []string{"one", "two", "two", "three"} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		at := time.Unix(int64(1000+i), 0) // a clock may be too coarse to tell
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
		digest, err := digestOf(path)
		if err != nil {
			t.Fatal(err)
		}
		digests[digest] = true
	}
	if len(digests) != 3 {
		t.Errorf("wanted a digest for each of three contents, found %d: %v", len(digests), digests)
	}
}
