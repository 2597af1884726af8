package stage

import (
	"cmp"
	"slices"

	"hexz/pkg/archive"
	"hexz/pkg/blake"
	"hexz/pkg/delta"
	"hexz/pkg/stream"
)

const (
	maxBlocks = 8 // that the bases of a chunk are looked for in
	minVotes  = 3 // samples that a block must have in common with a chunk, to be read
)

// spot is a place that has a sample in common with a chunk.
type spot struct {
	end int // in the chunk
	delta.Place
}

// last returns the offset of a byte of the sample.
func (s *spot) last() int {
	if s.end == 0 {
		return s.Offset
	}
	return s.Offset - 1
}

// encode makes a patch for a chunk, if that pays. Safe for concurrent use between prepare and
// addOwn.
func (b *deltaBases) encode(j *deltaJob) error {
	w := b.scratch.Get().(*scratch)
	defer b.scratch.Put(w)
	w.spots = w.spots[:0]
	if err := b.near(j, w); err != nil {
		return err
	}
	near := len(w.spots)
	j.samples = delta.Samples(nil, j.data, b.index.Rate())
	w.lookUp(b.index, j.samples)
	w.merge(near)
	spots := b.elect(w.spots)
	if len(spots) == 0 {
		return nil
	}
	c := newCandidates(b)
	defer c.release()
	var err error
	if w.hits, err = c.collect(w.hits[:0], spots); err != nil || len(w.hits) == 0 {
		return err
	}
	p := delta.Encode(j.data, c.texts, w.hits)
	if c.cost(p) > len(j.data)*7/8 {
		return nil
	}
	j.code = p.Code
	j.patch = &stream.Patch{Len: len(p.Code)}
	for _, n := range p.Bases {
		j.patch.Bases = append(j.patch.Bases, c.bases[n])
	}
	return nil
}

// scratch is memory that is used again for one chunk after the other.
type scratch struct {
	index   *delta.Index // of what is near
	samples []delta.Sample
	spots   []spot
	merged  []spot
	hits    []delta.Hit
}

// lookUp notes what an index has of the samples.
func (w *scratch) lookUp(x *delta.Index, samples []delta.Sample) {
	for _, s := range samples {
		if at, ok := x.Find(s); ok {
			w.spots = append(w.spots, spot{s.End, at})
		}
	}
}

// merge puts the spots in the order of end, and each once: the first n are so, and the others are.
func (w *scratch) merge(n int) {
	a, b, out := w.spots[:n], w.spots[n:], w.merged[:0]
	for len(a) > 0 || len(b) > 0 {
		from := &a
		if len(a) == 0 || len(b) > 0 && b[0].end < a[0].end {
			from = &b
		}
		s := (*from)[0]
		*from = (*from)[1:]
		if len(out) == 0 || out[len(out)-1] != s {
			out = append(out, s)
		}
	}
	w.spots, w.merged = out, w.spots
}

// elect leaves the spots of the blocks that have most in common with the chunk: all of parents, or
// all own ones.
func (b *deltaBases) elect(spots []spot) []spot {
	votes := map[int]int{}
	own := 0
	for i := 0; i < len(spots); {
		first := i
		for i++; i < len(spots) && spots[i].Block == spots[first].Block; i++ {
		}
		votes[spots[first].Block] += i - first
		if b.isOwn(spots[first].Block) {
			own += i - first
		}
	}
	wantOwn := own > len(spots)/2
	blocks := make([]int, 0, len(votes))
	for block, n := range votes {
		if n >= minVotes && b.isOwn(block) == wantOwn {
			blocks = append(blocks, block)
		}
	}
	slices.SortFunc(blocks, func(x, y int) int { return cmp.Or(votes[y]-votes[x], x-y) })
	blocks = blocks[:min(len(blocks), maxBlocks)]
	return slices.DeleteFunc(spots, func(s spot) bool { return !slices.Contains(blocks, s.Block) })
}

// candidates are the bases that a chunk may be patched from.
type candidates struct {
	b        *deltaBases
	payloads map[int]archive.Payload // of the blocks of parents
	numbers  map[chunkPlace]int      // of the bases
	bases    []stream.Base
	texts    [][]byte
}

// chunkPlace is where a chunk begins.
type chunkPlace struct{ block, from int }

func newCandidates(b *deltaBases) *candidates {
	return &candidates{b: b, payloads: map[int]archive.Payload{}, numbers: map[chunkPlace]int{}}
}

func (c *candidates) release() {
	for _, p := range c.payloads {
		p.Release()
	}
}

// collect reads the bases that the spots are in, and appends where in them the spots are to hits. Of
// spots in a row from which Encode would copy the same, the first is enough.
func (c *candidates) collect(hits []delta.Hit, spots []spot) ([]delta.Hit, error) {
	block, n, from, to := -1, 0, 0, 0 // the base of the spot before
	for i := range spots {
		s := &spots[i]
		if s.Block != block || s.last() < from || s.last() >= to {
			find := c.ofParent
			if c.b.isOwn(s.Block) {
				find = c.own
			}
			var err error
			if n, from, err = find(s); err != nil {
				return nil, err
			}
			if n < 0 {
				block = -1
				continue
			}
			block, to = s.Block, from+len(c.texts[n])
		}
		h := delta.Hit{End: s.end, Base: n, Offset: s.Offset - from}
		if k := len(hits) - 1; k < 0 || hits[k].Base != n || hits[k].Offset-hits[k].End != h.Offset-h.End {
			hits = append(hits, h)
		}
	}
	return hits, nil
}

// own returns the number of the base that holds an own spot, or -1, and where it begins in its
// block.
func (c *candidates) own(s *spot) (n, from int, err error) {
	at := chunkPlace{s.Block, 0}
	if n, ok := c.numbers[at]; ok {
		return n, 0, nil
	}
	number := s.Block - int(c.b.first[len(c.b.readers)])
	text, err := c.b.own.read(c.b.own.places[number])
	if err != nil {
		return -1, 0, err
	}
	hash := blake.Hash(c.b.own.index.At(uint32(number)))
	return c.add(at, stream.Base{Parent: stream.OwnBase, Hash: hash, Ordinal: stream.NoOrdinal}, text), 0, nil
}

// ofParent is own for a spot of a parent.
func (c *candidates) ofParent(s *spot) (n, from int, err error) {
	p, ok := c.payloads[s.Block]
	if !ok {
		if p, err = c.b.payload(int64(s.Block)); err != nil {
			return -1, 0, err
		}
		c.payloads[s.Block] = p
	}
	ordinal, from, to, ok := p.Chunk(s.last())
	if !ok {
		return -1, 0, nil
	}
	at := chunkPlace{s.Block, from}
	if n, ok := c.numbers[at]; ok {
		return n, from, nil
	}
	parent := c.b.parentOf(int64(s.Block))
	return c.add(at, stream.Base{Parent: int32(parent), Ordinal: ordinal}, p.Bytes()[from:to]), from, nil
}

// add returns the number of a new base, or -1 if there are enough.
func (c *candidates) add(at chunkPlace, base stream.Base, text []byte) int {
	if len(c.bases) == stream.MaxBases {
		return -1
	}
	c.numbers[at] = len(c.bases)
	c.bases = append(c.bases, base)
	c.texts = append(c.texts, text)
	return c.numbers[at]
}

// cost returns what a patch costs, in bytes of data that cost as much. Operations and what names a
// base do not compress as well as data does.
func (c *candidates) cost(p delta.Program) int {
	n := p.Literals + 3*(len(p.Code)-p.Literals)
	for _, base := range p.Bases {
		n += 40
		if c.bases[base].Parent == stream.OwnBase {
			n += 60
		}
	}
	return n
}
