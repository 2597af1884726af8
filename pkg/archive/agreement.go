package archive

import (
	"bytes"
	"encoding/binary"

	"hexz/pkg/blake"
	"hexz/pkg/stream"
	"hexz/pkg/stream/wire"
)

// agreement holds what the index of an archive says against what the body has said, for a reader from
// front to back. Of segments it keeps digests over all of them, so its memory does not grow with them,
// but for what the root has in memory as well.
type agreement struct {
	body, index said
	got         root  // what the body says of the rest, with the first keys that the map pages give
	pages       []int // segments of each map page
	entries     int   // entry pages so far
	w           *wire.Writer

	check  bool     // whether references name the chunk that has their hash
	hashes []uint64 // then: the beginning of the hash of each chunk
}

// said are digests over the places and over the entries of segments.
type said struct {
	places, entries blake.Hasher
	segments        int64
}

func (s *said) place(w *wire.Writer, ref segmentRef) {
	w.Reset()
	appendSpan(w, ref.span)
	appendKey(w, ref.key)
	s.places.Write(w.Written())
	s.segments++
}

func (s *said) content(w *wire.Writer, entries []stream.Entry) {
	w.Reset()
	stream.AppendEntries(w, entries, false)
	s.entries.Write(w.Written())
}

// frame takes in a frame of the body, which is stored at a place.
func (a *agreement) frame(f stream.Frame, at span) error {
	switch f := f.(type) {
	case *stream.Dict:
		a.got.dicts = append(a.got.dicts, dictRef{f.ID, at})
	case *stream.Segment:
		chunks := a.got.info.Totals.Chunks()
		if err := a.refs(f.Entries, chunks); err != nil {
			return err
		}
		a.body.place(a.w, segmentRef{key{len(a.got.info.Streams) - 1, f.Offset, chunks}, at})
		a.body.content(a.w, f.Entries)
	}
	a.got.info.Add(f)
	return nil
}

// refs checks that references of a segment are to chunks before them, of which there are next before
// the segment.
func (a *agreement) refs(entries []stream.Entry, next int64) error {
	for i := range entries {
		e := &entries[i]
		if e.Kind == stream.Ref && !a.isBefore(e.Ordinal, next, e.Hash) {
			return corruptf("a reference to chunk %d, which does not come before it or has another hash", e.Ordinal)
		}
		if e.Kind == stream.Patched {
			for _, b := range e.Patch.Bases {
				if b.Parent == stream.OwnBase && !a.isBefore(b.Ordinal, next, b.Hash) {
					return corruptf("a patch based on chunk %d, which does not come before it or has another hash", b.Ordinal)
				}
			}
		}
		if e.Kind.IsStored() {
			if next++; a.check {
				a.hashes = append(a.hashes, beginning(e.Hash))
			}
		}
	}
	return nil
}

func (a *agreement) isBefore(ordinal, next int64, hash Hash) bool {
	return ordinal >= 0 && ordinal < next && (!a.check || a.hashes[ordinal] == beginning(hash))
}

func beginning(h Hash) uint64 { return binary.LittleEndian.Uint64(h[:]) }

// mapPage takes in the next map page.
func (a *agreement) mapPage(frame []byte, c *ciphers) error {
	page, err := parseMapPage(frame, len(a.pages), c, false)
	if err != nil {
		return err
	}
	a.got.firsts = append(a.got.firsts, first{page[0].key, a.index.segments})
	a.pages = append(a.pages, len(page))
	for i := range page {
		a.index.place(a.w, page[i])
	}
	return nil
}

// entryPage takes in the next entry page.
func (a *agreement) entryPage(frame []byte, c *ciphers) error {
	n := 0
	if err := parseEntryPage(frame, a.entries, c, func(_ int, entries []stream.Entry) error {
		n++
		a.index.content(a.w, entries)
		return nil
	}); err != nil {
		return err
	}
	if a.entries >= len(a.pages) || n != a.pages[a.entries] {
		return corruptf("entry page %d does not have as many segments as its map page", a.entries)
	}
	a.entries++
	return nil
}

// holds returns an ErrCorrupt unless body, pages and root agree.
func (a *agreement) holds(end *root) error {
	if a.body.segments != a.index.segments || a.body.places.Sum() != a.index.places.Sum() || a.body.entries.Sum() != a.index.entries.Sum() {
		return corruptf("what the index says of segments is not what the body says")
	}
	got, want := wire.NewWriter(), wire.NewWriter()
	appendInfo(got, &a.got)
	appendInfo(want, end)
	if !bytes.Equal(got.Written(), want.Written()) {
		return corruptf("what the index says of streams and totals is not what the body says")
	}
	return nil
}
