package stage

import (
	"context"
	"io"

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
	out := flow.NewWriter(dst, compressName, o.Progress)
	return out.Finish(decompress(ctx, out, archive.NewScanner(src), o))
}

func decompress(ctx context.Context, out *flow.Writer, in *archive.Scanner, o DecompressOptions) error {
	decoder, err := flow.NewDecoder(o.Threads, o.Codecs)
	if err != nil {
		return err
	}
	return flow.MapFrames(ctx, o.Threads, in, func(emit func(stream.Frame) error) error {
		return flow.EachFrame(ctx, in, o.OnParent, func(f stream.Frame) error {
			switch f := f.(type) {
			case *stream.Header:
				dropStage(f, compressName)
			case *stream.Dict:
				return decoder.Add(f)
			}
			return emit(f)
		})
	}, func(f stream.Frame) (stream.Frame, error) {
		s, ok := f.(*stream.Segment)
		if !ok || s.Codec == stream.RawCodec {
			return f, nil
		}
		raw, err := decoder.DecodeSegment(s)
		if err != nil {
			return nil, err
		}
		s.Codec, s.Payload = stream.RawCodec, raw
		return s, nil
	}, func(f stream.Frame) error {
		err := out.Write(f)
		if s, ok := f.(*stream.Segment); ok {
			s.Release()
		}
		return err
	})
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
