package stage

import (
	"context"
	"io"
	"iter"

	"hexz/pkg/archive"
	"hexz/pkg/codec"
	"hexz/pkg/flow"
	"hexz/pkg/stream"
)

// DecompressOptions are the options of Decompress. The zero value works.
type DecompressOptions struct {
	Threads  int            // decoders; 0 is 1
	Codecs   codec.Decoders // of codecs that package codec does not have
	Progress flow.Progress
	OnParent flow.ParentFunc
}

// Decompress undoes Compress: it copies a stream of frames with all payloads decoded, and
// without dictionaries.
func Decompress(ctx context.Context, dst io.Writer, src io.Reader, o DecompressOptions) (*flow.Stats, error) {
	d := &decompressor{out: flow.NewWriter(dst, compressName, o.Progress), in: archive.NewScanner(src, nil)}
	return d.out.Finish(d.run(ctx, o))
}

type decompressor struct {
	out   *flow.Writer
	in    *archive.Scanner
	codec flow.Decoder
}

func (d *decompressor) run(ctx context.Context, o DecompressOptions) error {
	var err error
	if d.codec, err = flow.NewDecoder(o.Threads, o.Codecs); err != nil {
		return err
	}
	needs := &flow.MissingCodec{In: d.in}
	for f, err := range flow.MapFrames(ctx, o.Threads, needs, flow.Expand(ctx, d.in, o.OnParent, d.frame), d.decode) {
		if err == nil {
			err = d.write(f)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// frame yields f, but not a dictionary.
func (d *decompressor) frame(f stream.Frame) iter.Seq2[stream.Frame, error] {
	return func(yield func(stream.Frame, error) bool) {
		switch f := f.(type) {
		case *stream.Header:
			dropStage(f, compressName)
		case *stream.Dict:
			if err := d.codec.Add(f); err != nil {
				yield(nil, err)
			}
			return
		}
		yield(f, nil)
	}
}

// decode decodes the payload of a segment.
func (d *decompressor) decode(f stream.Frame) (stream.Frame, error) {
	s, ok := f.(*stream.Segment)
	if !ok || s.Codec == stream.RawCodec {
		return f, nil
	}
	raw, err := d.codec.DecodeSegment(s)
	if err != nil {
		return nil, err
	}
	s.Codec, s.Payload = stream.RawCodec, raw
	return s, nil
}

func (d *decompressor) write(f stream.Frame) error {
	err := d.out.Write(f)
	if s, ok := f.(*stream.Segment); ok {
		s.Release()
	}
	return err
}

// dropStage removes a stage from the record in h, since it is undone.
func dropStage(h *stream.Header, name string) {
	list, _ := h.Meta["stages"].([]any)
	kept := []any{}
	for _, v := range list {
		if m, ok := v.(stream.Meta); !ok || m["stage"] != name {
			kept = append(kept, v)
		}
	}
	if list != nil {
		h.Meta["stages"] = kept
	}
}
