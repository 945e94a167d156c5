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

// maxSmall is the size up to which a key or a signature is read, in bytes.
const maxSmall = 64 << 10

// readSmall reads a file that holds a key or a signature; the hint says which file is meant. Every error is one of usage.
func readSmall(path, hint string) ([]byte, error) {
	file, err := openFile(path, hint)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, maxSmall+1))
	if err == nil && len(data) > maxSmall {
		err = fmt.Errorf("%s: wanted at most %d bytes, found more", path, maxSmall)
	}
	if err != nil {
		return nil, &hintedError{err, hint}
	}
	return data, nil
}
