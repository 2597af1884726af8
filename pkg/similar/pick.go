package similar

import (
	"cmp"
	"slices"

	"hexz/pkg/delta"
	"hexz/pkg/stream"
)

const (
	// The number of blocks in which the bases of a chunk are looked for: as many as hold maxElected
	// bytes of the parents' content, since all of them are held at once.
	minBlocks, maxBlocks = 8, 32
	maxElected           = 8 << 20

	minVotes = 3 // samples that a block must have in common with a chunk, to be read
)

// settled: if at most 1/settled of a chunk is literals, no better patch is looked for.
const settled = 64

// spot is a place that has a sample in common with a chunk.
type spot struct {
	end int // in the chunk
	delta.Place
}

// settle makes a patch for a chunk from the text at its expected place. Chunks are settled one
// after the other, since each predicts the place of the next.
func (b *bases) settle(j *job) error {
	f := &b.follower
	j.literals = len(j.data)
	if err := f.move(&j.near); err != nil {
		return err
	}
	if !f.worth() {
		f.passed(len(j.data), nil)
		return nil
	}
	t, at, err := f.read(len(j.data))
	if err != nil || t == nil {
		f.passed(len(j.data), nil)
		return err
	}
	p := b.encoder.Encode(j.data, []delta.Text{t.text}, at, nil)
	f.passed(len(j.data), &p)
	if j.literals = p.Literals; j.literals <= len(j.data)*7/8 { // otherwise the chunk is not there
		j.text, j.at = t, at
		j.take(p, func(n int) stream.Base { return t.bases[n] })
	}
	return nil
}

// encode looks for a better patch of a chunk that is not settled. Safe for concurrent use between
// lookAt and addOwn.
func (b *bases) encode(j *job) error {
	w := b.scratch.Get().(*scratch)
	defer b.scratch.Put(w)
	j.samples = delta.Samples(nil, j.data, b.index.Rate())
	w.lookUp(b.index, j.samples)
	own, spots := b.elect(w.spots, (len(j.data)-j.literals)>>b.index.Rate())
	c := newCandidates(b)
	defer c.release()
	at := -1
	if !own && j.text != nil {
		c.near(j.text)
		at = j.at
	}
	var err error
	if w.hits, err = c.collect(w.hits[:0], spots); err != nil || len(w.hits) == 0 {
		return err
	}
	j.take(w.encoder.Encode(j.data, c.texts, at, w.hits), c.base)
	return nil
}

// take makes a program the patch of j if it pays and is better than the present patch. base returns
// the base of a number in the program.
func (j *job) take(p delta.Program, base func(int) stream.Base) {
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
	coded   []byte // by weigh
	spots   []spot
	hits    []delta.Hit
}

// lookUp finds the places of the samples in an index.
func (w *scratch) lookUp(x *delta.Index, samples []delta.Sample) {
	w.spots = w.spots[:0]
	for _, s := range samples {
		if at, ok := x.Find(s); ok {
			w.spots = append(w.spots, spot{s.End, at})
		}
	}
}

// elect keeps the spots in the best blocks: of parents, or of this stream if most spots are there.
// near is the number of samples that the version before has in common with the chunk.
func (b *bases) elect(spots []spot, near int) (own bool, elected []spot) {
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
