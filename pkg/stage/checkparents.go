package stage

import (
	"fmt"
	"os"
	"path/filepath"

	"filippo.io/age"

	"hexz/pkg/archive"
	"hexz/pkg/stream"
)

// parentCheck holds what a stream takes from its parents against what these have. A parent whose
// chunks are referred to takes 36 bytes of memory for each that it has.
type parentCheck struct {
	dir   string
	list  []os.DirEntry
	ids   []age.Identity
	open  OpenFunc
	known map[stream.Hash]string // paths; nil until a parent is looked for
	fault error                  // the first, of opening what is in the directory

	parents []*parentList
	name    string // of the current stream
}

func newParentCheck(dir string, ids []age.Identity, open OpenFunc) (*parentCheck, error) {
	list, err := os.ReadDir(dir)
	return &parentCheck{dir: dir, list: list, ids: ids, open: open}, err
}

// parentList has the chunks of a parent by their ordinals.
type parentList struct {
	stream.Parent
	path   string
	loaded bool
	hashes []stream.Hash
	sizes  []uint32
}

// frame looks at a frame before it is written.
func (c *parentCheck) frame(f stream.Frame) error {
	switch f := f.(type) {
	case *stream.Parent:
		path, err := c.find(f)
		c.parents = append(c.parents, &parentList{Parent: *f, path: path})
		return err
	case *stream.Open:
		c.name = f.Name
	case *stream.Segment:
		at := f.Offset
		for i := range f.Entries {
			e := &f.Entries[i]
			if err := c.entry(e); err != nil {
				return fmt.Errorf("stream %q, chunk at offset %d: %w", c.name, at, err)
			}
			at += e.Len
		}
	}
	return nil
}

// entry tells whether parents have the chunks that e refers to.
func (c *parentCheck) entry(e *stream.Entry) error {
	switch e.Kind {
	case stream.ParentRef:
		p, err := c.parent(e.Parent, e.Ordinal)
		if err == nil && (p.hashes[e.Ordinal] != e.Hash || int64(p.sizes[e.Ordinal]) != e.Len) {
			err = fmt.Errorf("%w: chunk %d of the parent %v has another hash or length", stream.ErrCorrupt, e.Ordinal, p.ID)
		}
		return err
	case stream.Patched:
		for _, b := range e.Patch.Bases {
			if b.Parent == stream.OwnBase {
				continue
			}
			if _, err := c.parent(b.Parent, b.Ordinal); err != nil {
				return err
			}
		}
	}
	return nil
}

// parent returns a parent, which has a chunk of that ordinal.
func (c *parentCheck) parent(number int32, ordinal int64) (*parentList, error) {
	p := c.parents[number]
	if !p.loaded {
		if err := p.load(c.open, c.ids); err != nil {
			return nil, err
		}
	}
	if n := int64(len(p.hashes)); ordinal >= n {
		return nil, fmt.Errorf("%w: it needs chunk %d of the parent %v, which has %d", stream.ErrCorrupt, ordinal, p.ID, n)
	}
	return p, nil
}

// find returns the path of a parent in the directory: of an archive, or of an exported index.
func (c *parentCheck) find(want *stream.Parent) (string, error) {
	if c.known == nil {
		c.look()
	}
	if path, ok := c.known[want.ID]; ok {
		return path, nil
	}
	err := fmt.Errorf("%w: id %v, which was named %q; looked in %s and %s", archive.ErrParent, want.ID, want.Hint,
		filepath.Join(c.dir, "*.hxz"), filepath.Join(c.dir, "*.hxi"))
	if c.fault != nil {
		err = fmt.Errorf("%w; not all could be opened: %w", err, c.fault)
	}
	return "", err
}

// look notes the ids of what is in the directory.
func (c *parentCheck) look() {
	c.known = map[stream.Hash]string{}
	for _, e := range c.list {
		path := filepath.Join(c.dir, e.Name())
		id, ok, err := c.idOf(path)
		if err != nil && c.fault == nil {
			c.fault = err
		}
		if _, twice := c.known[id]; ok && !twice {
			c.known[id] = path
		}
	}
}

// idOf returns the id of an archive or an exported index, which was not compared with anything.
func (c *parentCheck) idOf(path string) (id stream.Hash, ok bool, err error) {
	ext := filepath.Ext(path)
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() || ext != ".hxz" && ext != ".hxi" { // to open a FIFO would wait
		return id, false, nil
	}
	if ext == ".hxi" {
		p, err := OpenParent(nil, path, c.ids)
		if err != nil {
			return id, false, err
		}
		defer p.Close()
		return p.Index.ID(), true, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return id, false, err
	}
	defer f.Close()
	id, ok = archive.TrailerID(f, info.Size())
	return id, ok, nil
}

// load reads the list of chunks.
func (l *parentList) load(open OpenFunc, ids []age.Identity) error {
	p, err := OpenParent(open, l.path, ids)
	if err != nil {
		return err
	}
	defer p.Close()
	if id := p.Index.ID(); id != l.ID { // the file was replaced meanwhile
		return fmt.Errorf("%w: %s has the id %v", stream.ErrCorrupt, l.path, id)
	}
	info, err := p.file.Stat()
	if err != nil {
		return err
	}
	n := min(p.Index.Info().Totals.Chunks(), archive.ExpectedChunks(info.Size()))
	l.hashes, l.sizes = make([]stream.Hash, 0, n), make([]uint32, 0, n)
	if err := p.Index.Chunks(func(chunk archive.Chunk) error {
		if chunk.Parent < 0 { // in the order of ordinals
			l.hashes = append(l.hashes, chunk.Hash)
			l.sizes = append(l.sizes, uint32(chunk.Len))
		}
		return nil
	}); err != nil {
		return fmt.Errorf("%s: %w", l.path, err)
	}
	l.loaded = true
	return nil
}
