package salvage

import (
	"hexz/pkg/archive"
	"hexz/pkg/carve"
	"hexz/pkg/stream"
)

// maxGapEntries bounds the entries of a segment that stands for a gap.
const maxGapEntries = 4096

// filler writes the replacement for a part of the stream: one whose frames are lost, or a node.
type filler struct {
	s       *salvager
	from    int64          // offset in the stream of entries
	entries []stream.Entry // entries that are not written yet
	reason  string         // why the part is lost
}

// fill writes the stream up to an offset without its frames. Where the index knows runs of zeros
// and what parents have, it writes these; elsewhere it writes holes.
func (s *salvager) fill(to int64, reason string) error {
	if to <= s.open.at {
		return nil // as before most segments: to ask the index would cost more than they do
	}
	f := filler{s: s, from: s.open.at, reason: reason}
	err := s.in.Entries(s.open.id, s.open.at, to, f.known)
	if err == nil {
		err = f.hole(to, reason)
	}
	if err == nil {
		err = f.flush()
	}
	return err
}

// known adds an entry of the index, if the entry needs nothing that is lost.
func (f *filler) known(off int64, e *stream.Entry) error {
	if off < f.s.open.at {
		return nil
	}
	known := *e
	switch e.Kind {
	case stream.Zero, stream.Hole:
	case stream.ParentRef, stream.NodeRef:
		n, ok := f.s.parents.numbers[e.Parent]
		if !ok {
			return nil
		}
		known.Parent = n
	default:
		return nil
	}
	if err := f.hole(off, f.reason); err != nil {
		return err
	}
	if f.s.open.root.Takes(&known) != nil {
		return f.expand(&known)
	}
	return f.add(known)
}

// expand adds what e, a node of a parent, stands for, as far as the parents are there.
func (f *filler) expand(e *stream.Entry) error {
	for x, err := range f.s.archives.Expand(e) {
		switch {
		case err == nil && (x.Kind != stream.ParentRef || int(x.Parent) < len(f.s.parents.ids)):
			err = f.add(x)
		case err == nil:
			err = f.hole(f.s.open.at+x.Len, "the archive that has the chunk is not one of the parents")
		case archive.IsLost(err):
			err = f.hole(f.s.open.at+x.Len, "a part of a node that begins in what is lost: "+err.Error())
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// hole adds a hole up to an offset.
func (f *filler) hole(to int64, reason string) error {
	n := to - f.s.open.at
	if n <= 0 {
		return nil
	}
	f.s.lost(f.s.open.at, n, reason)
	return f.add(stream.Entry{Kind: stream.Hole, Len: n, Ordinal: stream.NoOrdinal})
}

func (f *filler) add(e stream.Entry) error {
	f.entries = append(f.entries, e)
	f.s.open.advance(&e)
	if len(f.entries) < maxGapEntries {
		return nil
	}
	return f.flush()
}

func (f *filler) flush() error {
	if len(f.entries) == 0 {
		return nil
	}
	err := f.s.out.Write(&stream.Segment{Stream: f.s.open.id, Offset: f.from, Codec: stream.RawCodec, Entries: f.entries})
	f.entries, f.from = nil, f.s.open.at
	return err
}

// fromIndex returns the chunks and nodes of parents that a damaged segment has according to the
// index, by their offsets in the stream.
func (s *salvager) fromIndex(c *carve.Checked) (map[int64]stream.Entry, error) {
	if c.Err == nil {
		return nil, nil
	}
	known := map[int64]stream.Entry{}
	err := s.in.Entries(c.Stream, c.Offset, c.Offset+c.Size(), func(off int64, e *stream.Entry) error {
		if e.Kind == stream.ParentRef || e.Kind == stream.NodeRef {
			known[off] = *e
		}
		return nil
	})
	return known, err
}
