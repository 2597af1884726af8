package cli

import (
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// inputLater checks what Input checks, and returns a function that opens the file. With it inputs
// can be read one after the other without all of them being open at a time, and a FIFO is not
// opened before its writer has come to it. A missing or unreadable file is an error at once. The
// function may be called once, on any goroutine; the caller closes the file. size is the size of a
// regular file or block device, or else -1.
func (e *Env) inputLater(path string) (open func() (*os.File, error), size int64, err error) {
	if path != "" && path != "-" && path != "/dev/stdin" {
		info, err := os.Stat(path)
		if err != nil {
			return nil, -1, &os.PathError{Op: "open", Path: path, Err: withoutPath(err)}
		}
		blockDevice := info.Mode()&(os.ModeDevice|os.ModeCharDevice) == os.ModeDevice
		if !info.Mode().IsRegular() && !info.Mode().IsDir() && !blockDevice {
			// Opening a FIFO waits, and opening and closing a tape moves the tape.
			if err := unix.Access(path, unix.R_OK); err != nil {
				return nil, -1, &os.PathError{Op: "open", Path: path, Err: err}
			}
			return func() (*os.File, error) { return openPipe(path) }, -1, nil
		}
	}
	f, err := e.Input(path)
	if err != nil {
		return nil, -1, err
	}
	size = sizeOf(f)
	if f == e.Stdin {
		return func() (*os.File, error) { return f, nil }, size, nil
	}
	f.Close()
	return func() (*os.File, error) { return os.Open(path) }, size, nil
}

func openPipe(path string) (*os.File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	if info, err := f.Stat(); err == nil && info.Mode()&os.ModeNamedPipe != 0 {
		growPipe(f)
	}
	return f, nil
}

// sizeOf returns the size of a regular file or block device, or -1.
func sizeOf(f *os.File) int64 {
	info, err := f.Stat()
	switch {
	case err != nil:
		return -1
	// Files in /proc have more bytes than their size says.
	case info.Mode().IsRegular() && info.Size() > 0:
		return info.Size()
	case info.Mode()&(os.ModeDevice|os.ModeCharDevice) == os.ModeDevice:
		at, err := f.Seek(0, io.SeekCurrent)
		if err != nil {
			return -1
		}
		end, err := f.Seek(0, io.SeekEnd)
		if _, back := f.Seek(at, io.SeekStart); err == nil && back == nil {
			return end
		}
	}
	return -1
}
