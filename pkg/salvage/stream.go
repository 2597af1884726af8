package salvage

import (
	"fmt"

	"hexz/pkg/carve"
	"hexz/pkg/index"
	"hexz/pkg/stream"
)

// salvagedStream is a stream that is being written.
type salvagedStream struct {
	SalvagedStream
	id   int64
	at   int64
	size int64 // size in its Open, or -1
	root stream.Root
	of   *index.Stream // its record in the index, or nil
	lost bool          // whether a part of it is lost
}

// openStream begins the stream of an id. f is nil if its Open is lost.
func (s *salvager) openStream(id int64, f *stream.Open) error {
	if s.streams[id] {
		return nil // it is one of the streams that were given up
	}
	if err := s.finish(nil); err != nil {
		return err
	}
	o := &salvagedStream{id: id, size: -1}
	open := &stream.Open{ID: id, Size: -1}
	if f != nil {
		*open = *f
	}
	if s.info != nil {
		no := s.number(id)
		if no < s.next {
			return nil
		}
		if err := s.skipTo(no); err != nil {
			return err
		}
		s.next++
		o.of = &s.info.Streams[no]
		open.Name, open.Chunker = o.of.Name, o.of.Chunker
		if open.Size != o.of.Size {
			open.Size = -1
		}
	} else if o.size = open.Size; s.lossy {
		open.Size = -1 // the size may be wrong
	}
	if open.Name == "" || s.names[open.Name] {
		open.Name, o.MadeUp = fmt.Sprintf("stream-%d", id), true
	}
	for s.names[open.Name] {
		open.Name += "~"
	}
	s.names[open.Name], s.streams[id] = true, true
	o.Name = open.Name
	s.open = o
	if err := s.out.Write(open); err != nil {
		return err
	}
	if o.MadeUp {
		if err := s.lostElse(&o.Name, "the name of the stream is lost"); err != nil {
			return err
		}
	}
	return s.flushDicts()
}

// number returns the number of a stream in the index, or -1.
func (s *salvager) number(id int64) int {
	for no := s.next; no < len(s.info.Streams); no++ {
		if s.info.Streams[no].ID == id {
			return no
		}
	}
	return -1
}

// skipTo writes the streams of the index before number no, of which nothing was found.
func (s *salvager) skipTo(no int) error {
	for s.next < no {
		if err := s.openStream(s.info.Streams[s.next].ID, nil); err != nil {
			return err
		}
		if err := s.finish(nil); err != nil {
			return err
		}
	}
	return nil
}

// flushDicts writes the dictionaries that were found before a stream, inside of it.
func (s *salvager) flushDicts() error {
	if s.open == nil {
		return nil
	}
	for _, d := range s.dicts {
		if s.dictIDs[d.ID] {
			continue
		}
		s.dictIDs[d.ID] = true
		if err := s.out.Write(d); err != nil {
			return err
		}
	}
	s.dicts = nil
	return nil
}

// segment writes the sound parts of a segment.
func (s *salvager) segment(c *carve.Checked) error {
	if s.open == nil || s.open.id != c.Stream {
		if err := s.openStream(c.Stream, nil); err != nil {
			return err
		}
	}
	o := s.open
	if o == nil || o.id != c.Stream || c.Offset < o.at || o.of != nil && c.Size() > o.of.Size-c.Offset {
		return nil // it contradicts better knowledge, so a gap takes its place
	}
	if err := s.fill(c.Offset, s.reason()); err != nil {
		return err
	}
	s.gap = lostBytes{}
	known, err := s.fromIndex(c)
	if err != nil {
		return err
	}
	if c.Opaque && !s.basesLeft(c) {
		c.Lose(errOpaque)
	}
	at, dropped, raw := o.at, false, c.Raw
	for i := range c.Entries {
		e := &c.Entries[i]
		n := min(e.PayloadLen(), len(raw)) // less if none of it is sound
		reason, err := s.entry(c, i, raw[:n], known[at])
		raw = raw[n:]
		if err != nil {
			return err
		}
		if reason != "" {
			if e.PayloadLen() > 0 {
				c.Drop(i)
				dropped = true
			}
			*e = stream.Entry{Kind: stream.Hole, Len: e.Len, Ordinal: stream.NoOrdinal}
			if err := s.lost(at, e.Len, reason); err != nil {
				return err
			}
		}
		at += e.Len
	}
	if dropped {
		c.Keep()
	}
	return s.put(c.Segment)
}

func (s *salvager) put(seg *stream.Segment) error {
	for i := range seg.Entries {
		s.open.root.Add(&seg.Entries[i])
		s.open.at += seg.Entries[i].Len
	}
	return s.out.Write(seg)
}

// closeStream processes a Close frame.
func (s *salvager) closeStream(f *stream.Close) error {
	if s.open == nil || s.open.id != f.ID {
		if err := s.openStream(f.ID, nil); err != nil || s.open == nil || s.open.id != f.ID {
			return err
		}
	}
	return s.finish(f)
}

// finish ends the open stream, if there is one. f is nil if its Close is lost.
func (s *salvager) finish(f *stream.Close) error {
	o := s.open
	if o == nil {
		return nil
	}
	if o.of != nil {
		f = &stream.Close{ID: o.id, Size: o.of.Size, Root: o.of.Root, Digests: o.of.Digests}
	}
	size, root := o.size, o.root.Sum()
	switch {
	case f != nil && f.Root == root:
		size = o.at // all of it is there, whatever size says
	case f != nil:
		size = f.Size
	}
	if err := s.fill(size, s.reason()); err != nil {
		return err
	}
	if size < o.at {
		o.SizeLost = true
		if err := s.lost(o.at, -1, "the end of the stream is lost; "+s.reason()); err != nil {
			return err
		}
	}
	if o.size >= 0 && o.size != o.at {
		if err := s.lostElse(&o.Name, fmt.Sprintf("the stream has %d bytes, it was opened for %d", o.at, o.size)); err != nil {
			return err
		}
	}
	o.Bytes = o.at
	var digests map[string][]byte
	if f != nil && !o.lost {
		digests = f.Digests
		if root != f.Root {
			digests = nil
			if err := s.lostElse(&o.Name, "the root of the stream is another: a run or a chunk of a parent may be wrong"); err != nil {
				return err
			}
		}
	}
	s.report.Streams = append(s.report.Streams, o.SalvagedStream)
	s.open, s.gap = nil, lostBytes{}
	return s.out.CloseStream(digests)
}
