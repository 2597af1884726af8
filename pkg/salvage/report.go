package salvage

import (
	"cmp"
	"slices"

	"hexz/pkg/carve"
)

// maxLost bounds the list of a report, and so its memory. Totals count all.
const maxLost = 1 << 20

// Report tells what Salvage has lost. Its JSON form only ever gains fields.
type Report struct {
	Version int              `json:"version"` // of this object: 1
	Index   carve.IndexState `json:"index"`
	Streams []SalvagedStream `json:"streams"`

	LostRanges int64       `json:"lost_ranges"`
	LostBytes  int64       `json:"lost_bytes"` // of the ranges whose length is known
	Unknown    bool        `json:"unknown"`    // of some it is not
	Lost       []LostRange `json:"lost"`       // at most 1048576
}

// SalvagedStream is a stream as it is now.
type SalvagedStream struct {
	Name     string `json:"name"`
	MadeUp   bool   `json:"name_made_up"` // since its own is lost
	Bytes    int64  `json:"bytes"`        // with those that are lost
	Lost     int64  `json:"lost_bytes"`
	SizeLost bool   `json:"size_lost"` // more may have come behind its last byte
}

// LostRange is a part of the content that is lost. What is not known is nil.
type LostRange struct {
	Stream *string `json:"stream"`
	Offset *int64  `json:"offset"`
	Length *int64  `json:"length"`
	Reason string  `json:"reason"`
}

// add adds a range; one that continues the last one for the same reason becomes part of it. A
// length of -1 is not known.
func (r *Report) add(stream string, off, n int64, reason string) {
	if n < 0 {
		r.unknown(LostRange{Stream: &stream, Offset: &off, Reason: reason})
		return
	}
	r.LostBytes += n
	if k := len(r.Lost) - 1; k >= 0 {
		l := &r.Lost[k]
		if l.Length != nil && *l.Stream == stream && *l.Offset+*l.Length == off && l.Reason == reason {
			*l.Length += n
			return
		}
	}
	r.append(LostRange{&stream, &off, &n, reason})
}

// unknown adds a range of a length that is not known.
func (r *Report) unknown(l LostRange) {
	r.Unknown = true
	r.append(l)
}

func (r *Report) append(l LostRange) {
	if r.LostRanges++; len(r.Lost) < maxLost {
		r.Lost = append(r.Lost, l)
	}
}

// Whole tells whether nothing was lost.
func (r *Report) Whole() bool { return r.LostRanges == 0 }

// join adds what another report of the same streams has, in the order of offsets.
func (r *Report) join(other *Report) {
	r.Lost = append(r.Lost, other.Lost...)
	r.LostRanges += other.LostRanges
	slices.SortStableFunc(r.Lost, func(a, b LostRange) int {
		if a.Offset == nil || b.Offset == nil {
			return 0
		}
		return cmp.Compare(*a.Offset, *b.Offset)
	})
}

// within returns the part of the report that is of a stream, from one offset to another. What may
// lie there counts.
func (r *Report) within(stream string, from, to int64) *Report {
	part := &Report{Version: r.Version, Index: r.Index, Streams: []SalvagedStream{}, Lost: []LostRange{}}
	for i := range r.Lost {
		l := r.Lost[i]
		switch {
		case l.Stream != nil && *l.Stream != stream, l.Offset != nil && *l.Offset >= to:
		case l.Offset == nil, l.Length == nil:
			part.unknown(l)
		case *l.Offset+*l.Length > from:
			start := max(*l.Offset, from)
			part.add(stream, start, min(*l.Offset+*l.Length, to)-start, l.Reason)
		}
	}
	if r.LostRanges > int64(len(r.Lost)) {
		part.unknown(LostRange{Stream: &stream, Reason: "the list of what is lost was too long to look through"})
	}
	for _, s := range r.Streams {
		if s.Name == stream {
			s.Lost = part.LostBytes
			part.Streams = append(part.Streams, s)
		}
	}
	return part
}
