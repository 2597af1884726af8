package archive

import (
	"fmt"

	"hexz/pkg/index"
	"hexz/pkg/stream"
)

// This file finds the chunks that entries stand for: where they are stored.

// bytes returns the verified bytes of entry i of b, which is a chunk. They are valid until the
// caller gives the item back by release. The item is nil if the bytes are in b itself.
func (r *Reader) bytes(b *block, i int) ([]byte, *heldBlock, error) {
	if e := &b.entries[i]; e.Kind == stream.ParentRef {
		p, held, err := r.parents.chunk(e)
		return p, held, referring(b, i, err)
	}
	h, err := r.home(b, i)
	if err != nil {
		return nil, nil, err
	}
	p, held, err := h.bytes()
	return p, held, referring(b, i, err)
}

// home is where a chunk is stored: an entry of a segment of a Reader.
type home struct {
	r     *Reader
	block *block
	entry int
	held  *heldBlock // the caller gives it back by release; or nil
}

// bytes returns the verified bytes of the chunk. It takes over h.held: the caller gives back the
// returned item instead, by release.
func (h *home) bytes() (p []byte, held *heldBlock, err error) {
	if h.block.entries[h.entry].Kind == stream.Patched {
		p, held, err = h.made()
		h.r.release(h.held)
	} else {
		held = h.held
		p, err = h.block.chunk(h.entry)
	}
	if err == nil {
		return p, held, nil
	}
	h.r.release(held)
	return nil, nil, err
}

// made returns the output of the patch. It is valid until the caller gives the item back.
func (h *home) made() ([]byte, *heldBlock, error) {
	it, err := h.r.caches.segments.Get(part{h.r, h.block.ordinal(h.entry), true})
	if err != nil {
		return nil, nil, err
	}
	return it.Value.data, it, nil
}

// home returns where entry i of b, which is a chunk, is stored.
func (r *Reader) home(b *block, i int) (h home, err error) {
	e := &b.entries[i]
	switch e.Kind {
	case stream.Data, stream.Patched:
		if b.bare {
			it, err := r.segment(b.number)
			if err != nil {
				return home{}, err
			}
			return home{r, it.Value, i, it}, nil
		}
		return home{r, b, i, nil}, nil
	case stream.ParentRef:
		err = r.parents.with(int(e.Parent), func(from *Reader) error {
			h, err = from.homeOfHash(e)
			return err
		})
	default:
		h, err = r.homeOf(b, e)
	}
	return h, referring(b, i, err)
}

// homeOf returns where r stores the chunk that a reference stands for. It may be in b.
func (r *Reader) homeOf(b *block, ref *stream.Entry) (home, error) {
	from, held, err := r.holder(b, ref.Ordinal)
	if err != nil {
		return home{}, err
	}
	i, err := from.target(ref)
	if err != nil {
		r.release(held)
		return home{}, err
	}
	return home{r, from, i, held}, nil
}

// referring adds to an error that it came through the reference in entry i of b, if that entry is a
// reference. nil stays nil.
func referring(b *block, i int, err error) error {
	if err == nil {
		return nil
	}
	switch b.entries[i].Kind {
	case stream.Ref:
		err = fmt.Errorf("reference at offset %d: %w", b.starts[i], err)
	case stream.ParentRef:
		err = fmt.Errorf("chunk at offset %d: %w", b.starts[i], err)
	}
	return err
}

// holder returns the segment that holds the chunk of an ordinal: b, or another one, whose item the
// caller gives back by release. b may be nil.
func (r *Reader) holder(b *block, ordinal int64) (*block, *heldBlock, error) {
	if n := r.Root.Info.Totals.Chunks(); ordinal < 0 || ordinal >= n {
		return nil, nil, index.Corruptf("chunk %d, there are %d", ordinal, n)
	}
	if b != nil && !b.bare && ordinal >= b.first && ordinal < b.first+int64(len(b.chunks)) {
		return b, nil, nil
	}
	held, err := r.segmentOf(ordinal)
	if err != nil {
		return nil, nil, err
	}
	return held.Value, held, nil
}

// segmentOf returns the segment that holds the chunk of an ordinal.
func (r *Reader) segmentOf(ordinal int64) (*heldBlock, error) {
	number, err := r.LastNotAfter(func(k index.Position) bool { return k.Ordinal > ordinal })
	if err != nil {
		return nil, err
	}
	return r.segment(number)
}

// target returns the number of the entry of b that ref refers to. ref may be of any segment.
func (b *block) target(ref *stream.Entry) (int, error) {
	i, err := b.entryOf(ref.Ordinal)
	if err != nil {
		return 0, err
	}
	if e := &b.entries[i]; e.Hash != ref.Hash || e.Len != ref.Len {
		return 0, index.Corruptf("chunk %d has another hash or length", ref.Ordinal)
	}
	return i, nil
}

// entryOf returns the number of the entry of b that has an ordinal.
func (b *block) entryOf(ordinal int64) (int, error) {
	n := ordinal - b.first
	if n < 0 || n >= int64(len(b.chunks)) {
		return 0, index.Corruptf("chunk %d is not where the index says", ordinal)
	}
	return b.chunks[n], nil
}
