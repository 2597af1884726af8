package stage

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"sync"

	"hexz/pkg/archive"
	"hexz/pkg/codec"
	"hexz/pkg/flow"
	"hexz/pkg/ordered"
	"hexz/pkg/stream"
)

// CompressOptions are the options of Compress. The zero value works.
type CompressOptions struct {
	Codec     string           // see package codec; "" is zstd
	Encode    codec.EncodeFunc // for a Codec that package codec does not have; it has no levels
	Level     int              // 0 is the codec's default
	Block     int              // raw length at which a segment is full, in bytes; 0 is DefaultBlock
	Dict      []byte           // zstd dictionary to use, or nil
	TrainDict int              // size of a dictionary to train, if it pays; 0 is none
	Threads   int              // encoders; 0 is 1
	Codecs    codec.Decoders   // to decode input of codecs that package codec does not have; that of Codec checks Encode
	Progress  flow.Progress
	OnParent  flow.ParentFunc

	// Note is called with a remark worth a line, for example that a dictionary does not pay.
	Note func(string)
}

const compressName = "hexz-compress"

// Compress regroups the chunks of a stream of frames into segments of Block bytes and encodes them.
// The end of a segment depends on the chunks alone, not on the segments of the input.
func Compress(ctx context.Context, dst io.Writer, src io.Reader, o CompressOptions) (*flow.Stats, error) {
	out := flow.NewWriter(dst, compressName, o.Progress)
	c := &compressor{out: out, o: o, in: archive.NewScanner(src, nil)}
	return out.Finish(c.run(ctx))
}

type compressor struct {
	out     *flow.Writer
	o       CompressOptions
	in      *archive.Scanner
	codec   flow.Decoder
	encoder *codec.Encoder // replaced once, before the first group, by one with a dictionary
	group   *group         // the one under way, or nil
	trained bool           // it is decided which dictionary there is
	pool    sync.Pool
}

// group is a segment to be written, or another frame.
type group struct {
	frame   stream.Frame // if not nil, the rest is empty
	seg     stream.Segment
	raw     []byte
	made    int64 // bytes that its patches produce
	encoded []byte
}

func (c *compressor) run(ctx context.Context) error {
	if c.o.Block == 0 {
		c.o.Block = flow.DefaultBlock
	}
	if c.o.Block < 1 || c.o.Block > stream.MaxPayload {
		return fmt.Errorf("block size %d is not between 1 and %d", c.o.Block, stream.MaxPayload)
	}
	var err error
	if c.codec, err = flow.NewDecoder(1, c.o.Codecs); err != nil {
		return err
	}
	if err := c.useDict(c.o.Dict); err != nil {
		return err
	}
	c.pool.New = func() any { return new(group) }
	groups := flow.Expand(ctx, c.in, c.o.OnParent, c.frame)
	if c.o.TrainDict > 0 {
		groups = c.train(groups)
	}
	for g, err := range ordered.MapPipe(ctx, c.o.Threads, groups, c.encode) {
		if err == nil {
			err = c.write(g)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// useDict makes the encoder.
func (c *compressor) useDict(dict []byte) error {
	var err error
	if c.o.Encode != nil {
		return nil
	}
	c.encoder, err = codec.NewEncoder(codec.Options{Name: c.o.Codec, Level: c.o.Level, Dict: dict, Threads: max(c.o.Threads, 1)})
	return err
}

// stage returns the record of this stage for the header.
func (c *compressor) stage() stream.Meta {
	m := stream.Meta{"codec": c.o.Codec, "level": c.o.Level, "block": c.o.Block}
	if c.o.Codec == "" {
		m["codec"] = codec.Zstd
	}
	if c.o.Level == 0 {
		delete(m, "level")
	}
	return m
}

// frame yields f, or the groups that its chunks complete.
func (c *compressor) frame(f stream.Frame) iter.Seq2[*group, error] {
	return func(yield func(*group, error) bool) {
		switch f := f.(type) {
		case *stream.Header:
			f.AddStage(compressName, c.stage())
		case *stream.Open:
			if yield(&group{frame: f}, nil) && c.o.Dict != nil && !c.trained {
				c.trained = true
				yield(dictGroup(c.o.Dict))
			}
			return
		case *stream.Dict:
			if err := c.codec.Add(f); err != nil {
				yield(nil, err)
			}
			return
		case *stream.Segment:
			c.segment(f)(yield)
			return
		case *stream.Close:
			if g := c.group; g != nil {
				c.group = nil
				if !yield(g, nil) {
					return
				}
			}
		}
		yield(&group{frame: f}, nil)
	}
}

// dictGroup returns a group with the frame of a dictionary.
func dictGroup(dict []byte) (*group, error) {
	id, err := codec.DictID(dict)
	return &group{frame: &stream.Dict{ID: int64(id), Bytes: dict}}, err
}

// segment adds the entries of s to the current group, and yields the groups that are full. It
// releases s.
func (c *compressor) segment(s *stream.Segment) iter.Seq2[*group, error] {
	return func(yield func(*group, error) bool) {
		defer s.Release()
		raw, err := c.codec.DecodeSegment(s)
		if err != nil {
			yield(nil, err)
			return
		}
		at := s.Offset
		for i := range s.Entries {
			e := &s.Entries[i]
			if g := c.group; g != nil && g.isFull(e, c.o.Block) {
				c.group = nil
				if !yield(g, nil) {
					return
				}
			}
			if c.group == nil {
				c.group = c.pool.Get().(*group)
				c.group.seg.Stream, c.group.seg.Offset = s.Stream, at
			}
			n := e.PayloadLen()
			c.group.add(e, raw[:n])
			raw = raw[n:]
			at += e.Len
		}
	}
}

// isFull reports whether e does not fit into g.
func (g *group) isFull(e *stream.Entry, block int) bool {
	room := flow.NoBytes
	if e.Kind.IsStored() {
		room = e.PayloadLen()
	}
	return g.made > flow.MaxPatched || flow.IsFull(len(g.seg.Entries), len(g.raw), room, block)
}

// add adds an entry. p is what the payload has of it.
func (g *group) add(e *stream.Entry, p []byte) {
	g.seg.Entries = append(g.seg.Entries, *e)
	g.raw = append(g.raw, p...)
	if e.Kind == stream.Patched {
		g.made += e.Len
	}
}

func (c *compressor) encode(g *group) (*group, error) {
	if g.frame == nil && c.o.Encode != nil {
		return g, c.encodeBy(g)
	}
	if g.frame == nil {
		g.seg.RawLen = len(g.raw)
		if n := codec.Bound(len(g.raw)); cap(g.encoded) < n {
			g.encoded = make([]byte, 0, n)
		}
		g.seg.Codec, g.seg.Payload = c.encoder.Encode(g.encoded, g.raw)
	}
	return g, nil
}

// encodeBy encodes a group with the function of the options.
func (c *compressor) encodeBy(g *group) error {
	g.seg.RawLen, g.seg.Codec, g.seg.Payload = len(g.raw), stream.RawCodec, g.raw
	if len(g.raw) == 0 {
		return nil
	}
	out, err := c.o.Encode(g.raw)
	if err == nil && len(out) == 0 {
		err = fmt.Errorf("the encoder made nothing of %d bytes", len(g.raw))
	}
	if err == nil && len(out) < len(g.raw) {
		g.seg.Codec, g.seg.Payload = c.o.Codec, out
		err = c.check(out, g.raw)
	}
	if err != nil {
		return fmt.Errorf("segment at offset %d: codec %s: %w", g.seg.Offset, c.o.Codec, err)
	}
	return nil
}

// check decodes what the function of the options made of raw, if there is a function that can. What
// is wrong is no damage of the input.
func (c *compressor) check(payload, raw []byte) error {
	decode := c.o.Codecs[c.o.Codec]
	if decode == nil {
		return nil
	}
	got, err := decode(payload, len(raw))
	if err != nil && !errors.Is(err, codec.ErrCorrupt) {
		return err
	}
	if err != nil || !bytes.Equal(got, raw) {
		return fmt.Errorf("what the encoder made of %d bytes does not decode to them", len(raw))
	}
	return nil
}

func (c *compressor) write(g *group) error {
	if g.frame != nil {
		return c.out.Write(g.frame)
	}
	if err := c.out.Write(&g.seg); err != nil {
		return err
	}
	if g.seg.Codec != stream.RawCodec {
		g.encoded = g.seg.Payload
	}
	*g = group{seg: stream.Segment{Entries: g.seg.Entries[:0]}, raw: g.raw[:0], encoded: g.encoded[:0]}
	c.pool.Put(g)
	return nil
}
