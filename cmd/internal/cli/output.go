package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"hexz/internal/patient"
)

// Output is the destination of a binary's data: standard output, a file that appears when it is
// complete, or a device. Several goroutines may use Write and WriteAt. After a failure both return
// the same error for ever, and so does Commit.
type Output struct {
	f       *os.File
	path    string      // as messages name it
	target  string      // absolute or relative path without links, if temp is set
	info    os.FileInfo // the file as it was before, nil if there was none
	stdout  bool
	temp    *tempFile // nil: written in place
	ctx     context.Context
	console *console      // where errors are printed
	gone    chan struct{} // Env.gone
	claim   *os.File      // keeps others from the block device
	room    int64         // bytes of a block device from the position of the output on

	protection *protection

	mu   sync.Mutex
	err  error
	done bool   // committed or cleaned up
	held []byte // see hold; nil: nothing is held back
}

// Output opens the file that -o names; without -o, or with "-", that is standard output. A terminal
// as standard output is refused unless it was asked for by "-o -". An output that is also an input
// is a usage error.
//
// A regular or new file is written to a temporary file beside it. Commit replaces the file by it,
// and keeps its owner, permissions and extended attributes. Anything else, such as a FIFO, is
// written in place; a block device is refused, see ContentOutput.
func (e *Env) Output() (*Output, error) {
	o, err := e.openData()
	e.dataOpen = err == nil
	return o, err
}

func (e *Env) openData() (*Output, error) {
	path := e.opts.output
	if fd, ok := fdPath(path); path == "" || path == "-" || ok && fd == 1 {
		if !e.opts.outputSet && isTerminal(e.Stdout.File()) {
			return nil, WithHint(Usagef("refusing to write binary data to a terminal"),
				"redirect it, or write to a file with -o; -o - does it nevertheless")
		}
		return e.addOutput(&Output{f: e.Stdout.File(), path: "standard output", stdout: true})
	}
	return e.open(path)
}

// OutputInPlace opens the file that -o names, a regular file or a block device, for reading and
// writing with its present content: every write takes effect at once. A file that does not exist is
// made. A device that is empty or in use is an error.
func (e *Env) OutputInPlace() (*Output, error) {
	path := e.opts.output
	if path == "" || path == "-" {
		return nil, Usagef("to write in place needs -o and the name of a file or device")
	}
	e.toDevice = true
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return nil, err
	}
	o, err := e.addOutput(&Output{f: f, path: path})
	if err != nil {
		return nil, err
	}
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() && !o.Device() {
		o.Cleanup()
		return nil, Usagef("%s is neither a file nor a block device, and cannot be written in place", path)
	}
	e.dataOpen = true
	return o, nil
}

// open opens a file for writing. The file is not standard output.
func (e *Env) open(path string) (*Output, error) {
	if err := context.Cause(e.Ctx); err != nil {
		return nil, err
	}
	if fd, ok := fdPath(path); ok {
		f, err := dupFile(fd, path)
		if err != nil {
			return nil, err
		}
		return e.addOutput(&Output{f: f, path: path})
	}
	target, info, err := resolve(path)
	switch {
	case err != nil:
		return nil, err
	case info != nil && info.IsDir():
		return nil, &os.PathError{Op: "open", Path: path, Err: syscall.EISDIR}
	case info != nil && !info.Mode().IsRegular():
		f, err := os.OpenFile(target, os.O_WRONLY, 0)
		if err != nil {
			return nil, err
		}
		return e.addOutput(&Output{f: f, path: path})
	case info != nil && unix.Access(target, unix.W_OK) != nil:
		// A rename would replace a write-protected file.
		return nil, &os.PathError{Op: "open", Path: path, Err: syscall.EACCES}
	}
	for _, o := range e.outputs {
		if o.temp != nil && o.target == target {
			return nil, Usagef("%s is two outputs at once", path)
		}
	}
	t, err := newTempFile(target, info)
	if err != nil {
		return nil, cannotOpen(path, err)
	}
	if info != nil && !sameOwner(t.File, info) {
		e.Warnf("%s belongs to another user, and will belong to you", path)
	}
	return e.addOutput(&Output{f: t.File, temp: t, path: path, target: target, info: info})
}

// addOutput registers o for cleanup. On failure it is cleaned up at once.
func (e *Env) addOutput(o *Output) (*Output, error) {
	o.ctx, o.gone, o.console = e.Ctx, e.gone, e.console
	e.mu.Lock()
	e.outputs = append(e.outputs, o)
	e.mu.Unlock()
	now, err := o.f.Stat()
	if err == nil && o.temp == nil {
		o.info = now
	}
	if err == nil && blockDevice(now) {
		err = e.checkDevice(o)
	}
	if err == nil {
		err = e.protect(o)
	}
	if err == nil && e.toDevice && o.info != nil && o.info.Mode().IsRegular() {
		err = checkUse(o)
	}
	if err != nil {
		o.Cleanup()
		return nil, err
	}
	if now.Mode()&os.ModeNamedPipe != 0 {
		growPipe(o.f)
	}
	return o, nil
}

// Path returns the name of the output for messages.
func (o *Output) Path() string { return o.path }

// File returns the open file, for Seek and Truncate. Errors of its methods are for Explain.
func (o *Output) File() *os.File { return o.f }

// Regular reports whether the output is a regular file that ends at its current position and is not
// opened for appending. A range that is skipped by a seek from there becomes a hole that reads as
// zeros. The position need not be 0 if the output is standard output.
func (o *Output) Regular() bool {
	info, err := o.f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return false
	}
	appends := true
	if c, err := o.f.SyscallConn(); err == nil {
		_ = c.Control(func(fd uintptr) {
			flags, err := unix.FcntlInt(fd, unix.F_GETFL, 0)
			appends = err != nil || flags&unix.O_APPEND != 0
		})
	}
	pos, err := o.f.Seek(0, io.SeekCurrent)
	return !appends && err == nil && pos == info.Size()
}

// Device reports whether the output is a block device. It can be written at any position, but
// skipped ranges keep their old content.
func (o *Output) Device() bool {
	info, err := o.f.Stat()
	return err == nil && blockDevice(info)
}

// Write implements io.Writer.
func (o *Output) Write(p []byte) (int, error) {
	if err := o.failed(); err != nil {
		return 0, err
	}
	if held, err := o.hold(p); err != nil {
		return 0, o.fail(err)
	} else if held {
		return len(p), nil
	}
	n, err := patient.New(o.f).Write(p)
	if o.stdout && errors.Is(err, syscall.EPIPE) {
		select {
		case o.gone <- struct{}{}:
		default:
		}
	}
	return n, o.fail(err)
}

// WriteAt implements io.WriterAt, for a file or device.
func (o *Output) WriteAt(p []byte, off int64) (int, error) {
	if err := o.failed(); err != nil {
		return 0, err
	}
	n, err := o.f.WriteAt(p, off)
	return n, o.fail(err)
}

func (o *Output) failed() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.err
}

// Explain returns an error of File with the name of the output, if it has the name of the temporary
// file, which the user does not know.
func (o *Output) Explain(err error) error {
	if pe, ok := errors.AsType[*os.PathError](err); ok && pe.Path == o.f.Name() {
		return fmt.Errorf("%s %s: %w", pe.Op, o.path, pe.Err)
	}
	if le, ok := errors.AsType[*os.LinkError](err); ok && le.Old == o.f.Name() {
		return fmt.Errorf("%s to %s: %w", le.Op, o.path, le.Err)
	}
	return err
}

// fail makes err sticky, unless there is a sticky error already, and returns the sticky one.
func (o *Output) fail(err error) error {
	if err == nil {
		return nil
	}
	err = o.Explain(err)
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err == nil {
		o.err = err
	}
	return o.err
}
