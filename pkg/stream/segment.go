package stream

import (
	"sync"

	"hexz/pkg/stream/wire"
)

// segments recycles segments with their buffers. Unusually large buffers are dropped.
var segments = sync.Pool{New: func() any { return new(Segment) }}

const (
	keepPayload = 4 << 20
	keepEntries = 32 << 10
)

// NewSegment returns an empty segment with buffers to reuse.
func NewSegment() *Segment { return segments.Get().(*Segment) }

// Release gives a segment's buffers back. The caller must not use the segment, its entries or its
// payload any more. Release of nil does nothing.
func (s *Segment) Release() {
	if s == nil || cap(s.Payload) > keepPayload || cap(s.Entries) > keepEntries {
		return
	}
	*s = Segment{Entries: s.Entries[:0], Payload: s.Payload[:0]}
	segments.Put(s)
}

// load reads the outstanding payload.
func (s *Segment) load(in *wire.Reader) {
	s.Payload = in.Rest(s.Payload, s.outstanding)
	s.outstanding = 0
}
