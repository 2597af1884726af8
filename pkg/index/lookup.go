package index

import (
	"fmt"
	"sort"
)

// The map pages say which segment holds an offset or a chunk, and where the segment is.

// Page returns map page n.
func (x *Index) Page(n int) ([]SegmentRef, error) { return x.pages.Value(pageKey{x, int64(n)}) }

// loadPage loads map page n.
func (x *Index) loadPage(n int64) ([]SegmentRef, int64, error) {
	at := x.Root.Maps[n]
	raw, err := x.ReadExtent(at, "map page")
	if err != nil {
		return nil, 0, err
	}
	page, err := ParseMapPage(raw, int(n), x.Ciphers, x.locked != nil)
	if err == nil && x.locked == nil {
		err = x.checkPage(int(n), page)
	}
	if err != nil {
		return nil, 0, fmt.Errorf("map page at byte %d: %w", at.Pos, err)
	}
	return page, int64(len(page)) * segmentRefMemory, nil
}

// EndOfPage returns where page n ends: at the first segment of the next page, or at the end of the
// archive.
func (x *Index) EndOfPage(n int) First {
	if n+1 < len(x.Root.Firsts) {
		return x.Root.Firsts[n+1]
	}
	info := &x.Root.Info
	return First{Position{len(info.Streams), 0, info.Totals.Chunks()}, info.Totals.Segments}
}

// checkPage compares a page with what the root says of the page and of the next one.
func (x *Index) checkPage(n int, page []SegmentRef) error {
	end := x.EndOfPage(n)
	if int64(len(page)) != end.Segment-x.Root.Firsts[n].Segment || len(page) == 0 || page[0].Position != x.Root.Firsts[n].Position {
		return Corruptf("page of %d segments does not fit the root", len(page))
	}
	for i := range page {
		next := end.Position
		if i+1 < len(page) {
			next = page[i+1].Position
		}
		if !page[i].Position.before(next) {
			return Corruptf("segments %d and %d are out of order", i, i+1)
		}
	}
	return nil
}

// LastNotAfter returns the number of the last segment that is not after a position. Segments are
// counted over the whole archive.
func (x *Index) LastNotAfter(after func(Position) bool) (int64, error) {
	n := sort.Search(len(x.Root.Firsts), func(i int) bool { return after(x.Root.Firsts[i].Position) }) - 1
	if n < 0 {
		return 0, Corruptf("no segment holds that position")
	}
	page, err := x.Page(n)
	if err != nil {
		return 0, err
	}
	i := sort.Search(len(page), func(i int) bool { return after(page[i].Position) }) - 1
	return x.Root.Firsts[n].Segment + int64(i), nil
}

// SegmentAt returns the record of a segment by its number, and the position of the next segment.
func (x *Index) SegmentAt(number int64) (ref SegmentRef, next Position, err error) {
	n := sort.Search(len(x.Root.Firsts), func(i int) bool { return x.Root.Firsts[i].Segment > number }) - 1
	page, err := x.Page(n)
	if err != nil {
		return ref, next, err
	}
	i := int(number - x.Root.Firsts[n].Segment)
	if i+1 < len(page) {
		return page[i], page[i+1].Position, nil
	}
	return page[i], x.EndOfPage(n).Position, nil
}

// EndOf returns the offset at which the segment at k ends. next is the position of the next
// segment.
func (x *Index) EndOf(k, next Position) int64 {
	if next.Stream == k.Stream {
		return next.Offset
	}
	return x.Root.Info.Streams[k.Stream].Size
}

// FindOffset returns the segment that holds an offset of a stream.
func (x *Index) FindOffset(streamNo int, off int64) (int64, error) {
	return x.LastNotAfter(func(k Position) bool { return k.isAfter(streamNo, off) })
}
