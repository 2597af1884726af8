package stage

import (
	"hexz/pkg/delta"
	"hexz/pkg/stream"
)

const (
	nearbyIndex = 128 << 10 // bytes of an index of what is near
	nearbyReach = 16 << 10  // bytes before and behind the place that a chunk is thought to be at
	maxDrift    = 2 << 20   // bytes since the last match, up to which it tells where that place is

	// denseEnough is the rate of the index of all up to which it finds enough of what is near.
	denseEnough = 7
)

// anchor tells what stands before a chunk.
type anchor struct {
	name   string // of the stream
	offset int64  // in the stream
	parent int32  // the last chunk of a parent, if since is not 0
	chunk  int64  // its ordinal
	since  int64  // bytes from the start of that chunk to here
}

// pass moves on behind an entry.
func (a *anchor) pass(e *stream.Entry) {
	a.offset += e.Len
	switch {
	case e.Kind == stream.ParentRef:
		a.parent, a.chunk, a.since = e.Parent, e.Ordinal, e.Len
	case a.since > 0:
		a.since += e.Len
	}
}

// near notes the spots in what the parents have where the chunk is likely to have been: behind
// the chunk that matched last, or at the same offset of the stream.
func (b *deltaBases) near(j *deltaJob, w *scratch) error {
	if len(b.readers) == 0 || b.searched && b.index.Rate() <= denseEnough {
		return nil
	}
	n, segment, at, err := b.whereabouts(&j.near)
	if err != nil || n < 0 {
		return err
	}
	w.index.Reset()
	blocks := b.first[n+1]
	from, to := max(at-nearbyReach, 0), at+len(j.data)+nearbyReach
	for ; to > 0 && b.first[n]+segment < blocks; segment++ {
		block := int(b.first[n] + segment)
		p, err := b.payload(int64(block))
		if err != nil {
			return err
		}
		text := p.Bytes()
		if from < len(text) {
			w.samples = delta.Samples(w.samples[:0], text[from:min(to, len(text))], delta.MinRate)
			w.index.Add(block, from, w.samples)
		}
		if at >= 0 && at < len(text) {
			w.spots = append(w.spots, spot{0, delta.Place{Block: block, Offset: at}})
		}
		from, at, to = max(from-len(text), 0), at-len(text), to-len(text)
		p.Release()
	}
	w.samples = delta.Samples(w.samples[:0], j.data, delta.MinRate)
	w.lookUp(w.index, w.samples)
	return nil
}

// whereabouts returns where a chunk is likely to have been: the number of a parent, or -1, a
// segment of it, and the bytes from the start of its payload, which may be behind its end.
func (b *deltaBases) whereabouts(a *anchor) (parent int, segment int64, at int, err error) {
	if a.since > 0 && a.since <= maxDrift {
		segment, at, err = b.readers[a.parent].Locate(a.chunk)
		return int(a.parent), segment, at + int(a.since), b.ofParent(int(a.parent), err)
	}
	for n, r := range b.readers {
		for i, s := range r.Info().Streams {
			if s.Name != a.name || a.offset >= s.Size {
				continue
			}
			segment, from, err := r.SegmentAt(i, a.offset)
			return n, segment, int(a.offset - from), b.ofParent(n, err)
		}
	}
	return -1, 0, 0, nil
}
