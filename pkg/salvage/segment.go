package salvage

import (
	"errors"

	"hexz/pkg/carve"
	"hexz/pkg/stream"
)

// segment writes the sound parts of a segment.
func (s *salvager) segment(c *carve.Checked) error {
	if open, err := s.enter(c.Stream); err != nil || !open || !s.open.takes(c) {
		return err
	}
	if err := s.fill(c.Offset, s.trail.reason()); err != nil {
		return err
	}
	s.trail.gap = fileRange{}
	if c.Opaque && !s.basesLeft(c) {
		c.Lose(errOpaque)
	}
	if err := s.dropLost(c); err != nil {
		return err
	}
	return s.put(c.Segment)
}

// dropLost puts holes in the place of the entries of a segment that are lost.
func (s *salvager) dropLost(c *carve.Checked) error {
	known, err := s.fromIndex(c)
	if err != nil {
		return err
	}
	at, dropped, raw := s.open.at, false, c.Raw
	for i := range c.Entries {
		e := &c.Entries[i]
		n := min(e.PayloadLen(), len(raw)) // less if none of it is sound
		err := s.entry(c, i, raw[:n], known[at])
		raw = raw[n:]
		if loss := (*lossError)(nil); errors.As(err, &loss) {
			if e.PayloadLen() > 0 {
				c.Drop(i)
				dropped = true
			}
			*e = stream.Entry{Kind: stream.Hole, Len: e.Len, Ordinal: stream.NoOrdinal}
			s.lost(at, e.Len, loss.reason)
		} else if err != nil {
			return err
		}
		at += e.Len
	}
	if dropped {
		c.Keep()
	}
	return nil
}

// errOpaque: a segment is lost as a whole because one of its patches is lost and cannot be taken
// out of it.
var errOpaque = errors.New("a chunk beside it is lost, and there is no decoder for the codec of their segment")

// basesLeft reports whether the bases of all patches in c are known, or stand in c before the
// patches.
func (s *salvager) basesLeft(c *carve.Checked) bool {
	here := map[stream.Hash]bool{}
	for i := range c.Entries {
		e := &c.Entries[i]
		if e.Kind == stream.Data {
			here[e.Hash] = true
		}
		if e.Kind != stream.Patched {
			continue
		}
		for _, b := range e.Patch.Bases {
			if b.Parent == stream.OwnBase && !here[b.Hash] && !s.chunks.hasBase(b.Hash) {
				return false
			}
			if _, ok := s.parents.numbers[b.Parent]; b.Parent != stream.OwnBase && !ok {
				return false
			}
		}
	}
	return true
}
