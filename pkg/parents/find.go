package parents

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"

	"hexz/pkg/archive"
	"hexz/pkg/index"
	"hexz/pkg/seal"
	"hexz/pkg/stream"
)

// Finder finds parents of thin archives by their id or content: in Files, in Dirs, and in the
// directory of the thin archive itself. The zero value finds nothing. Find is safe for concurrent
// use. Close the Finder when the archives that it has found are no longer used.
type Finder struct {
	Files []string // archives
	Dirs  []string // directories whose files *.hxz are looked at

	// Beside is the directory of the thin archive, or "" if it has none. A file there that has the
	// name of the hint is tried first, and then all others.
	Beside string

	// FollowHints allows Find to open any path that a hint names, relative to Beside. A hint is a
	// stranger's text.
	FollowHints bool

	// Indexes allows exported indexes, *.hxi in Dirs, to stand for their archives.
	Indexes bool

	// Identities open encrypted archives; without them the content of these is unknown.
	Identities seal.Opener

	// Open is called for the archives that are found.
	Open OpenFunc

	mu    sync.Mutex
	seen  map[string]*candidate // by path
	dirs  map[string]*listing   // by path
	files filePool
}

// listing is what a directory holds.
type listing struct {
	paths []string
	err   error // why it cannot be read
}

// Find is an archive.FindFunc.
func (f *Finder) Find(want *stream.Parent) iter.Seq2[archive.Copy, error] {
	return func(yield func(archive.Copy, error) bool) {
		found := false
		for c, err := range f.copies(want) {
			found = found || err == nil
			at := archive.Copy{}
			if err == nil {
				at = archive.Copy{ReaderAt: c.file, Size: c.file.size(), Name: c.path}
				err = f.Open.note(c.path)
			}
			if !yield(at, err) {
				return
			}
		}
		if !found {
			yield(archive.Copy{}, &archive.MissingError{Parents: []stream.Parent{*want}, Looked: f.looked(want.Hint)})
		}
	}
}

// Index opens the index of a parent: of an archive, or an exported one if Indexes allows it. One that
// has only nodes is the last choice.
func (f *Finder) Index(want *stream.Parent) (*index.Index, error) {
	var first error
	var nodes *index.Index
	for at, err := range f.Find(want) {
		var x *index.Index
		if err == nil {
			x, err = index.OpenAny(at.ReaderAt, at.Size, f.Identities)
		}
		if err == nil {
			err = x.Locked()
		}
		if err == nil && x.ID() != want.ID && !x.Info().Origin().ServesAs(want) { // replaced meanwhile
			err = index.Corruptf("it has the id %v", x.ID())
		}
		if err == nil && x.NodesOnly() {
			nodes = x
			continue
		}
		if err == nil {
			return x, nil
		}
		if at.Name != "" {
			err = fmt.Errorf("%s: %w", at.Name, err)
		}
		first = cmp.Or(first, err)
	}
	if nodes != nil {
		return nodes, nil
	}
	return nil, first
}

// copies returns the files that are the archive with an id, then those that have its content. At
// the end it returns the errors of those that cannot be read.
func (f *Finder) copies(want *stream.Parent) iter.Seq2[*candidate, error] {
	isSame := func(c *candidate) bool { return c.kind == parentFile && c.id == want.ID }
	serves := func(c *candidate) bool { return c.kind == parentFile && c.id != want.ID && f.servesAs(c, want) }
	return func(yield func(*candidate, error) bool) {
		for _, is := range []func(*candidate) bool{isSame, serves} {
			for c := range f.candidates(want.Hint) {
				if is(c) && !yield(c, nil) {
					return
				}
			}
		}
		for c := range f.candidates(want.Hint) {
			if c.err != nil && !yield(nil, c.err) {
				return
			}
		}
		for _, dir := range f.allDirs() {
			if err := f.list(dir).err; err != nil && !yield(nil, err) {
				return
			}
		}
	}
}

// candidates returns all files that may be a parent of that hint, each once, the most likely ones
// first.
func (f *Finder) candidates(hint string) iter.Seq[*candidate] {
	return func(yield func(*candidate) bool) {
		named := slices.Concat(f.Files, f.hinted(hint))
		for _, path := range named {
			if !yield(f.look(path)) {
				return
			}
		}
		for _, dir := range f.allDirs() {
			for _, path := range f.list(dir).paths {
				if !slices.Contains(named, path) && !yield(f.look(path)) {
					return
				}
			}
		}
	}
}

// hinted returns the paths that a hint may mean.
func (f *Finder) hinted(hint string) (paths []string) {
	if hint == "" || hint == "." || hint == ".." {
		return nil
	}
	if f.Beside != "" && filepath.Base(hint) == hint {
		paths = append(paths, filepath.Join(f.Beside, hint))
	}
	if f.FollowHints {
		if !filepath.IsAbs(hint) {
			hint = filepath.Join(f.Beside, hint)
		}
		paths = append(paths, hint)
	}
	return paths
}

func (f *Finder) allDirs() []string {
	if f.Beside == "" {
		return f.Dirs
	}
	return slices.Concat(f.Dirs, []string{f.Beside})
}

// list returns the archives in a directory. A missing directory has none.
func (f *Finder) list(dir string) *listing {
	f.mu.Lock()
	defer f.mu.Unlock()
	if l := f.dirs[dir]; l != nil {
		return l
	}
	l := &listing{}
	entries, err := os.ReadDir(dir)
	if !isAbsent(err) {
		l.err = err
	}
	for _, e := range entries {
		if ext := filepath.Ext(e.Name()); ext == ".hxz" || ext == ".hxi" && f.Indexes {
			l.paths = append(l.paths, filepath.Join(dir, e.Name()))
		}
	}
	if f.dirs == nil {
		f.dirs = map[string]*listing{}
	}
	f.dirs[dir] = l
	return l
}

// looked returns where a parent of that hint was looked for, and what is there instead.
func (f *Finder) looked(hint string) (places []string) {
	for _, path := range slices.Concat(f.Files, f.hinted(hint)) {
		places = append(places, f.look(path).explained())
	}
	for _, dir := range f.allDirs() {
		places = append(places, filepath.Join(dir, "*.hxz"))
		if f.Indexes {
			places = append(places, filepath.Join(dir, "*.hxi"))
		}
		for _, path := range f.list(dir).paths {
			if c := f.look(path); c.err != nil || c.kind != parentFile && filepath.Ext(path) == ".hxi" {
				places = append(places, c.explained())
			}
		}
	}
	return places
}

// Close closes the archives that were found.
func (f *Finder) Close() { f.files.close() }

// isAbsent reports whether an error says that there is no such file. Perhaps there can be none of
// that name.
func isAbsent(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || slices.ContainsFunc([]error{syscall.ENOTDIR, syscall.EINVAL, syscall.ENAMETOOLONG}, func(e error) bool { return errors.Is(err, e) })
}
