package restore

import (
	"os"

	"golang.org/x/sys/unix"
)

// allocate reserves space that reads as zero in a new file.
func allocate(f *os.File, at, n int64) error {
	return unix.Fallocate(int(f.Fd()), 0, at, n)
}

// punch frees a range of a file, which then reads as zero.
func punch(f *os.File, at, n int64) error {
	return unix.Fallocate(int(f.Fd()), unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, at, n)
}
