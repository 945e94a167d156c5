package main

import (
	"crypto/sha256"
	"fmt"
	"hash"
	"io"
	"os"
)

// digest digests a file as it is written or read, for people who compare it with another machine's.
type digest struct{ hash.Hash }

func newDigest() digest { return digest{sha256.New()} }

// tell prints the digest in the format of sha256sum.
func (d digest) tell(w io.Writer, path string) error {
	_, err := fmt.Fprintf(w, "%x  %s\n", d.Sum(nil), path)
	return err
}

// openFile opens a file that a flag or an argument names; the hint says which file is meant. Every error is one of usage.
func openFile(path, hint string) (*os.File, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, &hintedError{err, hint}
	}
	return file, nil
}
