package stage

import (
	"context"
	"errors"
	"fmt"
	"hash"
	"io"
	"iter"

	"hexz/pkg/archive"
	"hexz/pkg/blake"
	"hexz/pkg/chunker"
	"hexz/pkg/flow"
	"hexz/pkg/ordered"
	"hexz/pkg/stream"
)

// ChunkOptions are the options of Chunk. The zero value works.
type ChunkOptions struct {
	Chunker    chunker.Options
	Digests    []string // whole-stream digests to store: sha256, blake3
	ExpectSize *int64   // total bytes that the sources must have; nil is any

	// Threads is the number of workers that hash; 0 is 1. From 3 on, as many again cut. Each
	// hashing worker has up to three batches in memory. A batch has 1 MiB, or 2 MiB if several cut,
	// or four times the longest chunk if that is more.
	Threads int

	Progress flow.Progress

	// Found, if not nil, is called for each stream that begins like a file of a known format (see
	// overlay.FormatOf), with the names of the stream and of the format.
	Found func(stream, format string)
}

const chunkName = "hexz-chunk"

// Chunk cuts the sources into chunks, hashes them, and writes a stream of frames to dst.
func Chunk(ctx context.Context, dst io.Writer, sources []Source, o ChunkOptions) (*flow.Stats, error) {
	out := flow.NewWriter(dst, chunkName, o.Progress)
	c := newPacker(out, o)
	return out.Finish(c.run(ctx, sources))
}

type packer struct {
	out     *flow.Writer
	o       ChunkOptions
	free    chan *batch // batches to be used again
	name    string      // of the stream
	digests map[string]hash.Hash
	id      int64
	offset  int64
	entries []stream.Entry // of the segment that is not full yet
	carry   []byte         // bytes of that segment from earlier batches
}

func newPacker(out *flow.Writer, o ChunkOptions) *packer {
	// One more than can be under way at a time, for the batch that is being filled.
	return &packer{out: out, o: o, free: make(chan *batch, 3*max(o.Threads, 1)+1)}
}

// step is the next thing to write. One of its fields is set.
type step struct {
	open  *stream.Open
	batch *batch
	close bool
}

// batch is a run of pieces of a stream and the hashes of its chunks.
type batch struct {
	chunker.Batch
	hashes []blake.Hash
}

func (c *packer) run(ctx context.Context, sources []Source) error {
	for _, name := range c.o.Digests {
		if err := CheckDigest(name); err != nil {
			return err
		}
	}
	split, err := chunker.NewSplitter(c.o.Chunker, cutters(c.o.Threads))
	if err != nil {
		return err
	}
	header := &stream.Header{}
	header.AddStage(chunkName, nil)
	if err := c.out.Write(header); err != nil {
		return err
	}
	if err := c.pack(ctx, c.steps(split, sources)); err != nil {
		return err
	}
	if want := c.o.ExpectSize; want != nil && c.out.Bytes != *want {
		return fmt.Errorf("input has %d bytes, expected were %d", c.out.Bytes, *want)
	}
	return c.out.End(stream.Meta{"streams": c.out.Streams, "size": c.out.Bytes})
}

// ChunkStream writes one stream, from Open to Close, to out.
func ChunkStream(ctx context.Context, out *flow.Writer, src *Source, id int64, o ChunkOptions) error {
	split, err := chunker.NewSplitter(o.Chunker, cutters(o.Threads))
	if err != nil {
		return err
	}
	c := newPacker(out, o)
	return c.pack(ctx, c.stepsOf(split, src, id))
}

// pack writes what steps yields.
func (c *packer) pack(ctx context.Context, steps iter.Seq2[step, error]) error {
	for s, err := range ordered.MapPipe(ctx, c.o.Threads, steps, hashBatch) {
		if err == nil {
			err = c.write(s)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// cutters returns how many goroutines cut. One cutter is as fast as two hashing workers. Several
// cutters take a third more CPU time for cutting, which pays only if there are more workers to
// hash.
func cutters(threads int) int {
	if threads < 3 {
		return 1
	}
	return threads
}

func hashBatch(s step) (step, error) {
	if b := s.batch; b != nil {
		b.hashes = b.hashes[:0]
		data := b.Data
		for _, p := range b.Pieces {
			if !p.Zero {
				b.hashes = append(b.hashes, blake.Sum(data[:p.Len]))
				data = data[p.Len:]
			}
		}
	}
	return s, nil
}

// ErrShrunk means that a file has fewer bytes than it had when it was opened.
var ErrShrunk = errors.New("file became shorter while it was read")

// CheckDigest returns an error unless name is a digest that ChunkOptions takes.
func CheckDigest(name string) error {
	if archive.NewDigest(name) == nil {
		return fmt.Errorf("unknown digest %q: there are sha256 and blake3", name)
	}
	return nil
}
