//go:build !linux

package cli

import (
	"errors"
	"os"
)

// openUnnamed is not implemented on this system; the caller makes a file with a name.
func openUnnamed(string, os.FileMode) (*os.File, error) { return nil, errors.ErrUnsupported }

func linkUnnamed(*os.File, string) error { return errors.ErrUnsupported }

func checkReplace(string) error { return nil }

func copyXattrs(*os.File, string) error { return nil }
