package carve

import (
	"slices"

	"hexz/pkg/blake"
	"hexz/pkg/index"
	"hexz/pkg/stream"
)

// landmark is a segment or a dictionary that stands where the index says, with the digest that the
// index says. No other bytes that look like a frame count against a landmark.
type landmark struct {
	pos, len int64
	key      index.Position // its position in the content: no frame before the landmark leads beyond key
}

// landmarks yields the landmarks in the order of the file, which is also the order of the content.
// The last one has no bytes and stands at the end of the file.
func (s *Carver) landmarks(yield func(landmark) bool) {
	from := s.body
	var dicts []landmark
	last := landmark{pos: s.size}
	if s.index != nil {
		for _, d := range s.index.Root.Dicts {
			if pos, ok := s.stands(d.Extent, from); ok {
				dicts = append(dicts, landmark{pos: pos, len: d.Len})
			}
		}
		last.key.Stream = len(s.index.Root.Info.Streams)
	}
	slices.SortFunc(dicts, func(a, b landmark) int { return int(a.pos - b.pos) })
	emit := func(a landmark) bool {
		for ; len(dicts) > 0 && dicts[0].pos < a.pos; dicts = dicts[1:] {
			if d := dicts[0]; d.pos >= from && d.pos+d.len <= a.pos {
				if from = d.pos + d.len; !yield(landmark{d.pos, d.len, a.key}) {
					return false
				}
			}
		}
		from = a.pos + a.len
		return yield(a)
	}
	for ref := range s.mapped {
		if pos, ok := s.stands(ref.Extent, from); ok && !emit(landmark{pos, ref.Len, ref.Position}) {
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
	for n := range s.index.Pages() {
		page, err := s.index.Page(n)
		if err != nil {
			at, _ := s.index.PageAt(n)
			if s.spent += max(at.At.Len, 1); s.exhausted(s.size) {
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
	positions := []int64{at.Pos, at.Pos + s.shift}
	if s.shift == 0 {
		positions = positions[:1]
	}
	for _, pos := range positions {
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

// advance goes on to the next landmark.
func (s *Carver) advance() { s.landmark, _ = s.nextLandmark() }

// isLandmark reports whether f, of n bytes, is the current landmark. f stands where the landmark
// stands.
func (s *Carver) isLandmark(f stream.Frame, n int64) bool {
	if n != s.landmark.len {
		return false
	}
	seg, ok := f.(*stream.Segment)
	if !ok {
		_, ok = f.(*stream.Dict)
		return ok
	}
	no, ok := s.numbers[seg.Stream]
	return ok && no == s.landmark.key.Stream && seg.Offset == s.landmark.key.Offset
}

// inOrder reports whether f can stand between the last landmark and the next one. to is the
// position after f.
func (s *Carver) inOrder(f stream.Frame, to contentPos) bool {
	if s.index == nil {
		return true
	}
	from := to
	switch f := f.(type) {
	case *stream.Segment:
		from.at = f.Offset
	case *stream.Open, *stream.Close:
	case *stream.End:
		return s.landmark.len == 0
	default:
		return true
	}
	return !s.key(from).Less(s.passed) && !s.landmark.key.Less(s.key(to))
}

// key returns p as a position of the index.
func (s *Carver) key(p contentPos) index.Position {
	return index.Position{Stream: s.numbers[p.id], Offset: p.at, Ordinal: 0}
}
