package cli

import (
	"os"

	"golang.org/x/sys/unix"
)

// readHidden reads a line from a terminal without echo. (term.ReadPassword does not end at
// Ctrl-D.)
func readHidden(tty *os.File) ([]byte, error) {
	fd := int(tty.Fd())
	old, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		return nil, os.NewSyscallError("tcgets", err)
	}
	hidden := *old
	hidden.Lflag = hidden.Lflag&^unix.ECHO | unix.ICANON | unix.ISIG
	hidden.Iflag |= unix.ICRNL
	if err := unix.IoctlSetTermios(fd, unix.TCSETS, &hidden); err != nil {
		return nil, os.NewSyscallError("tcsets", err)
	}
	defer unix.IoctlSetTermios(fd, unix.TCSETS, old)
	return readLine(tty)
}
