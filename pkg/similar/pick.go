package similar

import (
	"cmp"
	"slices"

	"hexz/pkg/delta"
	"hexz/pkg/stream"
)

const (
	// The number of blocks in which the bases of a chunk are looked for: as many as hold
	// maxBlockBytes of the parents' content, since all of them are held at once.
	minBlocks, maxBlocks = 8, 32
	maxBlockBytes        = 8 << 20

	minVotes = 3 // samples that a block must have in common with a chunk, to be read
)

// goodShare: if at most 1/goodShare of a chunk is literals, no better patch is looked for.
const goodShare = 64

// spot is a place that has a sample in common with a chunk.
type spot struct {
	end int // in the chunk
	delta.Address
}

// tryNear makes a patch for a chunk from the text at its expected place. It is called for one chunk
// after the other, since each predicts the place of the next.
func (b *bases) tryNear(j *job) error {
	tr := &b.tracker
	j.literals = len(j.data)
	if err := tr.moveTo(&j.before); err != nil {
		return err
	}
	if !tr.shouldTry() {
		tr.advance(len(j.data), nil)
		return nil
	}
	t, start, err := tr.readAround(len(j.data))
	if err != nil || t == nil {
		tr.advance(len(j.data), nil)
		return err
	}
	p := b.encoder.Encode(j.data, []delta.Text{t.text}, start, nil)
	tr.advance(len(j.data), &p)
	if j.literals = p.Literals; j.literals <= len(j.data)*7/8 { // otherwise the chunk is not there
		j.text, j.start = t, start
		j.offer(p, func(n int) stream.Base { return t.bases[n] })
	}
	return nil
}

// tryAnywhere looks for a better patch of a chunk. Safe for concurrent use between countMisses and
// addOwn.
func (b *bases) tryAnywhere(j *job) error {
	w := b.scratch.Get().(*scratch)
	defer b.scratch.Put(w)
	j.samples = delta.Samples(nil, j.data, b.index.Rate())
	w.findSpots(b.index, j.samples)
	own, spots := b.topBlocks(w.spots, (len(j.data)-j.literals)>>b.index.Rate())
	c := newCandidates(b)
	defer c.release()
	start := delta.Cursor{}
	if !own && j.text != nil {
		c.setNear(j.text)
		start = j.start
	}
	var err error
	if w.hits, err = c.collectHits(w.hits[:0], spots); err != nil || len(w.hits) == 0 {
		return err
	}
	j.offer(w.encoder.Encode(j.data, c.texts, start, w.hits), c.baseAt)
	return nil
}

// offer makes a program the patch of j if it pays and is better than the present patch. base
// returns the base of a number in the program.
func (j *job) offer(p delta.Program, base func(int) stream.Base) {
	// Operations and the names of bases compress worse than data.
	cost := p.Literals + 3*(len(p.Code)-p.Literals)
	patch := &stream.Patch{Len: len(p.Code)}
	for _, n := range p.Bases {
		b := base(n)
		patch.Bases = append(patch.Bases, b)
		cost += 40
		if b.Parent == stream.OwnBase {
			cost += 60
		}
	}
	if cost <= len(j.data)*7/8 && (j.patch == nil || cost < j.cost) {
		j.patch, j.code, j.cost = patch, p.Code, cost
	}
}

// scratch is memory that is used again for one chunk after the other.
type scratch struct {
	encoder *delta.Encoder
	coded   []byte // by weighPatch
	spots   []spot
	hits    []delta.Hit
}

// findSpots looks the samples up in an index.
func (w *scratch) findSpots(x *delta.Index, samples []delta.Sample) {
	w.spots = w.spots[:0]
	for _, s := range samples {
		if at, ok := x.Find(s); ok {
			w.spots = append(w.spots, spot{s.End, at})
		}
	}
}

// topBlocks keeps the spots in the best blocks: of parents, or of this stream if most spots are
// there. near is the number of samples that the version before has in common with the chunk.
func (b *bases) topBlocks(spots []spot, near int) (own bool, kept []spot) {
	votes := map[int]int{}
	n := 0
	for i := 0; i < len(spots); {
		first := i
		for i++; i < len(spots) && spots[i].Block == spots[first].Block; i++ {
		}
		votes[spots[first].Block] += i - first
		if b.isOwn(spots[first].Block) {
			n += i - first
		}
	}
	own = n > (len(spots)+near)/2
	blocks := make([]int, 0, len(votes))
	for block, n := range votes {
		if n >= minVotes && b.isOwn(block) == own {
			blocks = append(blocks, block)
		}
	}
	slices.SortFunc(blocks, func(x, y int) int { return cmp.Or(votes[y]-votes[x], x-y) })
	blocks = blocks[:min(len(blocks), b.blocks)]
	return own, slices.DeleteFunc(spots, func(s spot) bool { return !slices.Contains(blocks, s.Block) })
}
