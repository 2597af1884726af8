package stream

import "hexz/pkg/stream/wire"

// Functions for single frames, without the rules between frames. They are for a reader that finds a
// frame by an index, or looks for the remains of a damaged stream.

// ReadFrame reads the next frame of in. The payload of a *Segment is left unread: Outstanding returns
// its length. ReadFrame accepts any frame of a stream at any position. The caller checks whether
// the frame fits there.
func ReadFrame(in *wire.Reader) (Frame, error) {
	kind, n := readHead(in)
	if err := in.Err(); err != nil {
		return nil, err
	}
	if kind >= FirstAncillary {
		skipRest(in, n)
		return &Ancillary{kind}, in.Err()
	}
	var seg *Segment
	if kind == KindSegment {
		seg = NewSegment()
	}
	f := readBody(in, kind, seg)
	err := in.Err()
	if err == nil && seg != nil {
		err = seg.check()
	}
	if err != nil {
		seg.Release()
		return nil, err
	}
	return f, nil
}

// ParseFrame parses b, which holds one whole frame. The payload of a segment aliases b, so that
// Release of the segment gives b away as well.
func ParseFrame(b []byte) (Frame, error) {
	in := wire.NewBytesReader(b)
	f, err := ReadFrame(in)
	if err != nil {
		return nil, err
	}
	rest := b[in.Pos():]
	s, ok := f.(*Segment)
	switch {
	case ok && len(rest) != s.outstanding:
		return nil, corruptf("segment frame of %d bytes where %d were expected", in.Pos()+int64(s.outstanding), len(b))
	case ok:
		s.Payload, s.outstanding = rest, 0
	case len(rest) > 0:
		return nil, corruptf("bytes behind the end of a frame")
	}
	return f, nil
}

// ParseSegment is ParseFrame for a segment.
func ParseSegment(b []byte) (*Segment, error) {
	f, err := ParseFrame(b)
	if err != nil {
		return nil, err
	}
	s, ok := f.(*Segment)
	if !ok {
		return nil, corruptf("a %s frame where a segment was expected", f.Kind())
	}
	return s, nil
}

// ParseDict is ParseFrame for a dictionary.
func ParseDict(b []byte) (*Dict, error) {
	f, err := ParseFrame(b)
	if err != nil {
		return nil, err
	}
	d, ok := f.(*Dict)
	if !ok {
		return nil, corruptf("a %s frame where a dict was expected", f.Kind())
	}
	return d, nil
}
