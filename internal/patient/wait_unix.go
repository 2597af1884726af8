//go:build unix

package patient

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

const (
	toRead  = unix.POLLIN
	toWrite = unix.POLLOUT
)

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
