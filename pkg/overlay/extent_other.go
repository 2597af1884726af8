//go:build !linux

package overlay

import (
	"errors"
	"os"
)

// DataExtent is not implemented on this system: everything counts as data.
func DataExtent(*os.File, int64) (start, end int64, err error) {
	return 0, 0, errors.ErrUnsupported
}
