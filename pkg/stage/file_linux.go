package stage

import (
	"os"

	"golang.org/x/sys/unix"
)

// adviseSequential makes the kernel read further ahead.
func adviseSequential(f *os.File) {
	unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_SEQUENTIAL) // only a hint
}

// waits reports whether reads and writes of f block. It asks through SyscallConn, because Fd would
// make them block for all processes that share the file.
func waits(f *os.File) bool {
	c, err := f.SyscallConn()
	if err != nil {
		return false
	}
	wait := false
	err = c.Control(func(fd uintptr) {
		flags, err := unix.FcntlInt(fd, unix.F_GETFL, 0)
		wait = err == nil && flags&unix.O_NONBLOCK == 0
	})
	return err == nil && wait
}

// splice moves up to n bytes from a pipe to a file. Fewer bytes without an error mean that the pipe
// has ended.
func splice(in, out *os.File, n int64) (int64, error) {
	done := int64(0)
	for done < n {
		k, err := unix.Splice(int(in.Fd()), nil, int(out.Fd()), nil, int(n-done), unix.SPLICE_F_MOVE|unix.SPLICE_F_MORE)
		switch {
		case err == unix.EINTR:
			continue
		case err == unix.EINVAL, err == unix.EAGAIN, err == unix.ENOSYS:
			return done, errNoSplice
		case err != nil:
			return done, os.NewSyscallError("splice", err)
		case k == 0:
			return done, nil
		}
		done += k
	}
	return done, nil
}
