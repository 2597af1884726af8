package cli

import (
	"os"

	"golang.org/x/sys/unix"
)

// growPipe enlarges the buffer of a pipe towards 1 MiB, as far as the system allows. The stages
// then exchange data in fewer and larger transfers. It is an optimisation, so failure does not
// matter.
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

// awaitNoReader waits until no process has the other end of a pipe open for reading, perhaps for
// ever. It reports false at once for a file that is no pipe.
func awaitNoReader(f *os.File) bool {
	if info, err := f.Stat(); err != nil || info.Mode()&(os.ModeNamedPipe|os.ModeSocket) == 0 {
		return false
	}
	for {
		// Poll always reports this error, also if no event is asked for. Standard output stays open
		// as long as the process runs.
		_, err := unix.Poll([]unix.PollFd{{Fd: 1}}, -1)
		if err != unix.EINTR {
			return err == nil
		}
	}
}
