package index

import (
	"iter"
	"slices"
	"sort"

	"hexz/pkg/stream"
)

// Leaf is an entry with its place in the stream and in the archive.
type Leaf struct {
	*stream.Entry
	Offset  int64 // in the stream
	Ordinal int64 // of a stored entry; of another, that of the next stored entry
}

// Range yields the entries of a range of a stream, and those that begin before it or end after it,
// from the index alone. References have no hash. An entry is valid until the next one.
func (x *Index) Range(streamNo int, from, to int64) iter.Seq2[Leaf, error] {
	return func(yield func(Leaf, error) bool) {
		var e stream.Entry // the lists are shared, so the loop gets a copy
		for s, err := range x.placedFrom(streamNo, from, to) {
			if err != nil {
				yield(Leaf{}, err)
				return
			}
			at := s.at
			for i := range s.entries {
				e = s.entries[i]
				leaf := Leaf{&e, at.Offset, at.Ordinal}
				at.pass(&e)
				if at.Offset <= from || leaf.Offset >= to {
					continue
				}
				if from = at.Offset; !yield(leaf, nil) {
					return
				}
			}
		}
		if from < to {
			yield(Leaf{}, Corruptf("no segment holds offset %d", from))
		}
	}
}

// placed are the entries of a segment, with the position where they begin.
type placed struct {
	at      Position
	entries []stream.Entry
}

// placedFrom yields the segments of a stream that may have entries in a range.
func (x *Index) placedFrom(streamNo int, from, to int64) iter.Seq2[placed, error] {
	return func(yield func(placed, error) bool) {
		if err := x.Locked(); err != nil {
			yield(placed{}, err)
			return
		}
		if from >= to {
			return
		}
		first, err := x.FirstPage(streamNo, from)
		if err != nil {
			yield(placed{}, err)
			return
		}
		for n := first; n < x.Pages(); n++ {
			for s, err := range x.placedOf(n, func(k Position) bool { return k.isAfter(streamNo, from) }) {
				if err == nil && s.at.isAfter(streamNo, to-1) {
					return
				}
				if (err != nil || s.at.Stream == streamNo) && !yield(s, err) || err != nil {
					return
				}
			}
		}
	}
}

// isAfter reports whether k is after an offset of a stream.
func (k Position) isAfter(streamNo int, off int64) bool {
	return k.Stream > streamNo || k.Stream == streamNo && k.Offset > off
}

// keptEntries is how many entries of an entry page are kept in memory. Of a page that has more, which
// few have, nothing is kept.
const keptEntries = 10 << 10

// placedOf yields the segments of entry page n, perhaps without those that end before a position.
func (x *Index) placedOf(n int, after func(Position) bool) iter.Seq2[placed, error] {
	p, err := x.pages.Value(pageKey{x, segmentList, entryHeight, n})
	if err == nil && p.entries == nil {
		return x.readPlaced(n)
	}
	return func(yield func(placed, error) bool) {
		if err != nil {
			yield(placed{}, err)
			return
		}
		first := sort.Search(len(p.entries), func(i int) bool { return after(p.entries[i].at) }) - 1
		for _, s := range p.entries[max(first, 0):] {
			if !yield(s, nil) {
				return
			}
		}
	}
}

// loadEntries loads entry page n. It returns nil if the page is too large to be kept.
func (x *Index) loadEntries(n int) (list []placed, err error) {
	var all []stream.Entry
	for s, err := range x.readPlaced(n) {
		if all = append(all, s.entries...); err != nil || len(all) > keptEntries {
			return nil, err
		}
		list = append(list, placed{s.at, all[len(all)-len(s.entries):]})
	}
	end := len(all)
	for i := range slices.Backward(list) { // all has moved as it grew
		n := len(list[i].entries)
		list[i].entries = all[end-n : end : end]
		end -= n
	}
	return list, nil
}

// readPlaced reads the segments of entry page n.
func (x *Index) readPlaced(n int) iter.Seq2[placed, error] {
	return func(yield func(placed, error) bool) {
		first, err := x.child(segmentList, 0, n)
		if err != nil {
			yield(placed{}, err)
			return
		}
		at := first.Position
		for entries, err := range x.entryPage(n) {
			s := placed{at, entries}
			for i := 0; i < len(entries) && err == nil; i++ {
				e := &entries[i]
				err = x.enter(&at, e)
				if i == 0 {
					s.at = at
				} else if err == nil && at.Stream != s.at.Stream {
					err = Corruptf("a segment of two streams")
				}
				at.pass(e)
			}
			if !yield(s, err) || err != nil {
				return
			}
		}
	}
}

// pass moves a position past an entry.
func (k *Position) pass(e *stream.Entry) {
	k.Offset += e.Len
	if e.Kind.IsStored() {
		k.Ordinal++
	}
}

// enter moves a position from the end of a stream to the start of the next one, if an entry follows.
func (x *Index) enter(at *Position, e *stream.Entry) error {
	streams := x.Root.Info.Streams
	for at.Stream < len(streams) && at.Offset == streams[at.Stream].Size {
		at.Stream, at.Offset = at.Stream+1, 0
	}
	if at.Stream == len(streams) || e.Len > streams[at.Stream].Size-at.Offset {
		return Corruptf("entries go beyond the end of a stream")
	}
	return nil
}

// EntriesIn is Range for the part from offset at on of a range that must begin and end where entries
// do. References have their hash.
func (x *Index) EntriesIn(streamNo int, from, to, at int64) iter.Seq2[Leaf, error] {
	return func(yield func(Leaf, error) bool) {
		for e, err := range x.Range(streamNo, at, to) {
			if err == nil && (e.Offset < from || e.Offset+e.Len > to) {
				err = Corruptf("a node begins or ends within the entry at offset %d", e.Offset)
			}
			if err == nil && e.Kind == stream.Ref {
				err = x.FindHash(e.Entry)
			}
			if !yield(e, err) || err != nil {
				return
			}
		}
	}
}

// FindHash sets the hash of a reference.
func (x *Index) FindHash(ref *stream.Entry) error {
	after := func(k Position) bool { return k.Ordinal > ref.Ordinal }
	n, err := x.lastNotAfter(segmentList, after)
	if err != nil {
		return err
	}
	for s, err := range x.placedOf(max(n, 0), after) {
		if err != nil {
			return err
		}
		at := s.at.Ordinal
		for i := range s.entries {
			if !s.entries[i].Kind.IsStored() {
				continue
			}
			if at == ref.Ordinal {
				ref.Hash = s.entries[i].Hash
				return nil
			}
			at++
		}
	}
	return Corruptf("reference to chunk %d, there are %d", ref.Ordinal, x.Root.Info.Totals.Chunks())
}
