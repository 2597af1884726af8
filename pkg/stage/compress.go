package stage

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
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

// trainBytes is how much of a stream is read, and kept in memory, to train a dictionary.
const trainBytes = 16 << 20

// Compress regroups the chunks of a stream of frames into segments of Block bytes and encodes them.
// The end of a segment depends on the chunks alone, not on the segments of the input.
func Compress(ctx context.Context, dst io.Writer, src io.Reader, o CompressOptions) (*flow.Stats, error) {
	out := flow.NewWriter(dst, compressName, o.Progress)
	c := &compressor{out: out, o: o, in: archive.NewScanner(src)}
	return out.Finish(c.run(ctx))
}

type compressor struct {
	out     *flow.Writer
	o       CompressOptions
	in      *archive.Scanner
	codec   flow.Decoder
	encoder *codec.Encoder // replaced once, before the first group, by one with a dictionary
	group   *group
	trained bool
	samples []*group // held back until the dictionary is trained
	held    int      // bytes of samples
	pool    sync.Pool
}

// group is a segment to be written, or another frame.
type group struct {
	frame   stream.Frame // if not nil, the rest is empty
	encoder *codec.Encoder
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
	return ordered.Map(ctx, c.o.Threads, func(emit func(*group) error) error {
		return flow.EachFrame(ctx, c.in, c.o.OnParent, func(f stream.Frame) error { return c.frame(f, emit) })
	}, c.encode, c.write)
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

func (c *compressor) frame(f stream.Frame, emit func(*group) error) error {
	switch f := f.(type) {
	case *stream.Header:
		f.AddStage(compressName, c.stage())
	case *stream.Open:
		if err := emit(&group{frame: f}); err != nil {
			return err
		}
		return c.openStream(emit)
	case *stream.Dict:
		return c.codec.Add(f)
	case *stream.Segment:
		defer f.Release()
		return c.segment(f, emit)
	case *stream.Close:
		if err := c.flush(emit); err != nil {
			return err
		}
		if err := c.train(emit); err != nil {
			return err
		}
	}
	return emit(&group{frame: f})
}

// openStream writes the given dictionary before the first segment.
func (c *compressor) openStream(emit func(*group) error) error {
	c.group = nil
	if c.o.Dict == nil || c.trained {
		return nil
	}
	c.trained = true
	return c.emitDict(c.o.Dict, emit)
}

func (c *compressor) emitDict(dict []byte, emit func(*group) error) error {
	id, err := codec.DictID(dict)
	if err != nil {
		return err
	}
	return emit(&group{frame: &stream.Dict{ID: int64(id), Bytes: dict}})
}

// segment adds the entries of s to the current group.
func (c *compressor) segment(s *stream.Segment, emit func(*group) error) error {
	raw, err := c.codec.DecodeSegment(s)
	if err != nil {
		return err
	}
	at := s.Offset
	for i := range s.Entries {
		e := &s.Entries[i]
		if g := c.group; g != nil && (len(g.seg.Entries) >= flow.MaxSegmentEntries || g.made > flow.MaxPatched ||
			e.Kind.IsStored() && len(g.raw) > 0 && len(g.raw)+e.PayloadLen() > c.o.Block) {
			if err := c.flush(emit); err != nil {
				return err
			}
		}
		if c.group == nil {
			g := c.pool.Get().(*group)
			g.seg.Stream, g.seg.Offset = s.Stream, at
			c.group = g
		}
		c.group.seg.Entries = append(c.group.seg.Entries, *e)
		at += e.Len
		n := e.PayloadLen()
		c.group.raw = append(c.group.raw, raw[:n]...)
		raw = raw[n:]
		if e.Kind == stream.Patched {
			c.group.made += e.Len
		}
	}
	return nil
}

// flush emits the current group, or holds it back as a sample.
func (c *compressor) flush(emit func(*group) error) error {
	g := c.group
	if g == nil {
		return nil
	}
	c.group = nil
	if c.o.TrainDict > 0 && !c.trained {
		c.samples = append(c.samples, g)
		if c.held += len(g.raw); c.held < trainBytes {
			return nil
		}
		return c.train(emit)
	}
	g.encoder = c.encoder
	return emit(g)
}

// train makes a dictionary from the samples, emits it if it pays, and emits the samples.
func (c *compressor) train(emit func(*group) error) error {
	if c.trained || c.o.TrainDict == 0 || len(c.samples) == 0 {
		return nil
	}
	c.trained = true
	var raws [][]byte
	for _, g := range c.samples {
		raws = append(raws, g.raw)
	}
	dict, gain, err := codec.TrainDict(raws, c.o.TrainDict, c.o.Level)
	if err != nil {
		return err
	}
	if dict != nil && !c.pays(dict, gain) {
		dict = nil
		c.note("no dictionary: it would take more than it saves")
	} else if dict == nil {
		c.note(fmt.Sprintf("no dictionary: a trial gained %.1f %%, %.0f %% are worth it", 100*gain, 100*codec.MinDictGain))
	}
	if dict != nil {
		c.note(fmt.Sprintf("a dictionary of %d bytes gained %.1f %% in a trial", len(dict), 100*gain))
		if err := c.useDict(dict); err != nil {
			return err
		}
		if err := c.emitDict(dict, emit); err != nil {
			return err
		}
	}
	for _, g := range c.samples {
		g.encoder = c.encoder
		if err := emit(g); err != nil {
			return err
		}
	}
	c.samples = nil
	return nil
}

// pays reports whether a dictionary saves more than its own length on the samples alone. The rest
// of the stream is not known yet.
func (c *compressor) pays(dict []byte, gain float64) bool {
	plain := 0
	var buf []byte
	for _, g := range c.samples {
		_, out := c.encoder.Encode(buf, g.raw)
		plain += len(out)
	}
	return gain*float64(plain) > float64(len(dict))
}

func (c *compressor) note(s string) {
	if c.o.Note != nil {
		c.o.Note(s)
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
		g.seg.Codec, g.seg.Payload = g.encoder.Encode(g.encoded, g.raw)
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
