package cli

import (
	"errors"
	"os"
	"strings"
	"syscall"

	"golang.org/x/term"
)

// SplitName splits [NAME=]VALUE, and reports whether there is a NAME. Text before "=" that has a
// slash is no NAME, but part of a path.
func SplitName(arg string) (name, value string, ok bool) {
	name, value, ok = strings.Cut(arg, "=")
	if !ok || strings.Contains(name, "/") {
		return "", arg, false
	}
	return name, value, true
}

// Input opens the file at path for reading. "-" and /dev/stdin are standard input, which can be
// taken once. A terminal as standard input, and an input that is also the output, are usage errors;
// a directory is an error. The caller closes the file, even if it is standard input.
func (e *Env) Input(path string) (*os.File, error) {
	f, err := e.openInput(path)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && info.IsDir() {
		err = &os.PathError{Op: "read", Path: path, Err: syscall.EISDIR}
	}
	if err == nil {
		err = e.Reads(f.Name(), f)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	if info.Mode()&os.ModeNamedPipe != 0 {
		growPipe(f)
	}
	return f, nil
}

func (e *Env) openInput(path string) (*os.File, error) {
	if path == "" { // probably a variable that was not set, not a request for standard input
		return nil, errNoName
	}
	if path != "-" && path != "/dev/stdin" {
		return os.Open(path)
	}
	if isTerminal(e.Stdin) {
		return nil, WithHint(Usagef("refusing to read binary data from a terminal"),
			"pipe a stream in, or name a file; see "+e.name+" --help")
	}
	if e.stdinTaken {
		return nil, Usagef("standard input can be read only once")
	}
	if closedAtStart(e.Stdin) {
		return nil, errors.New("standard input is closed")
	}
	e.stdinTaken = true
	return e.Stdin, nil
}

// isTerminal asks through SyscallConn, because Fd would put the file into blocking mode.
func isTerminal(f *os.File) (yes bool) {
	if c, err := f.SyscallConn(); err == nil {
		_ = c.Control(func(fd uintptr) { yes = term.IsTerminal(int(fd)) })
	}
	return yes
}
