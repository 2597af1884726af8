package similar

import (
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

// anchor describes what stands before a chunk.
type anchor struct {
	name   string // of the stream
	offset int64  // in the stream
	parent int32  // the parent of the last reference to one, if since is not 0
	chunk  int64  // ordinal of the chunk that it refers to
	since  int64  // bytes from the start of that chunk to here
}

// pass moves on past an entry.
func (a *anchor) pass(e *stream.Entry) {
	a.offset += e.Len
	switch {
	case e.Kind == stream.ParentRef:
		a.parent, a.chunk, a.since = e.Parent, e.Ordinal, e.Len
	case a.since > 0:
		a.since += e.Len
	}
}

// location is an offset in a stream of a parent.
type location struct {
	parent int // -1 if there is none
	stream int
	offset int64
}

// follower goes along the version before while the stream goes by. That version is the stream of
// the same name in the first parent that has one. Where chunks come from elsewhere in the parents,
// it goes along there.
type follower struct {
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

// open begins a stream.
func (f *follower) open(name string) {
	*f = follower{b: f.b, name: name, before: location{parent: -1}}
	for n, r := range f.b.readers {
		i := slices.IndexFunc(r.Info().Streams, func(s index.Stream) bool { return s.Name == name })
		if i >= 0 {
			f.before = location{n, i, 0}
			break
		}
	}
	f.at = f.before
}

// move goes to the place where a chunk probably was.
func (f *follower) move(a *anchor) error {
	if a.name != f.name {
		f.open(a.name)
	}
	fresh := a.since > 0 && a.since <= maxDrift && a.offset-a.since >= f.offset
	f.before.offset += a.offset - f.offset
	f.at.offset += a.offset - f.offset
	f.offset = a.offset
	if !fresh {
		return nil
	}
	if !f.b.searched { // otherwise the search finds content from elsewhere
		f.lost = 0
	}
	if f.before.parent >= 0 {
		if ok, err := f.match(a, 0); err != nil || ok {
			return err
		}
	}
	streamNo, from, err := f.b.readers[a.parent].Where(a.chunk)
	if err != nil {
		return f.b.ofParent(int(a.parent), err)
	}
	f.at = location{int(a.parent), streamNo, from + a.since}
	switch {
	case f.at.parent == f.before.parent && f.at.stream == f.before.stream:
		f.before = f.at
	case f.before.parent >= 0:
		_, err = f.match(a, chunkReach)
	}
	return err
}

// match goes to the place of the last matching chunk in the version before, if it is within reach.
func (f *follower) match(a *anchor, reach int64) (bool, error) {
	r, parent := f.b.readers[f.before.parent], -1
	if int(a.parent) != f.before.parent {
		id := f.b.readers[a.parent].ID()
		parent = slices.IndexFunc(r.Info().Parents, func(p stream.Parent) bool { return p.ID == id })
		if parent < 0 {
			return false, nil
		}
	}
	at, ok, err := r.FindChunk(f.before.stream, f.before.offset-a.since, reach, parent, a.chunk)
	if ok {
		f.before.offset = at + a.since
		f.at = f.before
	}
	return ok, f.b.ofParent(f.before.parent, err)
}

// worth reports whether to compare the chunk with the text at f.at. After n misses in a row it is
// tried ever more rarely, at least once in 64 chunks.
func (f *follower) worth() bool {
	return f.at.parent >= 0 && (bits.OnesCount(f.lost) <= 1 || f.lost%64 == 0)
}

// read returns the text around the place where a chunk of n bytes may have been, and the offset of
// that place in the text. The text is nil if there is none.
func (f *follower) read(n int) (*nearText, int, error) {
	r := f.b.readers[f.at.parent]
	from, to := max(f.at.offset-delta.Reach, 0), min(f.at.offset+int64(n)+delta.Reach, r.Info().Streams[f.at.stream].Size)
	if from >= to {
		return nil, 0, nil
	}
	t := f.text
	goesOn := t != nil && t.from.parent == f.at.parent && t.from.stream == f.at.stream && t.from.offset <= from && from <= t.end()
	if !goesOn || to > t.end() {
		size := to - from
		if goesOn {
			size = max(size, nearWindow)
		}
		p := make([]byte, size)
		sources, done, err := r.ReadSources(f.at.stream, p, from)
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, 0, f.b.ofParent(f.at.parent, err)
		}
		f.text = f.b.newNearText(location{f.at.parent, f.at.stream, from}, p[:done], sources)
	}
	return f.text, int(max(f.at.offset-f.text.from.offset, 0)), nil
}

func (b *bases) newNearText(from location, p []byte, sources archive.Sources) *nearText {
	t := &nearText{from: from, text: delta.Text{Bytes: p, Parts: make([]delta.Part, 0, len(sources))}}
	numbers := map[stream.Base]int{}
	at := 0
	for _, s := range sources {
		part := delta.Part{At: at, Base: -1, Offset: s.Offset}
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

// passed moves on past a chunk of n bytes. A program that makes the chunk from the text says how
// far; p is nil if there is none.
func (f *follower) passed(n int, p *delta.Program) {
	on := int64(n)
	f.lost++
	if p != nil {
		if p.Literals <= n/2 {
			f.lost = 0
		}
		if p.Next >= 0 {
			on = f.text.from.offset + int64(p.Next) - f.at.offset
		}
	}
	f.offset += int64(n)
	if f.at == f.before {
		f.before.offset += on
	} else {
		f.before.offset += int64(n)
	}
	f.at.offset += on
}
