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
	parent int32  // the parent of the last reference to one, if since is not 0
	chunk  int64  // ordinal of the chunk that it refers to
	since  int64  // bytes from the start of that chunk to here
}

// advance moves on past an entry.
func (t *trail) advance(e *stream.Entry) {
	t.offset += e.Len
	switch {
	case e.Kind == stream.ParentRef:
		t.parent, t.chunk, t.since = e.Parent, e.Ordinal, e.Len
	case t.since > 0:
		t.since += e.Len
	}
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
	fresh := t.since > 0 && t.since <= maxDrift && t.offset-t.since >= tr.offset
	tr.before.offset += t.offset - tr.offset
	tr.at.offset += t.offset - tr.offset
	tr.offset = t.offset
	if !fresh {
		return nil
	}
	if !tr.b.sampled { // otherwise the search finds content from elsewhere
		tr.lost = 0
	}
	if tr.before.parent >= 0 {
		if ok, err := tr.moveToRef(t, 0); err != nil || ok {
			return err
		}
	}
	streamNo, from, err := tr.b.readers[t.parent].Where(t.chunk)
	if err != nil {
		return tr.b.ofParent(int(t.parent), err)
	}
	tr.at = location{int(t.parent), streamNo, from + t.since}
	switch {
	case tr.at.parent == tr.before.parent && tr.at.stream == tr.before.stream:
		tr.before = tr.at
	case tr.before.parent >= 0:
		_, err = tr.moveToRef(t, chunkReach)
	}
	return err
}

// moveToRef goes to where the last referenced chunk is in the version before, if it is within
// reach.
func (tr *tracker) moveToRef(t *trail, reach int64) (bool, error) {
	r, chunk := tr.b.readers[tr.before.parent], stream.Base{Parent: stream.OwnBase, Ordinal: t.chunk}
	if int(t.parent) != tr.before.parent {
		id := tr.b.readers[t.parent].ID()
		n := slices.IndexFunc(r.Info().Parents, func(p stream.Parent) bool { return p.ID == id })
		if n < 0 {
			return false, nil
		}
		chunk.Parent = int32(n)
	}
	expected := tr.before.offset - t.since
	offsets, err := r.OffsetsOf(chunk, archive.Range{Stream: tr.before.stream, From: max(expected-reach, 0), To: expected + reach + 1})
	if err != nil || len(offsets) == 0 {
		return false, tr.b.ofParent(tr.before.parent, err)
	}
	tr.before.offset = nearest(offsets, expected) + t.since
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
