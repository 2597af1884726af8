package stage

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"

	"hexz/pkg/archive"
	"hexz/pkg/codec"
	"hexz/pkg/dedup"
	"hexz/pkg/flow"
	"hexz/pkg/ordered"
	"hexz/pkg/stream"
)

// flattener copies the chunks of parents, and the results of patches on them, into a stream, so
// that the stream needs no parents. Segments that refer to no parent pass unchanged. The others are
// cut and encoded anew. It keeps up to 64 bytes of memory for each chunk.
type flattener struct {
	out      *flow.Writer
	in       *archive.Scanner
	parents  *archive.Parents
	codec    flow.Decoder
	encoders map[string]*codec.Encoder
	last     string // last payload codec that package codec has
	threads  int
	note     func(string)
	seen     dedup.Index // data chunks on the output
	made     *stream.Segment
	buffers  sync.Pool // of *[]byte
}

func flatten(ctx context.Context, out *flow.Writer, in *archive.Scanner, o UnsealOptions) error {
	decoder, err := flow.NewDecoder(1, o.Codecs)
	if err != nil {
		return err
	}
	f := &flattener{out: out, in: in, codec: decoder, encoders: map[string]*codec.Encoder{}, threads: max(o.Threads, 1), note: o.Note, last: codec.Zstd}
	f.buffers.New = func() any { return new([]byte) }
	f.parents = archive.NewParents(archive.Options{Identities: o.Identities, Find: o.Find, Threads: o.Threads, Codecs: o.Codecs, CacheBytes: cmp.Or(o.CacheBytes, flow.CacheBesideStream)})
	return ordered.Map(ctx, o.Threads, func(emit func(flattened) error) error {
		return flow.EachFrame(ctx, in, o.OnParent, func(frame stream.Frame) error { return f.frame(frame, emit) })
	}, f.encode, f.write)
}

// checkParentsOf looks for all parents that are needed, if src is an archive in a file. Errors of
// the archive itself are left to the code that reads it.
func checkParentsOf(src io.Reader, o UnsealOptions) error {
	f := flow.FileOf(src)
	if f == nil {
		return nil
	}
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return nil
	}
	at, err := f.Seek(0, io.SeekCurrent)
	if err != nil {
		return nil
	}
	size := max(info.Size()-at, 0)
	r, err := archive.NewReader(io.NewSectionReader(f, at, size), size, archive.Options{Identities: o.Identities, Find: o.Find})
	if err != nil || r.Locked() != nil {
		return nil
	}
	if err := r.CheckParents(); !errors.Is(err, stream.ErrCorrupt) {
		return err
	}
	return nil
}

// flattened is a frame to write. If encoder is not nil, it is a segment that is still to be
// encoded.
type flattened struct {
	frame   stream.Frame
	encoder *codec.Encoder
	raw     []byte  // payload of the segment before it was encoded
	encoded *[]byte // memory for the encoded payload
}

func (f *flattener) encode(d flattened) (flattened, error) {
	if s, ok := d.frame.(*stream.Segment); ok && d.encoder != nil {
		d.raw, d.encoded = s.Payload, f.buffers.Get().(*[]byte)
		*d.encoded = slices.Grow((*d.encoded)[:0], codec.Bound(len(d.raw)))
		s.RawLen = len(d.raw)
		s.Codec, s.Payload = d.encoder.Encode(*d.encoded, d.raw)
	}
	return d, nil
}

func (f *flattener) write(d flattened) error {
	err := f.out.Write(d.frame)
	if s, ok := d.frame.(*stream.Segment); ok {
		if d.encoded != nil {
			f.buffers.Put(d.encoded)
			s.Payload = d.raw
		}
		s.Release()
	}
	return err
}

func (f *flattener) frame(frame stream.Frame, emit func(flattened) error) error {
	switch frame := frame.(type) {
	case *stream.Header:
		flow.NotePlain(f.note, f.in.RecipientKinds())
	case *stream.Parent:
		f.parents.Add(frame)
		return nil
	case *stream.Dict:
		if err := f.codec.Add(frame); err != nil {
			return err
		}
	case *stream.Segment:
		return f.segment(frame, emit)
	}
	return emit(flattened{frame: frame})
}

// segment emits s, or the segments that take its place.
func (f *flattener) segment(s *stream.Segment, emit func(flattened) error) error {
	if s.RawLen > 0 && codec.Known(s.Codec) {
		f.last = s.Codec
	}
	if !slices.ContainsFunc(s.Entries, needsParent) {
		for i := range s.Entries {
			if err := f.see(&s.Entries[i]); err != nil {
				return err
			}
		}
		return emit(flattened{frame: s})
	}
	defer s.Release()
	raw, err := f.codec.DecodeSegment(s)
	if err != nil {
		return err
	}
	at := s.Offset
	for i := range s.Entries {
		e := s.Entries[i]
		if err := f.room(s.Stream, at, &e, emit); err != nil {
			return err
		}
		n := e.PayloadLen()
		p := raw[:n]
		raw = raw[n:]
		if needsParent(e) {
			err = f.replace(&e, p)
		} else {
			f.made.Payload = append(f.made.Payload, p...)
			err = f.see(&e)
		}
		if err != nil {
			return fmt.Errorf("chunk at offset %d: %w", at, f.parents.Missing(err))
		}
		f.made.Entries = append(f.made.Entries, e)
		at += e.Len
	}
	return f.flush(emit)
}

// needsParent reports whether e has to be replaced.
func needsParent(e stream.Entry) bool {
	return e.Kind == stream.ParentRef || e.Kind == stream.Patched && !e.Patch.Own()
}

// see notes a chunk. Entries before the chunk cannot refer to it.
func (f *flattener) see(e *stream.Entry) error {
	if !e.Kind.IsStored() {
		return nil
	}
	_, _, err := f.seen.Add(e.Hash)
	return err
}

// replace turns a chunk of a parent, or a patch of such chunks, into a chunk of this stream.
func (f *flattener) replace(e *stream.Entry, program []byte) error {
	_, added, err := f.seen.Add(e.Hash)
	if err != nil {
		return err
	}
	if !added {
		*e = stream.Entry{Kind: stream.Ref, Len: e.Len, Hash: e.Hash, Ordinal: stream.NoOrdinal}
		return nil
	}
	if e.Kind == stream.Patched {
		f.made.Payload, err = archive.BuildPatch(f.made.Payload, e, program, f.parents.Base)
	} else {
		f.made.Payload, err = f.parents.Append(f.made.Payload, e)
	}
	if err != nil {
		return err
	}
	*e = stream.Entry{Kind: stream.Data, Len: e.Len, Hash: e.Hash}
	return nil
}

// room makes sure that there is a segment with room for e, which stands at an offset of its stream.
func (f *flattener) room(id, at int64, e *stream.Entry, emit func(flattened) error) error {
	if m := f.made; m != nil && (len(m.Entries) >= flow.MaxSegmentEntries || !e.Kind.IsRun() && len(m.Payload) > 0 && len(m.Payload)+int(e.Len) > flow.DefaultBlock) {
		if err := f.flush(emit); err != nil {
			return err
		}
	}
	if f.made == nil {
		f.made = stream.NewSegment()
		f.made.Stream, f.made.Offset = id, at
	}
	return nil
}

func (f *flattener) flush(emit func(flattened) error) error {
	s := f.made
	if s == nil {
		return nil
	}
	f.made = nil
	if f.encoders[f.last] == nil {
		enc, err := codec.NewEncoder(codec.Options{Name: f.last, Threads: f.threads})
		if err != nil {
			return err
		}
		f.encoders[f.last] = enc
	}
	return emit(flattened{frame: s, encoder: f.encoders[f.last]})
}
