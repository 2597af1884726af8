package salvage

import (
	"fmt"

	"hexz/pkg/carve"
	"hexz/pkg/index"
	"hexz/pkg/stream"
)

// streamList has the streams of the output.
type streamList struct {
	names map[string]bool
	ids   map[int64]bool
	next  int // number in the index of the stream after them
}

// add adds a stream. If there is no name, or if another stream has it, add makes one up.
func (l *streamList) add(id int64, name string) (unique string, madeUp bool) {
	if name == "" || l.names[name] {
		name, madeUp = fmt.Sprintf("stream-%d", id), true
	}
	for l.names[name] {
		name += "~"
	}
	l.names[name], l.ids[id] = true, true
	return name, madeUp
}

// outStream is a stream that is being written.
type outStream struct {
	StreamReport
	id   int64
	at   int64 // offset after all entries so far
	size int64 // what it must have: two say so, or the index; or -1
	said int64 // the size in its Open, if there is no index; or -1
	root stream.Tree
	of   *index.Stream // its record in the index, or nil
	lost bool          // whether a part of it is lost
}

// rootSum returns the root of what was written so far.
func (o *outStream) rootSum() stream.Hash {
	return o.root.Clone().Sum() // Sum ends the root
}

// advance moves on past an entry, which is to be written.
func (o *outStream) advance(e *stream.Entry) {
	o.root.Add(e) // takes it: what it does not take is replaced before
	o.at += e.Len
}

// openStream begins the stream of an id. f is nil if its Open is lost.
func (s *salvager) openStream(id int64, f *stream.Open) error {
	if s.streams.ids[id] {
		return nil // it is one of the streams that were given up
	}
	if err := s.finish(nil); err != nil {
		return err
	}
	open := &stream.Open{ID: id, Size: -1}
	if f != nil {
		*open = *f
	}
	o := &outStream{id: id, size: -1, said: -1}
	if s.info == nil {
		// Nothing vouches for the size in Open but the size in Close.
		if o.said = open.Size; open.Size == s.in.ClosedAt(id) {
			o.size = open.Size
		}
	} else if known, err := s.toRecord(id); err != nil || known == nil {
		return err
	} else {
		o.of, o.size = known, known.Size
		open.Name, open.Chunker = known.Name, known.Chunker
	}
	if open.Size != o.size {
		open.Size = -1
	}
	open.Name, o.MadeUp = s.streams.add(id, open.Name)
	o.Name = open.Name
	s.open = o
	if err := s.out.Write(open); err != nil {
		return err
	}
	if o.MadeUp {
		s.lostElse(&o.Name, "the name of the stream is lost")
	}
	return s.flushDicts()
}

// toRecord returns the record that the index has of a stream, and writes the streams before that
// one. It returns nil if the index has no such stream from here on.
func (s *salvager) toRecord(id int64) (*index.Stream, error) {
	for no := s.streams.next; no < len(s.info.Streams); no++ {
		if s.info.Streams[no].ID == id {
			err := s.skipTo(no)
			s.streams.next++
			return &s.info.Streams[no], err
		}
	}
	return nil, nil
}

// skipTo writes the streams of the index before number no, of which nothing was found.
func (s *salvager) skipTo(no int) error {
	for s.streams.next < no {
		if err := s.openStream(s.info.Streams[s.streams.next].ID, nil); err != nil {
			return err
		}
		if err := s.finish(nil); err != nil {
			return err
		}
	}
	return nil
}

// enter opens the stream of an id, unless it is open. It reports whether that stream is open now:
// it is not if it was given up.
func (s *salvager) enter(id int64) (bool, error) {
	if s.open == nil || s.open.id != id {
		if err := s.openStream(id, nil); err != nil {
			return false, err
		}
	}
	return s.open != nil && s.open.id == id, nil
}

// takes reports whether a segment can come next, perhaps after a gap. If not, it contradicts better
// knowledge, so a gap takes its place.
func (o *outStream) takes(c *carve.Checked) bool {
	return c.Offset >= o.at && (o.size < 0 || c.Size() <= o.size-c.Offset)
}

// closeStream processes a Close frame.
func (s *salvager) closeStream(f *stream.Close) error {
	if open, err := s.enter(f.ID); err != nil || !open {
		return err
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
	size := o.end(f)
	if err := s.fill(size, s.trail.reason()); err != nil {
		return err
	}
	if size < o.at {
		o.SizeLost = true
		s.lost(o.at, -1, "the end of the stream is lost; "+s.trail.reason())
	}
	if o.said >= 0 && o.said != o.at {
		s.lostElse(&o.Name, fmt.Sprintf("the stream has %d bytes, it was opened for %d", o.at, o.said))
	}
	o.Bytes = o.at
	var digests map[string][]byte
	if f != nil && !o.lost {
		digests = f.Digests
		if f.Root != o.rootSum() {
			digests = nil
			s.lostElse(&o.Name, "the root of the stream is another: a run or a chunk of a parent may be wrong")
		}
	}
	s.report.Streams = append(s.report.Streams, o.StreamReport)
	s.open, s.trail.gap = nil, fileRange{}
	return s.out.CloseStream(digests)
}

// end returns where the stream has to end. That is before o.at if nothing says where it ends. f is
// nil if its Close is lost.
func (o *outStream) end(f *stream.Close) int64 {
	switch {
	case o.size >= 0:
		return o.size
	case f != nil && f.Root == o.rootSum():
		return o.at // all of it is there, whatever the size says
	case f != nil:
		return f.Size
	}
	return o.said
}
