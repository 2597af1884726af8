package cli

import (
	"os"

	"golang.org/x/sys/unix"
)

// closedAtStart reports whether f, standard input, was closed when the process began. The Go
// runtime opens /dev/null for reading and writing in its place, which would pass for an empty
// input. A shell's </dev/null is open for reading only.
func closedAtStart(f *os.File) bool {
	c, err := f.SyscallConn()
	if err != nil {
		return true
	}
	closed := false
	_ = c.Control(func(fd uintptr) {
		var st unix.Stat_t
		flags, err := unix.FcntlInt(fd, unix.F_GETFL, 0)
		closed = err == nil && flags&unix.O_ACCMODE == unix.O_RDWR && unix.Fstat(int(fd), &st) == nil &&
			st.Mode&unix.S_IFMT == unix.S_IFCHR && st.Rdev == unix.Mkdev(1, 3)
	})
	return closed
}
