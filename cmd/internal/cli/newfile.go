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
	var temps, made []string
	defer func() {
		if err != nil {
			temps = append(temps, made...)
		}
		for _, path := range temps {
			// A failure means that the file is gone, or follows an error that is reported.
			_ = os.Remove(path)
		}
	}()
	for _, f := range files {
		if err := CheckNew(f.Path); err != nil {
			return err
		}
		temp, err := writeTemp(f)
		if err != nil {
			return fmt.Errorf("%s: %w", f.Path, withoutPath(err))
		}
		temps = append(temps, temp)
	}
	if err := context.Cause(e.Ctx); err != nil {
		return err
	}
	for i, f := range files {
		if err := renameNew(temps[i], f.Path); err != nil {
			return err
		}
		made = append(made, f.Path)
		if err := syncDir(filepath.Dir(f.Path)); err != nil {
			return err
		}
	}
	return nil
}

// writeTemp writes a temporary file beside the later place of f, and returns its name.
func writeTemp(f NewFile) (path string, err error) {
	temp, err := createTemp(f.Path, f.Mode)
	if err != nil {
		return "", err
	}
	path = temp.Name()
	_, err = temp.Write(f.Text)
	if err == nil {
		err = ignoreUnsupported(temp.Sync())
	}
	if err = errors.Join(err, temp.Close()); err != nil {
		_ = os.Remove(path)
	}
	return path, err
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
		return nil
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
