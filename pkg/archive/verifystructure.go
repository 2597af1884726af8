package archive

import (
	"reflect"
	"slices"

	"hexz/pkg/index"
	"hexz/pkg/stream"
)

// verifyStructure checks that the index agrees with itself. Without a key only its digests are
// checked.
func (r *Reader) verifyStructure(fault func(error) bool) error {
	if r.Locked() != nil {
		return r.CheckPages(fault)
	}
	same := sameIndex{r: r.Index}
	c := structureCheck{streams: r.Root.Info.Streams, index: index.NewBuilder(r.Ciphers, same.page)}
	for n := range r.Pages() {
		page, err := r.Page(n)
		if err != nil {
			return err
		}
		i := 0
		for s, err := range r.SegmentsOf(n) {
			if err == nil {
				err = c.segment(page[i], s)
				i++
			}
			if err != nil {
				return err
			}
		}
	}
	return c.finish(r.Root)
}

// structureCheck compares the entries of all segments, in order, with the rest of the index.
type structureCheck struct {
	streams []index.Stream
	current int   // number of the stream that the next entry is in
	offset  int64 // of the next entry, in that stream
	index   *index.Builder

	hashes   []index.Hash // of the chunks so far, by ordinal
	patched  []bool       // likewise: whether a patch makes the chunk
	kinds    index.Kinds  // of all entries so far
	segments int64
}

// segment adds the entries of a segment.
func (c *structureCheck) segment(ref index.SegmentRef, s index.Segment) error {
	for c.current < s.Stream {
		if err := c.endStream(); err != nil {
			return err
		}
	}
	if s.Offset != c.offset || s.Chunk != int64(len(c.hashes)) {
		return index.Corruptf("segment at offset %d of stream %q, chunk %d, where offset %d and chunk %d were expected",
			s.Offset, c.streams[c.current].Name, s.Chunk, c.offset, len(c.hashes))
	}
	c.segments++
	for i := range s.Entries {
		if err := c.entry(&s.Entries[i]); err != nil {
			return err
		}
	}
	return c.index.AddSegment(ref, s.Entries)
}

// entry adds an entry, and sets the hash of a reference.
func (c *structureCheck) entry(e *stream.Entry) error {
	switch e.Kind {
	case stream.Ref:
		if e.Ordinal < 0 || e.Ordinal >= int64(len(c.hashes)) {
			return index.Corruptf("reference at offset %d to chunk %d, which did not come before it", c.offset, e.Ordinal)
		}
		e.Hash = c.hashes[e.Ordinal]
	case stream.Patched:
		if i := slices.IndexFunc(e.Patch.Bases, c.isWrongBase); i >= 0 {
			return index.Corruptf("patch at offset %d is based on chunk %d, which is no data chunk before it", c.offset, e.Patch.Bases[i].Ordinal)
		}
	}
	if e.Kind.IsStored() {
		c.hashes = append(c.hashes, e.Hash)
		c.patched = append(c.patched, e.Kind == stream.Patched)
	}
	c.kinds.AddEntry(e)
	c.offset += e.Len
	return nil
}

// isWrongBase reports whether b names a chunk of this archive that is no data chunk so far.
func (c *structureCheck) isWrongBase(b stream.Base) bool {
	return b.Parent == stream.OwnBase && (b.Ordinal >= int64(len(c.hashes)) || c.patched[b.Ordinal])
}

// endStream compares the current stream with what the index says of it, and goes on to the next.
func (c *structureCheck) endStream() error {
	s := &c.streams[c.current]
	top, err := c.index.EndStream()
	if err != nil {
		return err
	}
	if c.offset != s.Size || top.Hash != s.Root || top.Level != s.Level || top.Holes != s.Holes {
		return index.Corruptf("entries of stream %q have %d bytes and the root %v, the index says %d and %v", s.Name, c.offset, top.Hash, s.Size, s.Root)
	}
	c.current++
	c.offset = 0
	return nil
}

// finish compares the streams that remain, the pages, and the totals of the index.
func (c *structureCheck) finish(root *index.Root) error {
	for c.current < len(c.streams) {
		if err := c.endStream(); err != nil {
			return err
		}
	}
	if want := &root.Info.Totals; c.kinds != want.Kinds || c.segments != want.Segments {
		return index.Corruptf("totals of the index are not those of its entries")
	}
	if err := c.index.Finish(root.Rest.Pos); err != nil {
		return err
	}
	if got := &c.index.Root; got.Areas != root.Areas || !reflect.DeepEqual(got.Lists, root.Lists) {
		return index.Corruptf("the pages of the index are not those that its entries have")
	}
	return nil
}
