package cli

import (
	"os"

	"golang.org/x/sys/unix"
)

// claim opens the block device f once more, for this process alone. The error syscall.EBUSY means
// that the device is in use.
func claim(f *os.File) (*os.File, error) {
	return os.OpenFile(procPath(f), os.O_RDONLY|unix.O_EXCL, 0)
}

// lockedDisk reports whether another process has locked f as qemu locks images: bytes 101 to 103 are
// locked by who writes or resizes, 201 to 203 by who wants nobody else to.
func lockedDisk(f *os.File) bool {
	c, err := f.SyscallConn()
	if err != nil {
		return false
	}
	locked := false
	_ = c.Control(func(fd uintptr) {
		for _, start := range []int64{101, 201} {
			lock := unix.Flock_t{Type: unix.F_WRLCK, Start: start, Len: 3}
			err := unix.FcntlFlock(fd, unix.F_OFD_GETLK, &lock)
			locked = locked || err == nil && lock.Type != unix.F_UNLCK
		}
	})
	return locked
}
