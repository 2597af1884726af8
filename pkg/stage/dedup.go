package stage

import (
	"context"
	"errors"
	"fmt"
	"io"

	"hexz/pkg/archive"
	"hexz/pkg/codec"
	"hexz/pkg/dedup"
	"hexz/pkg/flow"
	"hexz/pkg/fold"
	"hexz/pkg/parents"
	"hexz/pkg/stream"
)

// DedupOptions are the options of Dedup. The zero value works.
type DedupOptions struct {
	Parents   []parents.Parent // archives whose chunks need not be stored again
	Find      fold.FindFunc    // finds the parents of parents; nil finds none
	MaxMemory int64            // bytes for the index of chunks, at least 1 MiB; 0 is no limit
	TempDir   string           // where files are for what is over it; "" is the system's directory
	Codecs    codec.Decoders   // of codecs that package codec does not have
	Progress  flow.Progress
	OnParent  flow.ParentFunc

	// Note is called with a remark worth a line: that chunks may be overlooked.
	Note func(string)

	// OnOtherCut is called for each stream that was cut in another way than the parents. nil is
	// none.
	OnOtherCut func(OtherCut)
}

// OtherCut is a stream that was cut in another way than the parents.
type OtherCut struct{ Stream string }

// String returns a remark worth a line.
func (c OtherCut) String() string {
	return fmt.Sprintf("stream %q was cut in another way than the parents, and will have few chunks in common", c.Stream)
}

// ErrBaseDropped is the error of Dedup for a patch whose base a parent has, too. Patches are to be
// made of a stream that has been compared with its parents.
var ErrBaseDropped = errors.New("a patch needs a chunk that the parent also has")

const dedupName = "hexz-dedup"

// Dedup copies a stream of frames. It replaces each data chunk that came before by a reference, and
// each chunk that a parent has by a reference to the parent.
//
// It keeps up to 64 bytes of memory for each distinct chunk, and up to 80 for each chunk of a parent,
// up to MaxMemory: then 11 to 22 for each or, of many, for a sample (see dedup.Sparse). The hashes of
// chunks then go to a file of 32 bytes for each. Those of parents are read from their indexes again.
//
// A segment from which a chunk is dropped is passed on decoded.
func Dedup(ctx context.Context, dst io.Writer, src io.Reader, o DedupOptions) (*flow.Stats, error) {
	out := flow.NewWriter(dst, dedupName, o.Progress)
	move := newMover(src, dst)
	defer move.close()
	in := archive.NewScanner(src, nil)
	in.LeaveStreamPayloads()
	d := &deduper{in: in, out: out, move: move, o: o}
	defer d.close()
	return out.Finish(d.run(ctx))
}

type deduper struct {
	in    *archive.Scanner
	out   *flow.Writer
	move  *mover
	o     DedupOptions
	seen  *dedup.Sparse[struct{}] // chunks on the output
	file  *dedup.FileStore[struct{}]
	noted bool // that chunks may be overlooked
	known *parentTable
	fold  *fold.Folder // nil if there are no parents
	nodes *nodeWindow  // nil unless the chunks of a parent are not known
	codec flow.Decoder
	parts []part // memory for that of a plan
	id    int64  // of the open stream
}

func (d *deduper) run(ctx context.Context) error {
	var err error
	if d.codec, err = flow.NewDecoder(1, d.o.Codecs); err != nil {
		return err
	}
	if err := d.load(); err != nil {
		return err
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
		d.known.Pass(f)
	case *stream.Open:
		if err := d.writeParents(); err != nil {
			return err
		}
		if d.o.OnOtherCut != nil && !d.known.cutAs(f.Chunker) {
			d.o.OnOtherCut(OtherCut{f.Name})
		}
		d.id = f.ID
		if d.fold != nil {
			d.fold.Open()
		}
		if d.nodes != nil {
			d.nodes.open()
		}
	case *stream.Close:
		if d.nodes != nil {
			if err := d.nodes.close(); err != nil {
				return err
			}
		}
		if d.fold != nil {
			if err := d.fold.Close(); err != nil {
				return err
			}
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
		if d.nodes != nil {
			return d.nodes.segment(f)
		}
		return d.segment(f)
	}
	return d.out.Write(f)
}

// writeParents writes the Parent frames that the input did not have, once.
func (d *deduper) writeParents() error {
	for _, f := range d.known.Number() {
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

// plan says which bytes of a raw payload are kept.
type plan struct {
	parts []part
	kept  int // bytes
}

// part is a run of payload bytes that are kept or dropped.
type part struct {
	n    int
	keep bool
}

// add adds n bytes.
func (p *plan) add(n int, keep bool) {
	if keep {
		p.kept += n
	}
	if last := len(p.parts) - 1; last >= 0 && p.parts[last].keep == keep {
		p.parts[last].n += n
		return
	}
	p.parts = append(p.parts, part{n, keep})
}

// segment turns known chunks of s into references, and writes it without their bytes.
func (d *deduper) segment(s *stream.Segment) error {
	p, err := d.plan(s)
	d.parts = p.parts
	if err != nil {
		return err
	}
	if d.fold != nil {
		return d.foldSegment(s, p)
	}
	return d.write(s, p)
}

// foldSegment gives s to the folder, and writes what remains of it.
func (d *deduper) foldSegment(s *stream.Segment, p plan) error {
	if err := d.fold.Segment(s, func() error { return d.write(s, p) }); err != nil || len(s.Entries) > 0 {
		return err
	}
	return d.in.Forward(io.Discard, s.Outstanding(), d.move.move)
}

// write writes s as planned.
func (d *deduper) write(s *stream.Segment, p plan) error {
	switch {
	case p.kept == s.RawLen:
		return d.pass(s)
	case p.kept == 0:
		return d.empty(s)
	case s.Codec != stream.RawCodec || s.Outstanding() == 0:
		return d.regroup(s, p)
	}
	return d.forward(s, p)
}

// plan turns known chunks of s into references, and returns what is kept of its payload.
func (d *deduper) plan(s *stream.Segment) (plan, error) {
	p := plan{parts: d.parts[:0]}
	if err := d.lookAhead(s); err != nil {
		return p, err
	}
	for i := range s.Entries {
		e := &s.Entries[i]
		if e.Kind == stream.Ref {
			// The target of a ref that a parent has became one, too.
			if _, err := d.known.refer(e); err != nil {
				return p, err
			}
		}
		if !e.Kind.IsStored() {
			continue
		}
		n := e.PayloadLen()
		known, err := d.find(e)
		if err == nil && e.Kind == stream.Patched {
			err = d.checkBases(e.Patch)
		}
		if err != nil {
			return p, err
		}
		p.add(n, !known)
	}
	return p, nil
}

// pass writes s with its payload unchanged, encoded or not.
func (d *deduper) pass(s *stream.Segment) error {
	n := s.Outstanding()
	if err := d.out.Write(s); err != nil {
		return err
	}
	return d.forwardPart(part{n, true})
}

// empty writes s without a payload.
func (d *deduper) empty(s *stream.Segment) error {
	n := s.Outstanding()
	s.RawLen, s.Codec = 0, stream.RawCodec
	s.Announce(0)
	if err := d.out.Write(s); err != nil {
		return err
	}
	return d.in.Forward(io.Discard, n, d.move.move) // the frame is complete
}

// forward writes s, whose payload is raw and outstanding, with the parts that are kept.
func (d *deduper) forward(s *stream.Segment, p plan) error {
	s.RawLen = p.kept
	s.Announce(p.kept)
	if err := d.out.Write(s); err != nil {
		return err
	}
	for _, q := range p.parts {
		if err := d.forwardPart(q); err != nil {
			return err
		}
	}
	return nil
}

// forwardPart moves the next part of an outstanding payload to the output, or drops it.
func (d *deduper) forwardPart(p part) error {
	write := 0
	if p.keep {
		write = p.n
	}
	return d.out.Forward(write, func(dst io.Writer) error {
		if !p.keep {
			dst = io.Discard
		}
		return d.in.Forward(dst, p.n, d.move.move)
	})
}

// regroup writes a segment whose payload has to be decoded, or was already read.
func (d *deduper) regroup(s *stream.Segment, p plan) error {
	if s.Outstanding() > 0 {
		if err := d.in.Load(s); err != nil {
			return err
		}
	}
	raw, err := d.codec.DecodeSegment(s)
	if err != nil {
		return err
	}
	at, used := 0, 0
	for _, q := range p.parts {
		if q.keep {
			copy(raw[used:], raw[at:at+q.n])
			used += q.n
		}
		at += q.n
	}
	s.Payload, s.RawLen, s.Codec = raw[:p.kept], p.kept, stream.RawCodec
	return d.out.Write(s)
}
