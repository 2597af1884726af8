package stage

import (
	"reflect"
	"unsafe"

	"hexz/pkg/dedup"
	"hexz/pkg/fold"
	"hexz/pkg/parents"
	"hexz/pkg/stream"
)

// parentTable knows the chunks of parents. A chunk that a thin parent takes from a parent of its
// own is taken from there, so that a chunk is always found in one step.
type parentTable struct {
	fold.Table
	limit    int64 // bytes; 0 is none
	full     bool
	index    dedup.Index
	places   []parentPlace // of the chunks, by their number in index
	chunkers []stream.Meta // of the streams of all given parents
}

// parentPlace names a chunk of a parent. Parents are counted as in Table.Parents.
type parentPlace struct{ parent, length, ordinal uint32 }

// load adds the chunks and nodes of p, as far as the limit allows.
func (t *parentTable) load(p parents.Parent, find fold.FindFunc) error {
	for _, s := range p.Index.Info().Streams {
		t.chunkers = append(t.chunkers, s.Chunker)
	}
	defer p.Close()
	return t.Table.Add(p.Index, p.Hint, find, func(c fold.Chunk) (bool, error) {
		if t.full = t.limit > 0 && t.bytes() >= t.limit; t.full {
			return false, nil
		}
		_, added, err := t.index.Add(c.Hash)
		if added {
			t.places = append(t.places, parentPlace{c.Parent, uint32(c.Len), uint32(c.Ordinal)})
		}
		return true, err
	})
}

// refer turns e into a reference to a parent if a parent has its chunk.
func (t *parentTable) refer(e *stream.Entry) bool {
	n, ok := t.index.Lookup(e.Hash)
	if !ok || int64(t.places[n].length) != e.Len {
		return false
	}
	e.Kind, e.Parent, e.Ordinal, e.Patch = stream.ParentRef, t.Numbers[t.places[n].parent], int64(t.places[n].ordinal), nil
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
	return t.index.Bytes() + int64(cap(t.places))*int64(unsafe.Sizeof(parentPlace{})) + t.Table.Bytes()
}
