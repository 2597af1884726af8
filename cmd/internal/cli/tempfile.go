package cli

import (
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// tempFile is a file that takes the name of target when it is complete. Until then it has no name,
// where the system supports that: nothing is left of it, however the process ends.
type tempFile struct {
	*os.File
	target string
	exists bool // target existed at the start

	mu   sync.Mutex
	name string // the file's present name, or ""
	done bool   // it has been placed or removed
}

// newTempFile makes a file in the directory of target. info describes target, and is nil if target
// does not exist. The owner, permissions and extended attributes of target are kept as far as the
// system allows. A target that cannot be replaced is an error.
func newTempFile(target string, info os.FileInfo) (t *tempFile, err error) {
	mode := os.FileMode(0o666)
	if info != nil {
		if err := checkReplace(target); err != nil {
			return nil, err
		}
		mode = 0o600
	}
	if t, err = openTemp(target, mode); err != nil {
		return nil, err
	}
	t.exists = info != nil
	if info != nil {
		if err := t.keepAttributes(info); err != nil {
			t.remove()
			t.Close()
			return nil, err
		}
	}
	return t, nil
}

// openTemp makes a file in the directory of target, without a name where the system has such files.
func openTemp(target string, mode os.FileMode) (*tempFile, error) {
	t := &tempFile{target: target}
	var err error
	if t.File, err = openUnnamed(filepath.Dir(target), mode); err == nil {
		return t, nil
	}
	if t.File, err = createTemp(target, mode); err != nil {
		return nil, err
	}
	t.name = t.Name()
	return t, nil
}

// createTemp makes a file with a short name of its own beside path.
func createTemp(path string, mode os.FileMode) (*os.File, error) {
	return os.OpenFile(tempName(path), os.O_RDWR|os.O_CREATE|os.O_EXCL, mode)
}

// tempName returns a name beside path. The name does not grow with that of path, which may be as
// long as the file system allows.
func tempName(path string) string {
	return filepath.Join(filepath.Dir(path), ".hexz-"+rand.Text()[:16])
}

// keepAttributes gives t the attributes of the target. Only root can give files away, so the owner
// may be different afterwards.
func (t *tempFile) keepAttributes(info os.FileInfo) error {
	now, err := t.Stat()
	if err != nil {
		return err
	}
	was, ok := info.Sys().(*syscall.Stat_t)
	is, _ := now.Sys().(*syscall.Stat_t)
	if ok && (was.Uid != is.Uid || was.Gid != is.Gid) && t.Chown(int(was.Uid), int(was.Gid)) != nil {
		_ = t.Chown(-1, int(was.Gid))
	}
	if now.Mode().Perm() != info.Mode().Perm() {
		if err := t.Chmod(info.Mode().Perm()); err != nil {
			return err
		}
	}
	return copyXattrs(t.File, t.target)
}

// sameOwner reports whether a file belongs to the user that info names.
func sameOwner(f *os.File, info os.FileInfo) bool {
	now, err := f.Stat()
	if err != nil {
		return true
	}
	was, ok := info.Sys().(*syscall.Stat_t)
	is, _ := now.Sys().(*syscall.Stat_t)
	return !ok || was.Uid == is.Uid
}

// cannotOpen returns an error of newTempFile for the user, who knows the file as path.
func cannotOpen(path string, err error) error {
	err = &os.PathError{Op: "open", Path: path, Err: withoutPath(err)}
	if errors.Is(err, syscall.EACCES) {
		return WithHint(err, "a new file is made in the directory, which you may not write to: choose another, or redirect standard output")
	}
	return err
}

// place gives the file the name of the target.
func (t *tempFile) place() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.done {
		return os.ErrClosed
	}
	if t.name == "" && !t.exists {
		err := linkUnnamed(t.File, t.target)
		if t.done = err == nil; t.done || !errors.Is(err, fs.ErrExist) {
			return err
		}
		// Somebody has made a file of that name. It is replaced, like an older one.
	}
	if t.name == "" {
		name := tempName(t.target)
		if err := linkUnnamed(t.File, name); err != nil {
			return err
		}
		t.name = name
	}
	err := linkError("rename", t.File, t.target, unix.Rename(t.name, t.target))
	t.done = err == nil
	return err
}

// linkError returns an error that Output.Explain recognizes, or nil if err is nil.
func linkError(op string, f *os.File, name string, err error) error {
	if err == nil {
		return nil
	}
	return &os.LinkError{Op: op, Old: f.Name(), New: name, Err: err}
}

// remove removes the file, unless it was placed. It may run concurrently with place.
func (t *tempFile) remove() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.done && t.name != "" {
		_ = os.Remove(t.name) // a failure here follows an error that is reported
	}
	t.done = true
}
