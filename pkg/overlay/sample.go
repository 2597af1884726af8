package overlay

import "math/rand/v2"

const (
	sampleCount = 48      // greatest number of ranges that Samples returns
	sampleLen   = 4 << 10 // greatest length of each, in bytes
)

// Range is a part of an image.
type Range struct{ Offset, Length int64 }

// Samples returns some ranges of the image, chosen at random. A third of them lies where the newest
// file of the image has data, which another version of the image would most likely lack. A third
// lies where the image has any data, and a third anywhere.
func (c Content) Samples() ([]Range, error) {
	if c.Size() == 0 {
		return nil, nil
	}
	own := Content{newStack(c.layers[:1])}
	var list []Range
	for i := range sampleCount {
		off := rand.Int64N(c.Size())
		r := Range{off, c.Size() - off}
		if i%3 < 2 {
			var err error
			if r, err = [...]Content{own, c}[i%3].data(off); err != nil {
				return nil, err
			}
		}
		if r.Length = min(r.Length, sampleLen); r.Length > 0 {
			list = append(list, r)
		}
	}
	return list, nil
}

// data returns the first data at or after off, or else the first data of the image. The range is
// empty if the image has no data.
func (c Content) data(off int64) (Range, error) {
	for _, at := range []int64{off, 0} {
		for at < c.Size() {
			end, kind, err := c.Extent(at)
			if err != nil {
				return Range{}, err
			}
			if kind == Data {
				return Range{at, end - at}, nil
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

// add adds a range between two changes.
func (g *gaps) add(from, to int64) {
	if from >= to {
		return
	}
	from += rand.Int64N(to - from)
	r := Range{from, min(sampleLen, to-from)}
	g.seen++
	if len(g.list) < sampleCount {
		g.list = append(g.list, r)
	} else if i := rand.IntN(g.seen); i < sampleCount {
		g.list[i] = r
	}
}
