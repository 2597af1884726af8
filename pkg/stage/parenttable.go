package stage

import (
	"reflect"
	"unsafe"

	"hexz/pkg/dedup"
	"hexz/pkg/parents"
	"hexz/pkg/stream"
)

// parentTable knows the chunks of parents. A chunk that a thin parent takes from a parent of its
// own is taken from there, so that a chunk is always found in one step.
type parentTable struct {
	limit    int64 // bytes; 0 is none
	full     bool
	index    dedup.Index
	places   []parentPlace // of the chunks, by their number in index
	parents  []stream.Parent
	numbers  []int32               // of parents, in the output; nil until number
	seen     map[stream.Hash]int32 // numbers of the Parent frames on the output
	chunkers []stream.Meta         // of the streams of all given parents
}

// parentPlace names a chunk of a parent. Parents are counted as in parentTable.parents.
type parentPlace struct{ parent, length, ordinal uint32 }

// load adds the chunks of p, as far as the limit allows.
func (t *parentTable) load(p parents.Parent) error {
	info := p.Index.Info()
	for _, s := range info.Streams {
		t.chunkers = append(t.chunkers, s.Chunker)
	}
	own := t.parent(stream.Parent{ID: p.Index.ID(), Hint: p.Hint, Content: info.Root()})
	theirs := make([]uint32, len(info.Parents))
	for i := range info.Parents {
		theirs[i] = t.parent(info.Parents[i])
	}
	defer p.Close()
	for c, err := range p.Index.Chunks() {
		if err != nil {
			return err
		}
		if t.limit > 0 && t.bytes() >= t.limit {
			t.full = true
			continue // the rest is only checked
		}
		at := parentPlace{own, uint32(c.Len), uint32(c.Ordinal)}
		if c.Parent >= 0 {
			at.parent = theirs[c.Parent]
		}
		_, added, err := t.index.Add(c.Hash)
		if err != nil {
			return err
		}
		if added {
			t.places = append(t.places, at)
		}
	}
	return nil
}

// parent returns the number of an archive in t.parents.
func (t *parentTable) parent(p stream.Parent) uint32 {
	for i := range t.parents {
		if t.parents[i].ID == p.ID {
			return uint32(i)
		}
	}
	t.parents = append(t.parents, p)
	return uint32(len(t.parents) - 1)
}

// passed notes a Parent frame of the input that is passed on.
func (t *parentTable) passed(f *stream.Parent) {
	if t.seen == nil {
		t.seen = map[stream.Hash]int32{}
	}
	t.seen[f.ID] = int32(f.Index)
}

// number numbers the parents after those of the input. The first call returns the frames to be
// written.
func (t *parentTable) number() []*stream.Parent {
	if t.numbers != nil {
		return nil
	}
	t.numbers = make([]int32, 0, len(t.parents))
	var frames []*stream.Parent
	for i := range t.parents {
		p := &t.parents[i]
		n, ok := t.seen[p.ID]
		if !ok {
			n = int32(len(t.seen) + len(frames))
			p.Index = int64(n)
			frames = append(frames, p)
		}
		t.numbers = append(t.numbers, n)
	}
	return frames
}

// find turns e into a reference to a parent if a parent has its chunk.
func (t *parentTable) find(e *stream.Entry) bool {
	n, ok := t.index.Lookup(e.Hash)
	if !ok || int64(t.places[n].length) != e.Len {
		return false
	}
	e.Kind, e.Parent, e.Ordinal, e.Patch = stream.ParentRef, t.numbers[t.places[n].parent], int64(t.places[n].ordinal), nil
	return true
}

// took reports whether an own base of a patch has become a reference to a parent.
func (t *parentTable) took(base stream.Base) bool {
	if base.Parent != stream.OwnBase {
		return false
	}
	_, ok := t.index.Lookup(base.Hash)
	return ok
}

// cutAs reports whether one of the parents' streams was cut with the parameters of chunker, or
// there are no parents.
func (t *parentTable) cutAs(chunker stream.Meta) bool {
	for _, c := range t.chunkers {
		if reflect.DeepEqual(c, chunker) {
			return true
		}
	}
	return len(t.chunkers) == 0
}

// bytes returns the memory that the table takes.
func (t *parentTable) bytes() int64 {
	return t.index.Bytes() + int64(cap(t.places))*int64(unsafe.Sizeof(parentPlace{}))
}
