package stage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"hexz/pkg/archive"
	"hexz/pkg/codec"
	"hexz/pkg/dedup"
	"hexz/pkg/flow"
	"hexz/pkg/parents"
	"hexz/pkg/stream"
)

// DedupOptions are the options of Dedup. The zero value works.
type DedupOptions struct {
	Parents   []parents.Parent // archives whose chunks need not be stored again
	MaxMemory int64            // bytes for the index of chunks; 0 is no limit
	Codecs    codec.Decoders   // of codecs that package codec does not have
	Progress  flow.Progress
	OnParent  flow.ParentFunc

	// Note is called with a remark worth a line: that the index is full, or that the stream was
	// cut in another way than its parents.
	Note func(string)
}

const dedupName = "hexz-dedup"

// Dedup copies a stream of frames. It replaces each data chunk that came before by a reference, and
// each chunk that a parent has by a reference to the parent.
//
// It keeps up to 64 bytes of memory for each distinct chunk (see package dedup), and up to 80 for
// each chunk of a parent. Once these reach MaxMemory, new chunks are no longer remembered, so later
// copies of them stay. Copies of remembered chunks are still found.
//
// A segment from which a chunk is dropped is passed on decoded.
func Dedup(ctx context.Context, dst io.Writer, src io.Reader, o DedupOptions) (*flow.Stats, error) {
	out := flow.NewWriter(dst, dedupName, o.Progress)
	move := newMover(src, dst)
	defer move.close()
	in := archive.NewScanner(src)
	in.Defer()
	d := &deduper{in: in, out: out, move: move, o: o}
	return out.Finish(d.run(ctx))
}

type deduper struct {
	in    *archive.Scanner
	out   *flow.Writer
	move  *mover
	o     DedupOptions
	full  bool // no more chunks are remembered
	seen  dedup.Index
	known parentTable
	codec flow.Decoder
	parts []part
}

// part is a run of payload bytes that are kept or dropped.
type part struct {
	n    int
	keep bool
}

func (d *deduper) run(ctx context.Context) error {
	var err error
	if d.codec, err = flow.NewDecoder(1, d.o.Codecs); err != nil {
		return err
	}
	d.known.limit = d.o.MaxMemory
	for _, p := range d.o.Parents {
		if err := d.known.load(p); err != nil {
			return err
		}
	}
	if d.known.full {
		d.note(fmt.Sprintf("the index is full: of the parents only the first %d chunks are found", d.known.index.Len()))
	}
	for f, err := range flow.Frames(ctx, d.in, d.o.OnParent) {
		if err == nil {
			err = d.frame(f)
		}
		if err != nil {
			return flow.ReadOn(ctx, d.in, err)
		}
	}
	return nil
}

func (d *deduper) frame(f stream.Frame) error {
	switch f := f.(type) {
	case *stream.Header:
		f.AddStage(dedupName, nil)
	case *stream.Parent:
		d.known.passed(f)
	case *stream.Open:
		if err := d.writeParents(); err != nil {
			return err
		}
		if !d.known.cutAs(f.Chunker) {
			d.note(fmt.Sprintf("stream %q was cut in another way than the parents, and will have few chunks in common: use hexz-chunk --like", f.Name))
		}
	case *stream.End:
		if err := d.writeParents(); err != nil {
			return err
		}
	case *stream.Dict:
		if err := d.codec.Add(f); err != nil {
			return err
		}
	case *stream.Segment:
		defer f.Release()
		return d.segment(f)
	}
	return d.out.Write(f)
}

// writeParents writes the Parent frames that the input did not have, once.
func (d *deduper) writeParents() error {
	for _, f := range d.known.number() {
		if err := d.out.Write(f); err != nil {
			return err
		}
	}
	return nil
}

func (d *deduper) note(s string) {
	if d.o.Note != nil {
		d.o.Note(s)
	}
}

// segment turns known chunks of s into references, and writes it without their bytes.
func (d *deduper) segment(s *stream.Segment) error {
	d.parts = d.parts[:0]
	kept := 0
	for i := range s.Entries {
		e := &s.Entries[i]
		if e.Kind == stream.Ref {
			d.known.find(e) // the target of a ref that a parent has became one, too
		}
		if !e.Kind.IsStored() {
			continue
		}
		n := e.PayloadLen()
		known, err := d.find(e)
		if err == nil && e.Kind == stream.Patched && slices.ContainsFunc(e.Patch.Bases, d.known.took) {
			err = errors.New("put hexz-dedup --parent before hexz-delta: a patch needs a chunk that the parent also has")
		}
		if err != nil {
			return err
		}
		if !known {
			kept += n
		}
		if last := len(d.parts) - 1; last >= 0 && d.parts[last].keep == !known {
			d.parts[last].n += n
		} else {
			d.parts = append(d.parts, part{n, !known})
		}
	}
	encoded := s.Codec != stream.RawCodec
	switch {
	case kept == s.RawLen: // unchanged, encoded or not
		d.parts = append(d.parts[:0], part{s.Deferred(), true})
	case kept == 0: // nothing is kept
		d.parts = append(d.parts[:0], part{s.Deferred(), false})
		s.Payload = s.Payload[:0]
	case encoded || s.Deferred() == 0:
		return d.regroup(s, kept)
	}
	if kept < s.RawLen {
		s.RawLen, s.Codec = kept, stream.RawCodec
		s.Defer(kept)
	}
	if err := d.out.Write(s); err != nil {
		return err
	}
	if kept == 0 { // the frame is complete
		return d.in.Forward(io.Discard, d.parts[0].n, d.move.move)
	}
	return d.forward()
}

// forward moves the kept parts of a deferred payload to the output.
func (d *deduper) forward() error {
	for _, p := range d.parts {
		write := 0
		if p.keep {
			write = p.n
		}
		err := d.out.Forward(write, func(dst io.Writer) error {
			if !p.keep {
				dst = io.Discard
			}
			return d.in.Forward(dst, p.n, d.move.move)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// regroup writes a segment whose payload has to be decoded, or was already read.
func (d *deduper) regroup(s *stream.Segment, kept int) error {
	if s.Deferred() > 0 {
		if err := d.in.Load(s); err != nil {
			return err
		}
	}
	raw, err := d.codec.DecodeSegment(s)
	if err != nil {
		return err
	}
	at, used := 0, 0
	for _, p := range d.parts {
		if p.keep {
			copy(raw[used:], raw[at:at+p.n])
			used += p.n
		}
		at += p.n
	}
	s.Payload, s.RawLen, s.Codec = raw[:kept], kept, stream.RawCodec
	return d.out.Write(s)
}

// find makes e a reference if its chunk is known, or remembers it.
func (d *deduper) find(e *stream.Entry) (known bool, err error) {
	if d.known.find(e) {
		return true, nil
	}
	if d.full {
		_, known = d.seen.Lookup(e.Hash)
	} else {
		var added bool
		_, added, err = d.seen.Add(e.Hash)
		known = !added
		if added && d.o.MaxMemory > 0 && d.seen.Bytes()+d.known.bytes() >= d.o.MaxMemory {
			d.full = true
			d.note(fmt.Sprintf("the index is full: from here on only copies of the first %d chunks are found", d.seen.Len()))
		}
	}
	if known && err == nil {
		e.Kind, e.Ordinal, e.Patch = stream.Ref, stream.NoOrdinal, nil
	}
	return known, err
}
