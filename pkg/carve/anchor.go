package carve

import (
	"slices"

	"hexz/pkg/blake"
	"hexz/pkg/index"
	"hexz/pkg/stream"
)

// anchor is a segment or a dictionary that stands where the index says, with the digest that the
// index says. No other bytes that look like a frame count against an anchor.
type anchor struct {
	pos, len int64
	key      index.Position // its position in the content: no frame before the anchor leads beyond key
}

// anchors yields the anchors in the order of the file, which is also the order of the content. The
// last one has no bytes and stands at the end of the file.
func (s *Carver) anchors(yield func(anchor) bool) {
	from := s.body
	var dicts []anchor
	last := anchor{pos: s.size}
	if s.index != nil {
		for _, d := range s.index.Root.Dicts {
			if pos, ok := s.stands(d.Extent, from); ok {
				dicts = append(dicts, anchor{pos: pos, len: d.Len})
			}
		}
		last.key.Stream = len(s.index.Root.Info.Streams)
	}
	slices.SortFunc(dicts, func(a, b anchor) int { return int(a.pos - b.pos) })
	emit := func(a anchor) bool {
		for ; len(dicts) > 0 && dicts[0].pos < a.pos; dicts = dicts[1:] {
			if d := dicts[0]; d.pos >= from && d.pos+d.len <= a.pos {
				if from = d.pos + d.len; !yield(anchor{d.pos, d.len, a.key}) {
					return false
				}
			}
		}
		from = a.pos + a.len
		return yield(a)
	}
	for ref := range s.mapped {
		if pos, ok := s.stands(ref.Extent, from); ok && !emit(anchor{pos, ref.Len, ref.Position}) {
			return
		}
	}
	emit(last)
}

// mapped yields the segments of all map pages that are not damaged.
func (s *Carver) mapped(yield func(index.SegmentRef) bool) {
	if s.index == nil {
		return
	}
	for n := range s.index.Root.Maps {
		page, err := s.index.Page(n)
		if err != nil {
			if s.spent += s.index.Root.Maps[n].Len; s.exhausted(s.size) {
				return
			}
			continue
		}
		for i := range page {
			if !yield(page[i]) {
				return
			}
		}
	}
}

// stands looks for a frame at its position in the index, then at that position moved by s.shift. It
// tries no position before from.
func (s *Carver) stands(at index.Extent, from int64) (pos int64, ok bool) {
	places := []int64{at.Pos, at.Pos + s.shift}
	if s.shift == 0 {
		places = places[:1]
	}
	for _, pos := range places {
		if pos < from || pos > s.size-at.Len || s.win.err != nil || s.exhausted(pos) {
			continue
		}
		s.buf = slices.Grow(s.buf[:0], int(at.Len))[:at.Len]
		if s.win.err = readFull(s.src, s.buf, pos); s.win.err == nil && blake.Sum(s.buf) == at.Digest {
			return pos, true
		}
		s.spent += at.Len
	}
	return 0, false
}

// advance goes on to the next anchor.
func (s *Carver) advance() { s.anchor, _ = s.anchorNext() }

// anchored reports whether f, of n bytes, is the current anchor. f stands where the anchor stands.
func (s *Carver) anchored(f stream.Frame, n int64) bool {
	if n != s.anchor.len {
		return false
	}
	seg, ok := f.(*stream.Segment)
	if !ok {
		_, ok = f.(*stream.Dict)
		return ok
	}
	no, ok := s.numbers[seg.Stream]
	return ok && no == s.anchor.key.Stream && seg.Offset == s.anchor.key.Offset
}

// inOrder reports whether f can stand between the last anchor and the next one. to is the place
// after f.
func (s *Carver) inOrder(f stream.Frame, to place) bool {
	if s.index == nil {
		return true
	}
	from := to
	switch f := f.(type) {
	case *stream.Segment:
		from.at = f.Offset
	case *stream.Open, *stream.Close:
	case *stream.End:
		return s.anchor.len == 0
	default:
		return true
	}
	return !s.key(from).Less(s.behind) && !s.anchor.key.Less(s.key(to))
}

// key returns p as a position of the index.
func (s *Carver) key(p place) index.Position {
	return index.Position{Stream: s.numbers[p.id], Offset: p.at, Ordinal: 0}
}
