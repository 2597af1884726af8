package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// NewFile is a small file to make. It must not exist yet.
type NewFile struct {
	Path string
	Mode os.FileMode // before umask
	Text []byte
}

// OutputPath returns the argument of -o, "-" for standard output, or "" without -o. It is for a
// binary that does not write by Output.
func (e *Env) OutputPath() string { return e.opts.output }

// CheckNew returns an error with a hint if there is something at path.
func CheckNew(path string) error {
	_, err := os.Lstat(path)
	switch {
	case err == nil:
		return errExists(path)
	case errors.Is(err, fs.ErrNotExist):
		return nil
	}
	return err
}

func errExists(path string) error {
	return WithHint(fmt.Errorf("%s exists already", path), "a key is never overwritten: choose another name, or move the file away")
}

// CreateFiles makes files, all or none of them. Each appears when all are complete and synced. None
// replaces another file.
func (e *Env) CreateFiles(files ...NewFile) (err error) {
	var temps []*tempFile
	var made []string
	defer func() {
		for _, t := range temps {
			t.remove()
			t.Close()
		}
		if err == nil {
			return
		}
		for _, path := range made {
			_ = os.Remove(path) // what fails here follows an error that is reported
		}
	}()
	for _, f := range files {
		if err := CheckNew(f.Path); err != nil {
			return err
		}
		temp, err := openTemp(f.Path, f.Mode)
		if err == nil {
			temps = append(temps, temp)
			err = temp.fill(f.Text)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", f.Path, withoutPath(err))
		}
	}
	if err := context.Cause(e.Ctx); err != nil {
		return err
	}
	for i, f := range files {
		if err := temps[i].placeNew(); err != nil {
			return err
		}
		made = append(made, f.Path)
		if err := syncDir(filepath.Dir(f.Path)); err != nil {
			return err
		}
	}
	return nil
}

// fill writes the whole text of a file.
func (t *tempFile) fill(text []byte) error {
	_, err := t.Write(text)
	if err == nil {
		err = ignoreUnsupported(t.Sync())
	}
	if err == nil {
		err = checkClose(t.File)
	}
	return err
}

// placeNew gives the file the name of the target, unless something has that name.
func (t *tempFile) placeNew() error {
	if t.name != "" {
		return renameNew(t.name, t.target)
	}
	err := linkUnnamed(t.File, t.target)
	if errors.Is(err, fs.ErrExist) {
		return errExists(t.target)
	}
	if le, ok := errors.AsType[*os.LinkError](err); ok {
		err = &os.PathError{Op: le.Op, Path: t.target, Err: le.Err}
	}
	return err
}

// withoutPath returns err without the name of a temporary file, which the user does not know.
func withoutPath(err error) error {
	if pe, ok := errors.AsType[*os.PathError](err); ok {
		return pe.Err
	}
	return err
}

// renameNew gives the file temp the name path, unless that is taken. A rename would replace a file
// of that name; a link does not.
func renameNew(temp, path string) error {
	switch err := os.Link(temp, path); {
	case err == nil:
		return os.Remove(temp) // a second name of a secret is not left without a word
	case errors.Is(err, fs.ErrExist):
		return errExists(path)
	}
	// Not every file system has links. Without them, rename replaces only an empty file of our own.
	own, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return errExists(path)
	}
	if err != nil {
		return err
	}
	own.Close()
	if err = os.Rename(temp, path); err != nil {
		_ = os.Remove(path)
	}
	return err
}
