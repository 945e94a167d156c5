package pki

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Files are the paths of a credential's files.
type Files struct {
	// Certificate is NAME.crt, with the certificates as they are sent; Key is NAME.key. Both are "" if nothing is sent.
	Certificate, Key string
}

// WriteFiles writes the credential into the folder dir, which must exist, as NAME.crt and NAME.key (mode 0600), and
// returns their paths. Each file appears whole or not at all, and takes the place of an older one.
func (i *Issued) WriteFiles(dir, name string, format KeyFormat) (Files, error) {
	if len(i.Chain) == 0 {
		return Files{}, nil
	}
	key, err := i.KeyPEM(format)
	if err != nil {
		return Files{}, err
	}
	files := Files{Certificate: filepath.Join(dir, name+".crt"), Key: filepath.Join(dir, name+".key")}
	if err := replace(files.Certificate, i.CertificatePEM(), 0o644); err != nil {
		return Files{}, err
	}
	if err := replace(files.Key, key, 0o600); err != nil {
		return Files{}, err
	}
	return files, nil
}

// replace does not write over an older file, whose mode would stay.
func replace(path string, content []byte, mode os.FileMode) (err error) {
	temporary, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*") // made with mode 0600
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("writing %s: %w", path, err), os.Remove(temporary.Name()))
		}
	}()
	_, err = temporary.Write(content)
	if err = errors.Join(err, temporary.Close()); err != nil {
		return err
	}
	if err = os.Chmod(temporary.Name(), mode); err != nil {
		return err
	}
	return os.Rename(temporary.Name(), path)
}
