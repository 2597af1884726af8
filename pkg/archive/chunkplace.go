package archive

import (
	"hexz/pkg/index"
	"hexz/pkg/stream"
)

// This file finds chunks in streams and streams in chunks, through nodes of parents.

// Range is a part of a stream.
type Range struct {
	Stream   int   // number of the stream
	From, To int64 // offsets in it
}

// OffsetsOf returns the offsets in a range at which a chunk begins, in order. The chunk is given as
// a base of a patch in this archive is: by Parent and Ordinal.
func (r *Reader) OffsetsOf(chunk stream.Base, in Range) ([]int64, error) {
	if err := r.Locked(); err != nil {
		return nil, err
	}
	return r.offsetsBelow(index.AnyLevel, chunk, in)
}

// offsetsBelow is OffsetsOf for nodes below a level.
func (r *Reader) offsetsBelow(level int, chunk stream.Base, in Range) (offsets []int64, err error) {
	err = r.walk(in.Stream, in.From, int(in.To-in.From), func(b *block, i int, skip int64, n int) error {
		if e := &b.entries[i]; e.Kind == stream.NodeRef {
			return r.parents.node(e, level, locating, func() int64 { return skip }, func(from *Reader) error {
				there, ok := r.seenFrom(from, e.Parent, chunk)
				if !ok {
					return nil
				}
				at := e.Offset + skip
				found, err := from.offsetsBelow(int(e.Level), there, Range{int(e.Stream), at, at + int64(n)})
				if err != nil {
					return err
				}
				for _, off := range found {
					offsets = append(offsets, off-e.Offset+b.starts[i])
				}
				return nil
			})
		}
		if skip == 0 && b.isChunk(i, chunk) {
			offsets = append(offsets, b.starts[i])
		}
		return nil
	})
	return offsets, err
}

// seenFrom returns a chunk of a parent of r as it is given in from, a copy of parent number of.
func (r *Reader) seenFrom(from *Reader, of int32, chunk stream.Base) (there stream.Base, ok bool) {
	list := r.Root.Info.Parents
	if chunk.Parent == stream.OwnBase || int(chunk.Parent) >= len(list) || from.other != nil {
		return chunk, false // a parent has no chunk of its child; a copy may have other ordinals
	}
	if chunk.Parent == of {
		return stream.Base{Parent: stream.OwnBase, Ordinal: chunk.Ordinal}, true
	}
	id := list[chunk.Parent].ID
	n := from.parents.indexOf(id)
	return stream.Base{Parent: int32(n), Ordinal: chunk.Ordinal}, n >= 0
}

// isChunk reports whether entry i is that chunk, or a reference to it.
func (b *block) isChunk(i int, chunk stream.Base) bool {
	e := &b.entries[i]
	switch e.Kind {
	case stream.Data, stream.Patched:
		return chunk.Parent == stream.OwnBase && b.ordinal(i) == chunk.Ordinal
	case stream.Ref:
		return chunk.Parent == stream.OwnBase && e.Ordinal == chunk.Ordinal
	case stream.ParentRef:
		return chunk.Parent == e.Parent && e.Ordinal == chunk.Ordinal
	}
	return false
}

// Where returns where the chunk that has an ordinal stands: the number of the stream, and the
// offset in that stream.
func (r *Reader) Where(ordinal int64) (streamNo int, offset int64, err error) {
	if err := r.Locked(); err != nil {
		return 0, 0, err
	}
	b, held, err := r.holder(nil, ordinal)
	if err != nil {
		return 0, 0, err
	}
	defer r.release(held)
	i, err := b.entryOf(ordinal)
	if err != nil {
		return 0, 0, err
	}
	return b.stream, b.starts[i], nil
}

// StoredByte says where a byte of a stream is stored.
type StoredByte struct {
	Archive index.Hash // zero if the byte is one of a run of zeros
	Ordinal int64      // of the chunk in that archive
	Skip    int64      // bytes of the chunk before it
}

// StoredAt returns where the byte at an offset of a stream is stored. The offset must be less than
// the size of the stream.
func (r *Reader) StoredAt(streamNo int, offset int64) (StoredByte, error) {
	if err := r.Locked(); err != nil {
		return StoredByte{}, err
	}
	return r.storedBelow(index.AnyLevel, streamNo, offset)
}

// storedBelow is StoredAt for nodes below a level.
func (r *Reader) storedBelow(level, streamNo int, offset int64) (at StoredByte, err error) {
	err = r.walk(streamNo, offset, 1, func(b *block, i int, skip int64, _ int) (err error) {
		switch e := &b.entries[i]; e.Kind {
		case stream.Data, stream.Patched:
			at = StoredByte{r.ID(), b.ordinal(i), skip}
		case stream.Ref:
			at = StoredByte{r.ID(), e.Ordinal, skip}
		case stream.ParentRef:
			at = StoredByte{r.Root.Info.Parents[e.Parent].ID, e.Ordinal, skip}
		case stream.NodeRef:
			err = r.parents.node(e, level, locating, func() int64 { return skip }, func(from *Reader) error {
				at, err = from.storedBelow(int(e.Level), int(e.Stream), e.Offset+skip)
				return err
			})
		}
		return err
	})
	return at, err
}
