// Package patient reads from and writes to files that another process can make non-blocking at any
// time, such as standard streams. The flag O_NONBLOCK belongs to all processes that share an open
// pipe or terminal. Reads and writes then wait as before, and no byte is lost.
package patient

import (
	"errors"
	"io"
	"os"
	"syscall"
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
		if n > 0 || !errors.Is(err, syscall.EAGAIN) {
			return n, err
		}
		if err := p.wait(toRead); err != nil {
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
		if !errors.Is(err, syscall.EAGAIN) {
			return done, err
		}
		if err := p.wait(toWrite); err != nil {
			return done, err
		}
	}
}

// WriteString implements io.StringWriter.
func (p *File) WriteString(s string) (int, error) { return p.Write([]byte(s)) }

var _ io.ReadWriter = (*File)(nil)
