//go:build !linux

package stage

import (
	"errors"
	"os"
)

func adviseSequential(*os.File) {}

// allocate is not known here; the caller writes zeros.
func allocate(*os.File, int64, int64) error { return errors.ErrUnsupported }

// punch is not known here; the caller writes zeros.
func punch(*os.File, int64, int64) error { return errors.ErrUnsupported }

func waits(*os.File) bool { return false }

func splice(*os.File, *os.File, int64) (int64, error) { return 0, errNoSplice }
