package carve

import (
	"bytes"
	"slices"

	"hexz/pkg/index"
	"hexz/pkg/stream"
)

// hasNested reports whether another archive or stream can be seen inside of this one: a header
// after the first byte, a trailer that is not at the end, or a segment within a frame.
func (s *Carver) hasNested() bool {
	return s.contains([]byte("\x95\x00\xa4"+stream.Magic), 1, s.size) ||
		s.contains(index.Trailer{Magic: index.ArchiveMagic}.Head(), 0, s.ownTail()) ||
		slices.ContainsFunc(s.fragments, s.nests)
}

// nests reports whether the head of a segment stands within a frame of c.
func (s *Carver) nests(c fragment) bool {
	for at := c.pos; at < c.end; {
		f, n, err := s.frameAt(at)
		if err != nil {
			return true
		}
		release(f)
		for q := s.search(at + 1); q < at+n; q = s.search(q + 1) {
			f, _, err := s.frameAt(q)
			seg, ok := f.(*stream.Segment)
			if err == nil && ok && seg.RawLen > 0 {
				return true
			}
			release(f)
			s.spent += s.win.pos - q
		}
		at += n
	}
	return s.exhausted(c.end) // if so, not all of c was read
}

func release(f stream.Frame) {
	if seg, ok := f.(*stream.Segment); ok {
		seg.Release()
	}
}

// ownTail returns where the trailers of the archive itself can begin.
func (s *Carver) ownTail() int64 {
	if s.state == IndexIntact || s.state == IndexDamaged {
		return max(s.size-index.TailSize, 0)
	}
	return s.size
}

// contains reports whether text begins somewhere between two positions.
func (s *Carver) contains(text []byte, from, to int64) bool {
	for from < to {
		b := s.scan.ahead(from, len(text))
		if len(b) == 0 {
			return false
		}
		if i := bytes.Index(b, text); i >= 0 {
			return from+int64(i) < to
		}
		from += int64(max(len(b)-len(text)+1, 1))
	}
	return false
}
