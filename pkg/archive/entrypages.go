package archive

import (
	"fmt"

	"hexz/pkg/stream"
)

// entryPage calls visit for the entries of each segment of entry page n, in order. No entry is
// empty, and what refers to a parent names one that there is.
func (x *Index) entryPage(n int, visit func(i int, entries []stream.Entry) error) error {
	at := x.root.entries[n]
	raw, err := x.readSpan(at, "entry page")
	if err != nil {
		return err
	}
	err = parseEntryPage(raw, n, x.ciphers, func(i int, entries []stream.Entry) error {
		for j := range entries {
			if err := stream.CheckParents(&entries[j], len(x.root.info.Parents)); err != nil {
				return err
			}
			if entries[j].Len < 1 {
				return corruptf("entry of %d bytes", entries[j].Len)
			}
		}
		return visit(i, entries)
	})
	if err != nil {
		return fmt.Errorf("entry page at byte %d: %w", at.pos, err)
	}
	return nil
}

// Place tells where a segment is.
type Place struct {
	Stream int   // number of its stream in Info
	Offset int64 // in the stream
	Chunk  int64 // ordinal of its first data chunk
	Pos    int64 // of its frame in the archive
	Len    int64 // of its frame
}

func (s *segmentRef) place() Place {
	return Place{s.stream, s.offset, s.ordinal, s.pos, s.len}
}

// EntryPages calls visit for the entries of every segment in order, from the index alone.
// References carry an ordinal but no hash. The entries of a segment end where the next one
// begins. visit must not keep them.
func (x *Index) EntryPages(visit func(at Place, entries []stream.Entry) error) error {
	if err := x.Locked(); err != nil {
		return err
	}
	for n := range x.root.entries {
		if err := x.entriesOf(n, visit); err != nil {
			return err
		}
	}
	return nil
}

// entriesOf is EntryPages for page n.
func (x *Index) entriesOf(n int, visit func(at Place, entries []stream.Entry) error) error {
	page, err := x.page(n)
	if err != nil {
		return err
	}
	seen := 0
	err = x.entryPage(n, func(i int, entries []stream.Entry) error {
		if i >= len(page) {
			return corruptf("entry page %d has more segments than its map page", n)
		}
		seen++
		next := x.endOfPage(n).key
		if seen < len(page) {
			next = page[seen].key
		}
		if err := x.fits(page[i].key, next, entries); err != nil {
			return err
		}
		return visit(page[i].place(), entries)
	})
	if err == nil && seen != len(page) {
		err = corruptf("entry page %d has %d segments, its map page %d", n, seen, len(page))
	}
	return err
}

// fits tells whether the entries of the segment at k reach up to the next one.
func (x *Index) fits(k, next key, entries []stream.Entry) error {
	end := x.endOf(k, next)
	at, chunks := k.offset, int64(0)
	for i := range entries {
		if entries[i].Len > end-at {
			return corruptf("entries of the segment at offset %d go beyond offset %d", k.offset, end)
		}
		at += entries[i].Len
		if entries[i].Kind.IsStored() {
			chunks++
		}
	}
	if at != end || k.ordinal+chunks != next.ordinal {
		return corruptf("entries of the segment at offset %d end at offset %d with chunk %d, the map page says %d and %d",
			k.offset, at, k.ordinal+chunks, end, next.ordinal)
	}
	return nil
}

// Chunk is a chunk that an archive holds, or one of its parents.
type Chunk struct {
	Hash    Hash
	Len     int64
	Parent  int   // number of the parent that holds it, or -1
	Ordinal int64 // number of the chunk in the archive that holds it
}

// Chunks calls visit for all chunks of an archive: those that it holds, and those of its parents
// that it refers to, as often as it does. It reads the entry pages.
func (x *Index) Chunks(visit func(Chunk) error) error {
	if err := x.Locked(); err != nil {
		return err
	}
	next := int64(0)
	for n := range x.root.entries {
		err := x.entryPage(n, func(_ int, entries []stream.Entry) error {
			for i := range entries {
				e := &entries[i]
				c := Chunk{Hash: e.Hash, Len: e.Len, Parent: -1, Ordinal: next}
				switch e.Kind {
				case stream.Data, stream.Patched:
					next++
				case stream.ParentRef:
					c.Parent, c.Ordinal = int(e.Parent), e.Ordinal
				default:
					continue
				}
				if err := visit(c); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	if want := x.root.info.Totals.Chunks(); next != want {
		return corruptf("entry pages have %d chunks, the root says %d", next, want)
	}
	return nil
}

// minEntry is the fewest bytes that a data entry takes in an index.
const minEntry = 36

// ExpectedChunks returns for how many chunks to allocate memory before they come from an index of
// size bytes, whatever it says of their number. The file may have holes, so there is a limit.
func ExpectedChunks(size int64) int64 { return min(size/minEntry, 1<<20) }
