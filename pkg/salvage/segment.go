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
	return s.write(c)
}

// write writes a segment with holes in the place of the entries that are lost. Where a node can no
// longer stand, it writes what is before the node as a segment of its own, and then what the node
// stands for.
func (s *salvager) write(c *carve.Checked) error {
	known, err := s.fromIndex(c)
	if err != nil {
		return err
	}
	changed, raw := false, c.Raw
	for i := 0; i < len(c.Entries); i++ {
		e := &c.Entries[i]
		n := min(e.PayloadLen(), len(raw)) // less if none of it is sound
		err := s.entry(c, i, raw[:n], known[s.open.at])
		raw = raw[n:]
		if loss := (*lossError)(nil); errors.As(err, &loss) {
			if e.PayloadLen() > 0 {
				c.Drop(i)
				changed = true
			}
			s.lost(s.open.at, e.Len, loss.reason)
			*e = stream.Entry{Kind: stream.Hole, Len: e.Len, Ordinal: stream.NoOrdinal}
		} else if err != nil {
			return err
		}
		if s.open.root.Takes(e) == nil {
			s.open.advance(e)
			continue
		}
		if err := s.writeBefore(c, i); err != nil {
			return err
		}
		i, changed = -1, true
	}
	if len(c.Entries) == 0 {
		return nil
	}
	if changed {
		c.Keep()
	}
	return s.out.Write(c.Segment)
}

// writeBefore writes the entries before entry i, a node that cannot stand there, and what the node
// stands for. It leaves the rest in c.
func (s *salvager) writeBefore(c *carve.Checked, i int) error {
	e := c.Entries[i]
	if before := c.Split(i); len(before.Entries) > 0 {
		if err := s.out.Write(before); err != nil {
			return err
		}
	}
	f := filler{s: s, from: s.open.at}
	if err := f.expand(&e); err != nil {
		return err
	}
	return f.flush()
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
