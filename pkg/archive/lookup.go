package archive

import (
	"fmt"
	"sort"
)

// The map pages: which segment holds an offset or a chunk, and where it is.

// page returns map page n.
func (x *Index) page(n int) ([]segmentRef, error) { return x.pages.value(pageKey{x, int64(n)}) }

// loadPage loads map page n.
func (x *Index) loadPage(n int64) ([]segmentRef, int64, error) {
	at := x.root.maps[n]
	raw, err := x.readSpan(at, "map page")
	if err != nil {
		return nil, 0, err
	}
	page, err := parseMapPage(raw, int(n), x.ciphers, x.locked != nil)
	if err == nil && x.locked == nil {
		err = x.checkPage(int(n), page)
	}
	if err != nil {
		return nil, 0, fmt.Errorf("map page at byte %d: %w", at.pos, err)
	}
	return page, int64(len(page)) * segmentRefMemory, nil
}

// endOfPage returns where page n ends: the first segment of the next one, or the end of all.
func (x *Index) endOfPage(n int) first {
	if n+1 < len(x.root.firsts) {
		return x.root.firsts[n+1]
	}
	info := &x.root.info
	return first{key{len(info.Streams), 0, info.Totals.Chunks()}, info.Totals.Segments}
}

// checkPage holds a page against what the root says of it and of its neighbours.
func (x *Index) checkPage(n int, page []segmentRef) error {
	end := x.endOfPage(n)
	if int64(len(page)) != end.segment-x.root.firsts[n].segment || len(page) == 0 || page[0].key != x.root.firsts[n].key {
		return corruptf("page of %d segments does not fit the root", len(page))
	}
	for i := range page {
		next := end.key
		if i+1 < len(page) {
			next = page[i+1].key
		}
		if !page[i].key.before(next) {
			return corruptf("segments %d and %d are out of order", i, i+1)
		}
	}
	return nil
}

// find returns the number of the last segment, counted over the archive, that is not behind a
// position.
func (x *Index) find(after func(key) bool) (int64, error) {
	n := sort.Search(len(x.root.firsts), func(i int) bool { return after(x.root.firsts[i].key) }) - 1
	if n < 0 {
		return 0, corruptf("no segment holds that position")
	}
	page, err := x.page(n)
	if err != nil {
		return 0, err
	}
	i := sort.Search(len(page), func(i int) bool { return after(page[i].key) }) - 1
	return x.root.firsts[n].segment + int64(i), nil
}

// at returns the record of a segment by its number, and the key where the next one begins.
func (x *Index) at(number int64) (ref segmentRef, next key, err error) {
	n := sort.Search(len(x.root.firsts), func(i int) bool { return x.root.firsts[i].segment > number }) - 1
	page, err := x.page(n)
	if err != nil {
		return ref, next, err
	}
	i := int(number - x.root.firsts[n].segment)
	if i+1 < len(page) {
		return page[i], page[i+1].key, nil
	}
	return page[i], x.endOfPage(n).key, nil
}

// endOf returns the offset at which the segment at k ends, by the key of the next one.
func (x *Index) endOf(k, next key) int64 {
	if next.stream == k.stream {
		return next.offset
	}
	return x.root.info.Streams[k.stream].Size
}

// findOffset returns the segment that holds an offset of a stream.
func (x *Index) findOffset(streamNo int, off int64) (int64, error) {
	return x.find(func(k key) bool {
		return k.stream > streamNo || k.stream == streamNo && k.offset > off
	})
}
