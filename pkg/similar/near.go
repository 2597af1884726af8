package similar

import (
	"cmp"
	"errors"
	"io"
	"math/bits"
	"slices"

	"hexz/pkg/archive"
	"hexz/pkg/delta"
	"hexz/pkg/index"
	"hexz/pkg/stream"
)

const (
	nearWindow = 1 << 20 // bytes of the version before, read at once while the stream follows it
	chunkReach = 1 << 20 // bytes before and after a place in which a chunk is looked for
	maxDrift   = 2 << 20 // bytes after the last match, up to which it predicts the place of a chunk
)

// trail describes what stands before a chunk.
type trail struct {
	name   string // of the stream
	offset int64  // in the stream

	ref   stream.Entry // the last reference to a parent, or node of one; Len is 0 if there was none
	after int64        // bytes from its end to here
}

// advance moves on past an entry.
func (t *trail) advance(e *stream.Entry) {
	t.offset += e.Len
	t.after += e.Len
	if e.Kind == stream.ParentRef || e.Kind == stream.NodeRef {
		t.ref, t.after = *e, 0
	}
}

// since returns how many bytes before the end of the trail its last reference begins. Of a node the
// last chunk counts, whose length is not known; so since returns less.
func (t *trail) since() int64 {
	if t.ref.Kind == stream.NodeRef {
		return t.after
	}
	return t.ref.Len + t.after
}

// lastChunk is the chunk of the last reference of a trail, or the last chunk of the node.
type lastChunk struct {
	archive index.Hash // zero if the node ends with a run of zeros
	ordinal int64
	since   int64 // bytes from its start to the end of the trail
}

// location is an offset in a stream of a parent.
type location struct {
	parent int // -1 if there is none
	stream int
	offset int64
}

// tracker goes along the version before while the stream goes by. That version is the stream of
// the same name in the first parent that has one. Where chunks come from elsewhere in the parents,
// it goes along there.
type tracker struct {
	b      *bases
	name   string    // of the stream
	offset int64     // in the stream
	before location  // the place in the version before that belongs to offset
	at     location  // the more likely place
	lost   uint      // chunks in a row that were not there
	text   *nearText // that was read last
}

// nearText is a text of a parent from a location on.
type nearText struct {
	from  location
	text  delta.Text
	bases []stream.Base // by the numbers in text.Parts
}

// openStream begins a stream.
func (tr *tracker) openStream(name string) {
	*tr = tracker{b: tr.b, name: name, before: location{parent: -1}}
	for n, r := range tr.b.readers {
		i := slices.IndexFunc(r.Info().Streams, func(s index.Stream) bool { return s.Name == name })
		if i >= 0 {
			tr.before = location{n, i, 0}
			break
		}
	}
	tr.at = tr.before
}

// moveTo goes to the place where a chunk probably was.
func (tr *tracker) moveTo(t *trail) error {
	if t.name != tr.name {
		tr.openStream(t.name)
	}
	fresh := t.ref.Len > 0 && t.since() <= maxDrift && t.offset-t.since() >= tr.offset
	tr.before.offset += t.offset - tr.offset
	tr.at.offset += t.offset - tr.offset
	tr.offset = t.offset
	if !fresh {
		return nil
	}
	if !tr.b.sampled { // otherwise the search finds content from elsewhere
		tr.lost = 0
	}
	last, err := tr.lastOf(t)
	if err != nil {
		return err
	}
	if tr.before.parent >= 0 {
		if ok, err := tr.moveToChunk(&last, 0); err != nil || ok {
			return err
		}
	}
	if tr.at, err = tr.placeAfter(t, &last); err != nil {
		return err
	}
	switch {
	case tr.at.parent == tr.before.parent && tr.at.stream == tr.before.stream:
		tr.before = tr.at
	case tr.before.parent >= 0:
		_, err = tr.moveToChunk(&last, chunkReach)
	}
	return err
}

// lastOf returns the last chunk of a trail.
func (tr *tracker) lastOf(t *trail) (lastChunk, error) {
	e, r := &t.ref, tr.b.readers[t.ref.Parent]
	if e.Kind == stream.ParentRef {
		return lastChunk{r.ID(), e.Ordinal, t.since()}, nil
	}
	err := r.HoldsNode(e)
	var at archive.StoredByte
	if err == nil {
		at, err = r.StoredAt(int(e.Stream), e.Offset+e.Len-1)
	}
	return lastChunk{at.Archive, at.Ordinal, at.Skip + 1 + t.after}, tr.b.ofParent(int(e.Parent), err)
}

// placeAfter returns the place in the parent of the last reference where the stream would go on.
func (tr *tracker) placeAfter(t *trail, last *lastChunk) (location, error) {
	e, parent := &t.ref, int(t.ref.Parent)
	if e.Kind == stream.NodeRef {
		return location{parent, int(e.Stream), e.Offset + e.Len + t.after}, nil
	}
	streamNo, from, err := tr.b.readers[parent].Where(e.Ordinal)
	return location{parent, streamNo, from + last.since}, tr.b.ofParent(parent, err)
}

// moveToChunk goes to where the last chunk is in the version before, if it is within reach.
func (tr *tracker) moveToChunk(last *lastChunk, reach int64) (bool, error) {
	r, chunk := tr.b.readers[tr.before.parent], stream.Base{Parent: stream.OwnBase, Ordinal: last.ordinal}
	if last.archive != r.ID() {
		n := slices.IndexFunc(r.Info().Parents, func(p stream.Parent) bool { return p.ID == last.archive })
		if n < 0 {
			return false, nil
		}
		chunk.Parent = int32(n)
	}
	expected := tr.before.offset - last.since
	offsets, err := r.OffsetsOf(chunk, archive.Range{Stream: tr.before.stream, From: max(expected-reach, 0), To: expected + reach + 1})
	if err != nil || len(offsets) == 0 {
		return false, tr.b.ofParent(tr.before.parent, err)
	}
	tr.before.offset = nearest(offsets, expected) + last.since
	tr.at = tr.before
	return true, nil
}

// nearest returns the first of the offsets that are nearest to an expected one.
func nearest(offsets []int64, expected int64) int64 {
	distance := func(offset int64) int64 { return max(offset-expected, expected-offset) }
	return slices.MinFunc(offsets, func(x, y int64) int { return cmp.Compare(distance(x), distance(y)) })
}

// shouldTry reports whether to compare the chunk with the text at tr.at. After n misses in a row it
// is tried ever more rarely, at least once in 64 chunks.
func (tr *tracker) shouldTry() bool {
	return tr.at.parent >= 0 && (bits.OnesCount(tr.lost) <= 1 || tr.lost%64 == 0)
}

// readAround returns the text around the place where a chunk of n bytes may have been, and that
// place in the text. The text is nil if there is none.
func (tr *tracker) readAround(n int) (*nearText, delta.Cursor, error) {
	r := tr.b.readers[tr.at.parent]
	from, to := max(tr.at.offset-delta.Reach, 0), min(tr.at.offset+int64(n)+delta.Reach, r.Info().Streams[tr.at.stream].Size)
	if from >= to {
		return nil, delta.Cursor{}, nil
	}
	t := tr.text
	goesOn := t != nil && t.from.parent == tr.at.parent && t.from.stream == tr.at.stream && t.from.offset <= from && from <= t.end()
	if !goesOn || to > t.end() {
		size := to - from
		if goesOn {
			size = max(size, nearWindow)
		}
		p := make([]byte, size)
		runs, done, err := r.ReadStored(tr.at.stream, p, from)
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, delta.Cursor{}, tr.b.ofParent(tr.at.parent, err)
		}
		tr.text = tr.b.newNearText(location{tr.at.parent, tr.at.stream, from}, p[:done], runs)
	}
	return tr.text, delta.FirstAt(int(max(tr.at.offset-tr.text.from.offset, 0))), nil
}

func (b *bases) newNearText(from location, p []byte, runs archive.StoredRuns) *nearText {
	t := &nearText{from: from, text: delta.Text{Bytes: p, Parts: make([]delta.Part, 0, len(runs))}}
	numbers := map[stream.Base]int{}
	at := 0
	for _, s := range runs {
		part := delta.Part{At: at, Base: delta.NoBase, Offset: s.Offset}
		if n := b.numberOf(s.Archive); n >= 0 { // no parent has an id of zeros
			base := stream.Base{Parent: int32(n), Ordinal: s.Ordinal}
			known := false
			if part.Base, known = numbers[base]; !known {
				part.Base = len(t.bases)
				numbers[base] = part.Base
				t.bases = append(t.bases, base)
			}
		}
		t.text.Parts = append(t.text.Parts, part)
		at += s.Len
	}
	return t
}

// end returns the offset in the stream at which the text ends.
func (t *nearText) end() int64 { return t.from.offset + int64(len(t.text.Bytes)) }

// advance moves on past a chunk of n bytes. A program that makes the chunk from the text says how
// far; p is nil if there is none.
func (tr *tracker) advance(n int, p *delta.Program) {
	on := int64(n)
	tr.lost++
	if p != nil {
		if p.Literals <= n/2 {
			tr.lost = 0
		}
		if next, ok := p.Next.InFirst(); ok {
			on = tr.text.from.offset + int64(next) - tr.at.offset
		}
	}
	tr.offset += int64(n)
	if tr.at == tr.before {
		tr.before.offset += on
	} else {
		tr.before.offset += int64(n)
	}
	tr.at.offset += on
}
