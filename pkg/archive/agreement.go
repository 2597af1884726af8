package archive

import (
	"bytes"
	"encoding/binary"

	"hexz/pkg/blake"
	"hexz/pkg/index"
	"hexz/pkg/stream"
	"hexz/pkg/stream/wire"
)

// agreement compares the index of an archive with the body, for a reader from front to back. It
// keeps digests over all segments, so its memory does not grow with them. Only the fields that the
// root keeps in memory as well do grow.
type agreement struct {
	body, index said
	got         index.Root // the root as the body implies it; Firsts come from the map pages
	pages       []int      // segments of each map page
	entries     int        // entry pages so far
	w           *wire.Writer

	check  bool     // whether to check that references name the chunk that has their hash
	hashes []uint64 // if check: the beginning of the hash of each chunk
}

// said has digests over the places and over the entries of segments.
type said struct {
	places, entries blake.Hasher
	segments        int64
}

func (s *said) place(w *wire.Writer, ref index.SegmentRef) {
	w.Reset()
	index.AppendExtent(w, ref.Extent)
	index.AppendPosition(w, ref.Position)
	s.places.Write(w.Written())
	s.segments++
}

func (s *said) content(w *wire.Writer, entries []stream.Entry) {
	w.Reset()
	stream.AppendEntries(w, entries, false)
	s.entries.Write(w.Written())
}

// frame adds a frame of the body, which is stored at at.
func (a *agreement) frame(f stream.Frame, at index.Extent) error {
	switch f := f.(type) {
	case *stream.Dict:
		a.got.Dicts = append(a.got.Dicts, index.DictRef{Id: f.ID, Extent: at})
	case *stream.Segment:
		chunks := a.got.Info.Totals.Chunks()
		if err := a.refs(f.Entries, chunks); err != nil {
			return err
		}
		a.body.place(a.w, index.SegmentRef{Position: index.Position{Stream: len(a.got.Info.Streams) - 1, Offset: f.Offset, Ordinal: chunks}, Extent: at})
		a.body.content(a.w, f.Entries)
	}
	a.got.Info.Add(f)
	return nil
}

// refs checks that the references of a segment are to chunks before them. next is the number of
// chunks before the segment.
func (a *agreement) refs(entries []stream.Entry, next int64) error {
	for i := range entries {
		e := &entries[i]
		if e.Kind == stream.Ref && !a.isBefore(e.Ordinal, next, e.Hash) {
			return index.Corruptf("a reference to chunk %d, which does not come before it or has another hash", e.Ordinal)
		}
		if e.Kind == stream.Patched {
			for _, b := range e.Patch.Bases {
				if b.Parent == stream.OwnBase && !a.isBefore(b.Ordinal, next, b.Hash) {
					return index.Corruptf("a patch based on chunk %d, which does not come before it or has another hash", b.Ordinal)
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

func (a *agreement) isBefore(ordinal, next int64, hash index.Hash) bool {
	return ordinal >= 0 && ordinal < next && (!a.check || a.hashes[ordinal] == beginning(hash))
}

func beginning(h index.Hash) uint64 { return binary.LittleEndian.Uint64(h[:]) }

// mapPage adds the next map page.
func (a *agreement) mapPage(frame []byte, c *index.Ciphers) error {
	page, err := index.ParseMapPage(frame, len(a.pages), c, false)
	if err != nil {
		return err
	}
	a.got.Firsts = append(a.got.Firsts, index.First{Position: page[0].Position, Segment: a.index.segments})
	a.pages = append(a.pages, len(page))
	for i := range page {
		a.index.place(a.w, page[i])
	}
	return nil
}

// entryPage adds the next entry page.
func (a *agreement) entryPage(frame []byte, c *index.Ciphers) error {
	n := 0
	for entries, err := range index.ParseEntryPage(frame, a.entries, c) {
		if err != nil {
			return err
		}
		n++
		a.index.content(a.w, entries)
	}
	if a.entries >= len(a.pages) || n != a.pages[a.entries] {
		return index.Corruptf("entry page %d does not have as many segments as its map page", a.entries)
	}
	a.entries++
	return nil
}

// holds returns an ErrCorrupt unless body, pages and root agree.
func (a *agreement) holds(end *index.Root) error {
	if a.body.segments != a.index.segments || a.body.places.Sum() != a.index.places.Sum() || a.body.entries.Sum() != a.index.entries.Sum() {
		return index.Corruptf("what the index says of segments is not what the body says")
	}
	got, want := wire.NewWriter(), wire.NewWriter()
	index.AppendInfo(got, &a.got)
	index.AppendInfo(want, end)
	if !bytes.Equal(got.Written(), want.Written()) {
		return index.Corruptf("what the index says of streams and totals is not what the body says")
	}
	return nil
}
