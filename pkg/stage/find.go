package stage

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"hexz/pkg/archive"
)

// Finder finds parents of thin archives by their id: in Files, in Dirs, and in the directory of
// the thin archive itself. The zero value finds nothing. Find is safe for concurrent use. Close
// the Finder when nothing uses what it has found.
type Finder struct {
	Files []string // archives
	Dirs  []string // whose files *.hxz are looked at

	// Beside is the directory of the thin archive, or "" if it has none. There a file of the
	// name that the hint has is tried, and then all.
	Beside string

	// FollowHints allows to open whatever path a hint names, relative to Beside. A hint is a
	// stranger's text.
	FollowHints bool

	// Open opens the archives that are found. nil is os.Open.
	Open OpenFunc

	mu    sync.Mutex
	known map[archive.Hash]string // paths of the archives seen so far
	seen  map[string]string       // paths that were looked at, and what is wrong with them
	files []*os.File
}

// Find is an archive.FindFunc.
func (f *Finder) Find(id archive.Hash, hint string) (io.ReaderAt, int64, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var looked []string
	for _, path := range f.Files {
		looked = append(looked, f.look(path))
	}
	if f.Beside != "" && hint != "" && filepath.Base(hint) == hint && hint != "." && hint != ".." {
		looked = append(looked, f.look(filepath.Join(f.Beside, hint)))
	}
	if f.FollowHints && hint != "" {
		path := hint
		if !filepath.IsAbs(path) {
			path = filepath.Join(f.Beside, path)
		}
		looked = append(looked, f.look(path))
	}
	dirs := f.Dirs
	if f.Beside != "" {
		dirs = append(dirs[:len(dirs):len(dirs)], f.Beside)
	}
	for _, dir := range dirs {
		if _, ok := f.known[id]; !ok {
			f.lookIn(dir)
		}
		looked = append(looked, filepath.Join(dir, "*.hxz"))
	}
	path, ok := f.known[id]
	if !ok {
		where := "nowhere: no place was given"
		if len(looked) > 0 {
			where = strings.Join(looked, ", ")
		}
		return nil, 0, fmt.Errorf("%w: id %v, which was named %q; looked in %s", archive.ErrParent, id, hint, where)
	}
	file, err := f.Open.open(path)
	if err != nil {
		return nil, 0, err
	}
	info, err := file.Stat()
	if err != nil {
		file.Close()
		return nil, 0, err
	}
	f.files = append(f.files, file)
	return file, info.Size(), nil
}

// lookIn looks at the archives in a directory. One that cannot be read has none.
func (f *Finder) lookIn(dir string) {
	list, _ := os.ReadDir(dir)
	for _, e := range list {
		if strings.HasSuffix(e.Name(), ".hxz") {
			f.look(filepath.Join(dir, e.Name()))
		}
	}
}

// look notes the id that the archive at path has, if it is one, and returns the path, with what
// is wrong with it.
func (f *Finder) look(path string) string {
	if f.seen == nil {
		f.seen, f.known = map[string]string{}, map[archive.Hash]string{}
	}
	said, ok := f.seen[path]
	if !ok {
		said = path
		if err := f.note(path); err != nil {
			said = fmt.Sprintf("%s (%v)", path, err)
		}
		f.seen[path] = said
	}
	return said
}

func (f *Finder) note(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return errors.Unwrap(err) // the path is said already
	}
	if !info.Mode().IsRegular() { // to open a FIFO would wait
		return errors.New("no regular file")
	}
	file, err := os.Open(path)
	if err != nil {
		return errors.Unwrap(err)
	}
	defer file.Close()
	id, ok := archive.TrailerID(file, info.Size())
	if !ok && archive.IsIndex(file, info.Size()) {
		return errors.New("an exported index, which has no content")
	}
	if !ok {
		return errors.New("no archive, or one that was cut short")
	}
	if _, twice := f.known[id]; !twice {
		f.known[id] = path
	}
	return nil
}

// Close closes the archives that were found.
func (f *Finder) Close() {
	for _, file := range f.files {
		file.Close()
	}
	f.files = nil
}
