package index

import (
	"fmt"
	"iter"

	"hexz/pkg/stream"
)

// entryPage yields the entries of each segment of entry page n, in order. It checks that no entry
// is empty, and that references to parents name parents of the archive. The loop must not keep the
// entries.
func (x *Index) entryPage(n int) iter.Seq2[[]stream.Entry, error] {
	return func(yield func([]stream.Entry, error) bool) {
		at, err := x.child(segmentList, 0, n)
		if err != nil {
			yield(nil, err)
			return
		}
		raw, err := x.readPage(segmentList, at.Entries, "entry page")
		if err != nil {
			yield(nil, err)
			return
		}
		for entries, err := range parseEntryPage(raw, n, x.Ciphers) {
			if err == nil {
				err = x.checkEntries(entries)
			}
			if err != nil {
				yield(nil, inPage("entry page", at.Entries, err))
				return
			}
			if !yield(entries, nil) {
				return
			}
		}
	}
}

func (x *Index) checkEntries(entries []stream.Entry) error {
	for i := range entries {
		if err := stream.CheckParents(&entries[i], len(x.Root.Info.Parents)); err != nil {
			return err
		}
		if err := entries[i].CheckNode(); err != nil {
			return err
		}
		if entries[i].Len < 1 {
			return Corruptf("entry of %d bytes", entries[i].Len)
		}
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

// Segment is a segment as the index describes it. References carry an ordinal but no hash.
type Segment struct {
	Place
	Entries []stream.Entry // valid until the next segment
}

// Segments yields every segment in order, from the index alone. The entries of a segment end where
// the next segment begins.
func (x *Index) Segments() iter.Seq2[Segment, error] {
	return func(yield func(Segment, error) bool) {
		if err := x.Locked(); err != nil {
			yield(Segment{}, err)
			return
		}
		for n := range x.Pages() {
			for s, err := range x.SegmentsOf(n) {
				if !yield(s, err) || err != nil {
					return
				}
			}
		}
	}
}

// SegmentsOf yields the segments of page n.
func (x *Index) SegmentsOf(n int) iter.Seq2[Segment, error] {
	return func(yield func(Segment, error) bool) {
		page, err := x.Page(n)
		var end First
		if err == nil {
			end, err = x.EndOfPage(n)
		}
		if err != nil {
			yield(Segment{}, err)
			return
		}
		seen := 0
		for entries, err := range x.entryPage(n) {
			if err == nil {
				err = x.checkSegment(n, page, seen, end.Position, entries)
			}
			if err != nil {
				yield(Segment{}, err)
				return
			}
			if !yield(Segment{page[seen].place(), entries}, nil) {
				return
			}
			seen++
		}
		if seen != len(page) {
			yield(Segment{}, Corruptf("entry page %d has %d segments, its map page %d", n, seen, len(page)))
		}
	}
}

// checkSegment compares the entries of segment i of page n, which ends at end, with the map page.
func (x *Index) checkSegment(n int, page []SegmentRef, i int, end Position, entries []stream.Entry) error {
	if i >= len(page) {
		return Corruptf("entry page %d has more segments than its map page", n)
	}
	if i+1 < len(page) {
		end = page[i+1].Position
	}
	if err := x.fits(page[i].Position, end, entries); err != nil {
		return fmt.Errorf("entry page %d: %w", n, err)
	}
	return nil
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

// Chunks yields each chunk that the archive holds, and each reference to a chunk of a parent. It
// reads the entry pages.
func (x *Index) Chunks() iter.Seq2[Chunk, error] {
	return func(yield func(Chunk, error) bool) {
		if err := x.Locked(); err != nil {
			yield(Chunk{}, err)
			return
		}
		next := int64(0)
		for n := range x.Pages() {
			for entries, err := range x.entryPage(n) {
				if err != nil {
					yield(Chunk{}, err)
					return
				}
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
					if !yield(c, nil) {
						return
					}
				}
			}
		}
		if want := x.Root.Info.Totals.Chunks(); next != want {
			yield(Chunk{}, Corruptf("entry pages have %d chunks, the root says %d", next, want))
		}
	}
}

// minEntry is the smallest size of a data entry in an index, in bytes.
const minEntry = 36

// ExpectedChunks returns for how many chunks to allocate memory before reading an index of size
// bytes. It does not trust the number of chunks in the index. The file may have holes, so there is
// a limit.
func ExpectedChunks(size int64) int64 { return min(size/minEntry, 1<<20) }
