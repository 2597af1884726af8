//go:build !linux

package restore

import (
	"errors"
	"os"
)

// allocate is not supported here; the caller writes zeros.
func allocate(*os.File, int64, int64) error { return errors.ErrUnsupported }

// punch is not supported here; the caller writes zeros.
func punch(*os.File, int64, int64) error { return errors.ErrUnsupported }
