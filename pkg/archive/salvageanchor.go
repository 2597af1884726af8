package archive

import (
	"slices"

	"hexz/pkg/blake"
	"hexz/pkg/stream"
)

// anchor is a segment or a dictionary that stands where the index says, with the digest that the
// index says. Whatever else looks like a frame does not count against it.
type anchor struct {
	pos, len int64
	key      key // where the content goes on: no frame before it leads further
}

// anchors yields the anchors in the order of the file, which is that of the content as well, and in
// the end one without bytes at the end of the file.
func (s *Salvager) anchors(yield func(anchor) bool) {
	from := s.body
	var dicts []anchor
	last := anchor{pos: s.size}
	if s.index != nil {
		for _, d := range s.index.root.dicts {
			if pos, ok := s.stands(d.span, from); ok {
				dicts = append(dicts, anchor{pos: pos, len: d.len})
			}
		}
		last.key.stream = len(s.index.root.info.Streams)
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
		if pos, ok := s.stands(ref.span, from); ok && !emit(anchor{pos, ref.len, ref.key}) {
			return
		}
	}
	emit(last)
}

// mapped yields what the map pages tell, but for those that are damaged.
func (s *Salvager) mapped(yield func(segmentRef) bool) {
	if s.index == nil {
		return
	}
	for n := range s.index.root.maps {
		page, err := s.index.page(n)
		if err != nil {
			if s.spent += s.index.root.maps[n].len; s.exhausted(s.size) {
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

// stands looks for a frame where the index says it is, and as far from there as the root is from
// its place, but not before a position.
func (s *Salvager) stands(at span, from int64) (pos int64, ok bool) {
	places := []int64{at.pos, at.pos + s.shift}
	if s.shift == 0 {
		places = places[:1]
	}
	for _, pos := range places {
		if pos < from || pos > s.size-at.len || s.win.err != nil || s.exhausted(pos) {
			continue
		}
		s.buf = slices.Grow(s.buf[:0], int(at.len))[:at.len]
		if s.win.err = readFull(s.src, s.buf, pos); s.win.err == nil && blake.Sum(s.buf) == at.digest {
			return pos, true
		}
		s.spent += at.len
	}
	return 0, false
}

// advance goes on to the next anchor.
func (s *Salvager) advance() { s.anchor, _ = s.anchorNext() }

// anchored tells whether f, of n bytes, is the anchor that its position is that of.
func (s *Salvager) anchored(f stream.Frame, n int64) bool {
	if n != s.anchor.len {
		return false
	}
	seg, ok := f.(*stream.Segment)
	if !ok {
		_, ok = f.(*stream.Dict)
		return ok
	}
	no, ok := s.numbers[seg.Stream]
	return ok && no == s.anchor.key.stream && seg.Offset == s.anchor.key.offset
}

// inOrder tells whether f, which leads to a place, can stand between the last anchor and the next.
func (s *Salvager) inOrder(f stream.Frame, to place) bool {
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
	return !s.key(from).less(s.behind) && !s.anchor.key.less(s.key(to))
}

// key is where p is by the numbers of the index.
func (s *Salvager) key(p place) key { return key{s.numbers[p.id], p.at, 0} }
