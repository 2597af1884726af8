//go:build !linux

package cli

import (
	"errors"
	"os"
)

// claim is not implemented on this system.
func claim(*os.File) (*os.File, error) { return nil, errors.ErrUnsupported }

// lockedDisk is not known here.
func lockedDisk(*os.File) bool { return false }
