package similar

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"hexz/pkg/archive"
	"hexz/pkg/codec"
	"hexz/pkg/delta"
	"hexz/pkg/flow"
	"hexz/pkg/index"
	"hexz/pkg/ordered"
	"hexz/pkg/stream"
)

// searchShare: all parents are sampled once 1/searchShare of their size has not been found at its
// expected place. Sampling costs about as much as cutting an image of their size. So it is not done
// for a few changes, however many chunks they are in.
const searchShare = 1024

// bases knows where the bytes are that chunks may be patched from. Its blocks are the segments of
// the parents, numbered on from one parent to the next, and then the data chunks of the stream.
type bases struct {
	o        Options
	parents  *archive.Parents
	named    int     // parents of the stream
	first    []int64 // block of each parent; one more, for the first own block
	readers  []*archive.Reader
	held     int64 // bytes of all payloads of parents
	looked   int64 // bytes not found at their expected place, of chunks that lack more than half
	searched bool
	blocks   int // number of blocks in which the bases of a chunk are looked for
	index    *delta.Index
	own      *flow.Spool
	follower follower
	encoder  *delta.Encoder // for settle
	codec    *codec.Encoder // for weigh
	scratch  sync.Pool      // of *scratch
}

func newBases(o Options) (*bases, error) {
	b := &bases{o: o, encoder: delta.NewEncoder(stream.MaxBases)}
	b.follower.b = b
	b.parents = archive.NewParents(archive.Options{Identities: o.Identities, Find: o.Find, Threads: o.Threads, Codecs: o.Codecs, CacheBytes: o.CacheBytes})
	b.scratch.New = func() any { return &scratch{encoder: delta.NewEncoder(stream.MaxBases)} }
	var err error
	if b.codec, err = codec.NewEncoder(codec.Options{Level: 1, Threads: o.Threads}); err != nil {
		return nil, err
	}
	if o.Self {
		b.own, err = flow.NewSpool(o.TempDir, "hexz-delta-*")
	}
	return b, err
}

func (b *bases) close() {
	if b.own != nil {
		b.own.Close()
	}
}

// open opens the parents.
func (b *bases) open() error {
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
	average := max(b.held/max(next, 1), 1)
	b.blocks = int(max(minBlocks, min(maxBlocks, maxElected/average)))
	b.index = delta.NewIndex(b.o.MaxMemory, delta.RateFor(b.held, b.o.MaxMemory))
	return nil
}

// lookAt counts the bytes that were not found at their expected place. It reports whether there is
// something else to compare the chunks with.
func (b *bases) lookAt(ctx context.Context, jobs []*job) (bool, error) {
	for _, j := range jobs {
		if j.literals > len(j.data)/2 {
			b.looked += int64(j.literals)
		}
	}
	if !b.searched && len(b.readers) > 0 && b.looked >= b.held/searchShare {
		b.searched = true
		if err := b.search(ctx); err != nil {
			return false, err
		}
	}
	return b.searched || b.own != nil, nil
}

// search indexes the samples of all bytes that the parents hold.
func (b *bases) search(ctx context.Context) error {
	rate, block := b.index.Rate(), 0
	for samples, err := range ordered.Map(ctx, b.o.Threads, ordered.From(b.ofParents), func(block int64) ([]delta.Sample, error) {
		p, err := b.payload(block)
		if err != nil {
			return nil, err
		}
		defer p.Release()
		return delta.Samples(nil, p.Bytes(), rate), nil
	}) {
		if err != nil {
			return err
		}
		b.index.Add(block, 0, samples)
		block++
	}
	return nil
}

// ofParents yields the blocks of the parents.
func (b *bases) ofParents(yield func(int64) bool) {
	for n := range b.first[len(b.readers)] {
		if !yield(n) {
			return
		}
	}
}

// parentOf returns the number of the parent that has a block.
func (b *bases) parentOf(block int64) int {
	n, found := slices.BinarySearch(b.first, block)
	for found && n+1 < len(b.first) && b.first[n+1] == block { // one without segments
		n++
	}
	if !found {
		n--
	}
	return n
}

// numberOf returns the number of a parent by its id, or -1.
func (b *bases) numberOf(id index.Hash) int {
	return slices.IndexFunc(b.readers, func(r *archive.Reader) bool { return r.ID() == id })
}

func (b *bases) payload(block int64) (archive.Payload, error) {
	n := b.parentOf(block)
	p, err := b.readers[n].Payload(block - b.first[n])
	return p, b.ofParent(n, err)
}

// ofParent adds to an error which parent it is about.
func (b *bases) ofParent(n int, err error) error {
	if err != nil {
		err = fmt.Errorf("parent %v: %w", b.readers[n].ID(), err)
	}
	return err
}

func (b *bases) isOwn(block int) bool { return int64(block) >= b.first[len(b.readers)] }

// addOwn remembers a chunk that is not patched.
func (b *bases) addOwn(e *stream.Entry, j *job) error {
	if b.own == nil {
		return nil
	}
	n := len(b.own.Places)
	if err := b.own.Put(e, j.data); err != nil || len(b.own.Places) == n { // known
		return err
	}
	b.index.Add(int(b.first[len(b.readers)])+n, 0, j.samples)
	return nil
}
