package stage

import (
	"context"
	"errors"
	"fmt"
	"hash"
	"io"

	"hexz/pkg/archive"
	"hexz/pkg/blake"
	"hexz/pkg/chunker"
	"hexz/pkg/ordered"
	"hexz/pkg/overlay"
	"hexz/pkg/stream"
)

// ChunkOptions are the options of Chunk. The zero value works.
type ChunkOptions struct {
	Chunker    chunker.Options
	Digests    []string // whole-stream digests to store: sha256, blake3
	ExpectSize *int64   // the bytes that all sources must have together; nil is any

	// Threads is the number of workers that hash, and from 3 up of as many that cut; 0 is 1.
	// Up to three batches for each that hashes are in memory: of 1 MiB, or 2 if several cut, or
	// of four times the longest chunk if that is more.
	Threads int

	Progress Progress

	// Found is called for each stream that begins as a file of a known format does, see
	// overlay.FormatOf, with its name and that of the format. It may be nil.
	Found func(stream, format string)
}

const chunkName = "hexz-chunk"

// Chunk cuts the sources into chunks, hashes them, and writes a stream of frames to dst.
func Chunk(ctx context.Context, dst io.Writer, sources []Source, o ChunkOptions) (*Stats, error) {
	out := newOutput(dst, chunkName, o.Progress)
	c := newChunking(out, o)
	return out.end(c.run(ctx, sources))
}

type chunking struct {
	out     *output
	o       ChunkOptions
	free    chan *batch // to be used again
	name    string      // of the stream
	digests map[string]hash.Hash
	id      int64
	offset  int64
	entries []stream.Entry // of the segment that is not full yet
	carry   []byte         // its bytes from batches before
}

func newChunking(out *output, o ChunkOptions) *chunking {
	// One more than can be under way at a time: the one that is being filled.
	return &chunking{out: out, o: o, free: make(chan *batch, 3*max(o.Threads, 1)+1)}
}

// step is the next thing to write: one of its fields is set.
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

func (c *chunking) run(ctx context.Context, sources []Source) error {
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
	err = ordered.Map(ctx, c.o.Threads, func(emit func(step) error) error {
		for i := range sources {
			if err := c.read(split, &sources[i], int64(i), emit); err != nil {
				return err
			}
		}
		return nil
	}, hashBatch, c.write)
	if err != nil {
		return err
	}
	if want := c.o.ExpectSize; want != nil && c.out.bytes != *want {
		return fmt.Errorf("input has %d bytes, expected were %d", c.out.bytes, *want)
	}
	return c.out.End(stream.Meta{"streams": c.out.streams, "size": c.out.bytes})
}

// chunkStream writes a stream of its own, from Open to Close, to out.
func chunkStream(ctx context.Context, out *output, src *Source, id int64, o ChunkOptions) error {
	split, err := chunker.NewSplitter(o.Chunker, cutters(o.Threads))
	if err != nil {
		return err
	}
	c := newChunking(out, o)
	return ordered.Map(ctx, o.Threads, func(emit func(step) error) error {
		return c.read(split, src, id, emit)
	}, hashBatch, c.write)
}

// cutters returns how many goroutines cut. One is as fast as two that hash; to cut on several
// costs a third more CPU time for cutting, which only pays where there is more to hash on.
func cutters(threads int) int {
	if threads < 3 {
		return 1
	}
	return threads
}

// read emits the steps of one source.
func (c *chunking) read(split *chunker.Splitter, src *Source, id int64, emit func(step) error) error {
	name := src.Name
	if src.open != nil {
		opened, err := src.open()
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		defer opened.Close()
		src = &opened
	}
	err := emit(step{open: &stream.Open{ID: id, Name: name, Size: src.Size, Chunker: c.o.Chunker.Params()}})
	if err != nil {
		return err
	}
	f := &batcher{c: c, split: split, emit: emit, b: c.take()}
	for at := int64(0); ; {
		e, err := src.next(at)
		if err == io.EOF {
			if err := emit(step{batch: f.b}); err != nil {
				return err
			}
			return emit(step{close: true})
		}
		switch {
		case err != nil:
			err = fmt.Errorf("%s: %w", name, err)
		case e.run > 0:
			f.b.Pieces = append(f.b.Pieces, chunker.Piece{Len: e.run, Zero: true, Hole: e.hole})
			at += e.run
			err = f.passFull()
		default:
			split.Start(e.data, at, e.edges)
			if err = f.cut(); err != nil {
				err = fmt.Errorf("%s: at byte %d: %w", name, at+split.Read(), err)
			}
			at += split.Read()
		}
		if err != nil {
			// What was read before is handled first.
			if err := emit(step{batch: f.b}); err != nil {
				return err
			}
			return err
		}
	}
}

// batcher fills one batch after the other with what the splitter cuts. Pieces of several extents
// can be in one.
type batcher struct {
	c     *chunking
	split *chunker.Splitter
	emit  func(step) error
	b     *batch
}

// cut adds all pieces of the splitter.
func (f *batcher) cut() error {
	for {
		err := f.split.Next(&f.b.Batch)
		if err == io.EOF {
			return f.passFull()
		}
		if err == nil {
			err = f.passFull()
		}
		if err != nil {
			return err
		}
	}
}

// passFull emits the batch if it is full.
func (f *batcher) passFull() error {
	if !f.split.Full(&f.b.Batch) {
		return nil
	}
	b := f.b
	f.b = f.c.take()
	return f.emit(step{batch: b})
}

// take returns an empty batch.
func (c *chunking) take() *batch {
	select {
	case b := <-c.free:
		b.Reset()
		return b
	default:
		return new(batch)
	}
}

// give takes a batch back.
func (c *chunking) give(b *batch) {
	select {
	case c.free <- b:
	default:
	}
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

// write turns a step into frames.
func (c *chunking) write(s step) error {
	switch {
	case s.open != nil:
		c.id, c.name, c.offset = s.open.ID, s.open.Name, 0
		c.digests = map[string]hash.Hash{}
		for _, name := range c.o.Digests {
			c.digests[name] = archive.NewDigest(name)
		}
		return c.out.Write(s.open)
	case s.batch != nil:
		defer c.give(s.batch)
		return c.writeBatch(s.batch)
	}
	if err := c.flush(c.carry); err != nil {
		return err
	}
	sums := map[string][]byte{}
	for name, h := range c.digests {
		sums[name] = h.Sum(nil)
	}
	return c.out.CloseStream(sums)
}

// writeBatch writes the segments of up to DefaultBlock bytes that a batch completes. What is left
// is kept for the next one: where a segment ends does not depend on batches.
func (c *chunking) writeBatch(b *batch) error {
	data, from, at, chunk := b.Data, 0, 0, 0 // the segment has data[from:at], or c.carry
	c.look(b)
	flush := func() error {
		payload := c.carry
		if len(payload) == 0 {
			payload = data[from:at]
		}
		from = at
		return c.flush(payload)
	}
	for _, p := range b.Pieces {
		used := len(c.carry) + at - from
		if len(c.entries) >= maxSegmentEntries || !p.Zero && used > 0 && used+int(p.Len) > DefaultBlock {
			if err := flush(); err != nil {
				return err
			}
		}
		if p.Zero {
			kind := stream.Zero
			if p.Hole {
				kind = stream.Hole
			}
			c.digestZeros(p.Len)
			if n := len(c.entries); n > 0 && c.entries[n-1].Kind == kind {
				c.entries[n-1].Len += p.Len
			} else {
				c.entries = append(c.entries, stream.Entry{Kind: kind, Len: p.Len})
			}
			continue
		}
		c.entries = append(c.entries, stream.Entry{Kind: stream.Data, Len: p.Len, Hash: b.hashes[chunk]})
		chunk++
		at += int(p.Len)
		c.digest(data[at-int(p.Len) : at])
		if len(c.carry) > 0 {
			c.carry = append(c.carry, data[from:at]...)
			from = at
		}
	}
	c.carry = append(c.carry, data[from:at]...)
	return nil
}

// look finds a known format in the first chunk of a stream.
func (c *chunking) look(b *batch) {
	if c.o.Found == nil || c.offset > 0 || len(c.entries) > 0 || len(b.Pieces) == 0 || b.Pieces[0].Zero {
		return
	}
	if format := overlay.FormatOf(b.Data[:b.Pieces[0].Len]); format != "" {
		c.o.Found(c.name, format)
	}
}

// flush writes the entries that are pending, if there are any.
func (c *chunking) flush(payload []byte) error {
	if len(c.entries) == 0 {
		return nil
	}
	err := c.segment(c.entries, payload)
	c.entries, c.carry = c.entries[:0], c.carry[:0]
	return err
}

func (c *chunking) segment(entries []stream.Entry, payload []byte) error {
	s := &stream.Segment{Stream: c.id, Offset: c.offset, Entries: entries, Codec: stream.RawCodec, RawLen: len(payload), Payload: payload}
	c.offset += s.Size()
	return c.out.Write(s)
}

func (c *chunking) digest(p []byte) {
	for _, h := range c.digests {
		h.Write(p)
	}
}

func (c *chunking) digestZeros(n int64) {
	for _, h := range c.digests {
		archive.WriteZeros(h, n)
	}
}

// errShrunk: a file has fewer bytes than it had when it was opened.
var errShrunk = errors.New("file became shorter while it was read")

// CheckDigest returns an error unless name is a digest that ChunkOptions takes.
func CheckDigest(name string) error {
	if archive.NewDigest(name) == nil {
		return fmt.Errorf("unknown digest %q: there are sha256 and blake3", name)
	}
	return nil
}
