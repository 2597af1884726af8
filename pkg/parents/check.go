package parents

import (
	"cmp"
	"fmt"
	"os"

	"hexz/pkg/archive"
	"hexz/pkg/index"
	"hexz/pkg/seal"
	"hexz/pkg/stream"
)

// Check compares the references of a stream to its parents with the chunks and nodes of these. A
// parent whose chunks are referred to takes 36 bytes of memory for each of its chunks. One with
// references of its own, whose nodes are referred to, takes 32.
type Check struct {
	find    *Finder
	opener  seal.Opener
	parents []*chunkList
	indexes map[stream.Hash]*index.Index // of the archives that were asked for nodes, by the ids asked for
	name    string                       // of the current stream
}

func NewCheck(dir string, opener seal.Opener, open OpenFunc) (*Check, error) {
	c := &Check{find: &Finder{Dirs: []string{dir}, Indexes: true, Identities: opener, Open: open}, opener: opener, indexes: map[stream.Hash]*index.Index{}}
	if _, err := os.Stat(dir); err != nil {
		return nil, err
	}
	return c, c.find.list(dir).err
}

// Close closes the files of the parents.
func (c *Check) Close() { c.find.Close() }

// chunkList has the chunks of a parent by their ordinals.
type chunkList struct {
	stream.Parent
	loaded bool
	id     stream.Hash // of the archive; differs from ID if only the content is that of the parent
	hashes []stream.Hash
	sizes  []uint32
}

// Frame looks at a frame before it is written.
func (c *Check) Frame(f stream.Frame) error {
	switch f := f.(type) {
	case *stream.Parent:
		c.parents = append(c.parents, &chunkList{Parent: *f})
		return c.exists(f)
	case *stream.Open:
		c.name = f.Name
	case *stream.Segment:
		at := f.Offset
		for i := range f.Entries {
			e := &f.Entries[i]
			if err := c.entry(e); err != nil {
				what := "chunk"
				if e.Kind == stream.NodeRef {
					what = "node"
				}
				return fmt.Errorf("stream %q, %s at offset %d: %w", c.name, what, at, err)
			}
			at += e.Len
		}
	}
	return nil
}

// entry returns an error unless the parents have the chunks or the node that e refers to.
func (c *Check) entry(e *stream.Entry) error {
	switch e.Kind {
	case stream.ParentRef:
		p, err := c.parent(e.Parent, e.Ordinal)
		if err == nil && (p.hashes[e.Ordinal] != e.Hash || int64(p.sizes[e.Ordinal]) != e.Len) {
			err = p.errorf("chunk %d of the parent %v has another hash or length", e.Ordinal, p.ID)
		}
		return err
	case stream.NodeRef:
		return c.node(&c.parents[e.Parent].Parent, e)
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

// parent returns a parent, or an error if it has no chunk of that ordinal.
func (c *Check) parent(number int32, ordinal int64) (*chunkList, error) {
	p := c.parents[number]
	if !p.loaded {
		if err := c.load(p); err != nil {
			return nil, err
		}
	}
	if n := int64(len(p.hashes)); ordinal >= n {
		return nil, p.errorf("it needs chunk %d of the parent %v, which has %d", ordinal, p.ID, n)
	}
	return p, nil
}

// errorf returns an ErrCorrupt. If the archive is only one with the content of the parent, it
// returns an ErrParent, because the chunks may have other ordinals.
func (l *chunkList) errorf(format string, args ...any) error {
	if l.id != l.ID {
		return fmt.Errorf("%w: id %v; the archive %v has the same content, and its chunks in another order", archive.ErrParent, l.ID, l.id)
	}
	return fmt.Errorf("%w: %s", stream.ErrCorrupt, fmt.Sprintf(format, args...))
}

// exists returns an error unless a parent can be found.
func (c *Check) exists(want *stream.Parent) error {
	var first error
	for _, err := range c.find.Find(want) {
		if err == nil {
			return nil
		}
		first = cmp.Or(first, err)
	}
	return first
}

// load reads the list of chunks from the first copy of a parent that serves.
func (c *Check) load(l *chunkList) error {
	var first error
	for at, err := range c.find.Find(&l.Parent) {
		if err == nil {
			if err = l.load(at.Name, c.opener); err == nil {
				return nil
			}
		}
		first = cmp.Or(first, err)
	}
	return first
}

// load reads the list of chunks of the archive, or the exported index, at path.
func (l *chunkList) load(path string, opener seal.Opener) error {
	p, err := Open(nil, path, opener)
	if err != nil {
		return err
	}
	defer p.Close()
	info := p.Index.Info()
	if l.id = p.Index.ID(); l.id != l.ID && !info.Origin().ServesAs(&l.Parent) { // the file was replaced meanwhile
		return fmt.Errorf("%w: %s has the id %v", stream.ErrCorrupt, path, l.id)
	}
	n := min(info.Totals.Chunks(), index.ExpectedChunks(p.file.size()))
	l.hashes, l.sizes = make([]stream.Hash, 0, n), make([]uint32, 0, n)
	for chunk, err := range p.Index.Chunks() {
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		if chunk.Parent < 0 { // in the order of ordinals
			l.hashes = append(l.hashes, chunk.Hash)
			l.sizes = append(l.sizes, uint32(chunk.Len))
		}
	}
	l.loaded = true
	return nil
}
