package stage

import (
	"context"
	"fmt"
	"io"

	"hexz/pkg/archive"
	"hexz/pkg/dedup"
	"hexz/pkg/stream"
)

// DedupOptions are the options of Dedup. The zero value works.
type DedupOptions struct {
	MaxMemory int64 // bytes for the index of chunks; 0 is no limit
	Progress  Progress

	// Note is called with a remark worth a line: that the index is full.
	Note func(string)
}

const dedupName = "hexz-dedup"

// Dedup copies a stream of frames and replaces each data chunk that came before by a
// reference. It keeps up to 64 bytes of memory for each distinct chunk (see package dedup).
// Once these are MaxMemory, chunks that are new are no longer remembered, so that later copies
// of them stay; copies of those that came before are still found.
// A segment from which a chunk is dropped is passed on decoded.
func Dedup(ctx context.Context, dst io.Writer, src io.Reader, o DedupOptions) (*Stats, error) {
	out := &output{Writer: stream.NewWriter(dst), name: dedupName, progress: o.Progress}
	d := &deduping{out: out, o: o}
	return out.end(d.run(ctx, archive.NewScanner(src)))
}

type deduping struct {
	out   *output
	o     DedupOptions
	full  bool // no more chunks are remembered
	seen  dedup.Index
	codec decoder
}

func (d *deduping) run(ctx context.Context, in *archive.Scanner) error {
	var err error
	if d.codec, err = newDecoder(1); err != nil {
		return err
	}
	return eachFrame(ctx, in, d.frame)
}

func (d *deduping) frame(f stream.Frame) error {
	switch f := f.(type) {
	case *stream.Header:
		f.AddStage(dedupName, nil)
	case *stream.Dict:
		if err := d.codec.add(f); err != nil {
			return err
		}
	case *stream.Segment:
		defer f.Release()
		if err := d.segment(f); err != nil {
			return err
		}
	}
	return d.out.Write(f)
}

// segment turns known chunks of s into references and moves the others together.
func (d *deduping) segment(s *stream.Segment) error {
	dropped := 0
	for i := range s.Entries {
		e := &s.Entries[i]
		if e.Kind != stream.Data {
			continue
		}
		known, err := d.known(e.Hash)
		if err != nil {
			return err
		}
		if known {
			e.Kind, e.Ordinal = stream.Ref, dropMark
			dropped += int(e.Len)
		}
	}
	if dropped == 0 {
		return nil
	}
	return d.drop(s, s.RawLen-dropped)
}

// known tells whether a chunk came before, and remembers it.
func (d *deduping) known(h stream.Hash) (bool, error) {
	if d.full {
		_, ok := d.seen.Lookup(h)
		return ok, nil
	}
	_, added, err := d.seen.Add(h)
	if added && d.o.MaxMemory > 0 && d.seen.Bytes() >= d.o.MaxMemory {
		d.full = true
		if d.o.Note != nil {
			d.o.Note(fmt.Sprintf("the index is full: from here on only copies of the first %d chunks are found", d.seen.Len()))
		}
	}
	return !added, err
}

// dropMark is the ordinal, for a moment, of an entry that was Data.
const dropMark = -2

// drop removes the bytes of the marked entries from the payload, of which kept bytes remain.
func (d *deduping) drop(s *stream.Segment, kept int) error {
	raw := s.Payload
	if kept > 0 {
		var err error
		if raw, err = d.codec.decode(s); err != nil {
			return err
		}
	}
	at, used := 0, 0
	for i := range s.Entries {
		e := &s.Entries[i]
		switch {
		case e.Kind == stream.Data:
			if used != at {
				copy(raw[used:], raw[at:at+int(e.Len)])
			}
			used += int(e.Len)
			at += int(e.Len)
		case e.Ordinal == dropMark:
			e.Ordinal = stream.NoOrdinal
			at += int(e.Len)
		}
	}
	s.Payload, s.RawLen, s.Codec = raw[:used], used, stream.RawCodec
	return nil
}
