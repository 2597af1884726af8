package parents

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"hexz/pkg/archive"
	"hexz/pkg/index"
	"hexz/pkg/seal"
)

// Parent is an archive, or the exported index of one, whose chunks are known.
type Parent struct {
	Index *index.Index
	Hint  string // name by which others look for the archive
	file  *pooledFile
}

// OpenFunc opens a file for reading, as os.Open does. A caller can use it to note which files are
// read, and to refuse a file by an error. nil is none.
type OpenFunc func(path string) (*os.File, error)

// note tells the caller that a file is read.
func (o OpenFunc) note(path string) error {
	if o == nil {
		return nil
	}
	f, err := o(path)
	if err != nil {
		return err
	}
	return f.Close()
}

// Open opens the archive or exported index at path. The hint of the Parent is the name that the
// archive has or should have. Of the content of an archive only the dictionaries are read: without
// them nothing that is packed against it could be restored. Close the Parent after use.
func Open(open OpenFunc, path string, opener seal.Opener) (Parent, error) {
	f, err := new(filePool).add(path)
	if err == nil {
		err = open.note(path)
	}
	if err == nil {
		defer f.pool.close() // there may be a thousand parents
		var p Parent
		if p, err = openIndex(f, opener); err == nil {
			return p, nil
		}
	}
	if !isReadError(err) {
		err = fmt.Errorf("%s: %w", path, err)
	}
	return Parent{}, err
}

func openIndex(f *pooledFile, opener seal.Opener) (p Parent, err error) {
	p = Parent{Hint: filepath.Base(f.path), file: f}
	if name, ok := strings.CutSuffix(p.Hint, ".hxi"); ok {
		p.Hint = name + ".hxz"
	}
	p.Index, err = index.OpenAny(f, f.size(), opener)
	if err == nil && !p.Index.Exported() {
		err = archive.CheckDicts(p.Index)
	}
	return p, err
}

// Close closes the file of the Parent. Reading the Parent again opens it again.
func (p Parent) Close() {
	if p.file != nil {
		p.file.pool.close()
	}
}
