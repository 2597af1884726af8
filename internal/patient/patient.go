// Package patient reads from and writes to files that another process can make non-blocking at any
// time, such as standard streams. The flag O_NONBLOCK belongs to all processes that share an open
// pipe or terminal. Reads and writes then wait as before, and no byte is lost.
package patient

import (
	"errors"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// File is an os.File whose Read and Write wait in any mode of the file.
type File struct{ f *os.File }

// New returns a File on f. The owner of f still closes f.
func New(f *os.File) *File { return &File{f} }

// File returns the os.File.
func (p *File) File() *os.File { return p.f }

// Stat returns the os.FileInfo of the file.
func (p *File) Stat() (os.FileInfo, error) { return p.f.Stat() }

// Read implements io.Reader.
func (p *File) Read(b []byte) (int, error) {
	for {
		n, err := p.f.Read(b)
		if n > 0 || !errors.Is(err, unix.EAGAIN) {
			return n, err
		}
		if err := p.wait(unix.POLLIN); err != nil {
			return 0, err
		}
	}
}

// Write implements io.Writer.
func (p *File) Write(b []byte) (int, error) {
	done := 0
	for {
		n, err := p.f.Write(b[done:])
		done += n
		if !errors.Is(err, unix.EAGAIN) {
			return done, err
		}
		if err := p.wait(unix.POLLOUT); err != nil {
			return done, err
		}
	}
}

// WriteString implements io.StringWriter.
func (p *File) WriteString(s string) (int, error) { return p.Write([]byte(s)) }

// wait waits until the file is ready for events, or has failed.
func (p *File) wait(events int16) error {
	c, err := p.f.SyscallConn()
	if err != nil {
		return err
	}
	var waitErr error
	err = c.Control(func(fd uintptr) {
		for {
			_, waitErr = unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: events}}, -1)
			if waitErr != unix.EINTR {
				return
			}
		}
	})
	return errors.Join(err, os.NewSyscallError("poll", waitErr))
}

var _ io.ReadWriter = (*File)(nil)
