//go:build !linux

package stage

import (
	"errors"
	"os"
)

// dataExtent is not known here: everything counts as data.
func dataExtent(*os.File, int64) (start, end int64, err error) {
	return 0, 0, errors.ErrUnsupported
}

func adviseSequential(*os.File) {}

// allocate is not known here; the caller writes zeros.
func allocate(*os.File, int64, int64) error { return errors.ErrUnsupported }

// punch is not known here; the caller writes zeros.
func punch(*os.File, int64, int64) error { return errors.ErrUnsupported }

func waits(*os.File) bool { return false }

func splice(*os.File, *os.File, int64) (int64, error) { return 0, errNoSplice }
