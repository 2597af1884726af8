package stream

import (
	"sync"

	"hexz/pkg/stream/wire"
)

// segments recycles segments with their buffers. What grew far beyond the usual is dropped.
var segments = sync.Pool{New: func() any { return new(Segment) }}

const (
	keepPayload = 4 << 20
	keepEntries = 32 << 10
)

// NewSegment returns an empty segment with buffers to reuse.
func NewSegment() *Segment { return segments.Get().(*Segment) }

// Release gives a segment's buffers back. The caller must not use it, its entries or its
// payload any more. Release of nil does nothing.
func (s *Segment) Release() {
	if s == nil || cap(s.Payload) > keepPayload || cap(s.Entries) > keepEntries {
		return
	}
	*s = Segment{Entries: s.Entries[:0], Payload: s.Payload[:0]}
	segments.Put(s)
}

// load reads the deferred payload.
func (s *Segment) load(in *wire.Reader) {
	s.Payload = in.Rest(s.Payload, s.deferred)
	s.deferred = 0
}

// ParseSegment reads a segment frame that was read as a whole. The payload of the result
// aliases b.
func ParseSegment(b []byte) (*Segment, error) {
	in := wire.NewBytesReader(b)
	kind, _ := readHead(in)
	if in.Err() == nil && kind != KindSegment {
		return nil, corruptf("a %s frame where a segment was expected", kind)
	}
	s := new(Segment)
	readSegmentHead(in, s)
	n := in.BytesLen(MaxPayload)
	if err := in.Err(); err != nil {
		return nil, err
	}
	if int64(len(b))-in.Pos() != int64(n) {
		return nil, corruptf("segment frame of %d bytes where %d were expected", in.Pos()+int64(n), len(b))
	}
	s.Payload = b[in.Pos():]
	return s, s.check()
}

// ParseDict reads a dict frame that was read as a whole.
func ParseDict(b []byte) (*Dict, error) {
	in := wire.NewBytesReader(b)
	kind, _ := readHead(in)
	if in.Err() == nil && kind != KindDict {
		return nil, corruptf("a %s frame where a dict was expected", kind)
	}
	d, _ := readBody(in, kind, nil).(*Dict)
	if in.Err() == nil && in.More() {
		in.Failf("bytes behind the end of a frame")
	}
	return d, in.Err()
}
