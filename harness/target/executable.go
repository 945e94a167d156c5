package target

import (
	"crypto/sha256"
	"debug/buildinfo"
	"debug/elf"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
)

// machines are Go's names for what an ELF file is built for.
var machines = map[elf.Machine]string{
	elf.EM_X86_64: "amd64", elf.EM_AARCH64: "arm64", elf.EM_PPC64: "ppc64le", elf.EM_S390: "s390x", elf.EM_RISCV: "riscv64",
}

// executable says why a path is not that of an executable.
func executable(path string) error {
	stat, err := os.Stat(path)
	switch {
	case err != nil:
		return advised("check the path; one in a target file is relative to that file", "wanted an executable at %s, found: %v", path, beneath(err))
	case !stat.Mode().IsRegular():
		return advised("name the executable itself", "wanted an executable at %s, found a %s", path, kindOf(stat.Mode()))
	case stat.Mode()&0o111 == 0:
		return advised("chmod +x "+path, "wanted an executable at %s, found a file with mode %s", path, stat.Mode())
	}
	return nil
}

// standsAlone says why an executable cannot be all that there is in an image.
func standsAlone(path, arch string) error {
	const hint = "give a static Linux executable (built with CGO_ENABLED=0, for instance), name an image, or launch processes"
	f, err := elf.Open(path)
	if err != nil {
		return advised(hint, "wanted a Linux executable for an image made around it, found something else: %v", err)
	}
	defer f.Close()
	if found, known := machines[f.Machine]; !known || found != arch {
		return advised(hint, "wanted an executable for linux/%s, found one for %s", arch, strings.TrimPrefix(f.Machine.String(), "EM_"))
	}
	for _, part := range f.Progs {
		if part.Type == elf.PT_INTERP {
			return advised(hint, "wanted a static executable for an image made around it, found one that needs a dynamic linker")
		}
	}
	return nil
}

// digests are those of the files that were read, by what tells whether one is still the same: each role of a target may
// name one executable, as those of the reference do.
var digests sync.Map

// digestOf returns "sha256:…" of a file.
func digestOf(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	stat, err := f.Stat()
	if err != nil {
		return "", err
	}
	same := fmt.Sprint(path, stat.Size(), stat.ModTime().UnixNano())
	if digest, ok := digests.Load(same); ok {
		return digest.(string), nil
	}
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	digest := "sha256:" + hex.EncodeToString(h.Sum(nil))
	digests.Store(same, digest)
	return digest, nil
}

// saysOfItself returns the version of an executable's main module and the Go that built it; "" for what it does not say.
func saysOfItself(path string) (version, goVersion string) {
	info, err := buildinfo.ReadFile(path)
	if err != nil {
		return "", ""
	}
	if version = info.Main.Version; version == "(devel)" {
		version = ""
	}
	return version, info.GoVersion
}
