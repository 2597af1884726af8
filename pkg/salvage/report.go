package salvage

import (
	"cmp"
	"slices"

	"hexz/pkg/carve"
	"hexz/pkg/stream"
)

// maxLost bounds the list of a report, and so its memory. Totals count all ranges.
const maxLost = 1 << 20

// Report lists the losses that Salvage found. Its JSON form only ever gains fields.
type Report struct {
	Version int              `json:"version"` // of this object: 1
	Index   carve.IndexState `json:"index"`
	Streams []StreamReport   `json:"streams"`

	LostRanges int64       `json:"lost_ranges"`
	LostBytes  int64       `json:"lost_bytes"` // of the ranges whose length is known
	Unknown    bool        `json:"unknown"`    // the length of some ranges is not known
	Lost       []LostRange `json:"lost"`       // at most 1048576
}

// StreamReport is a stream after salvage.
type StreamReport struct {
	Name     string `json:"name"`
	MadeUp   bool   `json:"name_made_up"` // because its own name is lost
	Bytes    int64  `json:"bytes"`        // including lost ones
	Lost     int64  `json:"lost_bytes"`
	SizeLost bool   `json:"size_lost"` // more may have followed its last byte
}

// LostRange is a part of the content that is lost. Unknown fields are nil.
type LostRange struct {
	Stream *string `json:"stream"`
	Offset *int64  `json:"offset"`
	Length *int64  `json:"length"`
	Reason string  `json:"reason"`
}

// add adds a range. A range that continues the last one for the same reason becomes part of it. A
// length of -1 means unknown.
func (r *Report) add(name string, off, n int64, reason string) {
	if n < 0 {
		r.unknown(LostRange{Stream: &name, Offset: &off, Reason: reason})
		return
	}
	r.LostBytes += min(n, stream.MaxSize-r.LostBytes) // a damaged size can be anything
	if k := len(r.Lost) - 1; k >= 0 {
		l := &r.Lost[k]
		if l.Length != nil && *l.Stream == name && *l.Offset+*l.Length == off && l.Reason == reason {
			*l.Length += n
			return
		}
	}
	r.append(LostRange{&name, &off, &n, reason})
}

// unknown adds a range of unknown length.
func (r *Report) unknown(l LostRange) {
	r.Unknown = true
	r.append(l)
}

func (r *Report) append(l LostRange) {
	if r.LostRanges++; len(r.Lost) < maxLost {
		r.Lost = append(r.Lost, l)
	}
}

// Whole reports whether nothing was lost.
func (r *Report) Whole() bool { return r.LostRanges == 0 }

// totals returns the totals that tell the readers of a stream what is lost, or nil if nothing is.
func (r *Report) totals() stream.Meta {
	if r.Whole() {
		return nil
	}
	return stream.Meta{"lost": stream.Meta{"ranges": r.LostRanges, "bytes": r.LostBytes, "unknown": r.Unknown}}
}

// join adds the ranges of another report on the same streams, in the order of offsets.
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

// within returns the part of the report for a range of a stream. Ranges of unknown position or
// length count, because they may lie there.
func (r *Report) within(stream string, from, to int64) *Report {
	part := &Report{Version: r.Version, Index: r.Index, Streams: []StreamReport{}, Lost: []LostRange{}}
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
