package stage

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
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
	buffers  sync.Pool   // of *[]byte
}

func flatten(ctx context.Context, out *flow.Writer, in *archive.Scanner, o UnsealOptions) error {
	decoder, err := flow.NewDecoder(1, o.Codecs)
	if err != nil {
		return err
	}
	f := &flattener{out: out, in: in, codec: decoder, encoders: map[string]*codec.Encoder{}, threads: max(o.Threads, 1), note: o.Note, last: codec.Zstd}
	f.buffers.New = func() any { return new([]byte) }
	f.parents = archive.NewParents(archive.Options{Identities: o.Identities, Find: o.Find, Threads: o.Threads, Codecs: o.Codecs, CacheBytes: cmp.Or(o.CacheBytes, flow.CacheBesideStream)})
	for d, err := range ordered.MapPipe(ctx, o.Threads, flow.Expand(ctx, in, o.OnParent, f.frame), f.encode) {
		if err == nil {
			err = f.write(d)
		}
		if err != nil {
			return err
		}
	}
	return nil
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

// frame yields a frame, or what takes its place.
func (f *flattener) frame(frame stream.Frame) iter.Seq2[flattened, error] {
	return func(yield func(flattened, error) bool) {
		var err error
		switch frame := frame.(type) {
		case *stream.Header:
			flow.NotePlain(f.note, f.in.RecipientKinds())
		case *stream.Parent:
			f.parents.Add(frame)
			return
		case *stream.Dict:
			err = f.codec.Add(frame)
		case *stream.Segment:
			f.segment(frame)(yield)
			return
		}
		yield(flattened{frame: frame}, err)
	}
}

// segment yields s, or the segments that take its place.
func (f *flattener) segment(s *stream.Segment) iter.Seq2[flattened, error] {
	if s.RawLen > 0 && codec.Known(s.Codec) {
		f.last = s.Codec
	}
	if slices.ContainsFunc(s.Entries, needsParent) {
		return f.replaceParents(s)
	}
	return func(yield func(flattened, error) bool) {
		var err error
		for i := 0; i < len(s.Entries) && err == nil; i++ {
			err = f.see(&s.Entries[i])
		}
		yield(flattened{frame: s}, err)
	}
}

// replaceParents yields segments with the content of s, which refer to no parent. It releases s.
func (f *flattener) replaceParents(s *stream.Segment) iter.Seq2[flattened, error] {
	return func(yield func(flattened, error) bool) {
		defer s.Release()
		made, at := newSegment(s.Stream, s.Offset), s.Offset
		for e, err := range f.entries(s) {
			room := flow.NoBytes
			if !e.Kind.IsRun() {
				room = int(e.Len)
			}
			if err == nil && flow.IsFull(len(made.Entries), len(made.Payload), room, flow.DefaultBlock) {
				d, err := f.toEncode(made)
				if !yield(d, err) || err != nil {
					return
				}
				made = newSegment(s.Stream, at)
			}
			if err == nil {
				err = f.add(made, e.Entry, e.payload)
			}
			if err != nil {
				yield(flattened{}, fmt.Errorf("chunk at offset %d: %w", at, f.parents.Missing(err)))
				return
			}
			at += e.Len
		}
		yield(f.toEncode(made))
	}
}

// flatEntry is an entry with its part of the payload. It is no node.
type flatEntry struct {
	stream.Entry
	payload []byte
}

// entries yields the entries of s. What a node of a parent stands for comes in its place.
func (f *flattener) entries(s *stream.Segment) iter.Seq2[flatEntry, error] {
	return func(yield func(flatEntry, error) bool) {
		raw, err := f.codec.DecodeSegment(s)
		if err != nil {
			yield(flatEntry{}, err)
			return
		}
		for i := range s.Entries {
			e := &s.Entries[i]
			if e.Kind != stream.NodeRef {
				n := e.PayloadLen()
				if !yield(flatEntry{*e, raw[:n]}, nil) {
					return
				}
				raw = raw[n:]
				continue
			}
			for e, err := range f.parents.Expand(e) {
				if !yield(flatEntry{Entry: e}, err) || err != nil {
					return
				}
			}
		}
	}
}

func newSegment(id, offset int64) *stream.Segment {
	s := stream.NewSegment()
	s.Stream, s.Offset = id, offset
	return s
}

// toEncode returns a raw segment with the encoder for it.
func (f *flattener) toEncode(s *stream.Segment) (flattened, error) {
	if f.encoders[f.last] == nil {
		enc, err := codec.NewEncoder(codec.Options{Name: f.last, Threads: f.threads})
		if err != nil {
			return flattened{}, err
		}
		f.encoders[f.last] = enc
	}
	return flattened{frame: s, encoder: f.encoders[f.last]}, nil
}

// needsParent reports whether e has to be replaced.
func needsParent(e stream.Entry) bool {
	return e.Kind == stream.ParentRef || e.Kind == stream.NodeRef || e.Kind == stream.Patched && !e.Patch.Own()
}

// see notes a chunk. Entries before the chunk cannot refer to it.
func (f *flattener) see(e *stream.Entry) error {
	if !e.Kind.IsStored() {
		return nil
	}
	_, _, err := f.seen.Add(e.Hash)
	return err
}

// add adds e to a segment. p is what the payload has of e.
func (f *flattener) add(to *stream.Segment, e stream.Entry, p []byte) error {
	var err error
	if needsParent(e) {
		err = f.replace(to, &e, p)
	} else {
		to.Payload = append(to.Payload, p...)
		err = f.see(&e)
	}
	to.Entries = append(to.Entries, e)
	return err
}

// replace turns a chunk of a parent, or a patch of such chunks, into a chunk of this stream, and
// adds its bytes to the payload of a segment.
func (f *flattener) replace(to *stream.Segment, e *stream.Entry, program []byte) error {
	_, added, err := f.seen.Add(e.Hash)
	if err != nil {
		return err
	}
	if !added {
		*e = stream.Entry{Kind: stream.Ref, Len: e.Len, Hash: e.Hash, Ordinal: stream.NoOrdinal}
		return nil
	}
	if e.Kind == stream.Patched {
		to.Payload, err = archive.BuildPatch(to.Payload, e, program, f.parents.Base)
	} else {
		to.Payload, err = f.parents.Append(to.Payload, e)
	}
	if err != nil {
		return err
	}
	*e = stream.Entry{Kind: stream.Data, Len: e.Len, Hash: e.Hash}
	return nil
}
