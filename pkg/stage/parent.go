package stage

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"filippo.io/age"

	"hexz/pkg/archive"
)

// Parent is an archive, or the exported index of one, whose chunks are known.
type Parent struct {
	Index *archive.Index
	Hint  string // for those who look for the archive
	file  *os.File
}

// OpenFunc opens a file for reading, as os.Open does. A caller can note by it what is read, and
// refuse it by an error. nil is os.Open.
type OpenFunc func(path string) (*os.File, error)

func (o OpenFunc) open(path string) (*os.File, error) {
	if o == nil {
		return os.Open(path)
	}
	return o(path)
}

// OpenParent opens the archive or exported index at path. The hint is the name that the archive
// has or should have. Close it.
func OpenParent(open OpenFunc, path string, ids []age.Identity) (Parent, error) {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() { // to open a FIFO would wait
		return Parent{}, fmt.Errorf("%s is no regular file", path)
	}
	f, err := open.open(path)
	if err != nil {
		return Parent{}, err
	}
	p, err := openParent(f, ids)
	if err != nil {
		f.Close()
		return Parent{}, fmt.Errorf("%s: %w", path, err)
	}
	return p, nil
}

func openParent(f *os.File, ids []age.Identity) (p Parent, err error) {
	info, err := f.Stat()
	if err != nil {
		return p, err
	}
	p = Parent{Hint: filepath.Base(f.Name()), file: f}
	if name, ok := strings.CutSuffix(p.Hint, ".hxi"); ok {
		p.Hint = name + ".hxz"
	}
	p.Index, err = archive.OpenIndex(f, info.Size(), ids...)
	return p, err
}

// Close closes what OpenParent has opened.
func (p Parent) Close() error {
	if p.file == nil {
		return nil
	}
	return p.file.Close()
}
