package overlay

import (
	"errors"
	"math"
	"os"

	"golang.org/x/sys/unix"
)

// DataExtent returns the start and the end of the next data of a file at or after at (SEEK_DATA,
// SEEK_HOLE). If there is none, the extent is empty and lies at the greatest position. An error
// means that the system does not report data extents: everything may be data.
func DataExtent(f *os.File, at int64) (start, end int64, err error) {
	start, err = unix.Seek(int(f.Fd()), at, unix.SEEK_DATA)
	if errors.Is(err, unix.ENXIO) {
		return math.MaxInt64, math.MaxInt64, nil
	}
	if err != nil {
		return 0, 0, os.NewSyscallError("lseek", err)
	}
	end, err = unix.Seek(int(f.Fd()), start, unix.SEEK_HOLE)
	return start, end, os.NewSyscallError("lseek", err)
}
