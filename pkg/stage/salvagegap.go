package stage

import (
	"hexz/pkg/archive"
	"hexz/pkg/stream"
)

// maxGapEntries bounds the entries of a segment that stands for what is lost.
const maxGapEntries = 4096

// fill writes what is known of the stream up to an offset without its frames: where the index says
// so, runs of zeros and chunks of parents, and else holes.
func (s *salvaging) fill(to int64, reason string) error {
	o := s.open
	if to <= o.at {
		return nil
	}
	from, at := o.at, o.at
	var entries []stream.Entry
	flush := func() error {
		if len(entries) == 0 {
			return nil
		}
		err := s.put(&stream.Segment{Stream: o.id, Offset: o.at, Codec: stream.RawCodec, Entries: entries})
		entries = nil
		return err
	}
	add := func(e stream.Entry) error {
		entries = append(entries, e)
		at += e.Len
		if len(entries) < maxGapEntries {
			return nil
		}
		return flush()
	}
	hole := func(to int64) error {
		if to <= at {
			return nil
		}
		if err := s.lost(at, to-at, reason); err != nil {
			return err
		}
		return add(stream.Entry{Kind: stream.Hole, Len: to - at, Ordinal: stream.NoOrdinal})
	}
	err := s.in.Entries(o.id, from, to, func(off int64, e *stream.Entry) error {
		if off < at {
			return nil
		}
		known := *e
		switch e.Kind {
		case stream.Zero, stream.Hole:
		case stream.ParentRef:
			n, ok := s.parents[e.Parent]
			if !ok {
				return nil
			}
			known.Parent = n
		default:
			return nil
		}
		if err := hole(off); err != nil {
			return err
		}
		return add(known)
	})
	if err == nil {
		err = hole(to)
	}
	if err == nil {
		err = flush()
	}
	return err
}

// fromIndex returns the chunks of parents that the index says are in a segment that is damaged, by
// their offsets in the stream.
func (s *salvaging) fromIndex(c *archive.Checked) (map[int64]stream.Entry, error) {
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
