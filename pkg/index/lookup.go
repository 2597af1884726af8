package index

import "sort"

// The map pages say which segment holds an offset or a chunk, and where the segment is.

// Pages returns the number of map pages, and of entry pages.
func (x *Index) Pages() int { return x.Root.Lists[segmentList].Pages }

// Begin returns the position of the first segment. There must be one.
func (x *Index) Begin() Position { return x.Root.Lists[segmentList].Top[0].Position }

// Page returns map page n.
func (x *Index) Page(n int) ([]SegmentRef, error) {
	p, err := x.pages.Value(pageKey{x, segmentList, 0, n})
	return p.segments, err
}

// FirstPage returns the number of the page that has what begins at an offset of a stream.
func (x *Index) FirstPage(streamNo int, off int64) (int, error) {
	n, err := x.lastNotAfter(segmentList, func(k Position) bool { return k.isAfter(streamNo, off) })
	return max(n, 0), err
}

// PageAt returns where map page n and its entry page are in the file, and what they begin with.
func (x *Index) PageAt(n int) (Child, error) {
	c, err := x.child(segmentList, 0, n)
	c.At, c.Entries = x.pageAt(segmentList, c.At), x.pageAt(segmentList, c.Entries)
	return c, err
}

// loadMap loads map page n.
func (x *Index) loadMap(n int) ([]SegmentRef, error) {
	at, err := x.child(segmentList, 0, n)
	if err != nil {
		return nil, err
	}
	raw, err := x.readPage(segmentList, at.At, "map page")
	if err != nil {
		return nil, err
	}
	segments, err := parseMapPage(raw, n, x.Ciphers, x.locked != nil)
	if err == nil && x.locked == nil {
		err = x.checkMap(n, segments, at.First)
	}
	return segments, inPage("map page", at.At, err)
}

// EndOfPage returns where page n ends: at the first segment of the next page, or at the end of the
// archive.
func (x *Index) EndOfPage(n int) (First, error) { return x.after(segmentList, 0, n) }

// checkMap compares map page n with what the page above says of it and of the next one.
func (x *Index) checkMap(n int, segments []SegmentRef, first First) error {
	end, err := x.EndOfPage(n)
	if err != nil {
		return err
	}
	if int64(len(segments)) != end.Number-first.Number || len(segments) == 0 || segments[0].Position != first.Position {
		return Corruptf("page of %d segments does not fit the page above", len(segments))
	}
	for i := range segments {
		next := end.Position
		if i+1 < len(segments) {
			next = segments[i+1].Position
		}
		if !segments[i].Position.before(next) || segments[i].Stream >= len(x.Root.Info.Streams) {
			return Corruptf("segments %d and %d are out of order", i, i+1)
		}
	}
	return nil
}

// LastNotAfter returns the number of the last segment that is not after a position. Segments are
// counted over the whole archive.
func (x *Index) LastNotAfter(after func(Position) bool) (int64, error) {
	n, at, err := x.last(segmentList, func(f First) bool { return after(f.Position) })
	if err != nil {
		return 0, err
	}
	if n < 0 {
		return 0, Corruptf("no segment holds that position")
	}
	page, err := x.Page(n)
	if err != nil {
		return 0, err
	}
	i := sort.Search(len(page), func(i int) bool { return after(page[i].Position) }) - 1
	return at.Number + int64(i), nil
}

// SegmentAt returns the record of a segment by its number, and the position of the next segment.
func (x *Index) SegmentAt(number int64) (ref SegmentRef, next Position, err error) {
	n, first, err := x.pageOfSegment(number)
	if err != nil {
		return ref, next, err
	}
	page, err := x.Page(n)
	if err != nil {
		return ref, next, err
	}
	i := int(number - first)
	if i+1 < len(page) {
		return page[i], page[i+1].Position, nil
	}
	end, err := x.EndOfPage(n)
	return page[i], end.Position, err
}

// pageOfSegment returns the page that has a segment, and the number of its first one.
func (x *Index) pageOfSegment(number int64) (n int, first int64, err error) {
	if number < 0 || number >= x.Root.Lists[segmentList].Items {
		return 0, 0, Corruptf("segment %d, there are %d", number, x.Root.Lists[segmentList].Items)
	}
	n, c, err := x.last(segmentList, func(f First) bool { return f.Number > number })
	return n, c.Number, err
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
