//go:build !linux

package cli

import (
	"os"

	"golang.org/x/term"
)

func readHidden(tty *os.File) ([]byte, error) { return term.ReadPassword(int(tty.Fd())) }
