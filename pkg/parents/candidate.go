package parents

import (
	"errors"
	"fmt"
	"io/fs"

	"hexz/pkg/index"
	"hexz/pkg/stream"
)

var errNotRegular = errors.New("not a regular file")

// candidate is a file that may be a parent.
type candidate struct {
	path       string
	file       *pooledFile
	isArchive  bool       // or an index, if indexes are allowed
	id         index.Hash // as in the trailer; nothing was verified
	fault      string     // why it is no archive
	unreadable error      // why it cannot be read; then its kind is not known

	origin *index.Origin // nil until serves has opened it, or if opening fails
	read   bool          // serves has read it
}

// look returns what is known of a file without opening it as an archive.
func (f *Finder) look(path string) *candidate {
	f.mu.Lock()
	defer f.mu.Unlock()
	c := f.seen[path]
	if c == nil {
		c = &candidate{path: path}
		f.identify(c)
		if f.seen == nil {
			f.seen = map[string]*candidate{}
		}
		if c.unreadable == nil { // a read error may pass
			f.seen[path] = c
		}
	}
	return c
}

// identify reads the trailer of a file.
func (f *Finder) identify(c *candidate) {
	file, err := f.files.add(c.path)
	if errors.Is(err, errNotRegular) {
		c.fault = "not a regular file"
		return
	}
	if err == nil {
		c.file = file
		c.id, err = index.TrailerID(file, file.size())
	}
	switch {
	case err == nil:
		c.isArchive = true
	case errors.Is(err, stream.ErrCorrupt) && index.IsIndex(file, file.size()):
		c.fault = "an exported index, which has no content"
		if f.Indexes {
			f.identifyIndex(c)
		}
	case errors.Is(err, stream.ErrCorrupt):
		c.fault = "no archive, or one that was cut short"
	case isAbsent(err):
		c.fault = "no such file"
	default:
		c.unreadable, c.fault = err, "cannot be read"
	}
}

// identifyIndex opens an exported index, whose id is not in its trailer.
func (f *Finder) identifyIndex(c *candidate) {
	x, err := index.OpenAny(c.file, c.file.size(), f.Identities...)
	if err != nil {
		c.unreadable, c.fault = fmt.Errorf("%s: %w", c.path, err), "cannot be read"
		return
	}
	origin := x.Info().Origin()
	c.isArchive, c.id, c.origin, c.read, c.fault = true, x.ID(), &origin, true, ""
}

// serves reports whether an archive can take the place of a parent because it has the same content.
func (f *Finder) serves(c *candidate, want *stream.Parent) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !c.read {
		c.read = true
		x, err := index.OpenAny(c.file, c.file.size(), f.Identities...)
		if err == nil {
			origin := x.Info().Origin()
			c.origin = &origin
		} else if isReadError(err) {
			c.unreadable = err
		}
	}
	return c.origin != nil && c.origin.ServesAs(want)
}

// isReadError reports whether an error is one of the file system, which names the file.
func isReadError(err error) bool {
	var of *fs.PathError
	return errors.As(err, &of)
}
