package index

import (
	"fmt"

	"hexz/pkg/stream"
)

// entryPage calls visit for the entries of each segment of entry page n, in order. It checks that
// no entry is empty, and that references to parents name parents of the archive.
func (x *Index) entryPage(n int, visit func(i int, entries []stream.Entry) error) error {
	at := x.Root.Entries[n]
	raw, err := x.ReadExtent(at, "entry page")
	if err != nil {
		return err
	}
	err = ParseEntryPage(raw, n, x.Ciphers, func(i int, entries []stream.Entry) error {
		for j := range entries {
			if err := stream.CheckParents(&entries[j], len(x.Root.Info.Parents)); err != nil {
				return err
			}
			if entries[j].Len < 1 {
				return Corruptf("entry of %d bytes", entries[j].Len)
			}
		}
		return visit(i, entries)
	})
	if err != nil {
		return fmt.Errorf("entry page at byte %d: %w", at.Pos, err)
	}
	return nil
}

// Place says where a segment is.
type Place struct {
	Stream int   // number of its stream in Info
	Offset int64 // in the stream
	Chunk  int64 // ordinal of its first data chunk
	Pos    int64 // of its frame in the archive
	Len    int64 // of its frame
}

func (s *SegmentRef) place() Place {
	return Place{s.Stream, s.Offset, s.Ordinal, s.Pos, s.Len}
}

// EntryPages calls visit for the entries of every segment in order, from the index alone.
// References carry an ordinal but no hash. The entries of a segment end where the next segment
// begins. visit must not keep the entries.
func (x *Index) EntryPages(visit func(at Place, entries []stream.Entry) error) error {
	if err := x.Locked(); err != nil {
		return err
	}
	for n := range x.Root.Entries {
		if err := x.EntriesOf(n, visit); err != nil {
			return err
		}
	}
	return nil
}

// EntriesOf is EntryPages for page n.
func (x *Index) EntriesOf(n int, visit func(at Place, entries []stream.Entry) error) error {
	page, err := x.Page(n)
	if err != nil {
		return err
	}
	seen := 0
	err = x.entryPage(n, func(i int, entries []stream.Entry) error {
		if i >= len(page) {
			return Corruptf("entry page %d has more segments than its map page", n)
		}
		seen++
		next := x.EndOfPage(n).Position
		if seen < len(page) {
			next = page[seen].Position
		}
		if err := x.fits(page[i].Position, next, entries); err != nil {
			return err
		}
		return visit(page[i].place(), entries)
	})
	if err == nil && seen != len(page) {
		err = Corruptf("entry page %d has %d segments, its map page %d", n, seen, len(page))
	}
	return err
}

// fits returns an ErrCorrupt unless the entries of the segment at k end where the next segment
// begins.
func (x *Index) fits(k, next Position, entries []stream.Entry) error {
	end := x.EndOf(k, next)
	at, chunks := k.Offset, int64(0)
	for i := range entries {
		if entries[i].Len > end-at {
			return Corruptf("entries of the segment at offset %d go beyond offset %d", k.Offset, end)
		}
		at += entries[i].Len
		if entries[i].Kind.IsStored() {
			chunks++
		}
	}
	if at != end || k.Ordinal+chunks != next.Ordinal {
		return Corruptf("entries of the segment at offset %d end at offset %d with chunk %d, the map page says %d and %d",
			k.Offset, at, k.Ordinal+chunks, end, next.Ordinal)
	}
	return nil
}

// Chunk is a chunk that an archive or one of its parents holds.
type Chunk struct {
	Hash    Hash
	Len     int64
	Parent  int   // number of the parent that holds it, or -1
	Ordinal int64 // number of the chunk in the archive that holds it
}

// Chunks calls visit for each chunk that the archive holds, and for each reference to a chunk of a
// parent. It reads the entry pages.
func (x *Index) Chunks(visit func(Chunk) error) error {
	if err := x.Locked(); err != nil {
		return err
	}
	next := int64(0)
	for n := range x.Root.Entries {
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
	if want := x.Root.Info.Totals.Chunks(); next != want {
		return Corruptf("entry pages have %d chunks, the root says %d", next, want)
	}
	return nil
}

// minEntry is the smallest size of a data entry in an index, in bytes.
const minEntry = 36

// ExpectedChunks returns for how many chunks to allocate memory before reading an index of size
// bytes. It does not trust the number of chunks in the index. The file may have holes, so there is
// a limit.
func ExpectedChunks(size int64) int64 { return min(size/minEntry, 1<<20) }
