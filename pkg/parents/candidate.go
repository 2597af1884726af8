package parents

import (
	"errors"
	"fmt"
	"io/fs"

	"hexz/pkg/index"
	"hexz/pkg/stream"
)

var errNotRegular = errors.New("not a regular file")

// fileKind says what a file is for those who look for a parent.
type fileKind int

const (
	parentFile     fileKind = iota // an archive, or, if these are allowed, an index
	indexFile                      // an index, and these are not allowed
	otherFile                      // neither, as far as its trailer shows
	specialFile                    // not a regular file
	noFile                         // there is no such file
	unreadableFile                 // it cannot be read, so what it is remains open
)

// faults say why a file of a kind is no parent.
var faults = [...]string{
	indexFile:      "an exported index, which has no content",
	otherFile:      "no archive, or one that was cut short",
	specialFile:    "not a regular file",
	noFile:         "no such file",
	unreadableFile: "cannot be read",
}

// candidate is a file that may be a parent.
type candidate struct {
	path string
	file *pooledFile
	kind fileKind
	id   index.Hash // as in the trailer of a parentFile; nothing was verified
	err  error      // why it cannot be read

	origin *index.Origin // nil until servesAs has opened it, or if opening fails
	opened bool          // servesAs has tried to open it
}

// explained returns the path, and why the file is no parent.
func (c *candidate) explained() string {
	switch {
	case c.err != nil:
		return c.path + " (" + faults[unreadableFile] + ")"
	case c.kind == parentFile:
		return c.path
	}
	return c.path + " (" + faults[c.kind] + ")"
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
		if c.err == nil { // a read error may pass
			f.seen[path] = c
		}
	}
	return c
}

// identify reads the trailer of a file.
func (f *Finder) identify(c *candidate) {
	file, err := f.files.add(c.path)
	if err == nil {
		c.file = file
		c.id, err = index.TrailerID(file, file.size())
	}
	switch {
	case err == nil:
		c.kind = parentFile
	case errors.Is(err, errNotRegular):
		c.kind = specialFile
	case errors.Is(err, stream.ErrCorrupt) && !index.IsIndex(file, file.size()):
		c.kind = otherFile
	case errors.Is(err, stream.ErrCorrupt) && !f.Indexes:
		c.kind = indexFile
	case errors.Is(err, stream.ErrCorrupt):
		f.identifyIndex(c)
	case isAbsent(err):
		c.kind = noFile
	default:
		c.kind, c.err = unreadableFile, err
	}
}

// identifyIndex opens an exported index, whose id is not in its trailer.
func (f *Finder) identifyIndex(c *candidate) {
	x, err := index.OpenAny(c.file, c.file.size(), f.Identities)
	if err != nil {
		c.kind, c.err = unreadableFile, fmt.Errorf("%s: %w", c.path, err)
		return
	}
	origin := x.Info().Origin()
	c.kind, c.id, c.origin, c.opened = parentFile, x.ID(), &origin, true
}

// servesAs reports whether a parentFile can take the place of a parent because it has the same
// content.
func (f *Finder) servesAs(c *candidate, want *stream.Parent) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !c.opened {
		c.opened = true
		x, err := index.OpenAny(c.file, c.file.size(), f.Identities)
		if err == nil {
			origin := x.Info().Origin()
			c.origin = &origin
		} else if isReadError(err) {
			c.err = err
		}
	}
	return c.origin != nil && c.origin.ServesAs(want)
}

// isReadError reports whether an error is one of the file system, which names the file.
func isReadError(err error) bool {
	var of *fs.PathError
	return errors.As(err, &of)
}
