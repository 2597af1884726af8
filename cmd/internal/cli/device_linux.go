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
