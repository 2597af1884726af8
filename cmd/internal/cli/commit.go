package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// Commit makes the output final. A file is synced and renamed to its name, and its directory is
// synced. A device is synced. Of standard output Commit only reports errors. Commit fails after a
// failed write, or once Env.Ctx is cancelled; a file then stays as it was. A second call does
// nothing.
func (o *Output) Commit() error {
	if err := o.failed(); err != nil || o.done {
		return err
	}
	if err := o.settle(); err != nil {
		return o.fail(err)
	}
	switch {
	case o.stdout:
		o.done = true
		return o.fail(checkClose(o.f))
	case o.temp == nil:
		o.done = true
		return o.fail(errors.Join(ignoreUnsupported(o.f.Sync()), o.f.Close()))
	}
	if err := context.Cause(o.ctx); err != nil {
		return o.fail(err)
	}
	err := ignoreUnsupported(o.f.Sync())
	if err == nil {
		err = checkClose(o.f)
	}
	if err == nil {
		err = o.temp.place()
	}
	if err != nil {
		return o.fail(err)
	}
	o.done = true
	_ = o.f.Close() // checked before
	if err := syncDir(filepath.Dir(o.target)); err != nil {
		return o.fail(fmt.Errorf("%s is complete, but may be lost if the power fails: %w", o.path, err))
	}
	return nil
}

// Cleanup closes the output and removes the temporary file, unless Commit succeeded. It can be
// called more than once; defer it.
func (o *Output) Cleanup() {
	if o.done || o.stdout {
		return
	}
	o.done = true
	// A failure here follows an error that is reported.
	if o.temp != nil {
		o.temp.remove()
	}
	_ = o.f.Close()
}

// check is called for each output at the end of a Run that succeeded.
func (o *Output) check() error {
	if err := o.failed(); err != nil || o.done {
		return err
	}
	if o.stdout {
		return o.Commit()
	}
	return fmt.Errorf("%s was not completed", o.path)
}

// checkClose reports errors that a file system, such as NFS, returns only when a descriptor is
// closed. It closes a second descriptor, since f may be used by others, unless no more descriptors
// are available.
func checkClose(f *os.File) error {
	c, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var dup *os.File
	if cerr := c.Control(func(fd uintptr) { dup, err = dupFile(int(fd), f.Name()) }); cerr != nil {
		return cerr
	}
	if errors.Is(err, syscall.EMFILE) {
		return nil
	}
	if err != nil {
		return err
	}
	return dup.Close()
}

// syncDir makes a rename in dir durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if errors.Is(err, os.ErrPermission) {
		return nil // a user may be allowed to write to the directory but not to read it
	} else if err != nil {
		return err
	}
	defer d.Close()
	return ignoreUnsupported(d.Sync())
}

// ignoreUnsupported returns nil if err says that a file, such as a pipe, cannot be synced.
func ignoreUnsupported(err error) error {
	for _, e := range []error{syscall.EINVAL, syscall.ENOTSUP, syscall.ENOSYS, syscall.EROFS} {
		if errors.Is(err, e) {
			return nil
		}
	}
	return err
}
