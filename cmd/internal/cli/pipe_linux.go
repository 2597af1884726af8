package cli

import (
	"os"

	"golang.org/x/sys/unix"
)

// growPipe enlarges the buffer of a pipe towards 1 MiB, as far as the system allows: fewer and
// larger transfers between stages. It is an optimisation, so failure does not matter.
func growPipe(f *os.File) {
	c, err := f.SyscallConn()
	if err != nil {
		return
	}
	_ = c.Control(func(fd uintptr) {
		current, err := unix.FcntlInt(fd, unix.F_GETPIPE_SZ, 0)
		if err != nil {
			return
		}
		for size := 1 << 20; size > current; size /= 2 {
			if _, err := unix.FcntlInt(fd, unix.F_SETPIPE_SZ, size); err == nil {
				return
			}
		}
	})
}

// awaitNoReader waits until nobody has the other end of a pipe open for reading any more, perhaps for
// ever. It reports false at once for what is no pipe.
func awaitNoReader(f *os.File) bool {
	if info, err := f.Stat(); err != nil || info.Mode()&(os.ModeNamedPipe|os.ModeSocket) == 0 {
		return false
	}
	for {
		// The error is always asked for. Standard output stays open as long as the process runs.
		_, err := unix.Poll([]unix.PollFd{{Fd: 1}}, -1)
		if err != unix.EINTR {
			return err == nil
		}
	}
}
