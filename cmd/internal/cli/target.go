package cli

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// fdPath returns the number of the file descriptor that path stands for, such as 2 for /dev/stderr
// or 63 for /dev/fd/63. Opening such a path afresh would lose the file's position, and following
// its link would replace a log by rename.
func fdPath(path string) (fd int, ok bool) {
	switch path {
	case "/dev/stdin":
		return 0, true
	case "/dev/stdout":
		return 1, true
	case "/dev/stderr":
		return 2, true
	}
	for _, dir := range []string{"/dev/fd/", "/proc/self/fd/"} {
		if s, found := strings.CutPrefix(path, dir); found {
			n, err := strconv.ParseUint(s, 10, 31)
			return int(n), err == nil
		}
	}
	return 0, false
}

// dupFile returns a second descriptor of fd, to be closed by the caller.
func dupFile(fd int, path string) (*os.File, error) {
	n, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	return os.NewFile(uintptr(n), path), nil
}

// resolve follows the symbolic links at path, also to a file that does not exist yet. It returns
// the file that a write to path would change, with its info if the file exists. The directory of
// that file exists.
func resolve(path string) (target string, info os.FileInfo, err error) {
	info, err = os.Stat(path)
	switch {
	case err == nil:
		target, err = filepath.EvalSymlinks(path)
		return target, info, err
	case !errors.Is(err, os.ErrNotExist):
		return "", nil, err
	}
	target = path
	for range 40 { // as many links as Linux follows
		dir, base := filepath.Split(target)
		link, err := os.Readlink(target)
		if err == nil {
			if target = link; !filepath.IsAbs(link) {
				target = dir + link
			}
			continue
		}
		if base == "" {
			return "", nil, &os.PathError{Op: "open", Path: path, Err: syscall.EISDIR}
		}
		if dir == "" {
			dir = "."
		}
		dir, err = filepath.EvalSymlinks(dir)
		return filepath.Join(dir, base), nil, err
	}
	return "", nil, &os.PathError{Op: "open", Path: path, Err: syscall.ELOOP}
}
