package stage

import (
	"cmp"
	"context"
	"slices"
	"sync"

	"hexz/pkg/archive"
	"hexz/pkg/blake"
	"hexz/pkg/delta"
	"hexz/pkg/ordered"
	"hexz/pkg/stream"
)

const (
	maxBlocks = 8 // that the bases of a chunk are looked for in
	minVotes  = 3 // samples that a block must have in common with a chunk, to be read

	// searchShare: once the chunks of the stream are this share of what the parents hold, all of
	// the parents is read for samples. Before, only what lies near the chunks that matched.
	searchShare = 16
)

// deltaBases knows where bytes are that chunks may be patched from. Blocks are the segments of the
// parents, numbered on from one parent to the next, and then the data chunks of the stream.
type deltaBases struct {
	o        DeltaOptions
	parents  *archive.Parents
	named    int     // parents of the stream
	first    []int64 // block of each parent; one more, for the first own block
	readers  []*archive.Reader
	held     int64 // bytes of all payloads of parents
	looked   int64 // bytes of chunks that were looked at
	searched bool
	index    *delta.Index
	own      *spool
	nearby   sync.Pool // of *delta.Index
}

func newDeltaBases(o DeltaOptions) (*deltaBases, error) {
	b := &deltaBases{o: o}
	b.parents = archive.NewParents(archive.Options{Identities: o.Identities, Find: o.Find, Threads: o.Threads})
	b.nearby.New = func() any { return delta.NewIndex(nearbyIndex, delta.MinRate) }
	var err error
	if o.Self {
		b.own, err = newSpool(o.TempDir)
	}
	return b, err
}

func (b *deltaBases) close() {
	if b.own != nil {
		b.own.close()
	}
}

// open opens the parents.
func (b *deltaBases) open() error {
	next := int64(0)
	for i := range b.named {
		r, err := b.parents.Reader(i)
		if err != nil {
			return err
		}
		b.readers = append(b.readers, r)
		b.first = append(b.first, next)
		t := &r.Info().Totals
		next += t.Segments
		b.held += t.Raw
	}
	b.first = append(b.first, next)
	b.index = delta.NewIndex(b.o.MaxMemory, delta.RateFor(b.held, b.o.MaxMemory))
	return nil
}

// prepare gets ready for a round of chunks. It is decided here what they are compared with.
func (b *deltaBases) prepare(ctx context.Context, jobs []*deltaJob) error {
	if b.index == nil {
		if err := b.open(); err != nil {
			return err
		}
	}
	for _, j := range jobs {
		b.looked += int64(len(j.data))
	}
	if b.searched || b.looked < b.held/searchShare {
		return nil
	}
	b.searched = true
	return b.search(ctx)
}

// search takes in the samples of all that the parents hold.
func (b *deltaBases) search(ctx context.Context) error {
	type found struct {
		block   int64
		samples []delta.Sample
	}
	rate := b.index.Rate()
	return ordered.Map(ctx, b.o.Threads, func(emit func(int64) error) error {
		for n := range b.first[len(b.readers)] {
			if err := emit(n); err != nil {
				return err
			}
		}
		return nil
	}, func(block int64) (found, error) {
		p, err := b.payload(block)
		if err != nil {
			return found{}, err
		}
		defer p.Release()
		return found{block, delta.Samples(nil, p.Bytes(), rate)}, nil
	}, func(f found) error {
		b.index.Add(int(f.block), 0, f.samples)
		return nil
	})
}

// parentOf returns the number of the parent that a block is of.
func (b *deltaBases) parentOf(block int64) int {
	n, found := slices.BinarySearch(b.first, block)
	for found && n+1 < len(b.first) && b.first[n+1] == block { // one without segments
		n++
	}
	if !found {
		n--
	}
	return n
}

func (b *deltaBases) payload(block int64) (archive.Payload, error) {
	n := b.parentOf(block)
	return b.readers[n].Payload(block - b.first[n])
}

func (b *deltaBases) isOwn(block int) bool { return int64(block) >= b.first[len(b.readers)] }

// addOwn remembers a chunk that stays as it is.
func (b *deltaBases) addOwn(e *stream.Entry, j *deltaJob) error {
	if b.own == nil {
		return nil
	}
	pos, err := b.own.write(j.data)
	if err != nil {
		return err
	}
	n := len(b.own.places)
	if err := b.own.note(e, pos); err != nil || len(b.own.places) == n { // known
		return err
	}
	b.index.Add(int(b.first[len(b.readers)])+n, 0, j.samples)
	return nil
}

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
	spots, err := b.near(j)
	if err != nil {
		return err
	}
	j.samples = delta.Samples(nil, j.data, b.index.Rate())
	spots = b.elect(lookUp(spots, b.index, j.samples))
	if len(spots) == 0 {
		return nil
	}
	c := &candidates{b: b}
	defer c.release()
	hits, err := c.collect(spots)
	if err != nil || len(hits) == 0 {
		return err
	}
	p := delta.Encode(j.data, c.texts, hits)
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

// lookUp appends what an index has of the samples.
func lookUp(dst []spot, x *delta.Index, samples []delta.Sample) []spot {
	for _, s := range samples {
		if at, ok := x.Find(s); ok {
			dst = append(dst, spot{s.End, at})
		}
	}
	return dst
}

// elect leaves the spots of the blocks that have most in common with the chunk: all of parents, or
// all own ones.
func (b *deltaBases) elect(spots []spot) []spot {
	votes := map[int]int{}
	own := 0
	for _, s := range spots {
		votes[s.Block]++
		if b.isOwn(s.Block) {
			own++
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
	kept := slices.DeleteFunc(spots, func(s spot) bool { return !slices.Contains(blocks, s.Block) })
	slices.SortFunc(kept, func(x, y spot) int { return cmp.Or(x.end-y.end, x.Block-y.Block, x.Offset-y.Offset) })
	return slices.Compact(kept)
}

// candidates are the bases that a chunk may be patched from.
type candidates struct {
	b     *deltaBases
	held  []archive.Payload
	bases []stream.Base
	texts [][]byte
}

func (c *candidates) release() {
	for _, p := range c.held {
		p.Release()
	}
}

// collect reads the bases that the spots are in, and returns where in them the spots are.
func (c *candidates) collect(spots []spot) ([]delta.Hit, error) {
	type chunk struct{ block, from int }
	numbers := map[chunk]int{}
	payloads := map[int]archive.Payload{}
	hits := make([]delta.Hit, 0, len(spots))
	for _, s := range spots {
		if c.b.isOwn(s.Block) {
			n, ok := numbers[chunk{s.Block, 0}]
			if !ok {
				if len(c.bases) == stream.MaxBases {
					continue
				}
				own := s.Block - int(c.b.first[len(c.b.readers)])
				p, err := c.b.own.read(c.b.own.places[own])
				if err != nil {
					return nil, err
				}
				n = len(c.bases)
				numbers[chunk{s.Block, 0}] = n
				c.bases = append(c.bases, stream.Base{Parent: stream.OwnBase, Hash: blake.Hash(c.b.own.index.At(uint32(own))), Ordinal: stream.NoOrdinal})
				c.texts = append(c.texts, p)
			}
			hits = append(hits, delta.Hit{End: s.end, Base: n, Offset: s.Offset})
			continue
		}
		p, ok := payloads[s.Block]
		if !ok {
			var err error
			if p, err = c.b.payload(int64(s.Block)); err != nil {
				return nil, err
			}
			payloads[s.Block] = p
			c.held = append(c.held, p)
		}
		ordinal, from, to, ok := p.Chunk(s.last())
		if !ok {
			continue
		}
		n, ok := numbers[chunk{s.Block, from}]
		if !ok {
			if len(c.bases) == stream.MaxBases {
				continue
			}
			n = len(c.bases)
			numbers[chunk{s.Block, from}] = n
			c.bases = append(c.bases, stream.Base{Parent: int32(c.b.parentOf(int64(s.Block))), Ordinal: ordinal})
			c.texts = append(c.texts, p.Bytes()[from:to])
		}
		hits = append(hits, delta.Hit{End: s.end, Base: n, Offset: s.Offset - from})
	}
	return hits, nil
}

// cost returns what a patch costs, in bytes of data that cost as much. Operations and what names a
// base do not compress as well as data.
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
