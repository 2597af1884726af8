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

// sampleShare: all parents are sampled once 1/sampleShare of their size has not been found at its
// expected place. Sampling costs about as much as cutting an image of their size. So it is not done
// for a few changes, however many chunks they are in.
const sampleShare = 1024

// bases knows where the bytes are that chunks may be patched from. Its blocks are the segments of
// the parents, numbered on from one parent to the next, and then the data chunks of the stream.
type bases struct {
	o           Options
	parents     *archive.Parents
	named       int     // parents of the stream
	first       []int64 // block with which each parent begins; one more, for the first own block
	readers     []*archive.Reader
	parentBytes int64 // bytes of all payloads of parents
	missed      int64 // bytes not found at their expected place, of chunks that lack more than half
	sampled     bool  // all parents are in the index
	blocks      int   // number of blocks in which the bases of a chunk are looked for
	index       *delta.Index
	own         *flow.Spool
	tracker     tracker
	encoder     *delta.Encoder // for tryNear
	codec       *codec.Encoder // for weighPatch
	scratch     sync.Pool      // of *scratch
}

func newBases(o Options) (*bases, error) {
	b := &bases{o: o, encoder: delta.NewEncoder(stream.MaxBases)}
	b.tracker.b = b
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

// openParents opens the parents and makes the index.
func (b *bases) openParents() error {
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
		b.parentBytes += t.Raw
	}
	b.first = append(b.first, next)
	average := max(b.parentBytes/max(next, 1), 1)
	b.blocks = int(max(minBlocks, min(maxBlocks, maxBlockBytes/average)))
	b.index = delta.NewIndex(b.o.MaxMemory, delta.RateFor(b.parentBytes, b.o.MaxMemory))
	return nil
}

// countMisses counts the bytes that were not found at their expected place, and samples the parents
// once there are enough. It reports whether there is anything else to compare the chunks with.
func (b *bases) countMisses(ctx context.Context, jobs []*job) (bool, error) {
	for _, j := range jobs {
		if j.literals > len(j.data)/2 {
			b.missed += int64(j.literals)
		}
	}
	if !b.sampled && len(b.readers) > 0 && b.missed >= b.parentBytes/sampleShare {
		b.sampled = true
		if err := b.sampleParents(ctx); err != nil {
			return false, err
		}
	}
	return b.sampled || b.own != nil, nil
}

// sampleParents indexes the samples of all bytes that the parents hold.
func (b *bases) sampleParents(ctx context.Context) error {
	rate, block := b.index.Rate(), 0
	for samples, err := range ordered.Map(ctx, b.o.Threads, ordered.From(b.parentBlocks), func(block int64) ([]delta.Sample, error) {
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

// parentBlocks yields the numbers of the blocks of the parents.
func (b *bases) parentBlocks(yield func(int64) bool) {
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
