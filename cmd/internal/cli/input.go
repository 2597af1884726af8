package cli

import (
	"errors"
	"os"
	"strings"
	"syscall"

	"golang.org/x/term"
)

// SplitName takes [NAME=]VALUE apart, and tells whether there is a NAME. What stands before "=" is
// none if it has a slash: then it is part of a path.
func SplitName(arg string) (name, value string, ok bool) {
	name, value, ok = strings.Cut(arg, "=")
	if !ok || strings.Contains(name, "/") {
		return "", arg, false
	}
	return name, value, true
}

// Input opens the file at path for reading; "-" and /dev/stdin are standard input, which can
// be taken once. A terminal as standard input, and an input that is also the output, are usage
// errors; a directory is an error. The caller closes the file, be it standard input or not.
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
		err = e.addInput(f.Name(), info)
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
	if path == "" { // more likely a variable that was not set than a wish for standard input
		return nil, Usagef("a file name is empty")
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

// Protect makes it a usage error if the file at path is an output as well.
func (e *Env) Protect(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	return e.addInput(path, info)
}

// addInput remembers an input, which must not be one of the outputs.
func (e *Env) addInput(path string, info os.FileInfo) error {
	for _, o := range e.outputs {
		if o.info != nil && sameFile(info, o.info) {
			return errSameFile(path)
		}
	}
	e.inputs = append(e.inputs, input{path, info})
	return nil
}

// sameFile reports whether writing to one of two files changes the other. Character devices,
// pipes and sockets can well be both input and output: think of /dev/null.
func sameFile(a, b os.FileInfo) bool {
	blockDevice := a.Mode()&(os.ModeDevice|os.ModeCharDevice) == os.ModeDevice
	return (a.Mode().IsRegular() || blockDevice) && os.SameFile(a, b)
}

func errSameFile(path string) error {
	return WithHint(Usagef("%s is both input and output", path), "write to another file, then rename it")
}

// isTerminal asks through SyscallConn, because Fd would put the file into blocking mode.
func isTerminal(f *os.File) (yes bool) {
	if c, err := f.SyscallConn(); err == nil {
		_ = c.Control(func(fd uintptr) { yes = term.IsTerminal(int(fd)) })
	}
	return yes
}
