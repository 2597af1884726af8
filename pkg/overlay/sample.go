package overlay

import (
	"math/rand/v2"
	"slices"
)

const (
	sampleCount = 48      // greatest number of ranges that Samples returns
	sampleLen   = 4 << 10 // greatest length of each, in bytes
)

// Range is a part of an image.
type Range struct {
	Offset, Length int64
	Zero           bool // a map says that it is all zero, whatever the image has there
}

// Samples returns some ranges of the image, chosen at random: a third of them where its newest
// file has data or zeros, which is what another version of the image would most likely lack; a
// third where it has data at all; and a third anywhere.
func (c Content) Samples() ([]Range, error) {
	if c.Size() == 0 {
		return nil, nil
	}
	own := Content{newStack(c.layers[:1])}
	var list []Range
	for i := range sampleCount {
		off := rand.Int64N(c.Size())
		r := Range{Offset: off, Length: c.Size() - off}
		if i%3 < 2 {
			var err error
			if r, err = [...]Content{own, c}[i%3].findData(off, i%3 == 0); err != nil {
				return nil, err
			}
		}
		if r.Length = min(r.Length, sampleLen); r.Length > 0 {
			list = append(list, r)
		}
	}
	return list, nil
}

// findData returns the first data, or if zeros is set the first data or zeros, at or after off; if
// there is none, the first in the image. An empty range means that the image has none.
func (c Content) findData(off int64, zeros bool) (Range, error) {
	for _, at := range []int64{off, 0} {
		for at < c.Size() {
			end, kind, err := c.Extent(at)
			if err != nil {
				return Range{}, err
			}
			if kind == Data || zeros && kind == Zero {
				return Range{Offset: at, Length: end - at}, nil
			}
			at = end
		}
	}
	return Range{}, nil
}

// gaps are ranges that a map does not list as changed, chosen at random while the map is read.
type gaps struct {
	list []Range
	seen int
}

// offer makes a range between two changes one of the list, by chance.
func (g *gaps) offer(from, to int64) {
	if from >= to {
		return
	}
	from += rand.Int64N(to - from)
	r := Range{Offset: from, Length: min(sampleLen, to-from)}
	g.seen++
	if len(g.list) < sampleCount {
		g.list = append(g.list, r)
	} else if i := rand.IntN(g.seen); i < sampleCount {
		g.list[i] = r
	}
}

// newest are places in the newest file of those that a map says have not changed, chosen at random
// while the map is read. Each byte of the file is equally likely.
type newest struct {
	depth int64 // of the file
	total int64 // bytes of its ranges
	list  []Range
}

// offer puts places in a range that has not changed into the list, by chance. A file that is newer
// than the one before takes its place.
func (s *newest) offer(offset, length, depth int64, zero bool) {
	if length <= 0 || s.total > 0 && depth > s.depth {
		return
	}
	if depth != s.depth || s.list == nil {
		*s = newest{depth: depth, list: make([]Range, sampleCount/3)}
	}
	s.total += length
	for i := range s.list {
		if rand.Int64N(s.total) < length {
			skip := rand.Int64N(length)
			s.list[i] = Range{offset + skip, min(sampleLen, length-skip), zero}
		}
	}
}

// Unchanged returns some ranges that have not changed, chosen at random. The first are those where
// the newest of the unchanged files has data, then those where it has zeros, if the map says which
// file has what: another version of the image would most likely lack them.
func (m *Map) Unchanged() []Range { return slices.Concat(m.data.list, m.zeros.list, m.gaps.list) }
