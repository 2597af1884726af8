package archive

import (
	"sort"

	"hexz/pkg/index"
)

// Payload is the decoded payload of a segment, for finding bases of patches. It keeps memory of the
// Reader's cache until Release.
type Payload struct {
	r  *Reader
	it *heldBlock
}

// Payload returns the payload of a segment. Segments are counted from 0 over the archive.
func (r *Reader) Payload(segment int64) (Payload, error) {
	if err := r.Locked(); err != nil {
		return Payload{}, err
	}
	if n := r.Root.Info.Totals.Segments; segment < 0 || segment >= n {
		return Payload{}, index.Corruptf("segment %d, there are %d", segment, n)
	}
	it, err := r.segment(segment)
	return Payload{r, it}, err
}

// Bytes returns all of the payload. The caller must not change it.
func (p Payload) Bytes() []byte { return p.it.Value.data }

// Chunk returns the chunk that holds a byte of the payload, or the patch whose program holds the
// byte: its ordinal, and where it begins and ends in the payload. ok is false if there is none.
func (p Payload) Chunk(offset int) (ordinal int64, from, to int, ok bool) {
	b := p.it.Value
	n := sort.Search(len(b.chunks), func(n int) bool { return b.places[b.chunks[n]] > offset }) - 1
	if n < 0 {
		return 0, 0, 0, false
	}
	from = b.places[b.chunks[n]]
	to = from + b.entries[b.chunks[n]].PayloadLen()
	return b.first + int64(n), from, to, offset < to
}

// Release gives the memory back to the cache.
func (p Payload) Release() { p.r.release(p.it) }
