package cli

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// openUnnamed makes a file in dir that has no name. linkUnnamed can give it one.
func openUnnamed(dir string, mode os.FileMode) (*os.File, error) {
	f, err := os.OpenFile(dir, os.O_RDWR|unix.O_TMPFILE, mode)
	if err != nil {
		return nil, err
	}
	if _, err := os.Lstat(procPath(f)); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// linkUnnamed names a file of openUnnamed. The name must be free.
func linkUnnamed(f *os.File, name string) error {
	return linkError("link", f, name, unix.Linkat(unix.AT_FDCWD, procPath(f), unix.AT_FDCWD, name, unix.AT_SYMLINK_FOLLOW))
}

func procPath(f *os.File) string { return fmt.Sprintf("/proc/self/fd/%d", f.Fd()) }

// checkReplace returns an error if a rename could not replace the file at path.
func checkReplace(path string) error {
	var st unix.Statx_t
	if unix.Statx(unix.AT_FDCWD, path, unix.AT_SYMLINK_NOFOLLOW, 0, &st) == nil && st.Attributes&unix.STATX_ATTR_MOUNT_ROOT != 0 {
		return WithHint(errors.New("a mount point cannot be replaced"), "write to another file, or redirect standard output into this one")
	}
	// The kernel first checks whether the entry may be removed, by the rules for the target of a
	// rename. Only then it checks whether the entry is a directory, which this one is not.
	switch err := unix.Rmdir(path); err {
	case unix.EPERM:
		return WithHint(fmt.Errorf("the file cannot be replaced: %w", err), "the directory is append-only, or sticky and the file is not yours; or the file is immutable, append-only or swap space: write to another file")
	case unix.EACCES, unix.EROFS:
		return err
	}
	return nil
}

// copyXattrs gives f the extended attributes and the access control list that the file at path has.
func copyXattrs(f *os.File, path string) error {
	const acl = "system.posix_acl_access"
	fd := int(f.Fd())
	if _, err := unix.Fgetxattr(fd, acl, nil); err == nil { // a default of the directory
		if err := unix.Fremovexattr(fd, acl); err != nil {
			return os.NewSyscallError("removexattr", err)
		}
	}
	names := readXattr(func(p []byte) (int, error) { return unix.Llistxattr(path, p) })
	for name := range bytes.SplitSeq(bytes.TrimSuffix(names, []byte{0}), []byte{0}) {
		name := string(name)
		if name != acl && !strings.HasPrefix(name, "user.") {
			continue // attributes that the system derives from the existing file
		}
		value := readXattr(func(p []byte) (int, error) { return unix.Lgetxattr(path, name, p) })
		if value == nil {
			continue // the attribute may be hidden from us
		}
		if err := unix.Fsetxattr(fd, name, value, 0); err != nil {
			return fmt.Errorf("keep attribute %s: %w", name, err)
		}
	}
	return nil
}

// readXattr returns what get gives, or nil if it fails.
func readXattr(get func([]byte) (int, error)) []byte {
	p := make([]byte, 64<<10) // the kernel's limit for lists and values
	n, err := get(p)
	if err != nil {
		return nil
	}
	return p[:n]
}
