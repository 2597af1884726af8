package salvage

import (
	"hexz/pkg/carve"
	"hexz/pkg/stream"
)

// maxGapEntries bounds the entries of a segment that stands for a gap.
const maxGapEntries = 4096

// filler writes the replacement for a part of the stream whose frames are lost.
type filler struct {
	s       *salvager
	at      int64          // offset in the stream after entries
	entries []stream.Entry // entries that are not written yet
	reason  string         // why the part is lost
}

// fill writes the stream up to an offset without its frames. Where the index knows runs of zeros
// and chunks of parents, it writes these; elsewhere it writes holes.
func (s *salvager) fill(to int64, reason string) error {
	if to <= s.open.at {
		return nil // as before most segments: to ask the index would cost more than they do
	}
	f := filler{s: s, at: s.open.at, reason: reason}
	err := s.in.Entries(s.open.id, f.at, to, f.known)
	if err == nil {
		err = f.hole(to)
	}
	if err == nil {
		err = f.flush()
	}
	return err
}

// known adds an entry of the index, if the entry needs nothing that is lost.
func (f *filler) known(off int64, e *stream.Entry) error {
	if off < f.at {
		return nil
	}
	known := *e
	switch e.Kind {
	case stream.Zero, stream.Hole:
	case stream.ParentRef:
		n, ok := f.s.parents.numbers[e.Parent]
		if !ok {
			return nil
		}
		known.Parent = n
	default:
		return nil
	}
	if err := f.hole(off); err != nil {
		return err
	}
	return f.add(known)
}

// hole adds a hole up to an offset.
func (f *filler) hole(to int64) error {
	n := to - f.at
	if n <= 0 {
		return nil
	}
	f.s.lost(f.at, n, f.reason)
	return f.add(stream.Entry{Kind: stream.Hole, Len: n, Ordinal: stream.NoOrdinal})
}

func (f *filler) add(e stream.Entry) error {
	f.entries = append(f.entries, e)
	f.at += e.Len
	if len(f.entries) < maxGapEntries {
		return nil
	}
	return f.flush()
}

func (f *filler) flush() error {
	if len(f.entries) == 0 {
		return nil
	}
	o := f.s.open
	err := f.s.put(&stream.Segment{Stream: o.id, Offset: o.at, Codec: stream.RawCodec, Entries: f.entries})
	f.entries = nil
	return err
}

// fromIndex returns the chunks of parents that a damaged segment has according to the index, by
// their offsets in the stream.
func (s *salvager) fromIndex(c *carve.Checked) (map[int64]stream.Entry, error) {
	if c.Err == nil {
		return nil, nil
	}
	known := map[int64]stream.Entry{}
	err := s.in.Entries(c.Stream, c.Offset, c.Offset+c.Size(), func(off int64, e *stream.Entry) error {
		if e.Kind == stream.ParentRef {
			known[off] = *e
		}
		return nil
	})
	return known, err
}
